/** Decisions about swarms, capabilities, limits and the policy: what is taken, what is refused and with which facts. */
import {
  CAPABILITIES_DEFINED_MAX,
  RESOURCE_POLICY_DEFAULT,
  SWARMS_MAX,
} from '@infrafabric/protocol';
import type { PolicyRule } from '@infrafabric/protocol';
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import type { Decision } from '../index.ts';

const DOLLAR = 1_000_000;

const profile = (more: object = {}) => ({
  swarmId: 's',
  capabilities: ['integration:sip', 'cli:design'],
  costPerHourMicroUsd: 2 * DOLLAR,
  ...more,
});
const register = (realm: RealmRun, more: object = {}): Decision =>
  realm.submit({ op: 'swarms.register', args: { profile: profile(more) } });
const define = (realm: RealmRun, id: string, description = 'd'): Decision =>
  realm.submit({ op: 'capabilities.define', args: { id, description } });
const limit = (realm: RealmRun, account: string, limitMicroUsd: number): Decision =>
  realm.submit({ op: 'budgets.set', args: { account, limitMicroUsd, reason: 'r' } });
const swarmOf = ({ world }: RealmRun) => world.governor.swarms.get('s');

describe('capabilities', () => {
  test('a new one is known from then on; the same again changes nothing', () => {
    const realm = openedRealm();
    expect(define(realm, 'my:skill')).toMatchObject({
      events: [{ description: 'd', id: 'my:skill', type: 'capability.defined' }],
    });
    expect(define(realm, 'my:skill')).toStrictEqual({ kind: 'unchanged' });
    expect(register(realm, { capabilities: ['my:skill'] }).kind).toBe('accept');
  });

  test('one that is built in or stands for something else is refused', () => {
    const realm = openedRealm();
    define(realm, 'my:skill');
    expect(define(realm, 'integration:sip')).toMatchObject({
      code: 'capability.exists',
      detail: 'integration:sip is built in.',
      facts: { capability: 'integration:sip' },
    });
    expect(define(realm, 'my:skill', 'other')).toMatchObject({
      code: 'capability.exists',
      detail: 'my:skill is defined: d',
    });
  });

  test('there is an end to them', () => {
    const realm = openedRealm();
    const { capabilities } = realm.world.governor;
    for (let i = 0; i < CAPABILITIES_DEFINED_MAX - 1; i += 1) capabilities.set(`x:${i}`, 'd');
    expect(define(realm, 'my:last').kind).toBe('accept');
    expect(define(realm, 'my:more')).toMatchObject({
      code: 'request.invalid',
      facts: { defined: CAPABILITIES_DEFINED_MAX },
    });
  });
});

