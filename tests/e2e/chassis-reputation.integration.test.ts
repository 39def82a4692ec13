/**
 * A swarm that breaks its SLO loses reputation, and then work to a better one: real runs in the sandbox on one side, the
 * governor's match and the coordinator's help on the other, and the log between them.
 */
import { FabricError } from '@infrafabric/sdk';
import type { Session } from '@infrafabric/sdk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChassisFixture } from './chassis-fixture.ts';

const NEED = 'integration:sip';
/** What the holder alone can do: helpers, who wait for any work, are not given its task. */
const OWN = 'integration:nats';
const RUNS = 6;
const HELP_MS = 20_000;

let fixture: ChassisFixture;
const ending: (() => unknown)[] = [];
beforeEach(async () => {
  fixture = new ChassisFixture();
  await fixture.open();
});
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
  await fixture.close();
});

/** Runs of these entrypoints in turn by one swarm, each a task of a plan that `ifab run` does. */
async function work(swarmId: string, entrypoints: readonly string[]): Promise<number> {
  const tasks = Array.from({ length: RUNS }, (_, at) => ({
    key: `t${at}`,
    title: `run ${at}`,
    swarm: swarmId,
    attemptsMax: 1,
    run: { wasm: fixture.digest, entrypoint: entrypoints[at % entrypoints.length], input: { at } },
  }));
  const plan = fixture.runs.plan({ id: `work-${swarmId}`, tasks });
  return (await fixture.runs.run(plan, '--sessions', '2')).code;
}

/** A waiting session of a swarm: what it gets is what the coordinator gives it. */
async function helperOf(swarm: string): Promise<Session> {
  const session = await fixture.client.openSession({ agent: `helper-${swarm}`, swarm });
  ending.push(() => session.close());
  return session;
}

/** Raises a blocker while both swarms wait, and says whose session was given the help. */
async function helpedBy(
  holder: Session,
  helpers: Readonly<Record<string, Session>>,
): Promise<string> {
  const lease = await holder.claim('story/t');
  const stop = new AbortController();
  const waiting = Object.entries(helpers).map(([swarm, session]) =>
    session.next({ waitMs: HELP_MS, signal: stop.signal }).then(([got]) => ({ swarm, got })),
  );
  await expect
    .poll(async () => (await fixture.client.call('realm.status', {})).sessions.waiting)
    .toBe(waiting.length);
  const { blockerId } = await holder.call('blockers.raise', {
    taskId: lease.taskId,
    fencingToken: lease.grant.fencingToken,
    kind: 'dependency',
    title: 'stuck',
    needs: [NEED],
  });
  const { swarm, got } = await Promise.race(waiting);
  await got?.complete({ summary: 'helped' });
  stop.abort();
  await Promise.allSettled(waiting);
  await holder.call('blockers.resolve', { blockerId, resolution: 'helped' }).catch(isResolved);
  await lease.release('once more');
  return swarm;
}

/** The last help that is handed in resolves it; then there is nothing to say. */
function isResolved(cause: unknown): void {
  if (!(cause instanceof FabricError && cause.code.startsWith('blocker.'))) throw cause;
}

test('a swarm that breaks its SLO loses reputation and then work to a better one', async () => {
  // One skill and one price: only what they are worth tells them apart, and by its own word `loud` is worth more.
  await fixture.swarm('loud', { capabilities: [NEED], reputationPermille: 1_000 });
  await fixture.swarm('good', { capabilities: [NEED], reputationPermille: 700 });
  // Failures are what this is about, and a stopped swarm would prove something else.
  await fixture.client.call('policies.set', {
    policy: {
      format: 'ifab-policy/1',
      resource: { failureThreshold: 100, failureSamplesMin: 1_000 },
      rules: [],
    },
  });
  const guarantees = { latencyP99Ms: 20_000, successRateMin: 0.9 };
  expect((await fixture.load('loud', { guarantees })).code).toBe(0);
  expect((await fixture.load('good', { guarantees })).code).toBe(0);
  await fixture.client.call('plans.submit', {
    plan: {
      id: 'story',
      tasks: [
        { key: 't', title: 'a call is set up', needs: [OWN] },
        { key: 'sip', title: 'who would do this', needs: [NEED], dependsOn: ['t'] },
      ],
    },
  });
  const holder = await fixture.client.openSession({ agent: 'holder', capabilities: [OWN] });
  ending.push(() => holder.close());
  const helpers = { loud: await helperOf('loud'), good: await helperOf('good') };
  const chosen = async (): Promise<string | undefined> =>
    (await fixture.client.call('match.explain', { taskId: 'story/sip' })).chosen;

  expect(await chosen()).toBe('loud');
  expect(await helpedBy(holder, helpers)).toBe('loud');

  expect(await work('good', ['run'])).toBe(0);
  expect(await work('loud', ['trap', 'spin'])).toBe(1);

  const standing = async (swarmId: string) => ({
    ...(await fixture.client.call('reputation.show', { swarmId })),
    slo: await fixture.client.call('slo.show', { swarmId }),
  });
  const [loud, good] = [await standing('loud'), await standing('good')];
  expect(loud).toMatchObject({ measured: true, samples: RUNS, slo: { violations: RUNS } });
  expect(good).toMatchObject({ measured: true, samples: RUNS, slo: { violations: 0 } });
  expect(loud.value).toBeLessThan(5_000);
  expect(good.value).toBeGreaterThan(7_000);

  expect(await chosen()).toBe('good');
  const { candidates } = await fixture.client.call('match.explain', { taskId: 'story/sip' });
  expect(candidates.map(({ swarmId }) => swarmId)).toEqual(['good', 'loud']);
  expect(await helpedBy(holder, helpers)).toBe('good');

  // All of it stands in the log, in the order of cause and effect, and the log holds without its fabric.
  const { entries } = await fixture.client.call('witness.query', {
    operation: 'runs.end',
    limit: 1_000,
  });
  const types = entries.map(({ events }) => events.map((event) => String(event['type'])));
  const missed = types.filter((all) => all.includes('slo.violated'));
  expect(missed).toHaveLength(RUNS);
  for (const all of missed)
    expect(all).toEqual(['run.ended', 'slo.violated', 'reputation.changed']);
  expect(types.filter((all) => all.includes('reputation.changed'))).toHaveLength(2 * RUNS);

  for (const done of ending.splice(0).toReversed()) await done();
  await fixture.closeFabric();
  const verified = await fixture.runs.ifab([
    'witness',
    'verify',
    fixture.runs.dataDir,
    '--level',
    '5',
  ]);
  expect({ code: verified.code, stderr: verified.stderr }).toMatchObject({ code: 0 });
});
