/** Breakers in the life of a swarm: what opens them, what an open one stops, and the way back (G4). */
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import type { Decision, DomainEvent } from '../index.ts';
import { worldFaults } from './faults.ts';

const DOLLAR = 1_000_000;

/** Swarm `s` with the sessions `ada` and `bob` of four leases each, and a plan of nine tasks. */
const begun = (resource: object = {}, task: object = {}): RealmRun => {
  const realm = openedRealm();
  realm.run('policies.set', {
    policy: { format: 'ifab-policy/1', governs: [], rules: [], resource },
  });
  realm.run('swarms.register', {
    profile: { swarmId: 's', capabilities: ['integration:sip'], costPerHourMicroUsd: DOLLAR },
  });
  for (const id of ['ada', 'bob'])
    realm.run('sessions.open', { agent: id, swarm: 's', leasesMax: 4 }, { ids: [id] });
  const tasks = Array.from({ length: 9 }, (_, i) => ({ key: `t${i}`, title: 'T', ...task }));
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  return realm;
};

const claim = (realm: RealmRun, taskId: string, sessionId = 'ada'): Decision =>
  realm.run('tasks.claim', { taskId, sessionId });
const cost = (realm: RealmRun, taskId: string, microUsd: number): Decision =>
  realm.run('usage.record', { taskId, fence: realm.fenceOf(taskId), microUsd });
const fail = (realm: RealmRun, taskId: string): Decision =>
  realm.run('tasks.fail', { taskId, fence: realm.fenceOf(taskId), reason: 'r' });
const done = (realm: RealmRun, taskId: string, next = false): Decision =>
  realm.run('tasks.complete', { taskId, fence: realm.fenceOf(taskId), next });
const trip = (realm: RealmRun): Decision =>
  realm.run('breakers.trip', { swarmId: 's', reason: 'by hand' });
const reset = (realm: RealmRun, more: object = {}): Decision =>
  realm.submit({ op: 'breakers.reset', args: { swarmId: 's', reason: 'fixed', ...more } });

const eventsOf = (decision: Decision): readonly DomainEvent[] =>
  decision.kind === 'accept' ? decision.events : [];
const typesOf = (decision: Decision): string[] => eventsOf(decision).map(({ type }) => type);
const tripOf = (decision: Decision): DomainEvent | undefined =>
  eventsOf(decision).find(({ type }) => type === 'breaker.tripped');
const codeOf = (decision: Decision): string => {
  if (decision.kind === 'refuse') return decision.rejection.code;
  return decision.kind === 'reject' ? decision.code : decision.kind;
};
const stateOf = ({ world }: RealmRun): string | undefined =>
  world.governor.swarms.get('s')?.breaker.state;

