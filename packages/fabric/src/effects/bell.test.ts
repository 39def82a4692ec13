import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';

import { ManualClock } from '../engine/clock.ts';
import { Bell } from './bell.ts';

test('a wait ends at a ring, at its time or with its signal, and leaves nothing behind', async () => {
  const clock = new ManualClock();
  const bell = new Bell(clock);
  const stop = new AbortController();
  const { signal } = stop;
  const left = (): readonly number[] => [clock.timers, getEventListeners(signal, 'abort').length];
  const rung = bell.wait(signal, 100);
  expect(left()).toEqual([1, 1]);
  bell.ring();
  await rung;
  expect(left()).toEqual([0, 0]);

  const timed = bell.wait(signal, 100);
  clock.advance(100);
  await timed;
  expect(left()).toEqual([0, 0]);

  const stopped = bell.wait(signal);
  expect(left(), 'no timer where nothing is due').toEqual([0, 1]);
  stop.abort();
  await stopped;
  expect(left()).toEqual([0, 0]);
  await bell.wait(signal, 1_000);
  expect(left(), 'what has stopped waits for nothing').toEqual([0, 0]);
});
