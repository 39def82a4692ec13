/** Each reply of the governor, first and where nothing changed, and each of its reads: all of the shape that is promised. */
import { findOperation, type Grant } from '@infrafabric/protocol';
import { afterEach, describe, expect, test } from 'vitest';

import { ManualClock } from '../engine/clock.ts';
import type { Principal } from '../engine/fabric.ts';
import {
  createMemoryRealm,
  openMemoryFabric,
  type MemoryFabricOptions,
} from '../engine/open-memory.ts';
import type { LeadingFabric } from '../engine/open.ts';
import type { CostReads } from '../followers/usage-reads.ts';
import type { CostFollower } from './optimise.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
/** Members that say what is so now. */
const MOVING = new Set(['leftMicroUsd', 'reservedMicroUsd', 'availableMicroUsd']);
/** A day on which the catalogue's prices hold. */
const NOW = Date.UTC(2026, 10, 20);
const REALM_MICRO_USD = 100_000_000;
const opened: LeadingFabric[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

type Output = Readonly<Record<string, unknown>>;

async function start(realm = createMemoryRealm(), opening: MemoryFabricOptions = {}) {
  const clock = new ManualClock(NOW);
  const fabric = await openMemoryFabric(realm, { clock, ...opening });
  opened.push(fabric);
  const call = async <T = Output>(op: string, input: object = {}, key?: string): Promise<T> => {
    const options = key === undefined ? {} : { idempotencyKey: `${key}-0000000` };
    const reply = await fabric.call(op, input, { principal: OPERATOR, ...options });
    if (reply.kind !== 'ok') throw new Error(`${op}: ${reply.code}: ${reply.detail}`);
    // What the registry promises of it, and not a member more.
    expect(findOperation(op)?.output.parse(reply.output), op).toEqual(reply.output);
    return reply.output as T;
  };
  return { realm, fabric, clock, call };
}
type Call = Awaited<ReturnType<typeof start>>['call'];

const RED = {
  swarmId: 'red',
  capabilities: ['integration:sip'],
  costPerHourMicroUsd: 1_000_000,
  limitMicroUsd: 20_000_000,
};
const RULE = {
  id: 'no-dear-swarms',
  effect: 'forbid',
  on: ['task.claim'],
  when: 'swarm.costPerHourMicroUsd > 5000000',
  reason: 'Too dear.',
  tests: [
    { given: { swarm: { costPerHourMicroUsd: 6_000_000 } }, expect: 'forbids' },
    { given: {}, expect: 'none' },
  ],
};
const POLICY = { format: 'ifab-policy/1', resource: { onTrip: 'release' }, rules: [RULE] };

/** A swarm with a session that holds a task, with two dollars set aside for it. */
const working = async (call: Call, task: object = {}) => {
  await call('swarms.register', { profile: RED });
  const tasks = [{ key: 'a', title: 'a', needs: ['integration:sip'], ...task }];
  await call('plans.submit', { plan: { id: 'p', tasks } });
  const { sessionId } = await call<{ sessionId: string }>('sessions.open', {
    agent: 'ada',
    swarm: 'red',
  });
  const { taskId, fencingToken, scope } = await call<Grant>('tasks.claim', {
    sessionId,
    taskId: 'p/a',
  });
  return { sessionId, held: { taskId, fencingToken }, scope };
};

describe('replies', () => {
  test('a swarm: registered, again the same, again another', async () => {
    const { call } = await start();
    const standing = { swarmId: 'red', limitMicroUsd: 20_000_000 };
    expect(await call('swarms.register', { profile: RED })).toEqual({ ...standing, changed: true });
    expect(await call('swarms.register', { profile: RED })).toEqual({
      ...standing,
      changed: false,
    });
    const dearer = { ...RED, limitMicroUsd: 30_000_000 };
    expect(await call('swarms.register', { profile: dearer })).toEqual({
      swarmId: 'red',
      limitMicroUsd: 30_000_000,
      changed: true,
    });
    const { limitMicroUsd: _limit, ...free } = { ...RED, swarmId: 'blue' };
    expect(await call('swarms.register', { profile: free })).toMatchObject({
      limitMicroUsd: REALM_MICRO_USD,
    });
  });

  test('a capability, a price: new, and the same again', async () => {
    const { call } = await start();
    const sms = { id: 'integration:smpp', description: 'Short messages.' };
    expect(await call('capabilities.define', sms)).toEqual({ id: sms.id, changed: true });
    expect(await call('capabilities.define', sms)).toEqual({ id: sms.id, changed: false });
    const price = {
      model: 'local',
      inputMicroUsdPerMTok: 1,
      outputMicroUsdPerMTok: 2,
      source: 'x',
    };
    expect(await call('prices.set', price)).toEqual({ model: 'local', changed: true });
    expect(await call('prices.set', price)).toEqual({ model: 'local', changed: false });
  });

  test('a budget: the account as it stands, also where it stood so', async () => {
    const { call } = await start();
    const realm = { account: 'realm', limitMicroUsd: 5_000_000 };
    const account = {
      ...realm,
      inherited: false,
      reservedMicroUsd: 0,
      spentMicroUsd: 0,
      overrunMicroUsd: 0,
      availableMicroUsd: 5_000_000,
      alertPercent: 0,
    };
    expect(await call('budgets.set', realm)).toEqual(account);
    expect(await call('budgets.set', realm)).toEqual(account);
  });

  test('a policy: taken, and taken before', async () => {
    const { call } = await start();
    const taken = await call('policies.set', { policy: POLICY });
    expect(taken).toMatchObject({ rules: 1, changed: true });
    expect(await call('policies.set', { policy: POLICY })).toEqual({ ...taken, changed: false });
  });

  test('a breaker: tripped with what it released, reset with what it may spend', async () => {
    const { call } = await start();
    await call('policies.set', { policy: POLICY });
    await working(call);
    const stop = { swarmId: 'red', reason: 'wrong branch' };
    expect(await call('breakers.trip', stop)).toEqual({
      swarmId: 'red',
      state: 'open',
      released: ['p/a'],
    });
    expect(await call('breakers.reset', { ...stop, limitMicroUsd: 25_000_000 })).toEqual({
      swarmId: 'red',
      state: 'half-open',
      limitMicroUsd: 25_000_000,
    });
  });

  test('a breaker that drains ends no lease', async () => {
    const { call } = await start();
    await working(call);
    const stop = { swarmId: 'red', reason: 'wrong branch' };
    expect(await call('breakers.trip', stop)).toMatchObject({ released: [] });
    expect(await call('breakers.reset', stop)).toMatchObject({ limitMicroUsd: 20_000_000 });
  });

  test('an escalation: acknowledged once, and known to be', async () => {
    const { call } = await start();
    await working(call);
    await call('breakers.trip', { swarmId: 'red', reason: 'wrong branch' });
    const { escalations } = await call<{ escalations: { escalationId: string }[] }>(
      'escalations.list',
    );
    const [{ escalationId } = { escalationId: '' }] = escalations;
    const seen = { escalationId, status: 'acknowledged' };
    expect(await call('escalations.acknowledge', { escalationId, note: 'seen' })).toEqual(seen);
    expect(await call('escalations.acknowledge', { escalationId })).toEqual(seen);
    expect(await call('escalations.list', { status: 'open' })).toEqual({ escalations: [] });
    expect(await call('escalations.list', { status: 'acknowledged' })).toMatchObject({
      escalations: [{ escalationId, acknowledgedBy: 'operator', note: 'seen', subject: 'red' }],
    });
  });

  test('a cost: what is left is what is set aside and what the narrowest account has beside it', async () => {
    const { call } = await start();
    const { held, scope } = await working(call, { budget: { estimateMicroUsd: 1_000_000 } });
    expect(scope).toEqual({ limitMicroUsd: 10_000_000, reservedMicroUsd: 2_000_000 });
    expect(await call('usage.record', { ...held, microUsd: 500_000 })).toEqual({
      taskId: 'p/a',
      microUsd: 500_000,
      chargedMicroUsd: 500_000,
      overrunMicroUsd: 0,
      leftMicroUsd: 9_500_000,
    });
    // Beyond all: the task's limit covers ten dollars, the rest nobody does.
    expect(await call('usage.record', { ...held, microUsd: 12_000_000 })).toEqual({
      taskId: 'p/a',
      microUsd: 12_000_000,
      chargedMicroUsd: 9_500_000,
      overrunMicroUsd: 2_500_000,
      leftMicroUsd: 0,
    });
  });

  test('a cost of a session without a swarm draws on four accounts', async () => {
    const { call } = await start();
    const tasks = [{ key: 'a', title: 'a' }];
    const plan = { id: 'p', tasks, budget: { limitMicroUsd: 1_000_000 } };
    await call('plans.submit', { plan });
    const { sessionId } = await call<{ sessionId: string }>('sessions.open', { agent: 'ada' });
    const { taskId, fencingToken } = await call<Grant>('tasks.claim', { sessionId, taskId: 'p/a' });
    expect(await call('usage.record', { taskId, fencingToken, microUsd: 400_000 })).toMatchObject({
      leftMicroUsd: 600_000,
    });
  });

  test('under a key the first reply comes again, after a restart too', async () => {
    const first = await start();
    const calls: readonly (readonly [op: string, input: object])[] = [
      ['capabilities.define', { id: 'a:b', description: 'x' }],
      [
        'prices.set',
        { model: 'm', inputMicroUsdPerMTok: 1, outputMicroUsdPerMTok: 2, source: 'x' },
      ],
      ['policies.set', { policy: POLICY }],
      ['budgets.set', { account: 'swarm:red', limitMicroUsd: 15_000_000 }],
      ['breakers.trip', { swarmId: 'red', reason: 'x' }],
      ['breakers.reset', { swarmId: 'red', reason: 'x' }],
      ['swarms.register', { profile: { ...RED, swarmId: 'blue' } }],
    ];
    const { held } = await working(first.call);
    const all = [['usage.record', { ...held, microUsd: 1 }] as const, ...calls];
    const replies: Output[] = [];
    for (const [at, [op, input]] of all.entries()) {
      const reply = await first.call(op, input, `k${at}`);
      expect(await first.call(op, input, `k${at}`), op).toEqual(reply);
      replies.push(reply);
    }
    await first.fabric.close();
    const second = await start(first.realm);
    // What is read from the world besides the entry speaks of now: nothing has changed since.
    for (const [at, [op, input]] of all.entries())
      expect(await second.call(op, input, `k${at}`), op).toMatchObject(
        Object.fromEntries(Object.entries(replies[at] ?? {}).filter(([name]) => !MOVING.has(name))),
      );
  });
});

describe('reads', () => {
  test('swarms, breakers and accounts with their money; by state and kind; in pages', async () => {
    const { call } = await start();
    await working(call);
    await call('swarms.register', { profile: { ...RED, swarmId: 'blue' } });
    await call('breakers.trip', { swarmId: 'blue', reason: 'by hand' });
    expect(await call('swarms.list')).toMatchObject({
      swarms: [
        { swarmId: 'red', breaker: 'closed', sessions: 1, reservedMicroUsd: 2_000_000 },
        { swarmId: 'blue', breaker: 'open', sessions: 0 },
      ],
    });
    expect(await call('swarms.list', { breaker: 'open' })).toMatchObject({
      swarms: [{ swarmId: 'blue' }],
    });
    expect(await call('swarms.show', { swarmId: 'blue' })).toMatchObject({
      breaker: 'open',
      breakerReason: 'by hand',
      sessionIds: [],
    });
    expect(await call('breakers.list', { state: 'open' })).toMatchObject({
      breakers: [{ swarmId: 'blue', cause: 'operator', reason: 'by hand', by: 'operator' }],
    });
    const { accounts } = await call<{ accounts: { account: string }[] }>('budgets.list');
    expect(accounts.map(({ account }) => account)).toContain('task:p/a');
    expect(await call('budgets.list', { kind: 'plan' })).toMatchObject({
      accounts: [{ account: 'plan:p', inherited: true, reservedMicroUsd: 2_000_000 }],
    });
    const { swarms, next } = await call<{ swarms: unknown[]; next: string }>('swarms.list', {
      limit: 1,
    });
    expect(swarms).toHaveLength(1);
    expect(await call('swarms.list', { limit: 1, after: next })).toMatchObject({
      swarms: [{ swarmId: 'blue' }],
    });
    await expect(call('swarms.show', { swarmId: 'green' })).rejects.toThrow('swarm.not_found');
  });

  test('capabilities: built in and defined, and how many swarms have each', async () => {
    const { call } = await start();
    await call('capabilities.define', { id: 'a:b', description: 'x' });
    await call('swarms.register', { profile: RED });
    const { capabilities } = await call<{ capabilities: { id: string }[] }>('capabilities.list', {
      limit: 1_000,
    });
    expect(capabilities.length).toBeGreaterThan(40);
    expect(capabilities.find(({ id }) => id === 'a:b')).toMatchObject({
      builtIn: false,
      swarms: 0,
    });
    expect(capabilities.find(({ id }) => id === 'integration:sip')).toMatchObject({
      builtIn: true,
      swarms: 1,
    });
  });

  test('a match, explained; a plan, previewed by name or at hand', async () => {
    const { call } = await start();
    await working(call);
    expect(await call('match.explain', { taskId: 'p/a' })).toMatchObject({
      chosen: 'red',
      candidates: [{ swarmId: 'red', matchPermille: 1_000, verdict: 'chosen' }],
    });
    expect(await call('plans.preview', { planId: 'p' })).toMatchObject({ planId: 'p', tasks: 1 });
    const tasks = [{ key: 'a', title: 'a', budget: { limitMicroUsd: 60_000_000 } }];
    expect(await call('plans.preview', { plan: { id: 'q', tasks } })).toMatchObject({
      planId: 'q',
      worstMicroUsd: 60_000_000,
      needsConfirmation: true,
    });
  });

  test('the policy: none, then the one that was set, and what it says of an act', async () => {
    const { call } = await start();
    expect(await call('policies.show')).not.toHaveProperty('digest');
    await call('policies.set', { policy: POLICY });
    expect(await call('policies.show')).toMatchObject({
      policy: { rules: [{ id: RULE.id }] },
      resource: { onTrip: 'release', maxSwarmsPerTask: 3 },
      setBy: 'operator',
    });
    const asked = { action: 'task.claim', facts: { swarm: { costPerHourMicroUsd: 9_000_000 } } };
    expect(await call('policies.explain', asked)).toMatchObject({
      verdict: 'deny',
      rule: RULE.id,
      rules: [{ id: RULE.id, said: 'applies', reason: 'Too dear.' }],
    });
    expect(await call('policies.explain', { action: 'task.claim' })).toMatchObject({
      verdict: 'permit',
      rules: [{ said: 'does-not' }],
    });
  });
});

describe('money, as reads of costs see it', () => {
  test('prices of the realm stand before the catalogue’s, dated when they were set', async () => {
    const { call, clock } = await start();
    await call('prices.set', {
      model: 'gpt-5.4-mini',
      inputMicroUsdPerMTok: 1,
      outputMicroUsdPerMTok: 2,
      source: 'our contract',
    });
    const { prices } = await call<{ prices: { model: string; own: boolean }[] }>('prices.list', {
      limit: 1_000,
    });
    expect(prices.filter(({ model }) => model === 'gpt-5.4-mini')).toMatchObject([
      {
        own: true,
        provider: 'own',
        cachedMicroUsdPerMTok: 1,
        source: 'our contract',
        effectiveFrom: new Date(clock.now()).toISOString().slice(0, 10),
      },
      { own: false },
    ]);
  });

  test('a model is routed by what it is able to and what it costs here; the rest is named', async () => {
    const { call } = await start();
    const wish = { work: 'security', inputTokens: 1_000_000, contextTokens: 100_000 };
    type Routes = { tier: string; routes: { model: string; microUsd: number }[]; unable: object[] };
    const before = await call<Routes>('prices.route', wish);
    expect(before.tier).toBe('strong');
    expect(before.unable.length).toBeGreaterThan(0);
    const costs = before.routes.map(({ microUsd }) => microUsd);
    expect(costs).toEqual(costs.toSorted((a, b) => a - b));
    // The dearest one, which charges more for long prompts, at a price of our own: it is as able as it was, and the first.
    const dearest = before.routes.at(-1)?.model ?? '';
    await call('prices.set', {
      model: dearest,
      inputMicroUsdPerMTok: 0,
      outputMicroUsdPerMTok: 0,
      source: 'x',
    });
    const after = await call<Routes>('prices.route', wish);
    expect(after.routes[0]).toMatchObject({ model: dearest, microUsd: 0 });
    expect(after.routes).toHaveLength(before.routes.length);
    // Of a model that only this realm knows nothing is known but its price.
    await call('prices.set', {
      model: 'local-llama',
      inputMicroUsdPerMTok: 0,
      outputMicroUsdPerMTok: 0,
      source: 'x',
    });
    expect(await call('prices.route', { needs: ['coding'] })).toMatchObject({
      unable: expect.arrayContaining([
        { model: 'local-llama', reason: expect.stringContaining('coding') },
      ]),
    });
    const vast = await call<Routes>('prices.route', { contextTokens: 1_000_000_000 });
    expect(vast.routes).toEqual([]);
    expect(vast).not.toHaveProperty('tier');
    expect(vast.unable.length).toBeLessThanOrEqual(50);
  });

  test('a forecast of a plan says what is left of its account, and what its tasks may still cost', async () => {
    const burn = async () => ({ microUsd: 3_600, records: 1, firstAt: 0, indexedTo: 1 });
    const follower: CostFollower = {
      onDurable: () => undefined,
      close: () => Promise.resolve(),
      costs: { burn } as unknown as CostReads,
    };
    const { call } = await start(createMemoryRealm(), { followers: () => [follower] });
    await working(call, { budget: { estimateMicroUsd: 1_000_000 } });
    const more = {
      planId: 'p',
      add: [{ key: 'b', title: 'b', budget: { estimateMicroUsd: 500_000 } }],
    };
    await call('plans.edit', more);
    expect(await call('costs.forecast', { planId: 'p', windowMs: 3_600_000 })).toMatchObject({
      account: 'plan:p',
      microUsdPerHour: 3_600,
      limitMicroUsd: REALM_MICRO_USD,
      reservedMicroUsd: 2_000_000,
      // An hour of the only swarm for each: more than what the second one says of itself.
      remaining: { expectedMicroUsd: 2_000_000, unpriced: 0 },
    });
    expect(await call('costs.forecast', { swarmId: 'red' })).not.toHaveProperty('remaining');
  });

  test('of accounts that are not there, and where nobody sums, it is said', async () => {
    const { call } = await start();
    await expect(call('costs.forecast', { planId: 'none' })).rejects.toThrow('budget.not_found');
    await expect(call('costs.forecast', {})).rejects.toThrow('log.unavailable');
  });
});
