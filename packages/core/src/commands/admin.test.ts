/** An operator's commands over several rooms: plans with their money, sessions with theirs, limits, and the policy. */
import { SESSIONS_OPEN_MAX } from '@infrafabric/protocol';
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import { decide, worldSections } from '../index.ts';
import type { Decision } from '../index.ts';
import { DENIAL_WINDOW_MS, DENIALS_PER_WINDOW_MAX } from '../governor/index.ts';

const DOLLAR = 1_000_000;

const rule = (on: string, when: string) => ({
  id: 'no-such-thing',
  effect: 'forbid',
  on: [on],
  when,
  reason: 'because',
  tests: [],
});

const governedBy = (realm: RealmRun, rules: readonly object[], resource: object = {}): Decision =>
  realm.submit({
    op: 'policies.set',
    args: { policy: { format: 'ifab-policy/1', governs: [], resource, rules } },
  });

const registered = (realm: RealmRun, more: object = {}): Decision =>
  realm.submit({
    op: 'swarms.register',
    args: {
      profile: {
        swarmId: 's',
        capabilities: ['cli:design'],
        costPerHourMicroUsd: 2 * DOLLAR,
        ...more,
      },
    },
  });

const submit = (realm: RealmRun, plan: object, more: object = {}): Decision =>
  realm.submit({ op: 'plans.submit', args: { plan: { id: 'p', ...plan }, ...more } });

const tasksOf = (count: number, more: object = {}): object[] =>
  Array.from({ length: count }, (_, i) => ({ key: `t${i}`, title: 'T', ...more }));

const typesOf = (decision: Decision): string[] =>
  decision.kind === 'accept' ? decision.events.map(({ type }) => type) : [];
const rejectionOf = (decision: Decision) => {
  if (decision.kind === 'refuse') return decision.rejection;
  return decision.kind === 'reject' ? decision : undefined;
};
const textOf = ({ world }: RealmRun): string => JSON.stringify(worldSections(world));

describe('submitting a plan', () => {
  test('its limit is set in the entry that takes it', () => {
    const realm = openedRealm();
    const decision = submit(realm, { tasks: tasksOf(1), budget: { limitMicroUsd: 7 } });
    expect(decision).toMatchObject({
      events: [
        { type: 'plan.submitted' },
        { account: 'plan:p', limitMicroUsd: 7, parent: 'realm', type: 'budget.limited' },
      ],
    });
    expect(realm.world.governor.accounts.get('plan:p')?.limit).toBe(7);
    expect(typesOf(submit(openedRealm(), { tasks: tasksOf(1) }))).toStrictEqual(['plan.submitted']);
  });

  test('G3: a limit above the realm’s refuses the whole plan', () => {
    const realm = openedRealm();
    const plan = { tasks: tasksOf(1), budget: { limitMicroUsd: 101 * DOLLAR } };
    expect(submit(realm, plan)).toMatchObject({
      code: 'budget.too_wide',
      facts: { account: 'plan:p', parent: 'realm', highestMicroUsd: 100 * DOLLAR },
    });
    expect(realm.world.coordinator.plans).toHaveLength(0);
  });

  test('what may cost more than is taken unasked wants a person’s word for the whole of it', () => {
    const realm = openedRealm();
    const plan = { tasks: tasksOf(51, { budget: { limitMicroUsd: DOLLAR } }) };
    expect(submit(realm, plan)).toMatchObject({
      code: 'budget.unconfirmed',
      facts: {
        planId: 'p',
        tasks: 51,
        worstMicroUsd: 51 * DOLLAR,
        confirmAboveMicroUsd: 50 * DOLLAR,
      },
    });
    expect(submit(realm, plan, { confirmMicroUsd: 51 * DOLLAR - 1 })).toMatchObject({
      code: 'budget.unconfirmed',
    });
    expect(submit(realm, plan, { confirmMicroUsd: 51 * DOLLAR }).kind).toBe('accept');
    expect(submit(openedRealm(), { tasks: plan.tasks.slice(1) }).kind).toBe('accept');
  });

  test('what its own limit bounds costs no more than that', () => {
    const tasks = tasksOf(51, { budget: { limitMicroUsd: DOLLAR } });
    const bound = { tasks, budget: { limitMicroUsd: 50 * DOLLAR } };
    expect(submit(openedRealm(), bound).kind).toBe('accept');
    expect(
      submit(openedRealm(), { tasks, budget: { limitMicroUsd: 50 * DOLLAR + 1 } }),
    ).toMatchObject({
      code: 'budget.unconfirmed',
      facts: { worstMicroUsd: 50 * DOLLAR + 1 },
    });
  });

  test('imported work that is done costs nothing more', () => {
    const budget = { limitMicroUsd: DOLLAR };
    const done = tasksOf(51, { budget, imported: { status: 'x', done: true } });
    expect(submit(openedRealm(), { tasks: done }).kind).toBe('accept');
    const open = tasksOf(51, { budget, imported: { status: 'x', done: false } });
    expect(submit(openedRealm(), { tasks: open })).toMatchObject({ code: 'budget.unconfirmed' });
  });

  test('the same plan again changes nothing; a wrong one is refused as a plan first', () => {
    const realm = openedRealm();
    const plan = { tasks: tasksOf(1), budget: { limitMicroUsd: 7 } };
    submit(realm, plan);
    expect(submit(realm, plan)).toStrictEqual({ kind: 'unchanged' });
    const cycle = { tasks: [{ key: 'a', title: 'A', dependsOn: ['a'] }] };
    expect(rejectionOf(submit(openedRealm(), cycle))?.code).toBe('plan.cycle');
  });

  test('a rule sees its tasks, phases and cost', () => {
    const plan = { tasks: tasksOf(3, { budget: { limitMicroUsd: 5 } }), phases: [{ id: 'one' }] };
    const facts = [
      'plan.id = p',
      'plan.tasks = 3',
      'plan.costMicroUsd = 15',
      'plan.phases = 1',
      'amountMicroUsd = 15',
      'principal = operator',
      'action = plan.submit',
    ];
    for (const when of facts) {
      const realm = openedRealm();
      governedBy(realm, [rule('plan.submit', when)]);
      expect([when, rejectionOf(submit(realm, plan))]).toMatchObject([
        when,
        {
          code: 'policy.denied',
          detail: 'plan.submit p: because',
          facts: { action: 'plan.submit', subject: 'p', rule: 'no-such-thing' },
        },
      ]);
    }
    const realm = openedRealm();
    governedBy(realm, [rule('plan.submit', 'plan.phases > 0')]);
    expect(submit(realm, { tasks: plan.tasks }).kind).toBe('accept');
  });
});

