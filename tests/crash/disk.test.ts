import { expect, test, type TestContext } from 'vitest';

import { diskFull, injectedErrors } from './disk.ts';
import { loopMountsPossible, stracePossible, tmpfsPossible, type Possible } from './mounts.ts';
import { powerCutControl, powerCuts } from './power-cut.ts';

const CUTS = 2;
const MS_MAX = 40_000;

/** Skips with the reason where the machine forbids mounts or traces; `npm run crash` counts it as not run. */
function needs(context: TestContext, possible: Possible): void {
  if (possible.kind !== 'possible') context.skip(`${possible.kind}: ${possible.why}`);
}

for (const kind of ['xfs', 'ext4'] as const) {
  test(`after ${CUTS} power cuts on ${kind} nothing acknowledged is lost`, async (context) => {
    needs(context, loopMountsPossible());
    const plan = { cycles: CUTS, seed: 1, deadlineMs: performance.now() + MS_MAX };
    const figures = await powerCuts(kind, plan);
    expect(figures).toMatchObject({ cycles: CUTS, lost: 0, flaws: [] });
    expect(figures.acknowledged).toBeGreaterThan(0);
  });
}

test('the same cut without a sync loses what was acknowledged', async (context) => {
  needs(context, loopMountsPossible());
  const figures = await powerCutControl('ext4', 1);
  expect(figures.acknowledged).toBeGreaterThan(0);
  expect(figures.lost).toBeGreaterThan(0);
});

test('a full disk is read-only within a second, loses nothing, and resumes', async (context) => {
  needs(context, tmpfsPossible());
  expect(await diskFull(1)).toMatchObject({ lost: 0, flaws: [] });
});

test('a failed sync ends the process, a failed write does not', async (context) => {
  needs(context, stracePossible());
  const figures = await injectedErrors(1);
  expect(figures).toMatchObject({ cycles: 3, lost: 0, flaws: [] });
});
