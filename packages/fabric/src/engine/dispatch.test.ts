import { SESSION_IDLE_MS, SESSION_TOKEN_MS, type Grant } from '@infrafabric/protocol';
import { afterEach, describe, expect, test } from 'vitest';

import { scriptedFaults } from '../adapters/journal-memory/faults.ts';
import { ManualClock } from './clock.ts';
import type { Principal, Reply } from './fabric.ts';
import { createMemoryRealm, openMemoryFabric, type MemoryFabricOptions } from './open-memory.ts';
import type { LeadingFabric } from './open.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const opened: LeadingFabric[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

async function start(options: MemoryFabricOptions = {}) {
  const clock = new ManualClock();
  const fabric = await openMemoryFabric(createMemoryRealm(), { clock, ...options });
  opened.push(fabric);
  const reply = (op: string, input: unknown, more: object = {}): Promise<Reply> =>
    fabric.call(op, input, { principal: OPERATOR, ...more });
  const call = async <T = Record<string, unknown>>(op: string, input: unknown): Promise<T> => {
    const settled = await reply(op, input);
    if (settled.kind !== 'ok') throw new Error(`${op}: ${settled.code}: ${settled.detail}`);
    return settled.output as T;
  };
  const submit = (...keys: readonly string[]) =>
    call('plans.submit', {
      plan: { id: 'p', tasks: keys.map((key) => ({ key, title: key })) },
    });
  const session = (more: object = {}) =>
    call<{ sessionId: string; token: string }>('sessions.open', { agent: 'ada', ...more });
  return { fabric, clock, reply, call, submit, session };
}

const ticks = async (count = 10): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('a refusal before anything is decided', () => {
  test('a credential of no session says so when it acts for one', async () => {
    const { fabric, session } = await start();
    const { sessionId } = await session();
    const principal: Principal = { cred: 'session', name: 'ada', role: 'worker' };
    const answer = await fabric.call('tasks.next', { sessionId }, { principal });
    expect(answer).toMatchObject({
      code: 'auth.forbidden',
      detail: `This credential belongs to session ?, not to ${sessionId}.`,
    });
  });

  test('a forged fencing token ends the call before the leader sees it', async () => {
    const { reply, submit } = await start();
    await submit('a');
    const forged = { taskId: 'p/a', fencingToken: 'f'.repeat(40) };
    expect(await reply('tasks.complete', forged)).toMatchObject({ code: 'lease.forged' });
  });

  test('what has no canonical form is the caller’s mistake', async () => {
    const { reply } = await start();
    const params = { text: '\ud800' };
    const record = { component: 'x', operation: 'y', params };
    expect(await reply('witness.record', record)).toMatchObject({ code: 'request.invalid' });
  });

  test('more issues than an answer lists are counted', async () => {
    const { reply } = await start();
    const tasks = Array.from({ length: 50 }, () => ({ key: '' }));
    const answer = await reply('plans.submit', { plan: { id: 'p', tasks } });
    expect(answer).toMatchObject({ code: 'request.invalid' });
    expect(answer.kind === 'reject' && answer.detail).toMatch(/\(and \d+ more\)\.$/u);
    expect(await reply('plans.submit', 5)).toMatchObject({
      detail: expect.stringContaining('the request: '),
    });
  });
});

describe('a fabric that has closed', () => {
  test('refuses credentials, reads, writes and waits with one reason', async () => {
    const { fabric, reply, session } = await start();
    const { sessionId, token } = await session();
    await fabric.close();
    const why: unknown[] = [];
    const take = fabric.wait(
      sessionId,
      {},
      () => undefined,
      ({ code }) => why.push(code),
    );
    take();
    const known = fabric.authenticate(token);
    const replies = await Promise.all([
      reply('realm.status', {}),
      reply('tasks.next', { sessionId }),
      reply('sessions.heartbeat', { sessionId }),
    ]);
    const codes = [...replies, known].map((one) => (one.kind === 'reject' ? one.code : 'ok'));
    expect(new Set([...codes, ...why])).toEqual(new Set(['fabric.stopping']));
    expect(why).toHaveLength(1);
  });
});

