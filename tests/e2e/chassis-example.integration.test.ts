/** examples/sandboxed.yaml, done as its head says: the example guests are built, brought and run at level 3. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildGuests } from '../../examples/guests/build.ts';
import { BUNDLED_MODULES } from '@infrafabric/protocol';
import { loadPlanSource, readPlan } from '../../packages/cli/src/plans/index.ts';
import { ChassisFixture } from './chassis-fixture.ts';
import { root } from './run-fixture.ts';

const PLAN = join(root, 'examples', 'sandboxed.yaml');
const GUESTS = join(root, 'examples', 'guests');

let fixture: ChassisFixture;
beforeEach(async () => {
  fixture = new ChassisFixture();
  await fixture.open();
});
afterEach(() => fixture.close());

test('the example plan runs the example guests in the sandbox, and says what they gave', async () => {
  const built = await buildGuests(fixture.runs.folder);
  const read = readPlan(await loadPlanSource(PLAN));
  if (read.kind === 'refused') throw new Error('the example is no plan');
  const { plan } = read;
  const named = plan.tasks.flatMap(({ run }) =>
    run !== undefined && 'wasm' in run ? [run.wasm] : [],
  );
  // Whoever changes a guest writes its new digest into its contract, into the plan, and into protocol's
  // bundled-modules.ts, by which the policy asks less of it than of strangers.
  expect(new Set<string>(named)).toEqual(new Set(built.map(({ digest }) => digest)));
  const bundled = Object.fromEntries(built.map(({ digest, name }) => [digest, name]));
  expect(bundled).toEqual(BUNDLED_MODULES);

  await fixture.swarm('examples');
  for (const { name, file } of built) {
    const contract = join(GUESTS, name, 'contract.json');
    const path = join(fixture.runs.folder, file);
    const { code, stderr } = await fixture.runs.ifab([
      'chassis',
      'load',
      path,
      '--contract',
      contract,
    ]);
    expect(code, `${name}: ${stderr}`).toBe(0);
  }
  const { code, events, stderr } = await fixture.runs.run(PLAN);
  expect(code, stderr).toBe(0);
  const outputs = events
    .filter(({ type }) => type === 'task.completed')
    .map(
      ({ taskId, evidence }) =>
        [taskId, fixture.blobText(evidence?.artifacts?.[0]?.digest)] as const,
    );
  const byTask = new Map(outputs);
  expect(JSON.parse(byTask.get('sandboxed/count-words') ?? '')).toMatchObject({ words: 8 });
  expect(byTask.get('sandboxed/shout')).toBe('A ROSE IS A ROSE');
  expect(byTask.get('sandboxed/tally-costs')).toContain('haiku');
  expect(JSON.parse(byTask.get('sandboxed/triage-ticket') ?? '')).toMatchObject({
    category: 'outage',
    urgency: 3,
    by: 'rules',
  });
  const { runs } = await fixture.client.call('runs.list', {});
  expect(runs.map(({ level, cause }) => ({ level, cause }))).toEqual(
    runs.map(() => ({ level: 3, cause: 'completed' })),
  );
  expect(runs).toHaveLength(4);
  // Counted instructions are the same wherever it runs.
  const counted = runs.find(({ taskId }) => taskId === 'sandboxed/count-words');
  expect(counted?.measure?.fuel).toBeGreaterThan(0);
});
