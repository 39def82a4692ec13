/** The governor's examples of the first design papers (002 and 003), with their swarms and their numbers. */
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import type { Decision, DomainEvent } from '../index.ts';
import { bestMatches } from '../governor/index.ts';

const DOLLAR = 1_000_000;

interface Swarm {
  readonly swarmId: string;
  readonly capabilities: readonly string[];
  readonly costPerHourMicroUsd: number;
  readonly limitMicroUsd?: number;
  readonly reputationPermille?: number;
}

/** The three swarms of 002, with the reputations of its first two. */
const NDI: Swarm = {
  swarmId: 'session-1-ndi',
  capabilities: ['integration:ndi', 'docs:technical-writing'],
  costPerHourMicroUsd: 2 * DOLLAR,
  limitMicroUsd: 40 * DOLLAR,
  reputationPermille: 950,
};
const SIP: Swarm = {
  swarmId: 'session-4-sip',
  capabilities: ['integration:sip', 'code-analysis:python'],
  costPerHourMicroUsd: 2 * DOLLAR,
  limitMicroUsd: 40 * DOLLAR,
  reputationPermille: 900,
};
const IFBUS: Swarm = {
  swarmId: 'session-7-ifbus',
  capabilities: ['integration:sip', 'architecture:patterns'],
  costPerHourMicroUsd: 15 * DOLLAR,
  limitMicroUsd: 100 * DOLLAR,
};

/** Swarms with a session each, named after the swarm, that waits for work. */
const realmOf = (...swarms: readonly Swarm[]): RealmRun => {
  const realm = openedRealm();
  for (const profile of swarms) {
    expect(realm.submit({ op: 'swarms.register', args: { profile } }).kind).toBe('accept');
    realm.submit({
      op: 'sessions.open',
      args: { agent: profile.swarmId, swarm: profile.swarmId },
      ids: [profile.swarmId],
    });
  }
  return realm;
};

const plan = (realm: RealmRun, ...tasks: readonly object[]): void => {
  const args = { plan: { id: 'p', tasks }, digest: 'd', confirmMicroUsd: 1_000 * DOLLAR };
  expect(realm.submit({ op: 'plans.submit', args }).kind).toBe('accept');
};

const claim = (realm: RealmRun, taskId: string, sessionId: string): Decision =>
  realm.submit({ op: 'tasks.claim', args: { taskId, sessionId } });

const cost = (realm: RealmRun, taskId: string, microUsd: number): Decision =>
  realm.submit({ op: 'usage.record', args: { taskId, fence: realm.fenceOf(taskId), microUsd } });

const fail = (realm: RealmRun, taskId: string): Decision =>
  realm.submit({ op: 'tasks.fail', args: { taskId, fence: realm.fenceOf(taskId), reason: 'r' } });

const reset = (realm: RealmRun, swarmId: string, more: object = {}): Decision =>
  realm.submit({ op: 'breakers.reset', args: { swarmId, reason: 'looked at it', ...more } });

/** Swarm 1 holds its task and is blocked by what it cannot do; all others wait. */
const blocked = (realm: RealmRun, needs: readonly string[]): Decision => {
  plan(realm, { key: 'ndi', title: 'NDI', needs: ['integration:ndi'] });
  claim(realm, 'p/ndi', NDI.swarmId);
  return realm.submit({
    op: 'blockers.raise',
    args: {
      taskId: 'p/ndi',
      fence: realm.fenceOf('p/ndi'),
      kind: 'integration',
      title: 'SIP does not answer',
      needs,
      waiting: [...realm.world.coordinator.sessions.keys()].filter((id) => id !== NDI.swarmId),
    },
    ids: ['b1'],
  });
};

const eventsOf = (decision: Decision): readonly DomainEvent[] =>
  decision.kind === 'accept' ? decision.events : [];
const typesOf = (decision: Decision): string[] => eventsOf(decision).map(({ type }) => type);
const helpersOf = (decision: Decision): string[] =>
  eventsOf(decision).flatMap((event) => (event.type === 'task.leased' ? [event.sessionId] : []));
const codeOf = (decision: Decision): string => {
  if (decision.kind === 'refuse') return decision.rejection.code;
  return decision.kind === 'reject' ? decision.code : decision.kind;
};

const balance = ({ world }: RealmRun, account: string) => world.governor.accounts.get(account);
const breaker = ({ world }: RealmRun, swarmId: string) =>
  world.governor.swarms.get(swarmId)?.breaker;

const bestFor = ({ world }: RealmRun, ...needs: readonly string[]): string | undefined =>
  bestMatches(world.governor.index, { needs, minMatchPermille: 700, limit: 1 }, () => true)[0]
    ?.candidate.id;

