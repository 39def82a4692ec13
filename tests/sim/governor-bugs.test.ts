import type * as Core from '@infrafabric/core';
import { expect, test, vi } from 'vitest';

import { GOVERNOR_BUGS } from '../../packages/testkit/src/sim/governor-bugs.ts';
import { GOVERNOR_ROOM } from '../../packages/testkit/src/sim/governor-room.ts';
import { simulate } from '../../packages/testkit/src/sim/simulate.ts';

// Core's door with a passage for planted decisions, as `scripts/sim/plant-core.ts` puts it in outside of tests.
vi.mock('@infrafabric/core', async (importOriginal) => {
  const core = await importOriginal<typeof Core>();
  const { passing } = await import('../../packages/testkit/src/sim/planted-decision.ts');
  return { ...core, decide: passing(core.decide) };
});

/** The latest of these is found at its 43rd world when this was written. */
const SEEDS_FOR_A_BUG = 120;

test.each(Object.keys(GOVERNOR_BUGS))(
  `planted: %s is found within ${SEEDS_FOR_A_BUG} worlds`,
  async (bug) => {
    const doubles = GOVERNOR_BUGS[bug] ?? {};
    const found: string[] = [];
    for (let seed = 1; seed <= SEEDS_FOR_A_BUG && found.length === 0; seed += 1) {
      await simulate(seed, { room: GOVERNOR_ROOM, doubles }).catch((cause: unknown) =>
        found.push(String(cause)),
      );
    }
    expect(found).toHaveLength(1);
    // Whatever is found is a law of money, not that two decisions differ.
    expect(found[0]).not.toMatch(/V5: entry \d+ says/);
  },
);

test('without a bug the double of core decides as core does', async () => {
  const { entries } = await simulate(7, { room: GOVERNOR_ROOM });
  expect(entries).toBeGreaterThan(5);
});
