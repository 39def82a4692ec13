import type { RunNote } from '@infrafabric/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RunNotes } from './run-notes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const note = (subject: string): RunNote => ({ kind: 'violation', violation: 'rate', subject });

function collect(fail = false) {
  const batches: (readonly RunNote[])[] = [];
  const notes = new RunNotes(async (batch) => {
    batches.push(batch);
    if (fail) throw new Error('the fabric is away');
  });
  return { batches, notes };
}

test('notes gather for a moment and are told together, in their order', async () => {
  const { batches, notes } = collect();
  notes.add(note('a'));
  notes.add(note('b'));
  expect(batches).toEqual([]);
  await vi.advanceTimersByTimeAsync(500);
  expect(batches).toEqual([[note('a'), note('b')]]);
  await notes.flush();
  expect(batches).toHaveLength(1);
});

test('no call has more than a hundred, and a flood of one run ends at a thousand', async () => {
  const { batches, notes } = collect();
  for (let at = 0; at < 5_000; at += 1) notes.add(note(String(at)));
  await notes.flush();
  expect(batches.map(({ length }) => length)).toEqual(Array.from({ length: 10 }, () => 100));
  expect(batches.at(-1)?.at(-1)).toEqual(note('999'));
});

test('what cannot be told fails nothing, and the next batch is told all the same', async () => {
  const { batches, notes } = collect(true);
  notes.add(note('a'));
  await notes.flush();
  notes.add(note('b'));
  await notes.flush();
  expect(batches).toHaveLength(2);
});