describe('capability matching', () => {
  test('the SIP expert is chosen for a blocker that needs integration:sip, and nobody else', () => {
    const decision = blocked(realmOf(NDI, SIP, IFBUS), ['integration:sip']);
    expect(typesOf(decision)).toStrictEqual([
      'blocker.raised',
      'help.offered',
      'task.leased',
      'blocker.joined',
      'budget.reserved',
    ]);
    expect(helpersOf(decision)).toStrictEqual(['session-4-sip']);
  });

  test('find_qualified_swarm of integration:sip is session-4-sip', () => {
    expect(bestFor(realmOf(NDI, SIP, IFBUS), 'integration:sip')).toBe('session-4-sip');
  });

  test('H.323 does not help with WebRTC: who lacks what is needed is left alone, and a person is told', () => {
    const h323 = { ...SIP, swarmId: 'session-3-h323', capabilities: ['integration:h323'] };
    const decision = blocked(realmOf(NDI, h323), ['integration:webrtc']);
    expect(typesOf(decision)).toStrictEqual(['blocker.raised', 'escalation.raised']);
    expect(eventsOf(decision)[1]).toMatchObject({
      kind: 'blocker',
      severity: 'high',
      subject: 'b1',
    });
  });

  test('a match of 100 % is leased, one of 50 % is refused', () => {
    const realm = realmOf(SIP);
    plan(
      realm,
      { key: 'whole', title: 'W', needs: ['integration:sip', 'code-analysis:python'] },
      { key: 'half', title: 'H', needs: ['integration:sip', 'architecture:patterns'] },
    );
    expect(claim(realm, 'p/half', SIP.swarmId)).toMatchObject({
      code: 'capability.missing',
      facts: { taskId: 'p/half', missing: ['architecture:patterns'] },
    });
    expect(
      realm.submit({ op: 'tasks.next', args: { sessionId: SIP.swarmId, count: 9 } }),
    ).toMatchObject({
      events: [{ type: 'task.leased', taskId: 'p/whole' }, { type: 'budget.reserved' }],
    });
  });

  test('a generalist with one of two capabilities to spare has a containment of 1.0', () => {
    const realm = realmOf(IFBUS);
    const [match] = bestMatches(
      realm.world.governor.index,
      { needs: ['integration:sip'], minMatchPermille: 1_000, limit: 1 },
      () => true,
    );
    expect(match).toMatchObject({ has: 1, candidate: { id: 'session-7-ifbus' } });
    plan(realm, { key: 'a', title: 'A', needs: ['integration:sip'] });
    expect(claim(realm, 'p/a', IFBUS.swarmId).kind).toBe('accept');
  });

  test('of equals the higher reputation is preferred', () => {
    const better = { ...SIP, swarmId: 'zz-better', reputationPermille: 901 };
    const realm = realmOf(NDI, SIP, better);
    expect(bestFor(realm, 'integration:sip')).toBe('zz-better');
    expect(helpersOf(blocked(realm, ['integration:sip']))).toStrictEqual(['zz-better']);
  });

  test('of equal capabilities and reputations the cheaper is preferred', () => {
    const cheaper = { ...SIP, swarmId: 'zz-cheaper', costPerHourMicroUsd: 2 * DOLLAR - 1 };
    const realm = realmOf(NDI, SIP, cheaper);
    expect(bestFor(realm, 'integration:sip')).toBe('zz-cheaper');
    expect(helpersOf(blocked(realm, ['integration:sip']))).toStrictEqual(['zz-cheaper']);
  });

  test('a tripped swarm is excluded: the dear one helps instead', () => {
    const realm = realmOf(NDI, SIP, IFBUS);
    realm.submit({ op: 'breakers.trip', args: { swarmId: SIP.swarmId, reason: 'r' } });
    expect(bestFor(realm, 'integration:sip')).toBe('session-7-ifbus');
    expect(helpersOf(blocked(realm, ['integration:sip']))).toStrictEqual(['session-7-ifbus']);
  });

  test('the only expert is tripped: nobody is qualified, and a person is told', () => {
    const realm = realmOf(NDI, SIP);
    realm.submit({ op: 'breakers.trip', args: { swarmId: SIP.swarmId, reason: 'r' } });
    expect(typesOf(blocked(realm, ['integration:sip']))).toStrictEqual([
      'blocker.raised',
      'escalation.raised',
    ]);
  });
});