describe('registering a swarm', () => {
  test('takes its profile and its limit, in one entry', () => {
    const realm = openedRealm();
    realm.at = 5;
    expect(register(realm, { limitMicroUsd: DOLLAR })).toMatchObject({
      events: [
        { swarmId: 's', type: 'swarm.registered' },
        {
          account: 'swarm:s',
          by: 'operator',
          limitMicroUsd: DOLLAR,
          parent: 'realm',
          type: 'budget.limited',
        },
      ],
    });
    expect(swarmOf(realm)).toMatchObject({
      registeredAt: 5,
      profile: profile({ limitMicroUsd: DOLLAR }),
      breaker: { state: 'closed' },
    });
  });

  test('the same profile again changes nothing, in whatever order its members stand', () => {
    const realm = openedRealm();
    register(realm);
    const { swarmId, capabilities, costPerHourMicroUsd } = profile();
    const turned = { costPerHourMicroUsd, capabilities, swarmId };
    expect(realm.submit({ op: 'swarms.register', args: { profile: turned } })).toStrictEqual({
      kind: 'unchanged',
    });
  });

  test('another profile takes its place, and what the swarm has done stays', () => {
    const realm = openedRealm();
    register(realm, { limitMicroUsd: DOLLAR });
    const swarm = swarmOf(realm);
    if (swarm !== undefined) swarm.failures = 2;
    realm.at = 9;
    expect(register(realm, { limitMicroUsd: DOLLAR, costPerHourMicroUsd: 0 })).toMatchObject({
      events: [{ type: 'swarm.registered' }],
    });
    expect(swarmOf(realm)).toMatchObject({
      failures: 2,
      registeredAt: 0,
      profile: { costPerHourMicroUsd: 0 },
    });
  });

  test('a capability that there is not is named with its place', () => {
    expect(register(openedRealm(), { capabilities: ['cli:design', 'no:such'] })).toMatchObject({
      code: 'capability.unknown',
      facts: { field: 'profile.capabilities[1]', capability: 'no:such' },
    });
  });

  test('G3: a limit above that of the realm is refused, and with it the swarm', () => {
    const realm = openedRealm();
    expect(register(realm, { limitMicroUsd: 101 * DOLLAR })).toMatchObject({
      code: 'budget.too_wide',
      facts: { account: 'swarm:s', parent: 'realm', highestMicroUsd: 100 * DOLLAR },
    });
    expect(realm.world.governor.swarms.size).toBe(0);
  });

  test('there is an end to them, and who is known may still be registered anew', () => {
    const realm = openedRealm();
    register(realm);
    const one = swarmOf(realm);
    if (one === undefined) throw new Error('defect: the swarm was not registered');
    for (let i = 1; i < SWARMS_MAX; i += 1) realm.world.governor.swarms.set(`x${i}`, one);
    expect(register(realm, { swarmId: 'more' })).toMatchObject({
      code: 'swarm.too_many',
      facts: { swarms: SWARMS_MAX },
    });
    expect(register(realm, { reputationPermille: 1 }).kind).toBe('accept');
  });
});

describe('limits', () => {
  test('the limit that stands already changes nothing', () => {
    const realm = openedRealm();
    expect(limit(realm, 'realm', RESOURCE_POLICY_DEFAULT.realmLimitMicroUsd)).toStrictEqual({
      kind: 'unchanged',
    });
    expect(limit(realm, 'realm', 5)).toStrictEqual({
      kind: 'accept',
      events: [
        { account: 'realm', by: 'operator', limitMicroUsd: 5, reason: 'r', type: 'budget.limited' },
      ],
    });
    const args = { account: 'realm', limitMicroUsd: 6 };
    expect(realm.submit({ op: 'budgets.set', args })).toStrictEqual({
      kind: 'accept',
      events: [{ account: 'realm', by: 'operator', limitMicroUsd: 6, type: 'budget.limited' }],
    });
  });

  test('G1: below what is spent and reserved is refused, with what is the least', () => {
    const realm = openedRealm();
    realm.world.governor.accounts.set('realm', {
      limit: 9,
      reserved: 2,
      spent: 3,
      overrun: 4,
      alerted: 0,
    });
    expect(limit(realm, 'realm', 4)).toMatchObject({
      code: 'budget.too_low',
      facts: { account: 'realm', spentMicroUsd: 3, reservedMicroUsd: 2, lowestMicroUsd: 5 },
    });
    expect(limit(realm, 'realm', 5).kind).toBe('accept');
  });

  test('G3: above what the account above has is refused, the nearest one that has a limit', () => {
    const realm = openedRealm();
    register(realm);
    realm.run('sessions.open', { agent: 'ada', swarm: 's' }, { ids: ['ada'] });
    expect(limit(realm, 'session:ada', 101 * DOLLAR)).toMatchObject({
      code: 'budget.too_wide',
      facts: { parent: 'swarm:s', highestMicroUsd: 100 * DOLLAR },
    });
    limit(realm, 'swarm:s', 7);
    expect(limit(realm, 'session:ada', 8)).toMatchObject({
      code: 'budget.too_wide',
      facts: { account: 'session:ada', parent: 'swarm:s', highestMicroUsd: 7 },
    });
    expect(limit(realm, 'session:ada', 7)).toMatchObject({ events: [{ parent: 'swarm:s' }] });
  });
});

const ruleWith = (shown: PolicyRule['tests'][number]): PolicyRule => ({
  id: 'dear',
  effect: 'forbid',
  on: ['task.claim'],
  when: 'amountMicroUsd > 5',
  reason: 'too dear',
  tests: [shown],
});
const setPolicy = (
  realm: RealmRun,
  {
    resource = {},
    rules = [],
    reason,
  }: { resource?: object; rules?: readonly object[]; reason?: string },
): Decision =>
  realm.submit({
    op: 'policies.set',
    args: {
      policy: { format: 'ifab-policy/1', governs: [], resource, rules },
      ...(reason === undefined ? {} : { reason }),
    },
  });

