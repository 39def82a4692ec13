/** Costs: what a call costs, who pays for it, and who is told. */
import { PRICE_CATALOGUE } from '@infrafabric/protocol';
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun, RunBy } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import { worldSections } from '../index.ts';
import type { Decision, DomainEvent } from '../index.ts';
import { priceOf } from '../optimise/index.ts';
import { worldFaults } from './faults.ts';

const DOLLAR = 1_000_000;

interface Given {
  readonly planLimit?: number;
  readonly swarmLimit?: number;
  readonly sessionLimit?: number;
  readonly taskLimit?: number;
  readonly realmLimit?: number;
}

/** `ada` of the registered swarm `s` holds p/a and `bob`, of no swarm, p/b. */
const begun = ({
  planLimit,
  swarmLimit,
  sessionLimit,
  taskLimit,
  realmLimit,
}: Given = {}): RealmRun => {
  const realm = openedRealm();
  const limits = (limitMicroUsd: number | undefined) =>
    limitMicroUsd === undefined ? {} : { limitMicroUsd };
  realm.run('swarms.register', {
    profile: {
      swarmId: 's',
      capabilities: ['integration:sip'],
      costPerHourMicroUsd: 2 * DOLLAR,
      ...limits(swarmLimit),
    },
  });
  realm.run(
    'sessions.open',
    { agent: 'ada', swarm: 's', ...limits(sessionLimit) },
    { ids: ['ada'] },
  );
  realm.run('sessions.open', { agent: 'bob', role: 'runner' }, { ids: ['bob'] });
  realm.run('plans.submit', {
    plan: {
      id: 'p',
      tasks: [
        { key: 'a', title: 'A', budget: limits(taskLimit) },
        { key: 'b', title: 'B' },
      ],
      budget: limits(planLimit),
    },
  });
  if (realmLimit !== undefined)
    realm.run('budgets.set', { account: 'realm', limitMicroUsd: realmLimit });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'bob' });
  return realm;
};

const cost = (realm: RealmRun, what: object, taskId = 'p/a', by: RunBy = {}): Decision =>
  realm.submit({
    op: 'usage.record',
    args: { taskId, fence: realm.fenceOf(taskId), ...what },
    ...by,
  });

const eventsOf = (decision: Decision): readonly DomainEvent[] =>
  decision.kind === 'accept' ? decision.events : [];
const typesOf = (decision: Decision): string[] => eventsOf(decision).map(({ type }) => type);
const usageOf = (decision: Decision): DomainEvent | undefined =>
  eventsOf(decision).find(({ type }) => type === 'usage.recorded');
const alertsOf = (decision: Decision): string[] =>
  eventsOf(decision).flatMap((event) =>
    event.type === 'budget.alerted' ? [`${event.account} ${event.percent}`] : [],
  );

const KNOWN = PRICE_CATALOGUE.models[0]?.model ?? '';
const AT = Date.UTC(2026, 10, 21);
const TOKENS = { inputTokens: 12_345, outputTokens: 678, cachedTokens: 9 };
const ownPrice = (realm: RealmRun, model: string): Decision =>
  realm.run('prices.set', {
    model,
    inputMicroUsdPerMTok: DOLLAR,
    outputMicroUsdPerMTok: 2 * DOLLAR,
    cachedMicroUsdPerMTok: 0,
    source: 'invoice',
  });
const policy = (realm: RealmRun, resource: object): Decision =>
  realm.run('policies.set', {
    policy: { format: 'ifab-policy/1', governs: [], resource, rules: [] },
  });