describe('limits of a task', () => {
  test('max_swarms_per_task 3: of five that could help three are leased', () => {
    const skills = [
      'integration:sip',
      'integration:webrtc',
      'integration:h323',
      'cli:design',
      'cli:testing',
    ];
    const helpers = skills.map((skill, i) => ({ ...SIP, swarmId: `h${i}`, capabilities: [skill] }));
    const realm = realmOf(NDI, ...helpers);
    const decision = blocked(realm, skills);
    expect(helpersOf(decision)).toHaveLength(3);
    expect(realm.world.coordinator.blockers.get('b1')?.help).toHaveLength(3);
    // Nobody has a place for the other two needs: that is for a person.
    expect(eventsOf(decision).at(-1)).toMatchObject({ type: 'escalation.raised', kind: 'blocker' });
  });

  test('max_cost_per_task 10.0: a task of ten hours at 2.0 reserves ten, and no cost takes it further', () => {
    const realm = realmOf(SIP);
    plan(realm, { key: 'a', title: 'A', estimateMinutes: 600 });
    expect(eventsOf(claim(realm, 'p/a', SIP.swarmId))[1]).toMatchObject({
      type: 'budget.reserved',
      amountMicroUsd: 10 * DOLLAR,
      limitMicroUsd: 10 * DOLLAR,
    });
    expect(eventsOf(cost(realm, 'p/a', 12 * DOLLAR))[0]).toMatchObject({
      chargedMicroUsd: 10 * DOLLAR,
      overrunMicroUsd: 2 * DOLLAR,
    });
  });

  test('three helpers share the ten dollars of the blocked task, and have no more together', () => {
    const skills = ['integration:sip', 'integration:webrtc', 'integration:h323'];
    const helpers = skills.map((skill, i) => ({ ...SIP, swarmId: `h${i}`, capabilities: [skill] }));
    const decision = blocked(realmOf(NDI, ...helpers), skills);
    const reserved = eventsOf(decision).flatMap((event) =>
      event.type === 'budget.reserved' ? [event.amountMicroUsd] : [],
    );
    expect(reserved).toStrictEqual([3_333_333, 3_333_333, 3_333_333]);
  });
});

describe('budgets', () => {
  test('track_cost 5.0 of a budget of 10.0 leaves 5.0', () => {
    const realm = realmOf({ ...SIP, limitMicroUsd: 10 * DOLLAR });
    plan(realm, { key: 'a', title: 'A', budget: { limitMicroUsd: 5 * DOLLAR } });
    claim(realm, 'p/a', SIP.swarmId);
    cost(realm, 'p/a', 5 * DOLLAR);
    const { limit = 0, spent = 0, reserved = 0 } = balance(realm, 'swarm:session-4-sip') ?? {};
    expect(limit - spent - reserved).toBe(5 * DOLLAR);
    expect(breaker(realm, SIP.swarmId)?.state).toBe('closed');
  });

  test('an exhausted budget excludes the swarm: no task is assigned to it any more', () => {
    const realm = realmOf({ ...SIP, limitMicroUsd: 4 * DOLLAR });
    plan(realm, { key: 'a', title: 'A' }, { key: 'b', title: 'B' });
    claim(realm, 'p/a', SIP.swarmId);
    expect(typesOf(cost(realm, 'p/a', 4 * DOLLAR))).toStrictEqual([
      'usage.recorded',
      'budget.alerted',
      'breaker.tripped',
      'escalation.raised',
    ]);
    expect(breaker(realm, SIP.swarmId)).toMatchObject({ state: 'open', cause: 'budget' });
    expect(codeOf(realm.submit({ op: 'tasks.next', args: { sessionId: SIP.swarmId } }))).toBe(
      'session.full',
    );
    realm.submit({ op: 'tasks.complete', args: { taskId: 'p/a', fence: realm.fenceOf('p/a') } });
    expect(codeOf(claim(realm, 'p/b', SIP.swarmId))).toBe('swarm.suspended');
  });

  test('too little left for the next task refuses it while the breaker is closed, and names the account', () => {
    const realm = realmOf({ ...SIP, limitMicroUsd: 5 * DOLLAR });
    plan(realm, { key: 'a', title: 'A' }, { key: 'b', title: 'B' });
    claim(realm, 'p/a', SIP.swarmId);
    cost(realm, 'p/a', 2 * DOLLAR);
    realm.submit({ op: 'tasks.complete', args: { taskId: 'p/a', fence: realm.fenceOf('p/a') } });
    expect(claim(realm, 'p/b', SIP.swarmId)).toMatchObject({
      kind: 'refuse',
      rejection: {
        code: 'budget.exceeded',
        facts: {
          account: 'swarm:session-4-sip',
          taskId: 'p/b',
          neededMicroUsd: 4 * DOLLAR,
          availableMicroUsd: 3 * DOLLAR,
          limitMicroUsd: 5 * DOLLAR,
          reservedMicroUsd: 0,
          spentMicroUsd: 2 * DOLLAR,
        },
      },
      record: { type: 'claim.refused', code: 'budget.exceeded', account: 'swarm:session-4-sip' },
    });
  });
});

