import { afterEach, describe, expect, test } from 'vitest';

import { ManualClock } from '../engine/clock.ts';
import type { Principal } from '../engine/fabric.ts';
import { createMemoryRealm, openMemoryFabric } from '../engine/open-memory.ts';
import type { LeadingFabric } from '../engine/open.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const opened: LeadingFabric[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

type Output = Readonly<Record<string, unknown>>;

async function start() {
  const fabric = await openMemoryFabric(createMemoryRealm(), { clock: new ManualClock() });
  opened.push(fabric);
  const call = async (op: string, input: object, idempotencyKey?: string): Promise<Output> => {
    const options = idempotencyKey === undefined ? {} : { idempotencyKey };
    const reply = await fabric.call(op, input, { principal: OPERATOR, ...options });
    if (reply.kind !== 'ok') throw new Error(`${op}: ${reply.code}: ${reply.detail}`);
    return reply.output as Output;
  };
  return { call, fabric };
}

const task = (key: string, more: object = {}): object => ({ key, title: key, ...more });
const submitted = { id: 'p', tasks: [task('a'), task('b', { dependsOn: ['a'] })] };

describe('a reply says what is so now, also when nothing was changed', () => {
  test('plans: submitted, edited, paused, resumed, cancelled', async () => {
    const { call } = await start();
    const same = { planId: 'p', tasks: 2, ready: 1 };
    expect(await call('plans.submit', { plan: submitted })).toEqual({ ...same, changed: true });
    expect(await call('plans.submit', { plan: submitted })).toEqual({ ...same, changed: false });
    const more = { planId: 'p', add: [task('c')] };
    expect(await call('plans.edit', more)).toEqual({
      planId: 'p',
      tasks: 3,
      ready: 2,
      changed: true,
    });
    for (const [op, status] of [
      ['plans.pause', 'paused'],
      ['plans.resume', 'active'],
    ] as const) {
      expect(await call(op, { planId: 'p' })).toEqual({ planId: 'p', status });
      expect(await call(op, { planId: 'p' })).toEqual({ planId: 'p', status });
    }
    expect(await call('plans.cancel', { planId: 'p', reason: 'over' })).toEqual({
      planId: 'p',
      status: 'cancelled',
      cancelled: 3,
    });
  });

  test('claims: the same lease and token again; a lease of a task with a scope carries it', async () => {
    const { call } = await start();
    const scope = { repo: '/srv/repo', owns: ['src/**'], budget: { limitMicroUsd: 5 } };
    await call('plans.submit', { plan: { id: 'p', tasks: [task('a', scope)] } });
    const { sessionId } = await call('sessions.open', { agent: 'ada', leasesMax: 2 });
    const claim = { sessionId, taskId: 'p/a' };
    const grant = await call('tasks.claim', claim);
    // No swarm and no estimate say what it takes: all of the limit is set aside.
    const money = { limitMicroUsd: 5, reservedMicroUsd: 5 };
    expect(grant['scope']).toEqual({ repo: '/srv/repo', owns: ['src/**'], ...money });
    expect(await call('tasks.claim', claim)).toEqual(grant);
    expect(await call('tasks.next', { sessionId })).toEqual({ grants: [] });
  });

  test('blockers: raised, joined once by each, resolved', async () => {
    const { call } = await start();
    await call('plans.submit', { plan: submitted });
    const { sessionId } = await call('sessions.open', { agent: 'ada' });
    const { sessionId: other } = await call('sessions.open', { agent: 'bob' });
    const { fencingToken } = await call('tasks.claim', { sessionId, taskId: 'p/a' });
    const stuck = { taskId: 'p/a', fencingToken, kind: 'other', title: 'stuck' };
    const { blockerId } = await call('blockers.raise', stuck);
    const join = { sessionId: other, blockerId };
    expect(await call('blockers.join', join)).toEqual({ blockerId, helpers: [other] });
    expect(await call('blockers.join', join)).toEqual({ blockerId, helpers: [other] });
    expect(await call('blockers.resolve', { blockerId, resolution: 'there' })).toMatchObject({
      blockerId,
      taskId: 'p/a',
    });
  });

  test('tasks: released, failed, parked, unparked, cancelled', async () => {
    const { call } = await start();
    await call('plans.submit', { plan: { id: 'p', tasks: [task('a', { attemptsMax: 1 })] } });
    const { sessionId } = await call('sessions.open', { agent: 'ada' });
    const claim = async (): Promise<object> => {
      const { fencingToken } = await call('tasks.claim', { sessionId, taskId: 'p/a' });
      return { taskId: 'p/a', fencingToken };
    };
    const at = (phase: string): object => ({ taskId: 'p/a', phase });
    expect(await call('tasks.release', await claim())).toEqual(at('ready'));
    expect(await call('tasks.fail', { ...(await claim()), reason: 'no' })).toEqual(at('parked'));
    expect(await call('tasks.unpark', { taskId: 'p/a' })).toEqual(at('ready'));
    expect(await call('tasks.park', { taskId: 'p/a', reason: 'later' })).toEqual(at('parked'));
    expect(await call('tasks.cancel', { taskId: 'p/a', reason: 'over' })).toEqual(at('cancelled'));
  });

  test('sessions: what was held is told by the one who ends them', async () => {
    const { call } = await start();
    await call('plans.submit', { plan: submitted });
    const { sessionId } = await call('sessions.open', { agent: 'ada' });
    await call('tasks.claim', { sessionId, taskId: 'p/a' });
    const over = { sessionId, reason: 'gone' };
    expect(await call('sessions.revoke', over)).toEqual({ sessionId, released: ['p/a'] });
  });

  test('phases: an approval ahead of its time counts once; the one at the gate passes the phase', async () => {
    const { call } = await start();
    const phases = [{ id: 'one' }, { id: 'two', autonomous: true, gate: { approvals: 1 } }];
    const tasks = [task('a', { phase: 'one' }), task('b', { phase: 'two' })];
    await call('plans.submit', { plan: { id: 'p', phases, tasks } });
    const approve = { planId: 'p', phase: 'two' };
    const early = await call('phases.approve', approve);
    expect(early).toEqual({ ...approve, status: 'closed' });
    await expect(call('phases.approve', approve)).rejects.toThrow('phase.not_waiting');
    const { sessionId } = await call('sessions.open', { agent: 'ada', leasesMax: 2 });
    for (const taskId of ['p/a', 'p/b']) {
      const { fencingToken } = await call('tasks.claim', { sessionId, taskId });
      await call('tasks.complete', { taskId, fencingToken });
    }
    expect(await call('phases.approve', approve)).toEqual({
      ...approve,
      status: 'passed',
    });
  });

  test('an edit that is there already, an approval that was given', async () => {
    const { call } = await start();
    await call('plans.submit', { plan: submitted });
    const same = { planId: 'p', priorities: [{ task: 'a', priority: 2 }] };
    expect(await call('plans.edit', same)).toEqual({
      planId: 'p',
      tasks: 2,
      ready: 1,
      changed: false,
    });
    const gate = { approvals: 2 };
    const phases = [{ id: 'one' }, { id: 'two', autonomous: true, gate }];
    const tasks = [task('a', { phase: 'one' }), task('b', { phase: 'two' })];
    await call('plans.submit', { plan: { id: 'q', phases, tasks } });
    const approve = { planId: 'q', phase: 'two' };
    const first = await call('phases.approve', approve, 'approve-00000001');
    expect(await call('phases.approve', approve, 'approve-00000001')).toEqual(first);
  });

  test('what a lease has set aside is what its entry says; of a claim again, what is so now', async () => {
    const { call } = await start();
    const budget = { estimateMicroUsd: 1_000_000 };
    await call('plans.submit', { plan: { id: 'p', tasks: [task('a', { budget })] } });
    const { sessionId } = await call('sessions.open', { agent: 'ada' });
    const claim = { sessionId, taskId: 'p/a' };
    const first = await call('tasks.claim', claim, 'claim-000000001');
    const scope = { limitMicroUsd: 10_000_000, reservedMicroUsd: 2_000_000 };
    expect(first['scope']).toEqual(scope);
    const { fencingToken } = first;
    await call('usage.record', { taskId: 'p/a', fencingToken, microUsd: 500_000 });
    expect((await call('tasks.claim', claim))['scope']).toEqual({
      ...scope,
      reservedMicroUsd: 1_500_000,
    });
    expect(await call('tasks.claim', claim, 'claim-000000001')).toEqual(first);
    await call('tasks.release', { taskId: 'p/a', fencingToken });
    const next = await call('tasks.next', { sessionId });
    expect(next['grants']).toMatchObject([{ attempt: 1, fence: 2, scope }]);
  });

  test('a completion with the next task carries what is set aside for that', async () => {
    const { call } = await start();
    const budget = { estimateMicroUsd: 1_000_000 };
    const tasks = [task('a'), task('b', { dependsOn: ['a'], budget })];
    await call('plans.submit', { plan: { id: 'p', tasks } });
    const { sessionId } = await call('sessions.open', { agent: 'ada' });
    const { fencingToken } = await call('tasks.claim', { sessionId, taskId: 'p/a' });
    expect(await call('tasks.complete', { taskId: 'p/a', fencingToken, next: true })).toMatchObject(
      {
        taskId: 'p/a',
        phase: 'done',
        grants: [{ taskId: 'p/b', scope: { reservedMicroUsd: 2_000_000 } }],
      },
    );
  });
});

