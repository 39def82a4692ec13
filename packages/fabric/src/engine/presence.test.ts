import { SESSION_IDLE_MS, type Grant } from '@infrafabric/protocol';
import { afterEach, describe, expect, test } from 'vitest';

import { ManualClock } from './clock.ts';
import type { Principal } from './fabric.ts';
import { CLOCK_STEP_MS } from './limits.ts';
import { createMemoryRealm, openMemoryFabric } from './open-memory.ts';
import type { LeadingFabric } from './open.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const opened: LeadingFabric[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

async function start() {
  const clock = new ManualClock();
  const fabric = await openMemoryFabric(createMemoryRealm(), { clock });
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
  return { clock, call, sessionId, phase, sessions };
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
