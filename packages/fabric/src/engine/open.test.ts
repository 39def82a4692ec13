import { OPERATIONS, type Grant } from '@infrafabric/protocol';
import { afterEach, describe, expect, test } from 'vitest';

import { scriptedFaults, type AppendFault } from '../adapters/journal-memory/faults.ts';
import { openMemoryJournal } from '../adapters/journal-memory/journal.ts';
import { Fault } from '../fault.ts';
import { FRAME_ENTRIES_MAX, type Journal } from '../ports/journal.ts';
import { ManualClock } from './clock.ts';
import type { Principal, Reply } from './fabric.ts';
import { openFabric, type LeadingFabric } from './open.ts';
import {
  createMemoryRealm,
  memoryOptions,
  openMemoryFabric,
  type MemoryFabricOptions,
} from './open-memory.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const opened: LeadingFabric[] = [];

const start = async (
  options: MemoryFabricOptions & { readonly realm?: ReturnType<typeof createMemoryRealm> } = {},
) => {
  const { realm = createMemoryRealm(), clock = new ManualClock(), ...rest } = options;
  const fabric = await openMemoryFabric(realm, { clock, ...rest });
  opened.push(fabric);
  return { fabric, realm, clock: clock as ManualClock };
};

afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

const ok = async <T = Record<string, unknown>>(reply: Promise<Reply>): Promise<T> => {
  const settled = await reply;
  if (settled.kind !== 'ok') throw new Error(`${settled.code}: ${settled.detail}`);
  return settled.output as T;
};

const call = <T = Record<string, unknown>>(
  fabric: LeadingFabric,
  op: string,
  input: unknown,
  options: { principal?: Principal; idempotencyKey?: string; signal?: AbortSignal } = {},
): Promise<T> => ok<T>(fabric.call(op, input, { principal: OPERATOR, ...options }));

const submit = (fabric: LeadingFabric, keys: readonly string[], more: object = {}) =>
  call(fabric, 'plans.submit', {
    plan: { id: 'p', tasks: keys.map((key) => ({ key, title: key, ...more })) },
  });

const session = (fabric: LeadingFabric, more: object = {}) =>
  call<{ sessionId: string; token: string }>(fabric, 'sessions.open', { agent: 'ada', ...more });

const ticks = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('the life of a task', () => {
  test('submit, claim, complete; the log holds each once', async () => {
    const { fabric, realm } = await start();
    expect(await submit(fabric, ['a', 'b'])).toEqual({
      planId: 'p',
      tasks: 2,
      ready: 2,
      changed: true,
    });
    expect(await submit(fabric, ['a', 'b'])).toMatchObject({ changed: false });
    const { sessionId } = await session(fabric);
    const grant = await call<Grant>(fabric, 'tasks.claim', { sessionId, taskId: 'p/a' });
    expect(grant).toMatchObject({ taskId: 'p/a', fence: 1, attempt: 1, leaseMs: 30_000 });
    const again = await call<Grant>(fabric, 'tasks.claim', { sessionId, taskId: 'p/a' });
    expect(again).toEqual(grant);
    const { fencingToken } = grant;
    expect(
      await call(fabric, 'tasks.complete', { taskId: 'p/a', fencingToken, next: true }),
    ).toMatchObject({ phase: 'done', grants: [{ taskId: 'p/b', fence: 1 }] });
    expect(realm.log.head.size).toBe(5);
    expect(await call(fabric, 'realm.status', {})).toMatchObject({
      epoch: 1,
      size: 5,
      tasks: { done: 1, leased: 1 },
      sessions: { open: 1, waiting: 0 },
    });
  });

  test('every operation that is not the realm’s answers something typed to nonsense', async () => {
    const { fabric, realm } = await start();
    const { size } = realm.log.head;
    for (const { name } of OPERATIONS) {
      const reply = await fabric.call(name, { nonsense: true }, { principal: OPERATOR });
      expect(reply.kind, name).toBe('reject');
    }
    expect(await fabric.call('no.such', {}, { principal: OPERATOR })).toMatchObject({
      code: 'request.unknown_operation',
    });
    expect(realm.log.head.size).toBe(size);
  });
});