describe('somebody who was authenticated is asked about again', () => {
  const bearing = async (options: MemoryFabricOptions = {}) => {
    const started = await start(options);
    const { sessionId, token } = await started.session();
    const known = started.fabric.authenticate(token);
    if (known.kind === 'reject') throw new Error(known.detail);
    return { ...started, sessionId, token, principal: known.principal };
  };

  test('and is who he was while the session is open and the token in time', async () => {
    const { fabric, clock, principal } = await bearing();
    expect(fabric.recheck(principal)).toEqual({ kind: 'ok', principal });
    clock.advance(60_000);
    expect(fabric.recheck(principal)).toEqual({ kind: 'ok', principal });
  });

  test('an operator always is, also when everything else has expired', async () => {
    const { fabric, clock } = await bearing();
    clock.advance(SESSION_TOKEN_MS * 2);
    expect(fabric.recheck(OPERATOR)).toEqual({ kind: 'ok', principal: OPERATOR });
  });

  test('a token ends at its instant, though its session lives on', async () => {
    const { fabric, clock, call, sessionId, principal } = await bearing();
    const stepMs = SESSION_IDLE_MS / 2;
    for (let at = 0; at < SESSION_TOKEN_MS - stepMs; at += stepMs) {
      clock.advance(stepMs);
      await call('sessions.heartbeat', { sessionId });
    }
    clock.advance((principal.expiresAt ?? 0) - clock.now() - 1);
    expect(fabric.recheck(principal)).toMatchObject({ kind: 'ok' });
    clock.advance(1);
    expect(fabric.recheck(principal)).toMatchObject({ code: 'auth.expired' });
    await expect(call('sessions.heartbeat', { sessionId })).resolves.toBeDefined();
  });

  test.each(['sessions.close', 'sessions.revoke'])(
    'a session that ended by %s is nobody’s, though its token is in time',
    async (op) => {
      const { fabric, call, sessionId, principal } = await bearing();
      await call(op, { sessionId, reason: 'enough' });
      expect(fabric.recheck(principal)).toMatchObject({ code: 'auth.invalid' });
    },
  );

  test('a session that the realm does not know is refused', async () => {
    const { fabric, principal } = await bearing();
    const other = (await bearing()).principal;
    expect(other.session).not.toBe(principal.session);
    expect(fabric.recheck(other)).toMatchObject({ code: 'auth.invalid' });
  });

  test('a leader that rebuilds cannot say, so what was proved stays proved, but not beyond its time', async () => {
    const gate = Promise.withResolvers<void>();
    const { fabric, clock, call, reply, sessionId, token, principal } = await bearing({
      // The realm, the session, a batch of unknown outcome, and the epoch after it.
      faults: scriptedFaults([
        { kind: 'none' },
        { kind: 'none' },
        { kind: 'unknown', applied: 'yes' },
        { kind: 'slow', until: gate.promise },
      ]),
    });
    const closed = reply('sessions.close', { sessionId, reason: 'done' });
    await ticks();
    expect(fabric.leader.phase).toBe('recovering');
    expect(fabric.authenticate(token)).toMatchObject({ code: 'fabric.starting' });
    expect(fabric.recheck(principal)).toEqual({ kind: 'ok', principal });
    const late = { ...principal, expiresAt: clock.now() };
    expect(fabric.recheck(late)).toMatchObject({ code: 'auth.expired' });
    gate.resolve();
    expect(await closed).toMatchObject({ kind: 'ok' });
    expect(fabric.recheck(principal)).toMatchObject({ code: 'auth.invalid' });
    await expect(call('realm.status', {})).resolves.toBeDefined();
  });
});