describe('what a call costs', () => {
  test('the amount that is given stands before every price', () => {
    const realm = begun();
    expect(usageOf(cost(realm, { microUsd: 7, model: KNOWN, ...TOKENS }))).toMatchObject({
      microUsd: 7,
      model: KNOWN,
      ...TOKENS,
    });
  });

  test('the catalogue’s price of the day of the call', () => {
    const realm = begun();
    realm.at = AT;
    const tokens = { input: 12_345, output: 678, cached: 9 };
    const expected = priceOf(PRICE_CATALOGUE.models, { model: KNOWN, at: AT }, tokens);
    expect(expected).toBeGreaterThan(0);
    expect(usageOf(cost(realm, { model: KNOWN, ...TOKENS }))).toMatchObject({ microUsd: expected });
  });

  test('the realm’s own price stands before the catalogue’s', () => {
    const realm = begun();
    realm.at = AT;
    ownPrice(realm, KNOWN);
    expect(usageOf(cost(realm, { model: KNOWN, ...TOKENS }))).toMatchObject({
      microUsd: 12_345 + 2 * 678,
    });
  });

  test('G5: a model without a price is refused, and nothing is charged', () => {
    const realm = begun();
    const before = JSON.stringify(worldSections(realm.world));
    expect(cost(realm, { model: 'nobody-knows', ...TOKENS })).toMatchObject({
      kind: 'reject',
      code: 'price.unknown',
      facts: { model: 'nobody-knows' },
    });
    expect(JSON.stringify(worldSections(realm.world))).toBe(before);
  });

  test('G5: or it is charged at the ceiling of the policy; it is never free', () => {
    const realm = begun();
    policy(realm, { unknownPrice: 'ceiling', priceCeilingMicroUsdPerMTok: 10 * DOLLAR });
    expect(usageOf(cost(realm, { model: 'nobody-knows', ...TOKENS }))).toMatchObject({
      microUsd: 10 * (12_345 + 678 + 9),
    });
    expect(usageOf(cost(realm, { model: 'nobody-knows' }))).toMatchObject({ microUsd: 0 });
  });

  test('neither an amount nor a model is a slip of the caller', () => {
    expect(cost(begun(), TOKENS)).toMatchObject({
      code: 'request.invalid',
      facts: { field: 'microUsd' },
    });
  });

  test('the component is named, and is an agent where nobody says', () => {
    const realm = begun();
    expect(usageOf(cost(realm, { microUsd: 1 }))).toMatchObject({ component: 'agent' });
    expect(usageOf(cost(realm, { microUsd: 1, component: 'gateway' }))).toMatchObject({
      component: 'gateway',
    });
  });

  test('what a worker says is reported, measured or not; a runner measures, an operator where it says so', () => {
    const realm = begun();
    const asWorker = { cred: 'session', session: 'ada' } as const;
    const asRunner = { cred: 'session', session: 'bob' } as const;
    const basis = (decision: Decision) => usageOf(decision);
    expect(basis(cost(realm, { microUsd: 1 }, 'p/a', asWorker))).toMatchObject({
      basis: 'reported',
    });
    expect(basis(cost(realm, { microUsd: 1, measured: true }, 'p/a', asWorker))).toMatchObject({
      basis: 'reported',
    });
    expect(basis(cost(realm, { microUsd: 1 }, 'p/a'))).toMatchObject({ basis: 'reported' });
    expect(basis(cost(realm, { microUsd: 1, measured: true }, 'p/a'))).toMatchObject({
      basis: 'measured',
    });
    expect(basis(cost(realm, { microUsd: 1 }, 'p/b', asRunner))).toMatchObject({
      basis: 'measured',
    });
  });
});

test('the event says what is known and nothing else', () => {
  const realm = begun();
  expect(usageOf(cost(realm, { microUsd: 3 }, 'p/b'))).toStrictEqual({
    basis: 'measured',
    chargedMicroUsd: 3,
    component: 'agent',
    fence: 1,
    microUsd: 3,
    overrunMicroUsd: 0,
    planId: 'p',
    sessionId: 'bob',
    taskId: 'p/b',
    type: 'usage.recorded',
  });
  expect(realm.world.governor.reservations.get('p/b')).toStrictEqual({
    taskId: 'p/b',
    fence: 1,
    planId: 'p',
    sessionId: 'bob',
    left: 0,
    spent: 3,
  });
  expect(realm.entries.at(-1)?.events[0]).toStrictEqual({
    amountMicroUsd: 0,
    fence: 1,
    limitMicroUsd: 10 * DOLLAR,
    planId: 'p',
    sessionId: 'bob',
    taskId: 'p/b',
    type: 'budget.reserved',
  });
});