describe('E2: answers come after the disk', () => {
  test('a claim, its loser and a read wait for the batch; then all are answered', async () => {
    const gate = Promise.withResolvers<void>();
    const script: AppendFault[] = [
      ...Array.from({ length: 4 }, (): AppendFault => ({ kind: 'none' })),
      { kind: 'slow', until: gate.promise },
    ];
    const { fabric } = await start({ faults: scriptedFaults(script) });
    await submit(fabric, ['a']);
    const one = await session(fabric);
    const two = await session(fabric);
    const told: string[] = [];
    const claim = (sessionId: string) =>
      fabric.call('tasks.claim', { sessionId, taskId: 'p/a' }, { principal: OPERATOR });
    const all = [
      claim(one.sessionId).then((reply) => told.push(reply.kind)),
      claim(two.sessionId).then((reply) => told.push(reply.kind === 'ok' ? 'two' : reply.code)),
      fabric
        .call('tasks.show', { taskId: 'p/a' }, { principal: OPERATOR })
        .then(() => told.push('read')),
    ];
    await ticks();
    expect(told).toEqual([]);
    gate.resolve();
    await Promise.all(all);
    expect(told.toSorted()).toEqual(['ok', 'read', 'task.leased']);
  });

  test('commands of one turn are one frame', async () => {
    const { fabric, realm } = await start();
    await submit(
      fabric,
      Array.from({ length: 64 }, (_, i) => `t${i}`),
    );
    const sessions = await Promise.all(Array.from({ length: 64 }, () => session(fabric)));
    const before = realm.log.read(0, { bytes: 1e9, frames: 1e9 }).length;
    await Promise.all(sessions.map(({ sessionId }) => call(fabric, 'tasks.next', { sessionId })));
    expect(realm.log.read(0, { bytes: 1e9, frames: 1e9 }).length).toBe(before + 1);
  });
});

describe('E5: what became of a lost batch is settled by reading', () => {
  const lose = async (applied: 'yes' | 'no' | 'late') => {
    const script: AppendFault[] = [
      { kind: 'none' },
      { kind: 'none' },
      { kind: 'none' },
      { kind: 'unknown', applied },
    ];
    const started = await start({ faults: scriptedFaults(script) });
    await submit(started.fabric, ['a', 'b']);
    const { sessionId } = await session(started.fabric);
    const claim = (idempotencyKey: string) =>
      started.fabric.call(
        'tasks.claim',
        { sessionId, taskId: 'p/a' },
        { principal: OPERATOR, idempotencyKey },
      );
    return { ...started, claim };
  };

  test('it is in the log: the caller gets its answer', async () => {
    const { fabric, claim, realm } = await lose('yes');
    const reply = await claim('key-00000001');
    expect(reply).toMatchObject({ kind: 'ok', index: 3, output: { fence: 1 } });
    expect(await claim('key-00000001')).toEqual(reply);
    expect(realm.log.head).toMatchObject({ epoch: 2, size: 5 });
    expect(fabric.leader.phase).toBe('serving');
  });

  test('it is not: the caller is told so, and the same key commits once', async () => {
    const { claim, realm } = await lose('no');
    expect(await claim('key-00000001')).toMatchObject({ code: 'log.unavailable' });
    expect(await claim('key-00000001')).toMatchObject({ kind: 'ok', index: 4 });
    expect(realm.log.head).toMatchObject({ epoch: 2, size: 5 });
  });

  test('it was under way: the epoch entry fences it out', async () => {
    const { claim, realm } = await lose('late');
    expect(await claim('key-00000001')).toMatchObject({ code: 'log.unavailable' });
    expect(realm.log.deliverLate()).toBe(0);
    expect(await claim('key-00000001')).toMatchObject({ kind: 'ok', index: 4 });
  });

  test('it arrives before the epoch entry: the conflict is read, and the caller gets its answer', async () => {
    const opening = Promise.withResolvers<void>();
    const none: AppendFault = { kind: 'none' };
    const { fabric, realm } = await start({
      faults: scriptedFaults([
        none,
        none,
        none,
        { kind: 'unknown', applied: 'late' },
        { kind: 'slow', until: opening.promise },
      ]),
    });
    await submit(fabric, ['a']);
    const { sessionId } = await session(fabric);
    const answer = fabric.call(
      'tasks.claim',
      { sessionId, taskId: 'p/a' },
      { principal: OPERATOR },
    );
    await ticks();
    expect(realm.log.deliverLate()).toBe(1);
    opening.resolve();
    expect(await answer).toMatchObject({ kind: 'ok', index: 3 });
    expect(realm.log.head).toMatchObject({ epoch: 2, size: 5 });
  });

  test('a deposed leader learns of the other one by a conflict, and no key is answered in two ways', async () => {
    const { fabric, realm, clock } = await start();
    await submit(fabric, ['a']);
    const { sessionId } = await session(fabric);
    const { fabric: other } = await start({ realm, clock });
    const claim = (which: LeadingFabric) =>
      which.call(
        'tasks.claim',
        { sessionId, taskId: 'p/a' },
        { principal: OPERATOR, idempotencyKey: 'key-00000001' },
      );
    const first = await claim(other);
    expect(first).toMatchObject({ kind: 'ok' });
    expect(await claim(fabric)).toMatchObject({ code: 'log.unavailable' });
    expect(await claim(fabric)).toEqual(first);
    expect(realm.log.head.epoch).toBe(3);
  });
});