describe('adding to a plan that runs', () => {
  const edit = (realm: RealmRun, args: object): Decision =>
    realm.submit({ op: 'plans.edit', args: { planId: 'p', ...args } });
  const dear = { key: 'x', title: 'X', budget: { limitMicroUsd: 51 * DOLLAR } };

  test('what may cost too much wants a person’s word, as a plan does', () => {
    const realm = openedRealm();
    submit(realm, { tasks: tasksOf(1) });
    expect(edit(realm, { add: [dear] })).toMatchObject({
      code: 'budget.unconfirmed',
      detail: expect.stringContaining('The 1 tasks of p may cost $51.00, more than $50.00'),
      facts: { planId: 'p', tasks: 1, worstMicroUsd: 51 * DOLLAR },
    });
    expect(edit(realm, { add: [dear], confirmMicroUsd: 51 * DOLLAR }).kind).toBe('accept');
  });

  test('what costs little, is bound by the plan’s limit, or adds nothing is taken unasked', () => {
    const realm = openedRealm();
    submit(realm, { tasks: tasksOf(1) });
    const cheap = { ...dear, budget: { limitMicroUsd: 50 * DOLLAR } };
    expect(edit(realm, { add: [cheap] }).kind).toBe('accept');
    expect(edit(realm, { priorities: [{ task: 't0', priority: 0 }] }).kind).toBe('accept');
    const bound = openedRealm();
    submit(bound, { tasks: tasksOf(1), budget: { limitMicroUsd: 50 * DOLLAR } });
    expect(edit(bound, { add: [dear] }).kind).toBe('accept');
  });

  test('what is wrong is refused as an edit first', () => {
    expect(rejectionOf(edit(openedRealm(), { add: [dear] }))?.code).toBe('plan.not_found');
  });
});