describe('what opens it', () => {
  test('failures in a row, over all sessions of the swarm, and expired leases among them', () => {
    const realm = begun();
    claim(realm, 'p/t0');
    claim(realm, 'p/t1', 'bob');
    claim(realm, 'p/t2');
    expect(tripOf(fail(realm, 'p/t0'))).toBeUndefined();
    expect(tripOf(fail(realm, 'p/t1'))).toBeUndefined();
    realm.at += 30_000;
    const args = { taskId: 'p/t2', fence: 1, renewedAt: 0 };
    expect(tripOf(realm.run('leases.expire', args, { cred: 'realm' }))).toMatchObject({
      cause: 'failures',
      reason: '3 attempts failed in a row',
    });
  });

  test('work that is sent back', () => {
    const realm = begun(
      { failureThreshold: 1 },
      { gates: [{ name: 'lint', run: { shell: 'true' } }] },
    );
    claim(realm, 'p/t0');
    done(realm, 'p/t0');
    const verdict = realm.run(
      'tasks.judge',
      { taskId: 'p/t0', verdict: 'reject', reason: 'r' },
      { principal: 'olga' },
    );
    expect(typesOf(verdict)).toStrictEqual([
      'task.rejected',
      'breaker.tripped',
      'escalation.raised',
    ]);
    expect(realm.world.governor.swarms.get('s')?.failures).toBe(1);
  });

  test('work that is accepted is a success: it forgives what failed before', () => {
    const realm = begun({ failureThreshold: 2 });
    realm.run('plans.submit', {
      plan: {
        id: 'q',
        tasks: [{ key: 'g', title: 'G', gates: [{ name: 'lint', run: { shell: 'true' } }] }],
      },
    });
    claim(realm, 'p/t0');
    fail(realm, 'p/t0');
    claim(realm, 'q/g');
    done(realm, 'q/g');
    realm.run(
      'tasks.judge',
      { taskId: 'q/g', verdict: 'accept', reason: 'r' },
      { principal: 'olga' },
    );
    expect(realm.world.governor.swarms.get('s')?.failures).toBe(0);
    claim(realm, 'p/t1');
    expect(tripOf(fail(realm, 'p/t1'))).toBeUndefined();
  });

  test('not a session that is closed or revoked: nobody failed', () => {
    const realm = begun({ failureThreshold: 1 });
    claim(realm, 'p/t0');
    claim(realm, 'p/t1', 'bob');
    expect(typesOf(realm.run('sessions.close', { sessionId: 'ada' }))).toStrictEqual([
      'budget.settled',
      'session.closed',
    ]);
    expect([...(realm.world.governor.sessionsOf.get('s') ?? [])]).toStrictEqual(['bob']);
    realm.run('sessions.revoke', { sessionId: 'bob', reason: 'r' });
    expect(realm.world.governor.swarms.get('s')).toMatchObject({
      failures: 0,
      results: [],
      breaker: { state: 'closed' },
    });
    expect(realm.world.governor.sessionsOf.size).toBe(0);
  });

  test('the rate of failures within the window', () => {
    const realm = begun({ failureSamplesMin: 4, failureThreshold: 9, failureWindowMs: 60_000 });
    const results = ['fail', 'fail', 'done'] as const;
    for (const [i, result] of results.entries()) {
      claim(realm, `p/t${i}`);
      if (result === 'fail') fail(realm, `p/t${i}`);
      else done(realm, `p/t${i}`);
    }
    claim(realm, 'p/t5');
    expect(tripOf(fail(realm, 'p/t5'))).toMatchObject({
      cause: 'failure-rate',
      reason: '3 of 4 attempts failed within 1 minute',
    });
  });

  test('what lies outside the window is forgotten', () => {
    const realm = begun({ failureSamplesMin: 4, failureThreshold: 9, failureWindowMs: 60_000 });
    for (const task of ['p/t0', 'p/t1', 'p/t2']) {
      claim(realm, task);
      fail(realm, task);
    }
    realm.at += 60_000;
    claim(realm, 'p/t3');
    expect(tripOf(fail(realm, 'p/t3'))).toBeUndefined();
  });

  test('spending with nothing to show; a completion, an artifact or a commit is something', () => {
    const artifact = { name: 'x', digest: `sha256:${'0'.repeat(64)}`, bytes: 1 };
    const shown: readonly (readonly [object, boolean])[] = [
      [{ evidence: 'commit' }, true],
      [{ artifact }, true],
      [{ evidence: 'output', note: 'still at it' }, false],
    ];
    for (const [progress, counts] of shown) {
      const realm = begun({ noProgressMicroUsd: 2 * DOLLAR });
      claim(realm, 'p/t0');
      expect(tripOf(cost(realm, 'p/t0', 2 * DOLLAR - 1))).toBeUndefined();
      realm.submit({
        op: 'tasks.progress',
        args: { taskId: 'p/t0', fence: realm.fenceOf('p/t0'), ...progress },
      });
      const tripped = tripOf(cost(realm, 'p/t0', 1));
      if (counts) expect(tripped).toBeUndefined();
      else
        expect(tripped).toMatchObject({
          cause: 'no-progress',
          reason: 'it has spent $2.00 and nothing came of it',
        });
    }
    const realm = begun({ noProgressMicroUsd: 2 * DOLLAR });
    claim(realm, 'p/t0');
    cost(realm, 'p/t0', 2 * DOLLAR - 1);
    done(realm, 'p/t0');
    claim(realm, 'p/t1');
    expect(tripOf(cost(realm, 'p/t1', 1))).toBeUndefined();
    // A failure is nothing to show for it.
    fail(realm, 'p/t1');
    claim(realm, 'p/t1');
    expect(tripOf(cost(realm, 'p/t1', 2 * DOLLAR - 1))).toMatchObject({ cause: 'no-progress' });
    expect(realm.world.governor.swarms.get('s')?.spentSinceProgress).toBe(2 * DOLLAR);
    // Progress of a session that is in no swarm is nobody’s.
    realm.run('sessions.open', { agent: 'eve' }, { ids: ['eve'] });
    claim(realm, 'p/t2', 'eve');
    realm.run('tasks.progress', {
      taskId: 'p/t2',
      fence: realm.fenceOf('p/t2'),
      evidence: 'commit',
    });
    expect(realm.world.governor.swarms.get('s')?.spentSinceProgress).toBe(2 * DOLLAR);
  });

  test('an operator, with a reason; twice is refused', () => {
    const realm = begun();
    const [tripped, raised] = eventsOf(
      realm.run('breakers.trip', { swarmId: 's', reason: 'by hand' }, { principal: 'olga' }),
    );
    expect(tripped).toStrictEqual({
      by: 'olga',
      cause: 'operator',
      reason: 'by hand',
      swarmId: 's',
      type: 'breaker.tripped',
    });
    expect(raised).toMatchObject({
      escalationId: `esc_${realm.world.realm.size - 1}`,
      kind: 'breaker',
      severity: 'high',
      summary: 'Swarm s is stopped: by hand. Let it try again: ifab breaker reset s --reason TEXT',
    });
    expect(trip(realm)).toMatchObject({ code: 'breaker.open', facts: { swarmId: 's' } });
  });
});