describe('standing tickets', () => {
  test('of no session end at once', async () => {
    const { fabric } = await start();
    const why: unknown[] = [];
    fabric.wait(
      'ses_none',
      {},
      () => undefined,
      ({ code }) => why.push(code),
    );
    expect(why).toEqual(['session.not_found']);
  });

  test('carry what was asked for into each grant', async () => {
    const { fabric, call, session, clock } = await start();
    const { sessionId } = await session({ leasesMax: 5 });
    const granted: Grant[] = [];
    for (const id of ['p', 'q']) {
      const tasks = ['a', 'b'].map((key) => ({ key, title: key }));
      await call('plans.submit', { plan: { id, tasks } });
    }
    fabric.wait(sessionId, { count: 2, planId: 'q', leaseMs: 7_000 }, (grants) =>
      granted.push(...grants),
    );
    await ticks();
    expect(granted.map(({ taskId }) => taskId).toSorted()).toEqual(['q/a', 'q/b']);
    expect(granted.map(({ leaseExpiresAt }) => leaseExpiresAt)).toEqual(
      Array.from({ length: 2 }, () => clock.now() + 7_000),
    );
  });
});

describe('a wait', () => {
  test('that is cut before it began, or that nothing came to, answers without a lease', async () => {
    const { reply, session, clock } = await start();
    const { sessionId } = await session();
    const wait = { sessionId, waitMs: 1_000 };
    const none = { kind: 'ok', output: { grants: [] } };
    expect(await reply('tasks.next', wait, { signal: AbortSignal.abort() })).toEqual(none);
    const stop = new AbortController();
    const cut = reply('tasks.next', wait, { signal: stop.signal });
    const timed = reply('tasks.next', wait);
    await ticks();
    expect(clock.timers).toBeGreaterThan(0);
    stop.abort();
    expect(await cut).toEqual(none);
    clock.advance(1_000);
    expect(await timed).toEqual(none);
  });
});

describe('renewals and signs of life', () => {
  test('a renewal names leases by tokens, or means all; what is not the session’s is lost', async () => {
    const { call, reply, submit, session, clock } = await start();
    await submit('a', 'b');
    const one = await session({ leasesMax: 2 });
    const two = await session();
    const claim = (sessionId: string, taskId: string) =>
      call<Grant>('tasks.claim', { sessionId, taskId });
    const a = await claim(one.sessionId, 'p/a');
    const b = await claim(two.sessionId, 'p/b');
    clock.advance(10_000);
    const named = (grant: Grant) => ({ taskId: grant.taskId, fencingToken: grant.fencingToken });
    const { sessionId } = one;
    const until = clock.now() + 30_000;
    expect(await call('tasks.renew', { sessionId })).toEqual({
      renewed: [{ taskId: 'p/a', leaseExpiresAt: until }],
      lost: [],
    });
    expect(await call('tasks.renew', { sessionId, leases: [named(b)] })).toEqual({
      renewed: [],
      lost: [
        {
          taskId: 'p/b',
          detail: `The fencing token is of session ${two.sessionId}, not of ${sessionId}.`,
        },
      ],
    });
    await call('tasks.release', named(a));
    expect(await call('tasks.renew', { sessionId, leases: [named(a)] })).toMatchObject({
      renewed: [],
      lost: [{ taskId: 'p/a' }],
    });
    const forged = { sessionId, leases: [{ ...named(a), taskId: 'p/b' }] };
    expect(await reply('tasks.renew', forged)).toMatchObject({ code: 'lease.forged' });
  });

  test('of a session that is not there or has ended are refused', async () => {
    const { call, reply, session } = await start();
    const { sessionId } = await session();
    const nobody = { sessionId: sessionId.replace(/.{4}$/u, '0000') };
    await call('sessions.revoke', { sessionId, reason: 'test' });
    for (const op of ['tasks.renew', 'sessions.heartbeat']) {
      expect(await reply(op, nobody)).toMatchObject({ code: 'session.not_found' });
      expect(await reply(op, { sessionId })).toMatchObject({ code: 'session.ended' });
    }
  });

  test('past half of its life a session’s token is replaced by one that works', async () => {
    const { fabric, call, session, clock } = await start();
    const { sessionId, token } = await session();
    const heartbeat = async () => {
      const known = fabric.authenticate(token);
      if (known.kind !== 'ok') throw new Error(known.code);
      const { principal } = known;
      const reply = await fabric.call('sessions.heartbeat', { sessionId }, { principal });
      if (reply.kind !== 'ok') throw new Error(reply.code);
      return reply.output as { token?: string; tokenExpiresAt?: number };
    };
    expect((await heartbeat()).token).toBeUndefined();
    // In steps: a session that is silent for long is closed.
    for (let left = SESSION_TOKEN_MS / 2; left > 0; left -= SESSION_IDLE_MS / 2) {
      clock.advance(Math.min(left, SESSION_IDLE_MS / 2) - 1);
      expect((await heartbeat()).token).toBeUndefined();
    }
    clock.advance(SESSION_IDLE_MS / 2);
    const { token: fresh } = await heartbeat();
    expect(fabric.authenticate(fresh)).toMatchObject({
      kind: 'ok',
      principal: { session: sessionId },
    });
    expect(await call('sessions.list', { status: 'open' })).toMatchObject({
      sessions: [{ sessionId }],
    });
  });
});

