/**
 * From a task that becomes ready to the lease that was pushed for it, where a thousand sessions wait whose capability
 * sets are all different: what a newly ready task costs the leader, against one session that waits.
 */
import { BUILT_IN_CAPABILITIES } from '@infrafabric/protocol';

import { openField, type Field } from './field.ts';
import { check, sized, type Size, type Values } from './probe.ts';
import { latencies } from './stats.ts';

const WAITING = { smoke: 20, short: 1_000, full: 1_000 };
const SAMPLES = { smoke: 3, short: 60, full: 200 };
/** Longer than a run: a ticket that ends is one that waits no more. */
const WAIT_MS = 25_000;

export async function pushes(size: Size): Promise<Values> {
  const waiting = sized(size, WAITING);
  return {
    'match.push.waiting': waiting,
    ...(await pushed('match.pushAlone', 1, sized(size, SAMPLES))),
    ...(await pushed('match.push', waiting, sized(size, SAMPLES))),
    ...(await pushedToAll(waiting)),
  };
}

/** A plan that anybody can do has a task for each who waits: from its submission to the last lease. */
async function pushedToAll(waiting: number): Promise<Values> {
  const field = await openField('memory', '');
  const sessions = await opened(field, waiting);
  const { signal } = new AbortController();
  const waits = sessions.map(({ sessionId }) => waitFor(field, sessionId, signal));
  const tasks = sessions.map((_, i) => ({ key: `t${i}`, title: 'a task that anybody can do' }));
  const startedAt = performance.now();
  const submitted = field.call('plans.submit', { plan: { id: 'push', tasks } });
  const grants = (await Promise.all(waits)).flat();
  const ms = performance.now() - startedAt;
  await submitted;
  const leased = new Set(grants.map(({ taskId }) => taskId)).size;
  check(leased === waiting, `${leased} leases of ${waiting} tasks`);
  await field.fabric.close();
  return { 'match.pushAll.ms': ms };
}

async function pushed(name: string, waiting: number, samples: number): Promise<Values> {
  const field = await openField('memory', '');
  const sessions = await opened(field, waiting);
  const [last] = sessions.slice(-1);
  check(last !== undefined, 'nobody waits');
  const over = new AbortController();
  const waits: Promise<unknown>[] = [];
  let addMs = 0;
  for (const { sessionId } of sessions.slice(0, -1)) {
    const startedAt = performance.now();
    waits.push(waitFor(field, sessionId, over.signal));
    addMs += performance.now() - startedAt;
  }
  const ms = new Float64Array(samples);
  for (let i = 0; i < samples; i += 1) {
    const grants = waitFor(field, last.sessionId, over.signal);
    const task = { key: 't', title: 'a task that one can do', needs: last.capabilities };
    const startedAt = performance.now();
    const submitted = field.call('plans.submit', { plan: { id: `push-${i}`, tasks: [task] } });
    const [grant] = await grants;
    ms[i] = performance.now() - startedAt;
    await submitted;
    check(grant?.taskId === `push-${i}/t`, 'another task than the one that became ready');
    const { taskId, fencingToken } = grant;
    await field.call('tasks.complete', { taskId, fencingToken });
  }
  over.abort();
  await Promise.all(waits);
  await field.fabric.close();
  return { ...latencies(name, ms), [`${name}.addMs`]: addMs / Math.max(1, waiting - 1) };
}

interface Waiter {
  readonly sessionId: string;
  readonly capabilities: readonly string[];
}

/** Each has three capabilities, no two the same three. */
async function opened(field: Field, count: number): Promise<readonly Waiter[]> {
  const names = BUILT_IN_CAPABILITIES.map(({ id }) => id);
  const all: Waiter[] = [];
  for (let a = 0; a < names.length; a += 1) {
    for (let b = a + 1; b < names.length; b += 1) {
      for (let c = b + 1; c < names.length && all.length < count; c += 1) {
        const capabilities = [a, b, c].map((at) => names[at] ?? '');
        const output = await field.call('sessions.open', {
          agent: `waiter-${all.length}`,
          capabilities,
        });
        all.push({ sessionId: String(Reflect.get(Object(output), 'sessionId')), capabilities });
      }
    }
  }
  return all;
}

interface Grant {
  readonly taskId: string;
  readonly fencingToken: string;
}

/** A ticket of the session, as an embedder has it: answered with the lease that is pushed. */
async function waitFor(
  { fabric }: Field,
  sessionId: string,
  signal: AbortSignal,
): Promise<readonly Grant[]> {
  const principal = { cred: 'operator', name: 'operator', role: 'operator' } as const;
  const reply = await fabric.call(
    'tasks.next',
    { sessionId, waitMs: WAIT_MS },
    { principal, signal },
  );
  check(reply.kind === 'ok', `tasks.next: ${JSON.stringify(reply)}`);
  const grants: unknown = Reflect.get(Object(reply.output), 'grants');
  check(Array.isArray(grants), 'no grants');
  return grants;
}