describe('who pays', () => {
  test('a cost draws on task, session, swarm, plan and realm; without a swarm on four', () => {
    const realm = begun();
    cost(realm, { microUsd: 5 });
    cost(realm, { microUsd: 3 }, 'p/b');
    const spent = [...realm.world.governor.accounts].map(([id, account]) => [id, account.spent]);
    expect(Object.fromEntries(spent)).toStrictEqual({
      realm: 8,
      'plan:p': 8,
      'task:p/a': 5,
      'session:ada': 5,
      'swarm:s': 5,
      'task:p/b': 3,
      'session:bob': 3,
    });
  });

  test('a lease for which nothing was set aside gets a reservation of nought with its first cost, once', () => {
    const realm = begun();
    expect(realm.world.governor.reservations.has('p/b')).toBe(false);
    expect(typesOf(cost(realm, { microUsd: 3 }, 'p/b'))).toStrictEqual([
      'budget.reserved',
      'usage.recorded',
    ]);
    expect(typesOf(cost(realm, { microUsd: 3 }, 'p/b'))).toStrictEqual(['usage.recorded']);
    expect(realm.world.governor.reservations.get('p/b')).toMatchObject({ left: 0, spent: 6 });
    const done = realm.run('tasks.complete', { taskId: 'p/b', fence: realm.fenceOf('p/b') });
    expect(eventsOf(done)[0]).toStrictEqual({
      fence: 1,
      releasedMicroUsd: 0,
      spentMicroUsd: 6,
      taskId: 'p/b',
      type: 'budget.settled',
    });
  });

  test('its costs are bound by the limit of the task all the same', () => {
    const realm = begun();
    expect(usageOf(cost(realm, { microUsd: 11 * DOLLAR }, 'p/b'))).toMatchObject({
      chargedMicroUsd: 10 * DOLLAR,
      overrunMicroUsd: DOLLAR,
    });
    expect(realm.world.governor.accounts.get('task:p/b')?.limit).toBe(10 * DOLLAR);
  });

  test('what no account covers is overrun: apart from what is spent, and never hidden', () => {
    const realm = begun({ taskLimit: 2 * DOLLAR });
    expect(usageOf(cost(realm, { microUsd: 3 * DOLLAR }))).toMatchObject({
      chargedMicroUsd: 2 * DOLLAR,
      microUsd: 3 * DOLLAR,
      overrunMicroUsd: DOLLAR,
    });
    expect(usageOf(cost(realm, { microUsd: 1 }))).toMatchObject({
      chargedMicroUsd: 0,
      overrunMicroUsd: 1,
    });
    for (const account of ['task:p/a', 'session:ada', 'swarm:s', 'plan:p', 'realm'])
      expect(realm.world.governor.accounts.get(account)).toMatchObject({
        spent: 2 * DOLLAR,
        overrun: DOLLAR + 1,
      });
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('any of the five limits makes an overrun', () => {
    const given: readonly Given[] = [
      { taskLimit: DOLLAR },
      { sessionLimit: 4 * DOLLAR },
      { swarmLimit: 4 * DOLLAR },
      { planLimit: 4 * DOLLAR },
      { realmLimit: 4 * DOLLAR },
    ];
    for (const one of given)
      expect(usageOf(cost(begun(one), { microUsd: 5 * DOLLAR }))).toMatchObject({
        chargedMicroUsd: one.taskLimit ?? 4 * DOLLAR,
        overrunMicroUsd: 5 * DOLLAR - (one.taskLimit ?? 4 * DOLLAR),
      });
  });

  test('a stale fence pays nothing, and the log keeps the try', () => {
    const realm = begun();
    const fence = { ...realm.fenceOf('p/a'), n: 9 };
    expect(
      realm.submit({ op: 'usage.record', args: { taskId: 'p/a', fence, microUsd: 5 } }),
    ).toMatchObject({
      kind: 'refuse',
      rejection: { code: 'lease.stale' },
      record: { type: 'write.refused', op: 'usage.record' },
    });
    expect(realm.world.governor.accounts.get('realm')).toMatchObject({ spent: 0, overrun: 0 });
  });
});

describe('alerts', () => {
  test('at 50, 80 and 100 percent, once each', () => {
    const realm = begun({ planLimit: 10 * DOLLAR });
    const steps: readonly (readonly [number, readonly string[]])[] = [
      [5 * DOLLAR - 1, []],
      [1, ['plan:p 50']],
      [DOLLAR, []],
      [2 * DOLLAR - 1, []],
      [1, ['plan:p 80']],
      [2 * DOLLAR - 1, []],
      [1, ['plan:p 100']],
      [1, []],
    ];
    for (const [microUsd, expected] of steps) {
      const decision = cost(realm, { microUsd });
      expect(alertsOf(decision)).toStrictEqual(expected);
      // A person is told of the last mark alone.
      expect(typesOf(decision).includes('escalation.raised')).toBe(expected.includes('plan:p 100'));
    }
  });

  test('a cost that passes all marks gives the highest alone', () => {
    const realm = begun({ planLimit: 10 * DOLLAR, swarmLimit: 5 * DOLLAR });
    expect(alertsOf(cost(realm, { microUsd: 5 * DOLLAR }))).toStrictEqual([
      'swarm:s 100',
      'plan:p 50',
    ]);
  });

  test('what is not covered counts too: more than all is gone', () => {
    const realm = begun({ taskLimit: DOLLAR, planLimit: 10 * DOLLAR });
    expect(alertsOf(cost(realm, { microUsd: 9 * DOLLAR }))).toStrictEqual(['plan:p 80']);
  });

  test('a new limit passes its marks anew', () => {
    const realm = begun({ planLimit: 10 * DOLLAR });
    expect(alertsOf(cost(realm, { microUsd: 5 * DOLLAR }))).toStrictEqual(['plan:p 50']);
    realm.run('budgets.set', { account: 'plan:p', limitMicroUsd: 6 * DOLLAR });
    expect(alertsOf(cost(realm, { microUsd: 1 }))).toStrictEqual(['plan:p 80']);
  });

  test('an account without a limit of its own is silent, and a task always is', () => {
    const realm = begun({ taskLimit: DOLLAR, realmLimit: 2 * DOLLAR });
    expect(alertsOf(cost(realm, { microUsd: DOLLAR }))).toStrictEqual(['realm 50']);
  });

  test('a limit of nought is passed by the first micro-dollar, not by what is free', () => {
    const realm = begun();
    realm.run('budgets.set', { account: 'session:bob', limitMicroUsd: 0 });
    expect(alertsOf(cost(realm, { microUsd: 0 }, 'p/b'))).toStrictEqual([]);
    expect(alertsOf(cost(realm, { microUsd: 1 }, 'p/b'))).toStrictEqual(['session:bob 100']);
  });

  test('a plan or realm that has nothing left goes to a person, once; of swarms their breaker tells', () => {
    const realm = begun({
      planLimit: 4 * DOLLAR,
      swarmLimit: 4 * DOLLAR,
      sessionLimit: 4 * DOLLAR,
    });
    const decision = cost(realm, { microUsd: 4 * DOLLAR });
    const raised = eventsOf(decision).filter(({ type }) => type === 'escalation.raised');
    const at = realm.world.realm.size - 1;
    expect(raised).toMatchObject([
      {
        kind: 'budget',
        severity: 'high',
        subject: 'plan:p',
        escalationId: `esc_${at}`,
        summary: expect.stringContaining(
          'plan:p has spent all of its limit; the last cost was of p/a.',
        ),
      },
      { kind: 'breaker', severity: 'high', subject: 's', escalationId: `esc_${at}.1` },
    ]);
    expect(typesOf(cost(realm, { microUsd: 1 }))).toStrictEqual(['usage.recorded']);
    expect([...realm.world.governor.escalations.keys()]).toStrictEqual([
      `esc_${at}`,
      `esc_${at}.1`,
    ]);
  });

  test('and it stops: nothing more is leased, not even what nobody knows the price of', () => {
    const realm = begun({ planLimit: 4 * DOLLAR });
    cost(realm, { microUsd: 4 * DOLLAR });
    realm.run('tasks.release', { taskId: 'p/b', fence: realm.fenceOf('p/b') });
    expect(realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'bob' })).toMatchObject({
      kind: 'refuse',
      rejection: {
        code: 'budget.exceeded',
        facts: { account: 'plan:p', neededMicroUsd: 0, availableMicroUsd: 0 },
      },
    });
  });
});