describe('an idempotency key', () => {
  test('gives the first reply of every operation again, and what it held then', async () => {
    const { call, reply, session, submit } = await start();
    await submit('a', 'b', 'c', 'd');
    const one = await session({ leasesMax: 4 });
    const { sessionId } = one;
    let keys = 0;
    const twice = async (op: string, input: object): Promise<Record<string, unknown>> => {
      keys += 1;
      const more = { idempotencyKey: `key-${String(keys).padStart(8, '0')}` };
      const first = await reply(op, input, more);
      expect(first, op).toMatchObject({ kind: 'ok' });
      expect(await reply(op, input, more), op).toEqual(first);
      return first.kind === 'ok' ? (first.output as Record<string, unknown>) : {};
    };
    const claim = async (taskId: string) => {
      const { fencingToken } = await twice('tasks.claim', { sessionId, taskId });
      return { taskId, fencingToken };
    };
    await twice('tasks.progress', { ...(await claim('p/a')), note: 'half' });
    const held = await claim('p/b');
    const stuck = { ...held, kind: 'other', title: 'stuck' };
    const { blockerId } = await twice('blockers.raise', stuck);
    const helper = await session();
    await twice('blockers.join', { sessionId: helper.sessionId, blockerId });
    await twice('blockers.resolve', { blockerId, resolution: 'there' });
    await twice('tasks.release', held);
    await twice('tasks.park', { taskId: 'p/d', reason: 'later' });
    await twice('tasks.unpark', { taskId: 'p/d' });
    await twice('plans.edit', { planId: 'p', add: [{ key: 'e', title: 'e' }] });
    await twice('tasks.next', { sessionId, count: 2 });
    await twice('plans.pause', { planId: 'p' });
    await twice('plans.resume', { planId: 'p' });
    await twice('sessions.close', { sessionId });
    await twice('plans.cancel', { planId: 'p', reason: 'over' });
    expect(await call('sessions.list', { status: 'open' })).toMatchObject({
      sessions: [{ sessionId: helper.sessionId }],
    });
  });
});