describe('opening a session', () => {
  const open = (realm: RealmRun, args: object): Decision =>
    realm.submit({ op: 'sessions.open', args: { agent: 'ada', ...args }, ids: ['ada'] });

  test('it has the capabilities of its swarm, where it names none', () => {
    const realm = openedRealm();
    registered(realm);
    expect(open(realm, { swarm: 's' })).toMatchObject({
      events: [{ capabilities: ['cli:design'] }],
    });
    expect(open(realm, { swarm: 's', capabilities: ['a'] })).toMatchObject({
      events: [{ capabilities: ['a'] }],
    });
    expect(open(realm, { swarm: 'nobody' })).toMatchObject({ events: [{ capabilities: [] }] });
    expect(open(realm, {})).toMatchObject({ events: [{ capabilities: [] }] });
  });

  test('G3: its limit is within that of its swarm, or of the realm where that has none', () => {
    const realm = openedRealm();
    registered(realm, { limitMicroUsd: 9 });
    expect(open(realm, { swarm: 's', limitMicroUsd: 10 })).toMatchObject({
      code: 'budget.too_wide',
      facts: { account: 'session:ada', parent: 'swarm:s', highestMicroUsd: 9 },
    });
    expect(realm.world.coordinator.sessions.size).toBe(0);
    expect(open(realm, { swarm: 's', limitMicroUsd: 9 })).toMatchObject({
      events: [
        { type: 'session.opened' },
        { account: 'session:ada', limitMicroUsd: 9, parent: 'swarm:s', type: 'budget.limited' },
      ],
    });
    expect(realm.world.governor.accounts.get('session:ada')).toMatchObject({
      limit: 9,
      parent: 'swarm:s',
    });
    expect(open(openedRealm(), { limitMicroUsd: 101 * DOLLAR })).toMatchObject({
      facts: { parent: 'realm' },
    });
  });
});

test('a session too many is refused, whatever limit it asks for', () => {
  const realm = openedRealm();
  realm.world.coordinator.openSessions = SESSIONS_OPEN_MAX;
  expect(
    realm.run('sessions.open', { agent: 'ada', limitMicroUsd: 1 }, { ids: ['ada'] }),
  ).toMatchObject({ code: 'session.too_many' });
});

describe('limiting an account', () => {
  const limit = (realm: RealmRun, account: string): Decision =>
    realm.submit({ op: 'budgets.set', args: { account, limitMicroUsd: 7 } });
  const begun = (): RealmRun => {
    const realm = openedRealm();
    registered(realm);
    realm.run('sessions.open', { agent: 'ada', swarm: 'unregistered' }, { ids: ['ada'] });
    realm.run('sessions.open', { agent: 'bob' }, { ids: ['bob'] });
    realm.run('sessions.close', { sessionId: 'bob' });
    submit(realm, { tasks: tasksOf(3) });
    realm.run('tasks.cancel', { taskId: 'p/t1', reason: 'r' });
    realm.run('tasks.claim', { taskId: 'p/t2', sessionId: 'ada' });
    realm.run('tasks.complete', { taskId: 'p/t2', fence: realm.fenceOf('p/t2') });
    return realm;
  };

  test('of what there is, before its first cost too', () => {
    for (const account of [
      'realm',
      'plan:p',
      'task:p/t0',
      'swarm:s',
      'swarm:unregistered',
      'session:ada',
    ]) {
      const realm = begun();
      expect(limit(realm, account).kind).toBe('accept');
      expect(realm.world.governor.accounts.get(account)?.limit).toBe(7);
    }
  });

  test('of what there is not, or is over, is refused', () => {
    for (const account of [
      'plan:q',
      'task:p/t9',
      'task:p/t1',
      'task:p/t2',
      'swarm:nobody',
      'session:zed',
      'session:bob',
    ])
      expect(limit(begun(), account)).toMatchObject({
        code: 'budget.not_found',
        facts: { account },
      });
  });

  test('a rule sees the account and the limit', () => {
    for (const when of ['account = plan:p', 'limitMicroUsd = 7', 'action = budget.set']) {
      const realm = begun();
      governedBy(realm, [rule('budget.set', when)]);
      expect(rejectionOf(limit(realm, 'plan:p'))).toMatchObject({
        code: 'policy.denied',
        detail: 'budget.set plan:p: because',
        facts: { action: 'budget.set', subject: 'plan:p' },
      });
    }
  });
});