describe('a full disk', () => {
  test('writes are refused and reads served; it resumes by itself and nothing is lost', async () => {
    const script: AppendFault[] = [
      ...Array.from({ length: 3 }, (): AppendFault => ({ kind: 'none' })),
      { kind: 'full' },
      { kind: 'full' },
      { kind: 'full' },
    ];
    const { fabric, clock } = await start({ faults: scriptedFaults(script) });
    await submit(fabric, ['a']);
    const { sessionId } = await session(fabric);
    const claim = () =>
      fabric.call('tasks.claim', { sessionId, taskId: 'p/a' }, { principal: OPERATOR });
    expect(await claim()).toMatchObject({ code: 'log.full', retryAfterMs: 250 });
    await ticks();
    expect(fabric.leader.phase).toBe('readonly');
    expect(await call(fabric, 'realm.status', {})).toMatchObject({
      readOnly: true,
      tasks: { ready: 1 },
    });
    // Not tried again before the pause is over.
    expect(await claim()).toMatchObject({ code: 'log.full' });
    clock.advance(250);
    expect(await claim()).toMatchObject({ code: 'log.full' });
    clock.advance(250);
    expect(await claim()).toMatchObject({ kind: 'ok', output: { fence: 1 } });
    expect(await call(fabric, 'realm.status', {})).toMatchObject({ readOnly: false, epoch: 2 });
  });
});

describe('E3: nothing queues without bound', () => {
  test('a full batch behind a slow append says how long to wait, and what fitted is committed', async () => {
    const gate = Promise.withResolvers<void>();
    const none: AppendFault = { kind: 'none' };
    const { fabric, realm } = await start({
      faults: scriptedFaults([none, none, none, { kind: 'slow', until: gate.promise }]),
    });
    await submit(
      fabric,
      Array.from({ length: 3_000 }, (_, i) => `t${i}`),
    );
    const { sessionId } = await session(fabric, { leasesMax: 1_000 });
    const record = () =>
      fabric.call('witness.record', { component: 'x', operation: 'y' }, { principal: OPERATOR });
    const outstanding = record();
    await ticks();
    const many = Array.from({ length: 1_500 }, record);
    const claim = fabric.call('tasks.next', { sessionId }, { principal: OPERATOR });
    await ticks();
    gate.resolve();
    expect(await claim).toMatchObject({ code: 'fabric.overloaded', retryAfterMs: 50 });
    const kinds = (await Promise.all([outstanding, ...many])).map(({ kind }) => kind);
    const committed = kinds.filter((kind) => kind === 'ok').length;
    expect(committed).toBe(1 + FRAME_ENTRIES_MAX);
    expect(realm.log.head.size).toBe(3 + committed);
  });
});

