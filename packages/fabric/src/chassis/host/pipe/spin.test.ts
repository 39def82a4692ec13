import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { spin } from './spin.ts';

const turned = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

// With one processor there is nothing to spin for, and the function says so by not doing it.
test.skipIf(availableParallelism() === 1)('it polls until it is done, and no longer', async () => {
  await turned();
  let polls = 0;
  expect(
    spin(
      () => {
        polls += 1;
        return true;
      },
      () => polls === 3,
    ),
  ).toBe(true);
  expect(polls).toBe(3);
});

test('it gives up on what takes longer than a small call', async () => {
  await turned();
  const startedAtMs = performance.now();
  expect(
    spin(
      () => false,
      () => false,
    ),
  ).toBe(false);
  expect(performance.now() - startedAtMs).toBeLessThan(50);
});

test('K4: in one turn of the loop it spins no longer than its budget, whoever asks', async () => {
  await turned();
  let polls = 0;
  const poll = (): boolean => {
    polls += 1;
    return false;
  };
  for (let count = 0; count < 200; count += 1) spin(poll, () => false);
  const before = polls;
  spin(poll, () => false);
  expect(polls).toBe(before);
  await turned();
  await turned();
  spin(poll, () => false);
  if (availableParallelism() > 1) expect(polls).toBeGreaterThan(before);
});

test('stacks of errors are as deep afterwards as before', () => {
  const before = Error.stackTraceLimit;
  spin(
    () => false,
    () => false,
  );
  expect(Error.stackTraceLimit).toBe(before);
});