describe('what the policy denies', () => {
  test('a swarm: the rule sees its profile, and what is absent as it counts', () => {
    const facts = [
      'swarm.id = s',
      'swarm.registered = false',
      'swarm.reputationPermille = 1000',
      'swarm.costPerHourMicroUsd = 2000000',
      'swarm.role = worker',
      'session.capabilities = cli:design',
      'limitMicroUsd = 0',
    ];
    const given = [
      'swarm.reputationPermille = 5',
      'swarm.model = opus',
      'swarm.role = support',
      'limitMicroUsd = 9',
    ];
    const more = { reputationPermille: 5, model: 'opus', role: 'support', limitMicroUsd: 9 };
    const rows = [
      ...facts.map((when) => [when, {}]),
      ...given.map((when) => [when, more]),
    ] as const;
    for (const [when, profile] of rows) {
      const realm = openedRealm();
      governedBy(realm, [rule('swarm.register', when as string)]);
      // A rule that fails denies too: that it speaks shows in its reason.
      expect([when, rejectionOf(registered(realm, profile as object))?.detail]).toStrictEqual([
        when,
        'swarm.register s: because',
      ]);
      expect(realm.world.governor.swarms.size).toBe(0);
    }
    const realm = openedRealm();
    registered(realm);
    governedBy(realm, [rule('swarm.register', 'swarm.registered = true')]);
    expect(rejectionOf(registered(realm, { reputationPermille: 1 }))?.code).toBe('policy.denied');
  });

  test('a reset: the rule sees the money of the swarm and the new limit', () => {
    const reset = (realm: RealmRun, more: object = {}): Decision =>
      realm.submit({ op: 'breakers.reset', args: { swarmId: 's', reason: 'r', ...more } });
    const rows: readonly (readonly [string, object])[] = [
      ['swarm.id = s', {}],
      ['swarm.registered = true', {}],
      ['swarm.availableMicroUsd = 9', {}],
      ['swarm.spentMicroUsd = 0', {}],
      ['account = swarm:s', {}],
      ['limitMicroUsd = 0', {}],
      ['limitMicroUsd = 8', { limitMicroUsd: 8 }],
    ];
    for (const [when, more] of rows) {
      const realm = openedRealm();
      registered(realm, { limitMicroUsd: 9 });
      realm.run('breakers.trip', { swarmId: 's', reason: 'r' });
      governedBy(realm, [rule('breaker.reset', when)]);
      expect([when, rejectionOf(reset(realm, more))?.detail]).toStrictEqual([
        when,
        'breaker.reset s: because',
      ]);
      expect(realm.world.governor.swarms.get('s')?.breaker.state).toBe('open');
    }
    const realm = openedRealm();
    governedBy(realm, [rule('breaker.reset', 'swarm.registered = true')]);
    expect(rejectionOf(reset(realm))?.code).toBe('swarm.not_found');
  });

  test('what is governed and nothing permits is denied by no rule', () => {
    const realm = openedRealm();
    realm.submit({
      op: 'policies.set',
      args: {
        policy: { format: 'ifab-policy/1', governs: ['swarm.register'], resource: {}, rules: [] },
      },
    });
    const decision = registered(realm);
    expect(decision).toMatchObject({ kind: 'refuse', record: { type: 'policy.denied' } });
    if (decision.kind !== 'refuse') return;
    expect(decision.rejection.facts).not.toHaveProperty('rule');
    expect(decision.record).not.toHaveProperty('rule');
  });

  test('the log keeps who wished what and why, a hundred a minute and no more', () => {
    const realm = openedRealm();
    governedBy(realm, [rule('swarm.register', 'swarm.id = s')]);
    realm.at = 10 * DENIAL_WINDOW_MS;
    expect(registered(realm)).toMatchObject({
      kind: 'refuse',
      record: {
        action: 'swarm.register',
        by: 'operator',
        reason: 'because',
        rule: 'no-such-thing',
        subject: 's',
        type: 'policy.denied',
      },
    });
    for (let n = 1; n < DENIALS_PER_WINDOW_MAX; n += 1)
      expect(registered(realm).kind).toBe('refuse');
    const before = textOf(realm);
    expect(registered(realm)).toMatchObject({ kind: 'reject', code: 'policy.denied' });
    expect(textOf(realm)).toBe(before);
    realm.at += DENIAL_WINDOW_MS - 1;
    expect(registered(realm).kind).toBe('reject');
    realm.at += 1;
    expect(registered(realm).kind).toBe('refuse');
    expect(realm.world.governor.denials).toStrictEqual({ since: realm.at, count: 1 });
  });

  test('rules are compiled anew for another language and for another policy', () => {
    const realm = openedRealm();
    governedBy(realm, [rule('swarm.register', 'swarm.id = s')]);
    const asked = realm.commandOf({
      op: 'swarms.register',
      args: { profile: { swarmId: 's', capabilities: ['cli:design'], costPerHourMicroUsd: 0 } },
    });
    const never = { compile: () => () => false };
    expect(decide(realm.world, asked, realm.conditions).kind).toBe('refuse');
    expect(decide(realm.world, asked, never).kind).toBe('accept');
    governedBy(realm, []);
    expect(decide(realm.world, asked, realm.conditions).kind).toBe('accept');
  });
});
