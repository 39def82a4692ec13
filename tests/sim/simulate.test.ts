import { expect, test } from 'vitest';

import { contendedHour } from '../../packages/testkit/src/sim/contended-claims.ts';
import { PLANTED_BUGS } from '../../packages/testkit/src/sim/planted-bugs.ts';
import { addCounts, noCounts } from '../../packages/testkit/src/sim/counts.ts';
import { simulate } from '../../packages/testkit/src/sim/simulate.ts';

/** `npm run sim` takes sixty thousand. */
const SEEDS = 250;
/** Each of these is found within four worlds when this was written. */
const SEEDS_FOR_A_BUG = 60;
const BUGS = [
  'lease without fencing token',
  'append without expected position',
  'expiry closed interval',
  'idempotency table not rebuilt',
];
const CLAIMS = 60_000;

test(`W1–W3, C1–C5, A1–A5: ${SEEDS} worlds keep every law, and finish their plans`, async () => {
  const sums = noCounts();
  for (let seed = 1; seed <= SEEDS; seed += 1) addCounts(sums, await simulate(seed));
  // A run in which nothing happens proves nothing.
  expect(sums.expiries).toBeGreaterThan(SEEDS / 10);
  expect(sums.crashes).toBeGreaterThan(SEEDS / 2);
  expect(sums.refusedWrites).toBeGreaterThan(SEEDS / 10);
  expect(sums.repeats).toBeGreaterThan(SEEDS / 10);
  expect(sums.powerCuts).toBeGreaterThan(0);
  expect(sums.secondLeaders).toBeGreaterThan(0);
});

/** What only long runs met; the oldest first. */
const ONCE_BROKEN = [15_039, 23_466, 42_920, 47_795];

test.each(ONCE_BROKEN)('world %i, which broke a law once, keeps them all', async (seed) => {
  const { entries } = await simulate(seed);
  expect(entries).toBeGreaterThan(5);
});

test('one seed is one run, entry for entry', async () => {
  const told = async (): Promise<readonly string[]> => {
    const lines: string[] = [];
    await simulate(11, { trace: (line) => lines.push(line) });
    return lines;
  };
  const first = await told();
  expect(first.length).toBeGreaterThan(20);
  expect(await told()).toEqual(first);
});

test.each(BUGS)(`planted: %s is found within ${SEEDS_FOR_A_BUG} worlds`, async (bug) => {
  const doubles = PLANTED_BUGS[bug];
  if (doubles === undefined) throw new Error(`no planted bug is named ${bug}`);
  const found: string[] = [];
  for (let seed = 1; seed <= SEEDS_FOR_A_BUG && found.length === 0; seed += 1) {
    await simulate(seed, { doubles }).catch((cause: unknown) => found.push(String(cause)));
  }
  expect(found).toHaveLength(1);
});

test(`C1, C3, C5: ${CLAIMS} contended claims have one winner each`, () => {
  const { granted, refused, expired, violations } = contendedHour(7, CLAIMS);
  expect(violations).toEqual([]);
  expect(granted).toBe(CLAIMS);
  expect(refused).toBe(CLAIMS * 4);
  expect(expired).toBeGreaterThan(CLAIMS / 100);
});