describe('a blocker’s reply', () => {
  const SIP = 'integration:sip';
  const NDI = 'integration:ndi';
  const swarm = (swarmId: string, capability: string, more: object = {}) => ({
    profile: { swarmId, capabilities: [capability], costPerHourMicroUsd: 1_000_000, ...more },
  });
  /** Ada of the swarm `blue` holds p/a and says what she needs. */
  const stuck = async () => {
    const started = await start();
    const { call } = started;
    await call('swarms.register', swarm('blue', 'integration:webrtc'));
    await call('plans.submit', { plan: { id: 'p', tasks: [task('a')] } });
    const { sessionId } = await call('sessions.open', { agent: 'ada', swarm: 'blue' });
    const { fencingToken } = await call('tasks.claim', { sessionId, taskId: 'p/a' });
    const raise = (needs: readonly string[], key?: string, more: object = {}) =>
      call(
        'blockers.raise',
        { taskId: 'p/a', fencingToken, kind: 'capability', title: 'stuck', needs, ...more },
        key,
      );
    return { ...started, sessionId: String(sessionId), raise };
  };
  const ticks = async (): Promise<void> => {
    for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve));
  };

  test('names helpers with their swarm and relation, what is open, and what nobody has', async () => {
    const { call, fabric, raise } = await stuck();
    const relations = [{ kind: 'minister-of', with: 'blue' }];
    await call('swarms.register', swarm('red', SIP, { relations }));
    const waiting = String(
      (await call('sessions.open', { agent: 'bob', swarm: 'red' }))['sessionId'],
    );
    await call('sessions.open', { agent: 'cyd', capabilities: [NDI] });
    fabric.wait(
      waiting,
      {},
      () => undefined,
      () => undefined,
    );
    await ticks();
    const raised = await raise([SIP, NDI, 'integration:h323'], 'raise-000000001');
    expect(raised).toMatchObject({
      taskId: 'p/a',
      phase: 'leased',
      helpers: [
        {
          needs: [SIP],
          sessionId: waiting,
          agent: 'bob',
          swarmId: 'red',
          relation: 'minister-of',
          limitMicroUsd: 5_000_000,
        },
      ],
      open: [expect.stringMatching(/^p\/help\.blk_/u)],
      uncovered: ['integration:h323'],
      escalationId: expect.stringMatching(/^esc_\d+$/u),
    });
    expect(await raise([SIP, NDI, 'integration:h323'], 'raise-000000001')).toEqual(raised);
    const { escalations } = await call('escalations.list', {});
    expect(escalations).toMatchObject([
      { escalationId: raised['escalationId'], subject: raised['blockerId'] },
    ]);
  });

  test('without needs names nobody; with the lease given back the task is blocked', async () => {
    const { raise } = await stuck();
    expect(await raise([], undefined, { release: true })).toEqual({
      blockerId: expect.any(String),
      taskId: 'p/a',
      phase: 'blocked',
      helpers: [],
      open: [],
      uncovered: [],
    });
  });

  test('of a declaration says how many say so, until there are enough', async () => {
    const { call, raise } = await stuck();
    const helpers = await Promise.all(
      ['bob', 'cyd'].map(async (agent) => (await call('sessions.open', { agent }))['sessionId']),
    );
    const { blockerId } = await raise([], undefined, { quorum: 2 });
    for (const sessionId of helpers) await call('blockers.join', { sessionId, blockerId });
    const say = (sessionId: unknown) =>
      call('blockers.resolve', { blockerId, sessionId, resolution: 'there' });
    const [one, two] = helpers;
    const open = {
      blockerId,
      taskId: 'p/a',
      phase: 'leased',
      declared: 1,
      quorum: 2,
      status: 'open',
    };
    expect(await say(one)).toEqual(open);
    expect(await say(one)).toEqual(open);
    expect(await say(two)).toEqual({ ...open, declared: 2, status: 'resolved' });
  });
});
