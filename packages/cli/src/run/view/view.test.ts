import { entryIndex, timestamp } from '@infrafabric/protocol';
import type { FeedItem } from '@infrafabric/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Io } from '../../io.ts';
import { createTerminal } from '../../output/terminal.ts';
import { Board } from '../board.ts';
import { jsonView } from './json-view.ts';
import { lineView } from './line-view.ts';
import { liveView } from './live-view.ts';
import { quietView } from './view.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const plain = createTerminal(false, 80);
const written = () => {
  const text = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr'): Io['stdout'] => ({
    isTerminal: true,
    columns: 80,
    write: (more) => {
      text[name] += more;
    },
  });
  const io: Io = {
    env: {},
    cwd: '/nowhere',
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdinIsTerminal: true,
    readStdin: async () => '',
    readStdinBytes: async () => Buffer.alloc(0),
    askHidden: async () => Buffer.alloc(0),
    ask: async () => '',
    interrupted: new AbortController().signal,
  };
  return { text, io };
};
const item = (type: string, event: Readonly<Record<string, unknown>>): FeedItem => ({
  cursor: '4.0',
  index: entryIndex(4),
  at: timestamp(1),
  type,
  principal: 'a',
  event,
});
const board = (): Board => {
  const made = new Board('The plan', () => 'ada');
  made.begin(['p/a', 'p/b'].map((taskId) => ({ taskId, phase: 'ready' })));
  return made;
};
const DONE = item('task.completed', { taskId: 'p/a' });
const STARTED = item('task.leased', { taskId: 'p/b', sessionId: 's', attempt: 2 });

test('a line a change: what is done is counted, what says nothing is left out', async () => {
  const { text, io } = written();
  const one = board();
  const view = lineView(io, plain, one);
  for (const event of [STARTED, DONE, item('task.progressed', { taskId: 'p/b', note: 'x' })])
    view.event(event, one.take(event));
  view.note('kept\u0007');
  expect(await view.pause(async () => 'answer')).toBe('answer');
  view.close();
  expect(text.stderr).toBe('· started   p/b  ada\n✓ done      p/a  1/2\nkept\\u{7}\n');
});

test('a program gets every event with its cursor, and notes stay out of its way', async () => {
  const { text, io } = written();
  const view = jsonView(io);
  view.event(DONE, undefined);
  view.note('kept');
  expect(await view.pause(async () => 7)).toBe(7);
  view.close();
  expect(JSON.parse(text.stdout)).toEqual({
    taskId: 'p/a',
    type: 'task.completed',
    cursor: '4.0',
    index: 4,
    at: 1,
  });
  expect(text.stderr).toBe('kept\n');
});

test('quiet asks its questions and says nothing else', async () => {
  quietView.event(DONE, undefined);
  quietView.note('x');
  expect(await quietView.pause(async () => 'y')).toBe('y');
  quietView.close();
});

test('the live table is drawn by the clock, and only where it changed', () => {
  const { text, io } = written();
  const one = board();
  const view = liveView(io, plain, one);
  view.event(DONE, one.take(DONE));
  expect(text.stderr).toBe('');
  vi.advanceTimersByTime(125);
  expect(text.stderr).toContain('1/2  The plan');
  const first = text.stderr;
  vi.advanceTimersByTime(1_000);
  expect(text.stderr).toBe(first);
  view.close();
  expect(vi.getTimerCount()).toBe(0);
});

test('a note stands above the table, which is drawn again below it', () => {
  const { text, io } = written();
  const view = liveView(io, plain, board());
  view.note('early');
  expect(text.stderr).toMatch(/^early\n\r.*0\/2/);
  text.stderr = '';
  view.note('late\u0007');
  expect(text.stderr).toMatch(/^\u001b\[1A\u001b\[Jlate\\u\{7\}\n\r.*0\/2/);
  view.close();
});

test('a question has the screen for itself, even when asking fails', async () => {
  const { text, io } = written();
  const one = board();
  const view = liveView(io, plain, one);
  vi.advanceTimersByTime(125);
  const asked = view.pause(async () => {
    text.stderr = '';
    one.take(DONE);
    vi.advanceTimersByTime(1_000);
    expect(text.stderr).toBe('');
    throw new Error('no answer');
  });
  await expect(asked).rejects.toThrow('no answer');
  vi.advanceTimersByTime(125);
  expect(text.stderr).toContain('1/2');
  view.close();
});