describe('a journal that cannot be trusted', () => {
  test('a failed sync ends it: callers are told that nobody knows, and the process must end', async () => {
    const fatal: string[] = [];
    const realm = createMemoryRealm();
    const journal = openMemoryJournal({ log: realm.log });
    let failing = false;
    const append: Journal['append'] = (at, batch) =>
      failing
        ? Promise.reject(new Fault('log.fsync_failed', { transient: false, detail: 'scripted' }))
        : journal.append(at, batch);
    const fabric = await openFabric({
      ...memoryOptions(realm),
      journal: {
        durability: 'memory',
        head: () => journal.head(),
        read: (after, limit) => journal.read(after, limit),
        tail: (after, signal) => journal.tail(after, signal),
        close: () => journal.close(),
        append,
      },
      clock: new ManualClock(),
      onFatal: ({ code }) => fatal.push(code),
    });
    opened.push(fabric);
    await submit(fabric, ['a']);
    failing = true;
    const record = () =>
      fabric.call('witness.record', { component: 'x', operation: 'y' }, { principal: OPERATOR });
    expect(await record()).toMatchObject({ code: 'log.outcome_unknown' });
    expect(fatal).toEqual(['log.fsync_failed']);
    expect(await record()).toMatchObject({ code: 'log.damaged' });
    expect(fabric.ready()).toEqual({ ready: false, reasons: ['leader is dead'] });
  });
});

describe('idempotency', () => {
  test('the same key gives the first reply, across a restart; another input is refused', async () => {
    const { fabric, realm, clock } = await start();
    await submit(fabric, ['a', 'b']);
    const { sessionId } = await session(fabric, { leasesMax: 5 });
    const key = { idempotencyKey: 'key-00000001', principal: OPERATOR };
    const first = await fabric.call('tasks.claim', { sessionId, taskId: 'p/a' }, key);
    const { fencingToken } = (first as { output: Grant }).output;
    await call(fabric, 'tasks.complete', { taskId: 'p/a', fencingToken });
    expect(await fabric.call('tasks.claim', { sessionId, taskId: 'p/a' }, key)).toEqual(first);
    await fabric.close();
    opened.length = 0;
    const { fabric: later } = await start({ realm, clock });
    expect(await later.call('tasks.claim', { sessionId, taskId: 'p/a' }, key)).toEqual(first);
    expect(await later.call('tasks.claim', { sessionId, taskId: 'p/b' }, key)).toMatchObject({
      code: 'request.key_reused',
    });
    expect(await later.call('tasks.next', { sessionId }, key)).toMatchObject({
      code: 'request.key_reused',
    });
  });

  test('two calls with one key in one turn commit once', async () => {
    const { fabric, realm } = await start();
    await submit(fabric, ['a', 'b']);
    const { sessionId } = await session(fabric, { leasesMax: 5 });
    const { size } = realm.log.head;
    const next = () =>
      fabric.call(
        'tasks.next',
        { sessionId },
        { principal: OPERATOR, idempotencyKey: 'key-00000001' },
      );
    const [one, two] = await Promise.all([next(), next()]);
    expect(two).toEqual(one);
    expect(realm.log.head.size).toBe(size + 1);
  });
});