describe('the policy', () => {
  test('is taken with who, when and why, and governs from then on', () => {
    const realm = openedRealm();
    realm.at = 7;
    const rules = [ruleWith({ given: { amountMicroUsd: 6 }, expect: 'forbids' })];
    const decision = setPolicy(realm, {
      resource: { minMatchPermille: 500 },
      rules,
      reason: 'why',
    });
    expect(decision).toMatchObject({
      events: [
        { by: 'operator', minMatchPermille: 500, reason: 'why', rules: 1, type: 'policy.set' },
      ],
    });
    expect(realm.world.governor.policy).toMatchObject({
      resource: { ...RESOURCE_POLICY_DEFAULT, minMatchPermille: 500 },
      setAt: 7,
      setBy: 'operator',
    });
    expect(realm.world.coordinator.capabilities.minMatchPermille).toBe(500);
    expect(
      setPolicy(realm, { resource: { minMatchPermille: 500 }, rules, reason: 'why' }),
    ).toStrictEqual({
      kind: 'unchanged',
    });
  });

  test('whose rules do not hold their own tests is refused whole, with the first ten that failed', () => {
    const realm = openedRealm();
    const wrong = ruleWith({ given: { amountMicroUsd: 5 }, expect: 'forbids' });
    expect(setPolicy(realm, { rules: Array.from({ length: 12 }, () => wrong) })).toMatchObject({
      code: 'policy.invalid',
      detail:
        'Test 1 of rule dear expects forbids, and the rule says none. Try it: ifab policy check FILE.',
      facts: { failed: { length: 10 } },
    });
    const broken = { ...wrong, when: 'no comparison at all' };
    const decision = setPolicy(realm, { rules: [broken] });
    expect(decision).toMatchObject({ code: 'policy.invalid' });
    expect('detail' in decision ? decision.detail : '').toContain('and the rule says error (');
    expect(realm.world.governor.policy).not.toHaveProperty('digest');
  });

  test('may limit the realm; below what it has spent it is refused whole', () => {
    const realm = openedRealm();
    expect(setPolicy(realm, { resource: { realmLimitMicroUsd: 60 } })).toMatchObject({
      events: [
        { type: 'policy.set' },
        { account: 'realm', limitMicroUsd: 60, type: 'budget.limited' },
      ],
    });
    const account = realm.world.governor.accounts.get('realm');
    if (account !== undefined) account.spent = 50;
    expect(setPolicy(realm, { resource: { realmLimitMicroUsd: 49 } })).toMatchObject({
      code: 'budget.too_low',
    });
    // The limit that it has already is no event.
    const decision = setPolicy(realm, {
      resource: { realmLimitMicroUsd: 60, failureThreshold: 9 },
    });
    expect(decision).toStrictEqual({
      kind: 'accept',
      events: [
        {
          by: 'operator',
          digest: realm.world.governor.policy.digest,
          minMatchPermille: 700,
          rules: 0,
          type: 'policy.set',
        },
      ],
    });
    expect(realm.world.governor.accounts.get('realm')?.limit).toBe(60);
  });
});

test('the same profile with another price leaves a limit that an operator set since', () => {
  const realm = openedRealm();
  const thrifty = {
    swarmId: 's',
    capabilities: ['cli:design'],
    costPerHourMicroUsd: 1,
    limitMicroUsd: 40,
  };
  realm.run('swarms.register', { profile: thrifty });
  realm.run('budgets.set', { account: 'swarm:s', limitMicroUsd: 50 });
  realm.run('swarms.register', { profile: { ...thrifty, costPerHourMicroUsd: 2 } });
  expect(realm.world.governor.accounts.get('swarm:s')?.limit).toBe(50);
  realm.run('swarms.register', { profile: { ...thrifty, limitMicroUsd: 60 } });
  expect(realm.world.governor.accounts.get('swarm:s')?.limit).toBe(60);
});
