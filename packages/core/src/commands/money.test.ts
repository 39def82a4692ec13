/** What a lease sets aside, and what the gate says before it: money and the policy's rules. */
import type { PolicyRule } from '@infrafabric/protocol';
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import { decide } from '../index.ts';
import type { Decision, DomainEvent } from '../index.ts';
import { REFUSALS_PER_WINDOW_MAX } from '../coordinator/fold-task.ts';
import { worldFaults } from './faults.ts';

const DOLLAR = 1_000_000;
const CENTS_40 = 400_000;

const eventsOf = (decision: Decision): readonly DomainEvent[] =>
  decision.kind === 'accept' ? decision.events : [];
const reservedOf = (decision: Decision): readonly number[] =>
  eventsOf(decision).flatMap((event) =>
    event.type === 'budget.reserved' ? [event.amountMicroUsd] : [],
  );
const rejectionOf = (decision: Decision) => {
  if (decision.kind === 'refuse') return decision.rejection;
  return decision.kind === 'reject' ? decision : undefined;
};

interface Given {
  readonly tasks?: readonly object[];
  readonly swarm?: object;
  readonly plan?: object;
}

/** `ada` of the registered swarm `s` at $2 an hour, and `bob` of no swarm; a plan that begins with p/a. */
const begun = ({
  tasks = [{ key: 'a', title: 'A' }],
  swarm = {},
  plan = {},
}: Given = {}): RealmRun => {
  const realm = openedRealm();
  const profile = {
    swarmId: 's',
    capabilities: ['integration:sip'],
    costPerHourMicroUsd: 2 * DOLLAR,
    ...swarm,
  };
  realm.submit({ op: 'swarms.register', args: { profile } });
  realm.run('sessions.open', { agent: 'ada', swarm: 's', leasesMax: 9 }, { ids: ['ada'] });
  realm.run('sessions.open', { agent: 'bob', leasesMax: 9 }, { ids: ['bob'] });
  realm.submit({
    op: 'plans.submit',
    args: { plan: { id: 'p', tasks, ...plan }, confirmMicroUsd: 1_000 * DOLLAR },
  });
  return realm;
};

const claim = (realm: RealmRun, taskId = 'p/a', sessionId = 'ada'): Decision =>
  realm.run('tasks.claim', { taskId, sessionId });

describe('64 clients against a cap of $1.00 at $0.40 a claim', () => {
  const caps = ['realm', 'plan:p', 'swarm:s'] as const;
  for (const cap of caps) {
    test(`on ${cap}: two leases, and 62 refusals that name it`, () => {
      const tasks = Array.from({ length: 64 }, (_, i) => ({
        key: `t${i}`,
        title: 'T',
        budget: { limitMicroUsd: CENTS_40 },
      }));
      const realm = begun({ tasks });
      realm.run('budgets.set', { account: cap, limitMicroUsd: DOLLAR });
      const decisions = tasks.map(({ key }, i) => {
        realm.run('sessions.open', { agent: `c${i}`, swarm: 's' }, { ids: [`c${i}`] });
        return claim(realm, `p/${key}`, `c${i}`);
      });
      expect(decisions.filter(({ kind }) => kind === 'accept')).toHaveLength(2);
      const refused = decisions.flatMap((one) => (one.kind === 'refuse' ? [one] : []));
      expect(refused).toHaveLength(62);
      for (const { rejection, record } of refused) {
        expect(rejection).toMatchObject({
          code: 'budget.exceeded',
          detail: expect.stringContaining(` may cost $0.40, and ${cap} has $0.20 left of $1.00`),
          facts: {
            account: cap,
            availableMicroUsd: 200_000,
            limitMicroUsd: DOLLAR,
            neededMicroUsd: CENTS_40,
            reservedMicroUsd: 800_000,
            spentMicroUsd: 0,
          },
        });
        expect(record).toMatchObject({ type: 'claim.refused', account: cap });
      }
      expect(realm.world.governor.accounts.get(cap)).toMatchObject({ reserved: 800_000 });
      expect(worldFaults(realm.world)).toStrictEqual([]);
    });
  }

  test('and in one call: tasks.next of 64 gives two', () => {
    const tasks = Array.from({ length: 64 }, (_, i) => ({
      key: `t${i}`,
      title: 'T',
      budget: { limitMicroUsd: CENTS_40 },
    }));
    const realm = begun({ tasks, plan: { budget: { limitMicroUsd: DOLLAR } } });
    const decision = realm.run('tasks.next', { sessionId: 'ada', count: 9 });
    expect(reservedOf(decision)).toStrictEqual([CENTS_40, CENTS_40]);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });
});

