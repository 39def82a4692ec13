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
  return { call };
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
});
