import { expect, test } from 'vitest';

import { killCycles } from './kill.ts';

const CYCLES = 20;
const MS_MAX = 50_000;

test(`${CYCLES} times SIGKILL under load, nothing acknowledged is lost, the lock is free at once`, async () => {
  const figures = await killCycles({
    cycles: CYCLES,
    seed: 1,
    deadlineMs: performance.now() + MS_MAX,
  });
  expect(figures).toMatchObject({ lost: 0, flaws: [] });
  expect(figures.cycles).toBeGreaterThan(CYCLES / 2);
  // A writer that wrote nothing proves nothing.
  expect(figures.acknowledged).toBeGreaterThan(figures.cycles * 10);
});