describe('circuit breakers', () => {
  test('three failures trip it, and a person is told with high severity', () => {
    const realm = realmOf(SIP);
    plan(realm, { key: 'a', title: 'A', attemptsMax: 9 });
    for (let n = 0; n < 2; n += 1) {
      claim(realm, 'p/a', SIP.swarmId);
      expect(typesOf(fail(realm, 'p/a'))).toStrictEqual(['budget.settled', 'task.failed']);
    }
    claim(realm, 'p/a', SIP.swarmId);
    expect(eventsOf(fail(realm, 'p/a')).slice(2)).toMatchObject([
      { type: 'breaker.tripped', cause: 'failures', by: 'realm', swarmId: SIP.swarmId },
      { type: 'escalation.raised', kind: 'breaker', severity: 'high', subject: SIP.swarmId },
    ]);
    expect(codeOf(claim(realm, 'p/a', SIP.swarmId))).toBe('swarm.suspended');
  });

  test('a trip never touches a balance', () => {
    const realm = realmOf({ ...SIP, limitMicroUsd: 10 * DOLLAR });
    plan(realm, { key: 'a', title: 'A' });
    claim(realm, 'p/a', SIP.swarmId);
    cost(realm, 'p/a', DOLLAR);
    const before = structuredClone(realm.world.governor.accounts);
    realm.submit({ op: 'breakers.trip', args: { swarmId: SIP.swarmId, reason: 'r' } });
    expect(realm.world.governor.accounts).toStrictEqual(before);
    expect(before.get('swarm:session-4-sip')).toMatchObject({
      limit: 10 * DOLLAR,
      spent: DOLLAR,
      reserved: 3 * DOLLAR,
    });
  });

  test('a reset restores it: one task as a probe, and all of them once that is done', () => {
    const realm = realmOf(SIP);
    plan(realm, { key: 'a', title: 'A' }, { key: 'b', title: 'B' });
    realm.submit({ op: 'breakers.trip', args: { swarmId: SIP.swarmId, reason: 'r' } });
    expect(codeOf(claim(realm, 'p/a', SIP.swarmId))).toBe('swarm.suspended');
    expect(eventsOf(reset(realm, SIP.swarmId))[0]).toStrictEqual({
      by: 'operator',
      reason: 'looked at it',
      swarmId: SIP.swarmId,
      type: 'breaker.reset',
    });
    expect(breaker(realm, SIP.swarmId)?.state).toBe('half-open');
    expect(claim(realm, 'p/a', SIP.swarmId).kind).toBe('accept');
    const done = realm.submit({
      op: 'tasks.complete',
      args: { taskId: 'p/a', fence: realm.fenceOf('p/a') },
    });
    expect(typesOf(done)).toContain('breaker.closed');
    expect(breaker(realm, SIP.swarmId)?.state).toBe('closed');
  });

  test('after an exhausted budget a reset wants a new one', () => {
    const realm = realmOf({ ...SIP, limitMicroUsd: 4 * DOLLAR });
    plan(realm, { key: 'a', title: 'A' });
    claim(realm, 'p/a', SIP.swarmId);
    cost(realm, 'p/a', 4 * DOLLAR);
    expect(reset(realm, SIP.swarmId)).toMatchObject({
      code: 'budget.exceeded',
      facts: { account: 'swarm:session-4-sip', usedMicroUsd: 4 * DOLLAR },
    });
    const given = typesOf(reset(realm, SIP.swarmId, { limitMicroUsd: 9 * DOLLAR }));
    expect(given.slice(0, 2)).toStrictEqual(['breaker.reset', 'budget.limited']);
    expect(balance(realm, 'swarm:session-4-sip')).toMatchObject({
      limit: 9 * DOLLAR,
      spent: 4 * DOLLAR,
    });
  });

  test('only an operator resets, and never without a reason', async () => {
    const { findOperation } = await import('@infrafabric/protocol');
    const operation = findOperation('breakers.reset');
    expect(operation?.callers).toStrictEqual(['operator']);
    const parsed = operation?.input.safeParse({ swarmId: SIP.swarmId });
    expect(parsed?.error?.issues.map(({ path }) => path.join('.'))).toStrictEqual(['reason']);
  });
});