describe('the feed’s filter', () => {
  test('takes what is of its plan, task, session and types, and nothing else', async () => {
    const { fabric, call, session } = await start();
    for (const id of ['p', 'q']) {
      await call('plans.submit', { plan: { id, tasks: [{ key: 'a', title: 'a' }] } });
    }
    const { sessionId } = await session({ leasesMax: 2 });
    for (const taskId of ['p/a', 'q/a']) await call('tasks.claim', { sessionId, taskId });
    await call('sessions.revoke', { sessionId, reason: 'test' });
    const seen = async (filter: object): Promise<readonly string[]> => {
      const stop = new AbortController();
      const types: string[] = [];
      const reading = (async () => {
        for await (const { type, event } of fabric.feed({ after: '0.0', ...filter }, stop.signal)) {
          const about = event['taskId'] ?? event['planId'];
          types.push(typeof about === 'string' ? `${type} ${about}` : type);
        }
      })();
      await ticks();
      stop.abort();
      await reading;
      return types;
    };
    expect(await seen({ planId: 'q' })).toEqual(['plan.submitted q', 'task.leased q/a']);
    expect(await seen({ taskId: 'p/a' })).toEqual(['task.leased p/a']);
    expect(await seen({ types: ['session.opened'] })).toEqual(['session.opened']);
    expect(await seen({ sessionId })).toEqual([
      'session.opened',
      'task.leased p/a',
      'task.leased q/a',
      'session.closed',
    ]);
  });
});