describe('C3: leases end half-open, on the monotonic clock', () => {
  const leased = async () => {
    const started = await start();
    await submit(started.fabric, ['a'], { leaseMs: 1_000 });
    const one = await session(started.fabric);
    const two = await session(started.fabric, { agent: 'bob' });
    const grant = await call<Grant>(started.fabric, 'tasks.claim', {
      sessionId: one.sessionId,
      taskId: 'p/a',
    });
    const claim = () =>
      started.fabric.call(
        'tasks.claim',
        { sessionId: two.sessionId, taskId: 'p/a' },
        { principal: OPERATOR },
      );
    return { ...started, one, two, grant, claim };
  };

  test('one ms before its end it is held; at its end it is free, without any timer', async () => {
    const { clock, claim } = await leased();
    clock.freeze(999);
    expect(await claim()).toMatchObject({ code: 'task.leased' });
    clock.freeze(1);
    expect(await claim()).toMatchObject({ kind: 'ok', output: { fence: 2, attempt: 2 } });
  });

  test('nobody asks: the timer expires it, and an idle fabric has no other timer', async () => {
    const { clock, fabric } = await leased();
    await ticks();
    expect(clock.timers).toBe(1);
    clock.advance(1_000);
    await ticks();
    expect(await call(fabric, 'tasks.show', { taskId: 'p/a' })).toMatchObject({
      phase: 'ready',
      attempts: 1,
    });
  });

  test('a renewal moves the end; a renewal at the end is too late; a late completion is stale', async () => {
    const { clock, fabric, one, grant, claim } = await leased();
    const { fencingToken, taskId } = grant;
    clock.freeze(900);
    expect(
      await call(fabric, 'tasks.renew', {
        sessionId: one.sessionId,
        leases: [{ taskId, fencingToken }],
      }),
    ).toMatchObject({ renewed: [{ taskId, leaseExpiresAt: clock.now() + 1_000 }], lost: [] });
    clock.freeze(999);
    expect(await claim()).toMatchObject({ code: 'task.leased' });
    clock.freeze(1);
    const late = { sessionId: one.sessionId, leases: [{ taskId, fencingToken }] };
    expect(await call(fabric, 'tasks.renew', late)).toMatchObject({
      renewed: [],
      lost: [{ taskId }],
    });
    expect(await call(fabric, 'tasks.show', { taskId })).toMatchObject({ phase: 'ready' });
    expect(await claim()).toMatchObject({ kind: 'ok', output: { fence: 2 } });
    expect(
      await fabric.call('tasks.complete', { taskId, fencingToken }, { principal: OPERATOR }),
    ).toMatchObject({ code: 'lease.stale', facts: { holder: { agent: 'bob' } } });
  });

  test.each([
    ['forward', 86_400_000],
    ['back', -86_400_000],
  ])('a wall clock that is set %s by a day ends no lease early and none late', async (_way, ms) => {
    const { clock, claim } = await leased();
    clock.stepWall(ms);
    expect(await claim()).toMatchObject({ code: 'task.leased' });
    clock.freeze(999);
    expect(await claim()).toMatchObject({ code: 'task.leased' });
    clock.freeze(1);
    expect(await claim()).toMatchObject({ kind: 'ok', output: { fence: 2 } });
  });

  test('after a restart every lease begins again at full length', async () => {
    const { clock, fabric, realm, two } = await leased();
    clock.freeze(900);
    await fabric.close();
    opened.length = 0;
    const { fabric: later } = await start({ realm, clock });
    const claim = () =>
      later.call(
        'tasks.claim',
        { sessionId: two.sessionId, taskId: 'p/a' },
        { principal: OPERATOR },
      );
    clock.freeze(999);
    expect(await claim()).toMatchObject({ code: 'task.leased' });
    clock.freeze(1);
    expect(await claim()).toMatchObject({ kind: 'ok' });
  });
});

describe('credentials', () => {
  test('a session acts for itself only, and not after it was revoked', async () => {
    const { fabric } = await start();
    await submit(fabric, ['a', 'b']);
    const one = await session(fabric);
    const two = await session(fabric);
    const bearer = fabric.authenticate(one.token);
    if (bearer.kind !== 'ok') throw new Error(bearer.code);
    const { principal } = bearer;
    expect(principal).toMatchObject({
      cred: 'session',
      name: 'ada',
      role: 'worker',
      session: one.sessionId,
    });
    const as = (op: string, input: unknown) => fabric.call(op, input, { principal });
    expect(await as('tasks.claim', { sessionId: two.sessionId, taskId: 'p/a' })).toMatchObject({
      code: 'auth.forbidden',
    });
    expect(await as('plans.pause', { planId: 'p' })).toMatchObject({ code: 'auth.forbidden' });
    expect(await as('realm.open', {})).toMatchObject({ code: 'auth.forbidden' });
    const { fencingToken } = await call<Grant>(fabric, 'tasks.claim', {
      sessionId: two.sessionId,
      taskId: 'p/a',
    });
    expect(await as('tasks.complete', { taskId: 'p/a', fencingToken })).toMatchObject({
      code: 'auth.forbidden',
    });
    expect(await as('tasks.claim', { sessionId: one.sessionId, taskId: 'p/b' })).toMatchObject({
      kind: 'ok',
    });
    await call(fabric, 'sessions.revoke', { sessionId: one.sessionId, reason: 'test' });
    expect(fabric.authenticate(one.token)).toMatchObject({ code: 'auth.invalid' });
  });
});
