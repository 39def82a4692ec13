import { entryIndex, TaskId } from '@infrafabric/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { reportLines } from './line-report.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const ANSWER = { taskId: TaskId.parse('p/a'), index: entryIndex(1) };

/** A lease that keeps what it was told. */
const lease = () => {
  const lost = new AbortController();
  const notes: (string | undefined)[] = [];
  return {
    lost,
    notes,
    signal: lost.signal,
    progress: async ({ note }: { readonly note?: string | undefined }) => {
      notes.push(note);
      if (note === 'refused') throw new Error('refused');
      return ANSWER;
    },
  };
};

test('the newest line of a second is reported, once, and made harmless', async () => {
  const held = lease();
  const { line } = reportLines(held);
  line('one');
  line('two\u0007');
  expect(held.notes).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(held.notes).toEqual(['two\\u{7}']);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(held.notes).toEqual(['two\\u{7}']);
});

test('silence ends the clock, and the next line starts it again', async () => {
  const held = lease();
  const { line } = reportLines(held);
  line('refused');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(vi.getTimerCount()).toBe(0);
  line('later');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(held.notes).toEqual(['refused', 'later']);
});

test('a lease that is lost hears nothing more', async () => {
  const held = lease();
  const { line } = reportLines(held);
  line('one');
  held.lost.abort();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(held.notes).toEqual([]);
});

test('after the end no line is reported', async () => {
  const held = lease();
  const { line, stop } = reportLines(held);
  line('one');
  stop();
  line('two');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(held.notes).toEqual([]);
});
