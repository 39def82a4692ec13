import type { FeedFilter, FeedItem, Grant } from '@infrafabric/protocol';
import { afterEach, describe, expect, test } from 'vitest';

import { ManualClock } from './clock.ts';
import type { Principal, Reply } from './fabric.ts';
import { LaggingReader } from './feed.ts';
import { FEED_BUFFER_ITEMS_MAX } from './limits.ts';
import type { LeadingFabric } from './open.ts';
import { createMemoryRealm, openMemoryFabric, type MemoryFabricOptions } from './open-memory.ts';
import { scriptedFaults, type AppendFault } from '../adapters/journal-memory/faults.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const opened: LeadingFabric[] = [];

const start = async (options: MemoryFabricOptions = {}) => {
  const clock = new ManualClock();
  const realm = createMemoryRealm();
  const fabric = await openMemoryFabric(realm, { clock, ...options });
  opened.push(fabric);
  return { fabric, clock, realm };
};

afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

const call = async <T = Record<string, unknown>>(
  fabric: LeadingFabric,
  op: string,
  input: unknown,
): Promise<T> => {
  const reply = await fabric.call(op, input, { principal: OPERATOR });
  if (reply.kind !== 'ok') throw new Error(`${reply.code}: ${reply.detail}`);
  return reply.output as T;
};

const addPlan = (fabric: LeadingFabric, id: string, tasks: readonly object[]) =>
  call(fabric, 'plans.submit', {
    plan: { id, tasks: tasks.map((task, i) => ({ key: `t${i}`, title: 't', ...task })) },
  });

const session = async (fabric: LeadingFabric, more: object = {}): Promise<string> =>
  (await call<{ sessionId: string }>(fabric, 'sessions.open', { agent: 'ada', ...more })).sessionId;

const ticks = async (count = 10): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