describe('an open breaker', () => {
  test('gives nothing, by claim, by next or after a completion, and says why', () => {
    const realm = begun();
    claim(realm, 'p/t0');
    trip(realm);
    const facts = { swarmId: 's', state: 'open', reason: 'by hand', by: 'operator', since: 0 };
    expect(claim(realm, 'p/t1')).toMatchObject({
      kind: 'refuse',
      rejection: { code: 'swarm.suspended', facts },
      record: { type: 'claim.refused', code: 'swarm.suspended', sessionId: 'ada' },
    });
    expect(realm.run('tasks.next', { sessionId: 'bob' })).toMatchObject({
      kind: 'refuse',
      rejection: { code: 'swarm.suspended', facts },
    });
    expect(typesOf(done(realm, 'p/t0', true))).toStrictEqual(['budget.settled', 'task.completed']);
    expect(stateOf(realm)).toBe('open');
  });

  test('drains by default: leases go on, costs are charged, and nothing trips it again', () => {
    const realm = begun({ failureThreshold: 1, noProgressMicroUsd: 1 });
    claim(realm, 'p/t0');
    claim(realm, 'p/t1');
    trip(realm);
    expect(typesOf(cost(realm, 'p/t0', DOLLAR))).toStrictEqual(['usage.recorded']);
    expect(typesOf(fail(realm, 'p/t1'))).toStrictEqual(['budget.settled', 'task.failed']);
    expect(realm.world.governor.escalations.size).toBe(1);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('stops no other swarm, and nobody without one', () => {
    const realm = begun();
    realm.run('sessions.open', { agent: 'eve' }, { ids: ['eve'] });
    realm.run('sessions.open', { agent: 'zoe', swarm: 'unregistered' }, { ids: ['zoe'] });
    trip(realm);
    expect(realm.world.governor.swarmOf).toStrictEqual(
      new Map([
        ['ada', 's'],
        ['bob', 's'],
        ['zoe', 'unregistered'],
      ]),
    );
    expect(codeOf(claim(realm, 'p/t0', 'eve'))).toBe('accept');
    expect(codeOf(claim(realm, 'p/t1', 'zoe'))).toBe('accept');
  });

  test('stays open when its swarm is registered again', () => {
    const realm = begun();
    trip(realm);
    realm.run('swarms.register', {
      profile: { swarmId: 's', capabilities: ['integration:sip'], costPerHourMicroUsd: 0 },
    });
    expect(codeOf(claim(realm, 'p/t0'))).toBe('swarm.suspended');
  });
});

describe('half-open', () => {
  const halfOpen = (resource: object = {}): RealmRun => {
    const realm = begun(resource);
    trip(realm);
    reset(realm);
    return realm;
  };

  test('G4: one lease, over all sessions of the swarm, by claim or by next', () => {
    const realm = halfOpen();
    expect(realm.run('tasks.next', { sessionId: 'ada', count: 3 })).toMatchObject({
      events: [{ type: 'task.leased' }, { type: 'budget.reserved' }],
    });
    expect(realm.world.coordinator.sessions.get('ada')?.leases.size).toBe(1);
    expect(claim(realm, 'p/t5', 'bob')).toMatchObject({
      rejection: { code: 'swarm.suspended', facts: { state: 'half-open' } },
    });
    expect(codeOf(realm.run('tasks.next', { sessionId: 'ada' }))).toBe('swarm.suspended');
  });

  test('a probe that succeeds closes it, and the completion may bring the next task along', () => {
    const realm = halfOpen();
    claim(realm, 'p/t0');
    expect(typesOf(done(realm, 'p/t0', true))).toStrictEqual([
      'budget.settled',
      'task.completed',
      'task.leased',
      'budget.reserved',
      'breaker.closed',
    ]);
    expect(realm.world.governor.swarms.get('s')?.breaker).toStrictEqual({
      state: 'closed',
      since: 0,
    });
    expect(realm.run('tasks.next', { sessionId: 'bob', count: 3 })).toMatchObject({
      events: { length: 6 },
    });
  });

  test('a probe that spends is no success yet; one that is handed in is when it is accepted', () => {
    const realm = halfOpen();
    realm.run('plans.submit', {
      plan: {
        id: 'q',
        tasks: [{ key: 'g', title: 'G', gates: [{ name: 'lint', run: { shell: 'true' } }] }],
      },
    });
    claim(realm, 'q/g');
    expect(typesOf(cost(realm, 'q/g', 5))).toStrictEqual(['usage.recorded']);
    done(realm, 'q/g');
    expect(stateOf(realm)).toBe('half-open');
    const verdict = realm.run(
      'tasks.judge',
      { taskId: 'q/g', verdict: 'accept', reason: 'r' },
      { principal: 'olga' },
    );
    expect(typesOf(verdict)).toStrictEqual(['task.accepted', 'breaker.closed']);
    expect(stateOf(realm)).toBe('closed');
  });

  test('a probe that fails opens it again, and a person is told again', () => {
    const realm = halfOpen();
    claim(realm, 'p/t0');
    expect(typesOf(fail(realm, 'p/t0'))).toStrictEqual([
      'budget.settled',
      'task.failed',
      'breaker.tripped',
      'escalation.raised',
    ]);
    expect(stateOf(realm)).toBe('open');
    expect(realm.world.governor.escalations.size).toBe(2);
  });

  test('a probe that is given up is neither: another one may be tried', () => {
    const realm = halfOpen();
    claim(realm, 'p/t0');
    realm.run('tasks.release', { taskId: 'p/t0', fence: realm.fenceOf('p/t0') });
    expect(stateOf(realm)).toBe('half-open');
    expect(codeOf(claim(realm, 'p/t1', 'bob'))).toBe('accept');
  });

  test('leases that drained through the stop count: no probe beside them', () => {
    const realm = begun();
    claim(realm, 'p/t0');
    claim(realm, 'p/t1');
    trip(realm);
    reset(realm);
    expect(codeOf(claim(realm, 'p/t2', 'bob'))).toBe('swarm.suspended');
    // One of the two is left, so that the end of the other brings nothing along, but a success closes it.
    expect(typesOf(done(realm, 'p/t0', true))).toStrictEqual([
      'budget.settled',
      'task.completed',
      'breaker.closed',
    ]);
  });

  test('it is looked for by nobody until it is closed', () => {
    const realm = halfOpen();
    expect(realm.world.governor.index.byId.size).toBe(0);
    claim(realm, 'p/t0');
    done(realm, 'p/t0');
    expect([...realm.world.governor.index.byId.keys()]).toStrictEqual(['s']);
  });
});

describe('the reset', () => {
  test('of a breaker that is not open is refused, and of a swarm that nobody knows', () => {
    const realm = begun();
    expect(reset(realm)).toMatchObject({
      code: 'breaker.closed',
      facts: { swarmId: 's', state: 'closed' },
    });
    trip(realm);
    reset(realm);
    expect(reset(realm)).toMatchObject({ code: 'breaker.closed', facts: { state: 'half-open' } });
    expect(reset(realm, { swarmId: 'nobody' })).toMatchObject({
      code: 'swarm.not_found',
      facts: { swarmId: 'nobody' },
    });
    expect(realm.run('breakers.trip', { swarmId: 'nobody', reason: 'r' })).toMatchObject({
      code: 'swarm.not_found',
    });
  });

  test('may bring a new limit, which is bound as every limit is', () => {
    const realm = begun();
    claim(realm, 'p/t0');
    cost(realm, 'p/t0', DOLLAR);
    trip(realm);
    expect(reset(realm, { limitMicroUsd: DOLLAR - 1 })).toMatchObject({ code: 'budget.too_low' });
    expect(reset(realm, { limitMicroUsd: 101 * DOLLAR })).toMatchObject({
      code: 'budget.too_wide',
    });
    expect(stateOf(realm)).toBe('open');
    expect(eventsOf(reset(realm, { limitMicroUsd: 9 * DOLLAR })).slice(0, 2)).toMatchObject([
      { type: 'breaker.reset', by: 'operator', reason: 'fixed' },
      { type: 'budget.limited', account: 'swarm:s', limitMicroUsd: 9 * DOLLAR, reason: 'fixed' },
    ]);
  });

  test('wants a new limit above what was spent, covered or not, where that opened it', () => {
    const empty = begun();
    empty.run('budgets.set', { account: 'swarm:s', limitMicroUsd: 0 });
    trip(empty);
    expect(typesOf(reset(empty))).toContain('breaker.reset');
    // What no account covered counts against the swarm: the old limit would open it again with the next cost.
    const over = begun({}, { budget: { limitMicroUsd: DOLLAR } });
    over.run('budgets.set', { account: 'swarm:s', limitMicroUsd: 3 * DOLLAR });
    claim(over, 'p/t0');
    expect(tripOf(cost(over, 'p/t0', 3 * DOLLAR))).toMatchObject({ cause: 'budget' });
    expect(reset(over)).toMatchObject({
      code: 'budget.exceeded',
      facts: { usedMicroUsd: 3 * DOLLAR },
    });
    expect(reset(over, { limitMicroUsd: 3 * DOLLAR })).toMatchObject({ code: 'budget.exceeded' });
    expect(typesOf(reset(over, { limitMicroUsd: 3 * DOLLAR + 1 }))).toContain('breaker.reset');
  });

  test('forgives the failures before it: it is judged by what comes now', () => {
    const realm = begun({ failureThreshold: 2 });
    for (const task of ['p/t0', 'p/t1']) {
      claim(realm, task);
      fail(realm, task);
    }
    expect(stateOf(realm)).toBe('open');
    reset(realm);
    claim(realm, 'p/t2');
    done(realm, 'p/t2');
    claim(realm, 'p/t3');
    fail(realm, 'p/t3');
    expect(stateOf(realm)).toBe('closed');
  });
});
