import { expect, test } from 'vitest';

import { addCounts, noCounts } from '../../packages/testkit/src/sim/counts.ts';
import { GOVERNOR_ROOM } from '../../packages/testkit/src/sim/governor-room.ts';
import { ROOMS } from '../../packages/testkit/src/sim/rooms.ts';
import { simulate } from '../../packages/testkit/src/sim/simulate.ts';

/** `npm run sim -- --room governor` takes sixty thousand. */
const SEEDS = 150;
/** Acts of operators that a policy denies: three in a hundred worlds. */
const RARE = 'denials';

test(`G1–G5, O1: ${SEEDS} worlds with money keep every law, finish, and hold nothing back`, async () => {
  const sums = noCounts();
  for (let seed = 1; seed <= SEEDS; seed += 1)
    addCounts(sums, await simulate(seed, { room: GOVERNOR_ROOM }));
  // A run in which nothing happens proves nothing.
  const never = (ROOMS['governor']?.mustHappen ?? []).filter(
    (kind) => (sums.room[kind] ?? 0) === 0 && kind !== RARE,
  );
  expect(never).toEqual([]);
  expect(sums.room['settlements']).toBe(sums.room['reservations']);
  expect(sums.room['trips']).toBeGreaterThan(SEEDS / 4);
  expect(sums.refusals['budget.exceeded']).toBeGreaterThan(SEEDS / 4);
  expect(sums.refusals['swarm.suspended']).toBeGreaterThan(SEEDS / 4);
  expect(sums.crashes).toBeGreaterThan(SEEDS);
});

/** What only long runs met; the oldest first. */
const ONCE_BROKEN = [1_169, 2_783, 9_329];

test.each(ONCE_BROKEN)('world %i, which broke a law once, keeps them all', async (seed) => {
  const { entries } = await simulate(seed, { room: GOVERNOR_ROOM });
  expect(entries).toBeGreaterThan(5);
});

test('one seed is one run, entry for entry', async () => {
  const told = async (): Promise<readonly string[]> => {
    const lines: string[] = [];
    await simulate(43, { room: GOVERNOR_ROOM, trace: (line) => lines.push(line) });
    return lines;
  };
  const first = await told();
  expect(first.length).toBeGreaterThan(20);
  expect(await told()).toEqual(first);
});

test('a planted decision is refused where nothing would pass through it', async () => {
  const doubles = ROOMS['governor']?.bugs['settlement twice'] ?? {};
  await expect(simulate(1, { room: GOVERNOR_ROOM, doubles })).rejects.toThrow(/without its double/);
});