const next = (
  fabric: LeadingFabric,
  sessionId: string,
  more: { waitMs?: number; planId?: string; signal?: AbortSignal; idempotencyKey?: string } = {},
): Promise<Reply> => {
  const { signal, idempotencyKey, ...input } = more;
  return fabric.call(
    'tasks.next',
    { sessionId, waitMs: 20_000, ...input },
    {
      principal: OPERATOR,
      ...(signal === undefined ? {} : { signal }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    },
  );
};

const nextLater = async (fabric: LeadingFabric, sessionId: string): Promise<Reply> => {
  await ticks(1);
  return next(fabric, sessionId);
};

const grantsOf = (reply: Reply): readonly string[] => {
  if (reply.kind !== 'ok') throw new Error(reply.code);
  return (reply.output as { grants: Grant[] }).grants.map(({ taskId }) => taskId);
};

describe('claim tickets', () => {
  test('K1: work that comes is granted to who waits, leased before anybody is woken', async () => {
    const { fabric } = await start();
    const sessionId = await session(fabric);
    const waiting = next(fabric, sessionId);
    await ticks();
    expect(fabric.figures().tickets).toBe(1);
    expect(await call(fabric, 'realm.status', {})).toMatchObject({ sessions: { waiting: 1 } });
    await addPlan(fabric, 'p', [{}]);
    expect(grantsOf(await waiting)).toEqual(['p/t0']);
    expect(await call(fabric, 'tasks.show', { taskId: 'p/t0' })).toMatchObject({
      holder: { sessionId },
    });
    expect(fabric.figures().tickets).toBe(0);
  });

  test('K1: no wake-up is lost, whichever comes first in one turn', async () => {
    const { fabric } = await start();
    const sessions = await Promise.all(Array.from({ length: 50 }, () => session(fabric)));
    const waits = sessions.map((sessionId, i) =>
      i % 2 === 0 ? next(fabric, sessionId) : nextLater(fabric, sessionId),
    );
    const plans = Array.from({ length: 50 }, (_, i) => addPlan(fabric, `p${i}`, [{}]));
    const granted = (await Promise.all(waits)).flatMap(grantsOf);
    await Promise.all(plans);
    expect(new Set(granted).size).toBe(50);
  });

  test('K2: the oldest ticket is first, and tickets of other capabilities are passed over', async () => {
    const { fabric } = await start();
    const order: string[] = [];
    const wait = async (name: string, more: object, planId?: string) => {
      const sessionId = await session(fabric, more);
      void next(fabric, sessionId, planId === undefined ? {} : { planId }).then((reply) => {
        // What still waits when the test ends is told that the fabric stops.
        order.push(reply.kind === 'ok' ? `${name} ${grantsOf(reply).join()}` : reply.code);
      });
      await ticks(3);
    };
    await addPlan(fabric, 'other', []);
    await wait('rust', { capabilities: ['lang:rust'] });
    await wait('first', {});
    await wait('elsewhere', {}, 'other');
    await wait('second', {});
    await addPlan(fabric, 'p', [{}]);
    await ticks();
    expect(order).toEqual(['rust p/t0']);
    await addPlan(fabric, 'q', [{ needs: ['lang:go'] }, {}]);
    await ticks();
    expect(order).toEqual(['rust p/t0', 'first q/t1']);
    await addPlan(fabric, 'r', [{}]);
    await ticks();
    expect(order.at(-1)).toBe('second r/t0');
  });

  test('K1: help that one who waits may not have goes to the next of the same capabilities', async () => {
    const { fabric } = await start();
    const capabilities = ['integration:sip'];
    const agents = ['ada', 'ada', 'bob', 'cyd'];
    const [raiser = '', sibling = '', bob = '', cyd = ''] = await Promise.all(
      agents.map((agent) => session(fabric, { agent, capabilities })),
    );
    await addPlan(fabric, 'p', [{}]);
    const { fencingToken } = await call<Grant>(fabric, 'tasks.claim', {
      sessionId: raiser,
      taskId: 'p/t0',
    });
    next(fabric, sibling).catch(() => undefined);
    const helping = next(fabric, bob);
    await ticks();
    const blocked = { taskId: 'p/t0', fencingToken, kind: 'integration', title: 'the bridge' };
    await call(fabric, 'blockers.raise', { ...blocked, needs: capabilities });
    const reply = await helping;
    const grants = reply.kind === 'ok' ? (reply.output as { grants: Grant[] }).grants : [];
    const waiting = next(fabric, cyd);
    await ticks();
    // It comes free again while its raiser's sibling has waited longest.
    const { taskId, fencingToken: token } = grants[0] ?? { taskId: '', fencingToken: '' };
    await call(fabric, 'tasks.release', { taskId, fencingToken: token });
    await ticks();
    expect(grantsOf(await waiting)).toEqual([taskId]);
  });

  test('a wait ends with nothing when its time is up, and its ticket is gone', async () => {
    const { fabric, clock } = await start();
    const sessionId = await session(fabric);
    const waiting = next(fabric, sessionId, { waitMs: 5_000 });
    await ticks();
    clock.advance(4_999);
    expect(fabric.figures().tickets).toBe(1);
    clock.advance(1);
    expect(grantsOf(await waiting)).toEqual([]);
    expect(fabric.figures().tickets).toBe(0);
    await addPlan(fabric, 'p', [{}]);
    expect(await call(fabric, 'tasks.show', { taskId: 'p/t0' })).toMatchObject({ phase: 'ready' });
  });

  test('an aborted wait holds nothing; one whose lease was decided leaves it to a retry with its key', async () => {
    const gate = Promise.withResolvers<void>();
    const none: AppendFault = { kind: 'none' };
    const { fabric } = await start({
      faults: scriptedFaults([none, none, { kind: 'slow', until: gate.promise }]),
    });
    const sessionId = await session(fabric);
    const early = new AbortController();
    const first = next(fabric, sessionId, { signal: early.signal });
    await ticks();
    early.abort();
    expect(grantsOf(await first)).toEqual([]);
    const late = new AbortController();
    const second = next(fabric, sessionId, { signal: late.signal, idempotencyKey: 'key-00000001' });
    await ticks();
    const plan = addPlan(fabric, 'p', [{}]);
    await ticks();
    late.abort();
    gate.resolve();
    await plan;
    expect(grantsOf(await second)).toEqual(['p/t0']);
    expect(await next(fabric, sessionId, { idempotencyKey: 'key-00000001' })).toEqual(await second);
  });

  test('a session that ends takes its tickets with it', async () => {
    const { fabric } = await start();
    const sessionId = await session(fabric);
    const waiting = next(fabric, sessionId);
    await ticks();
    await call(fabric, 'sessions.close', { sessionId });
    await addPlan(fabric, 'p', [{}]);
    expect(await waiting).toMatchObject({ code: 'session.ended' });
  });

  test('a standing ticket is pushed to again while its session has room', async () => {
    const { fabric } = await start();
    const sessionId = await session(fabric, { leasesMax: 2 });
    const pushed: Grant[] = [];
    const cancel = fabric.wait(sessionId, {}, (grants) => pushed.push(...grants));
    await addPlan(fabric, 'p', [{}, {}, {}, {}]);
    await ticks();
    expect(pushed.map(({ taskId }) => taskId)).toEqual(['p/t0', 'p/t1']);
    const [{ taskId, fencingToken } = { taskId: '', fencingToken: '' }] = pushed;
    await call(fabric, 'tasks.complete', { taskId, fencingToken });
    await ticks();
    expect(pushed.map((grant) => grant.taskId)).toEqual(['p/t0', 'p/t1', 'p/t2']);
    cancel();
    await call(fabric, 'tasks.complete', { taskId: 'p/t1', fencingToken: pushed[1]?.fencingToken });
    await ticks();
    expect(pushed).toHaveLength(3);
    expect(fabric.figures().tickets).toBe(0);
  });

  test.each([
    ['tasks.cancel', { taskId: 'p/t0', reason: 'not wanted' }],
    ['tasks.park', { taskId: 'p/t0', reason: 'not now' }],
    ['plans.cancel', { planId: 'p', reason: 'not wanted' }],
  ])('K1: a session whose only lease ends by %s is given the work that waits', async (op, args) => {
    const { fabric } = await start();
    const sessionId = await session(fabric, { leasesMax: 1 });
    const pushed: Grant[] = [];
    fabric.wait(sessionId, {}, (grants) => pushed.push(...grants));
    await addPlan(fabric, 'p', [{}]);
    await addPlan(fabric, 'q', [{}]);
    await ticks();
    expect(pushed.map(({ taskId }) => taskId)).toEqual(['p/t0']);
    await call(fabric, op, args);
    await ticks();
    expect(pushed.map(({ taskId }) => taskId)).toEqual(['p/t0', 'q/t0']);
  });

  test('K1: much work that comes at once is given out to many who wait, each task once', async () => {
    const { fabric } = await start();
    const sessions = await Promise.all(Array.from({ length: 60 }, () => session(fabric)));
    const gate = { needs: ['bench:nobody'] };
    await addPlan(fabric, 'p', [gate]);
    const waits = sessions.map((sessionId, i) =>
      next(fabric, sessionId, i % 3 === 0 ? { planId: 'p' } : {}),
    );
    const add = Array.from({ length: 60 }, (_, i) => ({ key: `more${i}`, title: 't' }));
    await call(fabric, 'plans.edit', { planId: 'p', add });
    const granted = (await Promise.all(waits)).flatMap(grantsOf);
    expect(new Set(granted).size).toBe(60);
  });

  test('tickets outlive a rebuild of the leader’s memory', async () => {
    const none: AppendFault = { kind: 'none' };
    const { fabric } = await start({
      faults: scriptedFaults([none, none, { kind: 'unknown', applied: 'no' }]),
    });
    const sessionId = await session(fabric);
    const waiting = next(fabric, sessionId);
    await ticks();
    await expect(addPlan(fabric, 'p', [{}])).rejects.toThrow('log.unavailable');
    await addPlan(fabric, 'p', [{}]);
    expect(grantsOf(await waiting)).toEqual(['p/t0']);
    expect(fabric.leader.phase).toBe('serving');
  });
});

describe('the feed', () => {
  const collect = (fabric: LeadingFabric, filter: FeedFilter, count: number) => {
    const stop = new AbortController();
    const items: FeedItem[] = [];
    const done = (async () => {
      for await (const item of fabric.feed(filter, stop.signal)) {
        items.push(item);
        if (items.length === count) return items;
      }
      return items;
    })();
    return { items, done, stop };
  };

  test('from a cursor it gives the past and then what happens, each event once, in order', async () => {
    const { fabric } = await start();
    await addPlan(fabric, 'p', [{}, {}]);
    const feed = collect(fabric, { after: '0' }, 4);
    const sessionId = await session(fabric);
    await call(fabric, 'tasks.next', { sessionId, count: 1 });
    await addPlan(fabric, 'q', [{}]);
    const items = await feed.done;
    expect(items.map(({ type, cursor }) => `${cursor} ${type}`)).toEqual([
      '1.0 plan.submitted',
      '2.0 session.opened',
      '3.0 task.leased',
      '4.0 plan.submitted',
    ]);
  });

  test('without a cursor it begins with the next event; filters keep what they name', async () => {
    const { fabric } = await start();
    await addPlan(fabric, 'p', [{}]);
    const live = collect(fabric, { planId: 'p' }, 1);
    const typed = collect(fabric, { types: ['session.opened'] }, 1);
    await ticks();
    const sessionId = await session(fabric);
    await call(fabric, 'tasks.next', { sessionId });
    expect((await live.done).map(({ type }) => type)).toEqual(['task.leased']);
    expect((await typed.done).map(({ event }) => event['sessionId'])).toEqual([sessionId]);
  });

  test('race-free: readers that start and resume at any moment miss nothing and see nothing twice', async () => {
    const { fabric, realm } = await start();
    await addPlan(
      fabric,
      'p',
      Array.from({ length: 300 }, () => ({})),
    );
    const sessionId = await session(fabric, { leasesMax: 1_000 });
    const writer = (async () => {
      for (let i = 0; i < 300; i += 1) {
        await call(fabric, 'tasks.next', { sessionId });
      }
    })();
    // Each reader stops after a few items and resumes from its cursor, until it has seen them all.
    const reader = async (step: number): Promise<string[]> => {
      const seen: string[] = [];
      let after = '2';
      while (seen.length < 300) {
        const { done, stop } = collect(fabric, { after }, Math.min(step, 300 - seen.length));
        const items = await done;
        stop.abort();
        seen.push(...items.map(({ cursor }) => cursor));
        after = seen.at(-1) ?? after;
        if (step % 2 === 0) await ticks(1);
      }
      return seen;
    };
    const expected = Array.from({ length: 300 }, (_, i) => `${i + 3}.0`);
    const all = await Promise.all([1, 2, 3, 7, 10, 300].map(reader));
    await writer;
    for (const seen of all) expect(seen).toEqual(expected);
    expect(realm.log.head.size).toBe(303);
  });

  test('a cursor inside an entry goes on with the entry’s next event', async () => {
    const { fabric } = await start();
    await addPlan(fabric, 'p', [{}, {}, {}]);
    const sessionId = await session(fabric, { leasesMax: 3 });
    await call(fabric, 'tasks.next', { sessionId, count: 3 });
    const { done } = collect(fabric, { after: '3.0' }, 2);
    expect((await done).map(({ cursor }) => cursor)).toEqual(['3.1', '3.2']);
  });

  test('a slow reader is dropped with the cursor of the last item that it got, and resumes there', async () => {
    const { fabric } = await start();
    await addPlan(
      fabric,
      'p',
      Array.from({ length: FEED_BUFFER_ITEMS_MAX + 200 }, () => ({})),
    );
    const sessionId = await session(fabric, { leasesMax: 1_000 });
    const stop = new AbortController();
    const items = fabric.feed({ types: ['task.leased', 'task.released'] }, stop.signal);
    const feed = items[Symbol.asyncIterator]();
    const first = feed.next();
    await ticks();
    for (let i = 0; i < 30; i += 1) {
      const { grants } = await call<{ grants: Grant[] }>(fabric, 'tasks.next', {
        sessionId,
        count: 100,
      });
      await Promise.all(
        grants.map(({ taskId, fencingToken }) =>
          call(fabric, 'tasks.release', { taskId, fencingToken }),
        ),
      );
    }
    let last = (await first).value as FeedItem;
    let seen = 1;
    const drained = (async () => {
      for (;;) {
        const step = await feed.next();
        if (step.done === true) return;
        last = step.value;
        seen += 1;
      }
    })();
    const dropped = await drained.catch((cause: unknown) => cause);
    expect(dropped).toBeInstanceOf(LaggingReader);
    expect((dropped as LaggingReader).cursor).toBe(last.cursor);
    expect(seen).toBeLessThan(6_000);
    const { done } = collect(fabric, { after: last.cursor }, 6_000 - seen);
    expect(await done).toHaveLength(6_000 - seen);
    expect(fabric.figures().feedReaders).toBe(0);
  });

  test('across a lost batch that is in the log after all, live readers see every event in order', async () => {
    const none: AppendFault = { kind: 'none' };
    const { fabric } = await start({
      faults: scriptedFaults([none, none, { kind: 'unknown', applied: 'yes' }]),
    });
    const { done } = collect(fabric, {}, 4);
    await ticks();
    await addPlan(fabric, 'p', [{}]);
    await addPlan(fabric, 'q', [{}]);
    await addPlan(fabric, 'r', [{}]);
    expect((await done).map(({ cursor, type }) => `${cursor} ${type}`)).toEqual([
      '1.0 plan.submitted',
      '2.0 plan.submitted',
      '3.0 realm.opened',
      '4.0 plan.submitted',
    ]);
  });

  test('it ends when its reader aborts and when the fabric closes', async () => {
    const { fabric } = await start();
    const one = collect(fabric, {}, 1);
    const two = collect(fabric, {}, 1);
    await ticks();
    one.stop.abort();
    expect(await one.done).toEqual([]);
    await fabric.close();
    expect(await two.done).toEqual([]);
  });
});
