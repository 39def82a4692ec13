/** D3: every refusal of the governor has its code, facts that a program can act on, and changes nothing. */
import { ERRORS, findOperation } from '@infrafabric/protocol';
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun, RunCommand } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import { decide, worldSections } from '../index.ts';
import type { WriteName } from '../index.ts';

const DOLLAR = 1_000_000;

const run = (
  realm: RealmRun,
  op: WriteName,
  args: object,
  more: Partial<RunCommand> = {},
): void => {
  expect(realm.submit({ op, args, ...more }).kind).toBe('accept');
};

const setPolicy = (realm: RealmRun, more: object): void =>
  run(realm, 'policies.set', {
    policy: { format: 'ifab-policy/1', governs: [], resource: {}, rules: [], ...more },
  });

/** `ada` of swarm `s` holds p/a with four dollars set aside and one spent; swarm `t` is stopped. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  const swarms = { s: ['integration:sip'], t: ['integration:ndi'] };
  for (const [swarmId, capabilities] of Object.entries(swarms))
    run(realm, 'swarms.register', {
      profile: {
        swarmId,
        capabilities,
        costPerHourMicroUsd: 2 * DOLLAR,
        limitMicroUsd: 6 * DOLLAR,
      },
    });
  for (const [id, swarm] of [
    ['ada', 's'],
    ['tim', 't'],
  ])
    run(realm, 'sessions.open', { agent: id, swarm, leasesMax: 3 }, { ids: [`${id}`] });
  const tasks = ['a', 'b', 'c'].map((key) => ({ key, title: key }));
  run(realm, 'plans.submit', { plan: { id: 'p', tasks } });
  run(realm, 'tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  run(realm, 'usage.record', { taskId: 'p/a', fence: realm.fenceOf('p/a'), microUsd: DOLLAR });
  run(realm, 'capabilities.define', { id: 'my:skill', description: 'd' });
  run(realm, 'breakers.trip', { swarmId: 't', reason: 'r' });
  return realm;
};

const FENCE = { epoch: 1, holder: 'ada', n: 1 };
const profile = (more: object) => ({
  profile: { swarmId: 'u', capabilities: ['cli:design'], costPerHourMicroUsd: 0, ...more },
});

interface Row {
  readonly op: WriteName;
  readonly args: object;
  readonly code: string;
  readonly facts: readonly string[];
  readonly given?: (realm: RealmRun) => void;
}

const forbid = (on: string) => (realm: RealmRun) =>
  setPolicy(realm, {
    rules: [
      { id: 'r', effect: 'forbid', on: [on], when: `action = ${on}`, reason: 'no', tests: [] },
    ],
  });

const ROWS: readonly Row[] = [
  {
    op: 'tasks.claim',
    args: { taskId: 'p/b', sessionId: 'ada' },
    code: 'budget.exceeded',
    facts: [
      'account',
      'taskId',
      'neededMicroUsd',
      'availableMicroUsd',
      'limitMicroUsd',
      'reservedMicroUsd',
      'spentMicroUsd',
    ],
  },
  {
    op: 'tasks.next',
    args: { sessionId: 'ada' },
    code: 'budget.exceeded',
    facts: ['account', 'taskId'],
  },
  {
    op: 'tasks.claim',
    args: { taskId: 'p/b', sessionId: 'tim' },
    code: 'swarm.suspended',
    facts: ['swarmId', 'state', 'reason', 'by', 'since'],
  },
  { op: 'tasks.next', args: { sessionId: 'tim' }, code: 'swarm.suspended', facts: ['swarmId'] },
  {
    op: 'tasks.claim',
    args: { taskId: 'p/b', sessionId: 'ada' },
    code: 'policy.denied',
    facts: ['taskId', 'action', 'rule'],
    given: (realm) => {
      run(realm, 'budgets.set', { account: 'swarm:s', limitMicroUsd: 50 * DOLLAR });
      forbid('task.claim')(realm);
    },
  },
  {
    op: 'usage.record',
    args: { taskId: 'p/a', fence: FENCE, model: 'nobody-knows', inputTokens: 1 },
    code: 'price.unknown',
    facts: ['model'],
  },
  {
    op: 'usage.record',
    args: { taskId: 'p/a', fence: FENCE, inputTokens: 1 },
    code: 'request.invalid',
    facts: ['field'],
  },
  {
    op: 'usage.record',
    args: { taskId: 'p/a', fence: { ...FENCE, n: 0 }, microUsd: 1 },
    code: 'lease.stale',
    facts: ['taskId', 'fence', 'currentFence'],
  },
  {
    op: 'usage.record',
    args: { taskId: 'p/z', fence: FENCE, microUsd: 1 },
    code: 'task.not_found',
    facts: ['taskId'],
  },
  {
    op: 'swarms.register',
    args: profile({ capabilities: ['no:such'] }),
    code: 'capability.unknown',
    facts: ['field', 'capability'],
  },
  {
    op: 'swarms.register',
    args: profile({ limitMicroUsd: 101 * DOLLAR }),
    code: 'budget.too_wide',
    facts: ['account', 'parent', 'highestMicroUsd'],
  },
  {
    op: 'swarms.register',
    args: profile({ swarmId: 's', limitMicroUsd: DOLLAR }),
    code: 'budget.too_low',
    facts: ['account', 'spentMicroUsd', 'reservedMicroUsd', 'lowestMicroUsd'],
  },
  {
    op: 'swarms.register',
    args: profile({}),
    code: 'policy.denied',
    facts: ['action', 'subject', 'rule'],
    given: forbid('swarm.register'),
  },
  {
    op: 'capabilities.define',
    args: { id: 'cli:design', description: 'd' },
    code: 'capability.exists',
    facts: ['capability'],
  },
  {
    op: 'capabilities.define',
    args: { id: 'my:skill', description: 'other' },
    code: 'capability.exists',
    facts: ['capability'],
  },
  {
    op: 'budgets.set',
    args: { account: 'swarm:s', limitMicroUsd: 4 * DOLLAR - 1 },
    code: 'budget.too_low',
    facts: ['account', 'spentMicroUsd', 'reservedMicroUsd', 'lowestMicroUsd'],
  },
  {
    op: 'budgets.set',
    args: { account: 'session:ada', limitMicroUsd: 7 * DOLLAR },
    code: 'budget.too_wide',
    facts: ['account', 'parent', 'highestMicroUsd'],
  },
  {
    op: 'budgets.set',
    args: { account: 'plan:q', limitMicroUsd: 1 },
    code: 'budget.not_found',
    facts: ['account'],
  },
  {
    op: 'budgets.set',
    args: { account: 'plan:p', limitMicroUsd: 99 * DOLLAR },
    code: 'policy.denied',
    facts: ['action', 'subject', 'rule'],
    given: forbid('budget.set'),
  },
  {
    op: 'breakers.trip',
    args: { swarmId: 'nobody', reason: 'r' },
    code: 'swarm.not_found',
    facts: ['swarmId'],
  },
  {
    op: 'breakers.trip',
    args: { swarmId: 't', reason: 'r' },
    code: 'breaker.open',
    facts: ['swarmId'],
  },
  {
    op: 'breakers.reset',
    args: { swarmId: 'nobody', reason: 'r' },
    code: 'swarm.not_found',
    facts: ['swarmId'],
  },
  {
    op: 'breakers.reset',
    args: { swarmId: 's', reason: 'r' },
    code: 'breaker.closed',
    facts: ['swarmId', 'state'],
  },
  {
    op: 'breakers.reset',
    args: { swarmId: 't', reason: 'r', limitMicroUsd: 101 * DOLLAR },
    code: 'budget.too_wide',
    facts: ['account', 'parent', 'highestMicroUsd'],
  },
  {
    op: 'breakers.reset',
    args: { swarmId: 's', reason: 'r', limitMicroUsd: 1 },
    code: 'budget.too_low',
    facts: ['account', 'lowestMicroUsd'],
    given: (realm) => run(realm, 'breakers.trip', { swarmId: 's', reason: 'r' }),
  },
  {
    op: 'breakers.reset',
    args: { swarmId: 's', reason: 'r' },
    code: 'budget.exceeded',
    facts: ['account', 'usedMicroUsd'],
    given: (realm) =>
      run(realm, 'usage.record', { taskId: 'p/a', fence: FENCE, microUsd: 5 * DOLLAR }),
  },
  {
    op: 'breakers.reset',
    args: { swarmId: 't', reason: 'r' },
    code: 'policy.denied',
    facts: ['action', 'subject', 'rule'],
    given: forbid('breaker.reset'),
  },
  {
    op: 'policies.set',
    args: {
      policy: {
        format: 'ifab-policy/1',
        governs: [],
        resource: { realmLimitMicroUsd: DOLLAR },
        rules: [],
      },
    },
    code: 'budget.too_low',
    facts: ['account', 'lowestMicroUsd'],
  },
  {
    op: 'policies.set',
    args: {
      policy: {
        format: 'ifab-policy/1',
        governs: [],
        resource: {},
        rules: [
          {
            id: 'r',
            effect: 'permit',
            on: ['task.claim'],
            when: 'amountMicroUsd > 5',
            reason: 'no',
            tests: [{ given: {}, expect: 'permits' }],
          },
        ],
      },
    },
    code: 'policy.invalid',
    facts: ['failed'],
  },
  {
    op: 'escalations.acknowledge',
    args: { escalationId: 'esc_999' },
    code: 'escalation.not_found',
    facts: ['escalationId'],
  },
  {
    op: 'plans.submit',
    args: {
      plan: {
        id: 'q',
        tasks: [{ key: 'a', title: 'A', budget: { limitMicroUsd: 51 * DOLLAR } }],
      },
    },
    code: 'budget.unconfirmed',
    facts: ['planId', 'tasks', 'worstMicroUsd', 'confirmAboveMicroUsd'],
  },
  {
    op: 'plans.submit',
    args: { plan: { id: 'q', tasks: [], budget: { limitMicroUsd: 101 * DOLLAR } } },
    code: 'budget.too_wide',
    facts: ['account', 'parent', 'highestMicroUsd'],
  },
  {
    op: 'plans.submit',
    args: { plan: { id: 'q', tasks: [] } },
    code: 'policy.denied',
    facts: ['action', 'subject', 'rule'],
    given: forbid('plan.submit'),
  },
  {
    op: 'sessions.open',
    args: { agent: 'zoe', swarm: 's', limitMicroUsd: 7 * DOLLAR },
    code: 'budget.too_wide',
    facts: ['account', 'parent', 'highestMicroUsd'],
  },
  {
    op: 'blockers.raise',
    args: { taskId: 'p/a', fence: FENCE, kind: 'other', title: 't', needs: ['no:such'] },
    code: 'capability.unknown',
    facts: ['field', 'capability'],
  },
];

describe('every refusal', () => {
  for (const { op, args, code, facts, given } of ROWS) {
    test(`${op}: ${code}, with ${facts.join(', ')}`, () => {
      const realm = begun();
      given?.(realm);
      const before = JSON.stringify(worldSections(realm.world));
      const command = realm.commandOf({ op, args });
      const decision = decide(realm.world, command, realm.conditions);
      const rejection = decision.kind === 'refuse' ? decision.rejection : decision;
      expect(rejection).toMatchObject({ kind: 'reject', code });
      if (rejection.kind !== 'reject') return;
      expect(Object.keys(rejection.facts ?? {})).toStrictEqual(expect.arrayContaining([...facts]));
      expect(rejection.detail).toMatch(/[.)a-z]$/);
      // Facts go over every surface: nothing in them is undefined or no figure.
      expect(JSON.parse(JSON.stringify(rejection.facts))).toStrictEqual(rejection.facts);
      expect(Object.keys(ERRORS)).toContain(code);
      expect(findOperation(op)?.errors).toContain(code);
      expect(decision).not.toHaveProperty('events');
      expect(JSON.stringify(worldSections(realm.world))).toBe(before);
      expect(decide(realm.world, command, realm.conditions)).toStrictEqual(decision);
      if (decision.kind === 'reject') {
        realm.submit({ op, args });
        expect(JSON.stringify(worldSections(realm.world))).toBe(before);
      }
    });
  }

  test('that the log keeps changes nothing but the count of refusals', () => {
    const realm = begun();
    const { accounts, reservations, swarms } = structuredClone({
      accounts: realm.world.governor.accounts,
      reservations: realm.world.governor.reservations,
      swarms: realm.world.governor.swarms,
    });
    for (const sessionId of ['ada', 'tim'])
      expect(realm.run('tasks.claim', { taskId: 'p/b', sessionId }).kind).toBe('refuse');
    expect(realm.world.governor).toMatchObject({ accounts, reservations, swarms });
  });
});
