import { SESSION_IDLE_MS, type Grant } from '@infrafabric/protocol';
import { afterEach, describe, expect, test } from 'vitest';

import { ManualClock } from './clock.ts';
import type { Principal } from './fabric.ts';
import { CLOCK_STEP_MS, EXPIRY_RETRY_MS } from './limits.ts';
import { createMemoryRealm, openMemoryFabric, type MemoryRealm } from './open-memory.ts';
import type { LeadingFabric } from './open.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const opened: LeadingFabric[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

/** A realm with a task and a session; one that has them already is led anew, at this time of the wall clock. */
async function start(realm: MemoryRealm = createMemoryRealm(), wallMs?: number) {
  const clock = new ManualClock(wallMs);
  const fabric = await openMemoryFabric(realm, { clock });
  opened.push(fabric);
  const call = async <T = Record<string, unknown>>(op: string, input: unknown): Promise<T> => {
    const reply = await fabric.call(op, input, { principal: OPERATOR });
    if (reply.kind !== 'ok') throw new Error(`${op}: ${reply.code}: ${reply.detail}`);
    return reply.output as T;
  };
  await call('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'a' }] } });
  const { sessionId } = await call<{ sessionId: string }>('sessions.open', { agent: 'ada' });
  const phase = async () => (await call<{ phase: string }>('tasks.show', { taskId: 'p/a' })).phase;
  const sessions = async () =>
    (await call<{ sessions: { open: number } }>('realm.status', {})).sessions.open;
  return { fabric, clock, call, sessionId, phase, sessions };
}

const ticks = async (count = 10): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Back, by less than what counts as a step: the leader's time stands still until the clock has caught up. */
const SLIP_MS = CLOCK_STEP_MS / 2;

describe('a wall clock that slips back makes ends late, never early', () => {
  test('of a lease: it lives until both clocks have passed it', async () => {
    const { clock, call, sessionId, phase } = await start();
    await call<Grant>('tasks.claim', { sessionId, taskId: 'p/a', leaseMs: 30_000 });
    clock.stepWall(-SLIP_MS);
    clock.advance(30_000);
    await ticks();
    expect(await phase()).toBe('leased');
    clock.advance(SLIP_MS - 1);
    await ticks();
    expect(await phase()).toBe('leased');
    clock.advance(1);
    await ticks();
    expect(await phase()).toBe('ready');
  });

  test('of a silent session: it stays open until both clocks have passed its end', async () => {
    const { clock, sessions } = await start();
    clock.stepWall(-SLIP_MS);
    clock.advance(SESSION_IDLE_MS);
    await ticks();
    expect(await sessions()).toBe(1);
    clock.advance(SLIP_MS);
    await ticks();
    expect(await sessions()).toBe(0);
  });
});

test('a renewal is of its lease only: the next one is counted from its own grant', async () => {
  const { clock, call, sessionId, phase } = await start();
  const first = await call<Grant>('tasks.claim', { sessionId, taskId: 'p/a', leaseMs: 30_000 });
  clock.advance(20_000);
  await call('tasks.renew', { sessionId });
  const { fencingToken } = first;
  await call('tasks.release', { taskId: 'p/a', fencingToken });
  clock.advance(5_000);
  await call<Grant>('tasks.claim', { sessionId, taskId: 'p/a', leaseMs: 5_000 });
  clock.advance(4_999);
  await ticks();
  expect(await phase()).toBe('leased');
  clock.advance(1);
  await ticks();
  expect(await phase()).toBe('ready');
});

describe('a person is told of a blocker that nobody resolves', () => {
  const ESCALATE_MS = 60_000;

  const raised = async () => {
    const realm = createMemoryRealm();
    const started = await start(realm);
    const { call, sessionId } = started;
    const { fencingToken } = await call<Grant>('tasks.claim', {
      sessionId,
      taskId: 'p/a',
      leaseMs: 3_600_000,
    });
    const stuck = { taskId: 'p/a', fencingToken, kind: 'other', title: 'stuck' };
    const { blockerId } = await call<{ blockerId: string }>('blockers.raise', {
      ...stuck,
      escalateAfterMs: ESCALATE_MS,
    });
    return { ...started, realm, blockerId };
  };
  const told = async (call: Awaited<ReturnType<typeof start>>['call']) => {
    await ticks();
    const { escalations } = await call<{ escalations: { subject: string; kind: string }[] }>(
      'escalations.list',
      {},
    );
    return escalations.map(({ kind, subject }) => `${kind} ${subject}`);
  };

  test('at its instant, not a millisecond before, and once', async () => {
    const { clock, call, blockerId } = await raised();
    clock.advance(ESCALATE_MS - 1);
    expect(await told(call)).toEqual([]);
    clock.advance(1);
    expect(await told(call)).toEqual([`blocker ${blockerId}`]);
    clock.advance(ESCALATE_MS * 10);
    expect(await told(call)).toEqual([`blocker ${blockerId}`]);
  });

  test('not where it was resolved before', async () => {
    const { clock, call, blockerId } = await raised();
    clock.advance(ESCALATE_MS - 1);
    await call('blockers.resolve', { blockerId, resolution: 'there' });
    clock.advance(ESCALATE_MS);
    expect(await told(call)).toEqual([]);
  });

  test('after a restart when what was left of its time has passed', async () => {
    const first = await raised();
    first.clock.advance(ESCALATE_MS / 2);
    await first.fabric.close();
    const { clock, call } = await start(first.realm, first.clock.now());
    clock.advance(ESCALATE_MS / 2 - 1);
    expect(await told(call)).toEqual([]);
    clock.advance(1);
    expect(await told(call)).toEqual([`blocker ${first.blockerId}`]);
    clock.advance(ESCALATE_MS * 2);
    expect(await told(call)).toHaveLength(1);
  });

  test('at once after a restart behind its time; not again after one behind its escalation', async () => {
    const first = await raised();
    await first.fabric.close();
    const second = await start(first.realm, first.clock.now() + ESCALATE_MS * 5);
    second.clock.advance(1);
    expect(await told(second.call)).toEqual([`blocker ${first.blockerId}`]);
    await second.fabric.close();
    const third = await start(first.realm, second.clock.now());
    third.clock.advance(ESCALATE_MS * 5);
    expect(await told(third.call)).toHaveLength(1);
  });

  test('where the wall clock slipped back: when both clocks have passed it', async () => {
    const { clock, call } = await raised();
    clock.stepWall(-SLIP_MS);
    clock.advance(ESCALATE_MS);
    expect(await told(call)).toEqual([]);
    // The decision looks again every so often: never before its time, and not long after it.
    clock.advance(SLIP_MS - 1);
    expect(await told(call)).toEqual([]);
    clock.advance(1 + EXPIRY_RETRY_MS);
    expect(await told(call)).toHaveLength(1);
  });
});