describe('the worst case', () => {
  const rows: readonly (readonly [string, object, readonly number[]])[] = [
    ['the limit that its plan names', { budget: { limitMicroUsd: 7 } }, [7]],
    ['twice an hour at the swarm’s price, where nothing is said', {}, [4 * DOLLAR]],
    ['twice the minutes it is expected to take', { estimateMinutes: 30 }, [2 * DOLLAR]],
    ['rounded up', { estimateMinutes: 1 }, [2 * 33_334]],
    ['the policy’s most, at most', { estimateMinutes: 6_000 }, [10 * DOLLAR]],
    [
      'twice the plan’s own estimate, if that is more',
      { budget: { estimateMicroUsd: 3 * DOLLAR } },
      [6 * DOLLAR],
    ],
  ];
  for (const [name, task, expected] of rows) {
    test(`is ${name}`, () => {
      const realm = begun({ tasks: [{ key: 'a', title: 'A', ...task }] });
      expect(reservedOf(claim(realm))).toStrictEqual(expected);
    });
  }

  test('without a profile it is twice the plan’s estimate; without that nothing is set aside', () => {
    const realm = begun({
      tasks: [
        { key: 'a', title: 'A' },
        { key: 'b', title: 'B', budget: { estimateMicroUsd: 5 } },
      ],
    });
    expect(eventsOf(claim(realm, 'p/a', 'bob')).map(({ type }) => type)).toStrictEqual([
      'task.leased',
    ]);
    expect(reservedOf(claim(realm, 'p/b', 'bob'))).toStrictEqual([10]);
  });

  test('a task that has spent before sets aside what it has left, and no task spends twice its limit', () => {
    const realm = begun({ tasks: [{ key: 'a', title: 'A', budget: { limitMicroUsd: 10 } }] });
    const cost = (microUsd: number): Decision =>
      realm.run('usage.record', { taskId: 'p/a', fence: realm.fenceOf('p/a'), microUsd });
    const release = (): Decision =>
      realm.run('tasks.release', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    expect(reservedOf(claim(realm))).toStrictEqual([10]);
    cost(6);
    release();
    expect(reservedOf(claim(realm))).toStrictEqual([4]);
    cost(4);
    release();
    expect(rejectionOf(claim(realm))).toMatchObject({
      code: 'budget.exceeded',
      facts: { account: 'task:p/a', availableMicroUsd: 0, spentMicroUsd: 10 },
    });
    // A new limit lets it go on.
    realm.run('budgets.set', { account: 'task:p/a', limitMicroUsd: 13 });
    expect(reservedOf(claim(realm))).toStrictEqual([3]);
  });

  test('an operator’s limit of a task stands before its plan’s', () => {
    const realm = begun({ tasks: [{ key: 'a', title: 'A', budget: { limitMicroUsd: 10 } }] });
    realm.run('budgets.set', { account: 'task:p/a', limitMicroUsd: 3 });
    expect(reservedOf(claim(realm))).toStrictEqual([3]);
    expect(realm.world.governor.accounts.get('task:p/a')).toMatchObject({ limit: 3, reserved: 3 });
  });
});

describe('0 means 0', () => {
  const limits = ['task:p/a', 'session:ada', 'swarm:s', 'plan:p', 'realm'];
  test('who costs something gets nothing under a limit of nought, wherever it stands', () => {
    for (const account of limits) {
      const realm = begun();
      realm.run('budgets.set', { account, limitMicroUsd: 0 });
      expect(rejectionOf(claim(realm))).toMatchObject({
        code: 'budget.exceeded',
        facts: { account },
      });
    }
  });

  test('nor whose price nobody knows', () => {
    for (const account of ['task:p/a', 'session:bob', 'plan:p', 'realm']) {
      const realm = begun();
      realm.run('budgets.set', { account, limitMicroUsd: 0 });
      expect(rejectionOf(claim(realm, 'p/a', 'bob'))).toMatchObject({
        code: 'budget.exceeded',
        detail: expect.stringContaining('p/a is not free, and '),
        facts: { account, neededMicroUsd: 0 },
      });
    }
  });

  test('a limit of nought in the plan itself lets only the free', () => {
    const tasks = [{ key: 'a', title: 'A', budget: { limitMicroUsd: 0 } }];
    expect(rejectionOf(claim(begun({ tasks })))).toMatchObject({ facts: { account: 'task:p/a' } });
    expect(claim(begun({ tasks, swarm: { costPerHourMicroUsd: 0 } })).kind).toBe('accept');
  });

  test('who is free still sets aside what its plan names, and wants that covered', () => {
    const tasks = [{ key: 'a', title: 'A', budget: { limitMicroUsd: 5 } }];
    const realm = begun({ tasks, swarm: { costPerHourMicroUsd: 0 } });
    realm.run('budgets.set', { account: 'plan:p', limitMicroUsd: 4 });
    expect(rejectionOf(claim(realm))).toMatchObject({ facts: { account: 'plan:p' } });
  });

  test('who is free works under all of them', () => {
    for (const account of limits) {
      const realm = begun({ swarm: { costPerHourMicroUsd: 0 } });
      realm.run('budgets.set', { account, limitMicroUsd: 0 });
      expect(claim(realm).kind).toBe('accept');
    }
  });
});

describe('tasks.next', () => {
  test('lets what it cannot pay for go by, and takes the next best', () => {
    const tasks = [
      { key: 'a', title: 'A', priority: 0, budget: { limitMicroUsd: 9 } },
      { key: 'b', title: 'B', budget: { limitMicroUsd: 3 } },
    ];
    const realm = begun({ tasks, plan: { budget: { limitMicroUsd: 5 } } });
    expect(realm.run('tasks.next', { sessionId: 'ada' })).toMatchObject({
      events: [{ taskId: 'p/b', type: 'task.leased' }, { type: 'budget.reserved' }],
    });
    expect(rejectionOf(realm.run('tasks.next', { sessionId: 'ada' }))).toMatchObject({
      code: 'budget.exceeded',
      facts: { taskId: 'p/a', account: 'plan:p' },
    });
  });

  test('of a session that nobody knows is refused', () => {
    expect(begun().run('tasks.next', { sessionId: 'zed' })).toMatchObject({
      code: 'session.not_found',
    });
  });
});

const rule = (when: string, more: Partial<PolicyRule> = {}): PolicyRule => ({
  id: 'no-such-thing',
  effect: 'forbid',
  on: ['task.claim'],
  when,
  reason: 'because',
  tests: [],
  ...more,
});

const governedBy = (
  realm: RealmRun,
  rules: readonly PolicyRule[],
  governs: readonly string[] = [],
) =>
  realm.submit({
    op: 'policies.set',
    args: { policy: { format: 'ifab-policy/1', governs, resource: {}, rules } },
  });

describe('the policy at a claim', () => {
  test('what a rule forbids is refused with the rule and its reason, and the log keeps it', () => {
    const realm = begun();
    governedBy(realm, [rule('task.id = p/a')]);
    expect(claim(realm)).toStrictEqual({
      kind: 'refuse',
      rejection: {
        kind: 'reject',
        code: 'policy.denied',
        detail: 'p/a: because',
        facts: { taskId: 'p/a', action: 'task.claim', rule: 'no-such-thing' },
      },
      record: {
        code: 'policy.denied',
        detail: 'p/a: because',
        rule: 'no-such-thing',
        sessionId: 'ada',
        taskId: 'p/a',
        type: 'claim.refused',
      },
    });
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('what it governs and no rule permits is refused without a rule', () => {
    const realm = begun();
    governedBy(realm, [], ['task.claim']);
    const rejection = rejectionOf(claim(realm));
    expect(rejection).toMatchObject({ code: 'policy.denied', facts: { taskId: 'p/a' } });
    expect(rejection?.facts).not.toHaveProperty('rule');
  });

  test('what it permits is leased, and money is asked first', () => {
    const realm = begun();
    governedBy(realm, [rule('task.id = p/a', { effect: 'permit' })], ['task.claim']);
    realm.run('budgets.set', { account: 'plan:p', limitMicroUsd: 1 });
    expect(rejectionOf(claim(realm))?.code).toBe('budget.exceeded');
    realm.run('budgets.set', { account: 'plan:p', limitMicroUsd: 9 * DOLLAR });
    expect(claim(realm).kind).toBe('accept');
  });

  test('after too many refusals of a session the log keeps no more of them for a while', () => {
    const realm = begun();
    governedBy(realm, [rule('task.id = p/a')]);
    const kinds = Array.from({ length: REFUSALS_PER_WINDOW_MAX + 2 }, () => claim(realm).kind);
    expect(kinds.filter((kind) => kind === 'refuse')).toHaveLength(REFUSALS_PER_WINDOW_MAX);
    expect(kinds.slice(-2)).toStrictEqual(['reject', 'reject']);
  });

  test('a rule sees the act as it is: each of its facts, of a swarm and of nobody', () => {
    const tasks = [
      {
        key: 'a',
        title: 'A',
        type: 'build',
        priority: 1,
        labels: ['prod'],
        needs: ['integration:sip'],
        repo: 'r',
        owns: ['src'],
        model: 'm',
        phase: 'one',
        estimateMinutes: 30,
      },
      { key: 'b', title: 'B', phase: 'one' },
    ];
    const given: Given = {
      tasks,
      swarm: {
        reputationPermille: 950,
        model: 'opus',
        role: 'support',
        limitMicroUsd: 40 * DOLLAR,
      },
      plan: { phases: [{ id: 'one' }] },
    };
    const ofSwarm = [
      'action = task.claim',
      'principal = operator',
      'session.id = ada',
      'session.agent = ada',
      'session.role = worker',
      'session.capabilities = integration:sip',
      'swarm.id = s',
      'swarm.registered = true',
      'swarm.reputationPermille = 950',
      'swarm.costPerHourMicroUsd = 2000000',
      'swarm.model = opus',
      'swarm.role = support',
      'swarm.availableMicroUsd = 40000000',
      'swarm.spentMicroUsd = 0',
      'task.id = p/a',
      'task.plan = p',
      'task.key = a',
      'task.type = build',
      'task.priority = 1',
      'task.labels = prod',
      'task.needs = integration:sip',
      'task.phase = one',
      'task.repo = r',
      'task.owns = src',
      'task.model = m',
      'task.estimateMicroUsd = 1000000',
      'task.limitMicroUsd = 10000000',
      'task.attempt = 1',
      'task.isHelp = false',
      'plan.id = p',
      'plan.tasks = 2',
      'plan.costMicroUsd = 0',
      'plan.phases = 1',
      'amountMicroUsd = 2000000',
      'matchPermille = 1000',
    ];
    const ofNobody = [
      'session.id = bob',
      'swarm.registered = false',
      'swarm.availableMicroUsd = 100000000',
      'swarm.reputationPermille = 0',
      'task.estimateMicroUsd = 0',
      'amountMicroUsd = 0',
    ];
    const realm = begun(given);
    // A rule that fails denies too: that it speaks shows in its reason.
    const says = (when: string, taskId: string, sessionId: string): string | undefined => {
      governedBy(realm, [rule(when)]);
      return rejectionOf(claim(realm, taskId, sessionId))?.detail;
    };
    for (const when of ofSwarm)
      expect([when, says(when, 'p/a', 'ada')]).toStrictEqual([when, 'p/a: because']);
    for (const when of ofNobody)
      expect([when, says(when, 'p/b', 'bob')]).toStrictEqual([when, 'p/b: because']);
    realm.submit({
      op: 'swarms.register',
      args: { profile: { swarmId: 's', capabilities: ['cli:testing'], costPerHourMicroUsd: 1 } },
    });
    for (const when of ['swarm.role = worker', 'swarm.reputationPermille = 1000'])
      expect([when, says(when, 'p/b', 'ada')]).toStrictEqual([when, 'p/b: because']);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('without a language of conditions every rule denies', () => {
    const realm = begun();
    governedBy(realm, [rule('task.id = p/z')]);
    const asked = realm.commandOf({
      op: 'tasks.claim',
      args: { taskId: 'p/a', sessionId: 'ada' },
    });
    expect(decide(realm.world, asked, realm.conditions).kind).toBe('accept');
    expect(rejectionOf(decide(realm.world, asked))?.code).toBe('policy.denied');
    expect(decide(realm.world, asked, realm.conditions).kind).toBe('accept');
  });
});