describe('what only the engine knows goes into the call', () => {
  const SIP = 'integration:sip';
  const CONDITION = {
    id: 'no-dear-swarms',
    effect: 'forbid',
    on: ['task.claim'],
    when: 'swarm.costPerHourMicroUsd > 1000000',
    reason: 'Too dear.',
    tests: [
      { given: { swarm: { costPerHourMicroUsd: 2_000_000 } }, expect: 'forbids' },
      { given: {}, expect: 'none' },
    ],
  };

  /** Ada holds p/a; bob can help and waits for work. */
  const besideBob = async (options: MemoryFabricOptions = {}) => {
    const started = await start(options);
    await started.submit('a', 'b');
    const ada = await started.session();
    const { fencingToken } = await started.call<Grant>('tasks.claim', {
      sessionId: ada.sessionId,
      taskId: 'p/a',
    });
    const bob = await started.session({ agent: 'bob', capabilities: [SIP], leasesMax: 3 });
    const stuck = {
      taskId: 'p/a',
      fencingToken,
      kind: 'capability',
      title: 'stuck',
      needs: [SIP],
    };
    return { ...started, ada, bob, stuck };
  };
  const argsOf = async (fabric: LeadingFabric, type: string): Promise<object> => {
    const stop = new AbortController();
    for await (const item of fabric.feed({ after: '0.0', types: [type] }, stop.signal)) {
      stop.abort();
      return item.event;
    }
    throw new Error(`no ${type}`);
  };

  test('a blocker names the sessions that wait, and a busy one is not among them', async () => {
    const { fabric, call, bob, stuck } = await besideBob();
    const told: string[] = [];
    await call('plans.pause', { planId: 'p' });
    fabric.wait(bob.sessionId, {}, (grants) => told.push(...grants.map(({ taskId }) => taskId)));
    await ticks();
    await call('plans.resume', { planId: 'p' });
    await ticks();
    expect(told).toEqual(['p/b']);
    const { helpers } = await call<{ helpers: { sessionId: string }[] }>('blockers.raise', stuck);
    expect(helpers).toMatchObject([{ sessionId: bob.sessionId, agent: 'bob', needs: [SIP] }]);
    await ticks();
    expect(told).toHaveLength(2);
  });

  test('the caller cannot name them', async () => {
    const { reply, bob, stuck } = await besideBob();
    const answer = await reply('blockers.raise', { ...stuck, waiting: [bob.sessionId] });
    expect(answer).toMatchObject({ code: 'request.invalid' });
  });

  test('a key gives the blocker again, though others wait by then than did at first', async () => {
    const { fabric, reply, bob, stuck } = await besideBob();
    const more = { idempotencyKey: 'key-blocker-1' };
    const first = await reply('blockers.raise', stuck, more);
    expect(first).toMatchObject({ kind: 'ok', output: { helpers: [] } });
    fabric.wait(bob.sessionId, {}, () => undefined);
    await ticks();
    expect(await reply('blockers.raise', stuck, more)).toMatchObject({
      kind: 'ok',
      output: {
        blockerId: first.kind === 'ok' && (first.output as { blockerId: string }).blockerId,
      },
      index: first.kind === 'ok' ? first.index : 0,
    });
    expect(await reply('blockers.raise', { ...stuck, title: 'other' }, more)).toMatchObject({
      code: 'request.key_reused',
    });
  });

  test('a policy is journaled under the digest of what it says, however it is written', async () => {
    const { fabric, call } = await start();
    const policy = { format: 'ifab-policy/1', resource: {}, governs: [], rules: [CONDITION] };
    const first = await call('policies.set', { policy });
    expect(first).toMatchObject({ rules: 1, changed: true });
    expect(first['digest']).toMatch(/^sha256:[0-9a-f]{64}$/u);
    const turned = Object.fromEntries(Object.entries(policy).toReversed());
    expect(await call('policies.set', { policy: turned })).toEqual({ ...first, changed: false });
    expect(await argsOf(fabric, 'policy.set')).toMatchObject({ digest: first['digest'] });
    expect(await call('policies.show', {})).toMatchObject({ digest: first['digest'] });
    const other = { ...policy, resource: { failureThreshold: 4 } };
    expect((await call('policies.set', { policy: other }))['digest']).not.toBe(first['digest']);
  });

  test.each([
    [
      'budget.exceeded',
      (call: Awaited<ReturnType<typeof start>>['call']) =>
        call('budgets.set', { account: 'plan:p', limitMicroUsd: 0 }),
    ],
    [
      'policy.denied',
      (call: Awaited<ReturnType<typeof start>>['call']) =>
        call('policies.set', {
          policy: { format: 'ifab-policy/1', resource: {}, governs: ['task.claim'], rules: [] },
        }),
    ],
  ] as const)(
    'a claim that was refused for %s is refused again under its key, whatever holds by then',
    async (code, refuse) => {
      const { call, reply, session, fabric } = await start();
      const tasks = [{ key: 'a', title: 'a', budget: { limitMicroUsd: 1 } }];
      await call('plans.submit', { plan: { id: 'p', tasks } });
      const { sessionId } = await session();
      await refuse(call);
      const claim = { sessionId, taskId: 'p/a' };
      const more = { idempotencyKey: 'key-claim-0001' };
      const first = await reply('tasks.claim', claim, more);
      expect(first).toMatchObject({ kind: 'reject', code });
      expect(await argsOf(fabric, 'claim.refused')).toMatchObject({ code, sessionId });
      await call('budgets.set', { account: 'plan:p', limitMicroUsd: 5 });
      await call('policies.set', { policy: { format: 'ifab-policy/1', resource: {}, rules: [] } });
      const again = await reply('tasks.claim', claim, more);
      expect(again).toMatchObject({ kind: 'reject', code });
      if (first.kind === 'reject' && again.kind === 'reject')
        expect(again.detail).toBe(first.detail);
      // Another intention: what holds now.
      expect(await reply('tasks.claim', claim, { idempotencyKey: 'key-claim-0002' })).toMatchObject(
        {
          kind: 'ok',
        },
      );
    },
  );

  test('an operator’s act that the policy forbids is refused again under its key', async () => {
    const { call, reply } = await start();
    const governs = ['budget.set'];
    const policy = { format: 'ifab-policy/1', resource: {}, governs, rules: [] };
    await call('policies.set', { policy });
    const limit = { account: 'realm', limitMicroUsd: 5_000_000 };
    const more = { idempotencyKey: 'key-budget-001' };
    const first = await reply('budgets.set', limit, more);
    expect(first).toMatchObject({ kind: 'reject', code: 'policy.denied' });
    await call('policies.set', { policy: { ...policy, governs: [] } });
    expect(await reply('budgets.set', limit, more)).toMatchObject({ code: 'policy.denied' });
    expect(await reply('budgets.set', limit)).toMatchObject({ kind: 'ok' });
  });
});
