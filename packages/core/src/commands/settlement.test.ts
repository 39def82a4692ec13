/** G2 in the entry: what a lease had reserved is settled before whatever ends it, once, in the same entry. */
import { SESSION_IDLE_MS } from '@infrafabric/protocol';
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import type { Decision, DomainEvent } from '../index.ts';
import { worldFaults } from './faults.ts';

const DOLLAR = 1_000_000;

interface Options {
  readonly leases?: readonly string[];
  readonly gates?: boolean;
}

/** `ada` of swarm `s` holds tasks of plan p for which two dollars each are set aside; a dollar of the first is spent. */
const begun = ({ leases = ['p/a', 'p/b'], gates = false }: Options = {}): RealmRun => {
  const realm = openedRealm();
  realm.run('swarms.register', {
    profile: { swarmId: 's', capabilities: ['integration:sip'], costPerHourMicroUsd: DOLLAR },
  });
  realm.run('sessions.open', { agent: 'ada', swarm: 's', leasesMax: 4 }, { ids: ['ada'] });
  const task = (key: string) => ({
    key,
    title: key,
    attemptsMax: 2,
    ...(gates ? { gates: [{ name: 'lint', run: { shell: 'true' } }] } : {}),
  });
  realm.run('plans.submit', { plan: { id: 'p', tasks: ['a', 'b', 'c', 'd'].map(task) } });
  for (const taskId of leases) realm.run('tasks.claim', { taskId, sessionId: 'ada' });
  realm.run('usage.record', { taskId: 'p/a', fence: realm.fenceOf('p/a'), microUsd: DOLLAR });
  return realm;
};

/** The events with their task, settlements with what they give back. */
const told = (decision: Decision): string[] => {
  const events: readonly DomainEvent[] = decision.kind === 'accept' ? decision.events : [];
  return events.map((event) => {
    const task = 'taskId' in event && event.taskId !== undefined ? ` ${event.taskId}` : '';
    const money = event.type === 'budget.settled' ? ` ${event.releasedMicroUsd}` : '';
    return `${event.type}${task}${money}`;
  });
};

const isWhole = ({ world }: RealmRun): void => {
  expect(worldFaults(world)).toStrictEqual([]);
  expect(world.governor.accounts.get('realm')).toMatchObject({ spent: DOLLAR });
};

const A = 'budget.settled p/a 1000000';
const B = 'budget.settled p/b 2000000';

describe('what ends a lease', () => {
  test('a completion: the task’s account goes with it', () => {
    const realm = begun();
    const done = realm.run('tasks.complete', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    expect(told(done)).toStrictEqual([A, 'task.completed p/a']);
    expect(realm.world.governor.accounts.has('task:p/a')).toBe(false);
    isWhole(realm);
  });

  test('a completion with a grant: the first is settled before the second is set aside', () => {
    const realm = begun();
    const done = realm.run('tasks.complete', {
      taskId: 'p/a',
      fence: realm.fenceOf('p/a'),
      next: true,
    });
    expect(told(done)).toStrictEqual([
      A,
      'task.completed p/a',
      'task.leased p/c',
      'budget.reserved p/c',
    ]);
    isWhole(realm);
  });

  test('what the first lease gives back is there for the second', () => {
    const realm = begun({ leases: ['p/a'] });
    realm.run('budgets.set', { account: 'plan:p', limitMicroUsd: 3 * DOLLAR });
    const fence = realm.fenceOf('p/a');
    expect(realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'ada' })).toMatchObject({
      rejection: { code: 'budget.exceeded' },
    });
    const done = realm.run('tasks.complete', { taskId: 'p/a', fence, next: true });
    expect(told(done)).toContain('budget.reserved p/b');
    isWhole(realm);
  });

  test('a completion that is refused gives nothing back', () => {
    const realm = begun();
    const fence = { ...realm.fenceOf('p/a'), n: 7 };
    expect(realm.run('tasks.complete', { taskId: 'p/a', fence, next: true }).kind).toBe('refuse');
    expect(realm.world.governor.reservations.get('p/a')).toMatchObject({ left: DOLLAR });
    isWhole(realm);
  });

  test('a completion of a session that nobody knows is refused as ever', () => {
    const realm = begun();
    const fence = { epoch: 1, holder: 'zed', n: 1 };
    expect(realm.run('tasks.complete', { taskId: 'p/a', fence, next: true })).toMatchObject({
      code: 'lease.stale',
    });
  });

  test('a submission: the account of the task stays until the verdict', () => {
    const realm = begun({ gates: true });
    const fence = realm.fenceOf('p/a');
    expect(told(realm.run('tasks.complete', { taskId: 'p/a', fence, next: true }))).toStrictEqual([
      A,
      'task.submitted p/a',
      'task.leased p/c',
      'budget.reserved p/c',
    ]);
    expect(realm.world.governor.accounts.get('task:p/a')).toMatchObject({ spent: DOLLAR });
    const verdict = realm.run(
      'tasks.judge',
      { taskId: 'p/a', verdict: 'accept', reason: 'good' },
      { principal: 'olga' },
    );
    expect(told(verdict)).toStrictEqual(['task.accepted p/a']);
    expect(realm.world.governor.accounts.has('task:p/a')).toBe(false);
    isWhole(realm);
  });

  test('a release, a failure, a cancellation and a parking by an operator', () => {
    const fence = { epoch: 1, holder: 'ada', n: 1 };
    const ends: readonly (readonly [Parameters<RealmRun['submit']>[0], string])[] = [
      [{ op: 'tasks.release', args: { taskId: 'p/a', fence } }, 'task.released p/a'],
      [{ op: 'tasks.fail', args: { taskId: 'p/a', fence, reason: 'r' } }, 'task.failed p/a'],
      [{ op: 'tasks.cancel', args: { taskId: 'p/a', reason: 'r' } }, 'task.cancelled p/a'],
      [{ op: 'tasks.park', args: { taskId: 'p/a', reason: 'r' } }, 'task.parked p/a'],
    ];
    for (const [command, event] of ends) {
      const realm = begun();
      expect(told(realm.submit(command))).toStrictEqual([A, event]);
      // What may be tried again keeps the account of what it has spent.
      expect(realm.world.governor.accounts.has('task:p/a')).toBe(command.op !== 'tasks.cancel');
      isWhole(realm);
    }
  });

  test('a failure that parks the task is one end, not two', () => {
    const realm = begun();
    const fence = realm.fenceOf('p/a');
    const failed = realm.run('tasks.fail', { taskId: 'p/a', fence, reason: 'r', retry: false });
    expect(told(failed)).toStrictEqual([A, 'task.failed p/a', 'task.parked p/a']);
    isWhole(realm);
  });

  test('time', () => {
    const realm = begun();
    realm.at += 30_000;
    const args = { taskId: 'p/a', fence: 1, renewedAt: 0 };
    expect(told(realm.run('leases.expire', args, { cred: 'realm' }))).toStrictEqual([
      A,
      'lease.expired p/a',
    ]);
    isWhole(realm);
  });

  test('a session that is closed, revoked or expired, with all its leases', () => {
    const ends: readonly Parameters<RealmRun['submit']>[0][] = [
      { op: 'sessions.close', args: { sessionId: 'ada' } },
      { op: 'sessions.revoke', args: { sessionId: 'ada', reason: 'r' } },
      { op: 'sessions.expire', args: { sessionId: 'ada', seenAt: 0 }, cred: 'realm' },
    ];
    for (const command of ends) {
      const realm = begun();
      realm.at += SESSION_IDLE_MS;
      expect(told(realm.submit(command))).toStrictEqual([A, B, 'session.closed']);
      const { accounts, swarmOf, sessionsOf, reservations } = realm.world.governor;
      expect(accounts.has('session:ada')).toBe(false);
      expect([swarmOf.size, sessionsOf.size, reservations.size]).toStrictEqual([0, 0, 0]);
      isWhole(realm);
    }
  });

  test('a session that dies with three leases is three failures: its breaker opens in the same entry', () => {
    const realm = begun({ leases: ['p/a', 'p/b', 'p/c'] });
    realm.at += SESSION_IDLE_MS;
    const args = { sessionId: 'ada', seenAt: 0 };
    expect(told(realm.run('sessions.expire', args, { cred: 'realm' }))).toStrictEqual([
      A,
      B,
      'budget.settled p/c 2000000',
      'session.closed',
      'breaker.tripped',
      'escalation.raised',
    ]);
    expect(realm.world.governor.swarms.get('s')).toMatchObject({
      failures: 3,
      breaker: { state: 'open', cause: 'failures' },
    });
    isWhole(realm);
  });

  test('a plan that is cancelled, with all its leases and the accounts of its tasks', () => {
    const realm = begun();
    expect(told(realm.run('plans.cancel', { planId: 'p', reason: 'r' }))).toStrictEqual([
      A,
      B,
      'plan.cancelled',
    ]);
    expect([...realm.world.governor.accounts.keys()]).toStrictEqual([
      'realm',
      'session:ada',
      'swarm:s',
      'plan:p',
    ]);
    isWhole(realm);
  });

  test('a blocker that gives its task up, and one that does not', () => {
    const realm = begun();
    const raise = (taskId: string, release: boolean, id: string): Decision =>
      realm.run(
        'blockers.raise',
        { taskId, fence: realm.fenceOf(taskId), kind: 'question', title: 't', release },
        { ids: [id] },
      );
    expect(told(raise('p/b', false, 'b1'))).toStrictEqual(['blocker.raised p/b']);
    expect(told(raise('p/a', true, 'b2'))).toStrictEqual([A, 'blocker.raised p/a']);
    isWhole(realm);
  });
});

describe('a trip that releases', () => {
  const releasing = (realm: RealmRun): RealmRun => {
    realm.run('policies.set', {
      policy: {
        format: 'ifab-policy/1',
        governs: [],
        rules: [],
        resource: { onTrip: 'release', failureThreshold: 1 },
      },
    });
    return realm;
  };

  test('cost, trip, release: the cost is charged first, then each lease is settled and ends', () => {
    const realm = releasing(begun());
    realm.run('budgets.set', { account: 'swarm:s', limitMicroUsd: 4 * DOLLAR });
    const decision = realm.run('usage.record', {
      taskId: 'p/a',
      fence: realm.fenceOf('p/a'),
      microUsd: 4 * DOLLAR,
    });
    // Two dollars are covered, of which one was set aside; two are not: a dollar of the limit is p/b’s.
    expect(told(decision)).toStrictEqual([
      'usage.recorded p/a',
      'budget.alerted p/a',
      'breaker.tripped',
      'escalation.raised',
      'budget.settled p/a 0',
      'task.released p/a',
      B,
      'task.released p/b',
    ]);
    expect(realm.entries.at(-1)?.events.at(-1)).toStrictEqual({
      fence: 1,
      reason: 'swarm s was stopped',
      sessionId: 'ada',
      taskId: 'p/b',
      type: 'task.released',
    });
    expect(worldFaults(realm.world)).toStrictEqual([]);
    expect(realm.world.governor.accounts.get('swarm:s')).toMatchObject({
      reserved: 0,
      spent: 2 * DOLLAR,
      overrun: 3 * DOLLAR,
    });
  });

  test('a first cost that trips: its reservation of nought is made, charged and settled in one entry', () => {
    const realm = releasing(openedRealm());
    realm.run('swarms.register', {
      profile: {
        swarmId: 's',
        capabilities: ['integration:sip'],
        costPerHourMicroUsd: 0,
        limitMicroUsd: 5,
      },
    });
    realm.run('sessions.open', { agent: 'ada', swarm: 's' }, { ids: ['ada'] });
    realm.run('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }] } });
    realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
    const fence = realm.fenceOf('p/a');
    expect(told(realm.run('usage.record', { taskId: 'p/a', fence, microUsd: 5 }))).toStrictEqual([
      'budget.reserved p/a',
      'usage.recorded p/a',
      'budget.alerted p/a',
      'breaker.tripped',
      'escalation.raised',
      'budget.settled p/a 0',
      'task.released p/a',
    ]);
    expect(realm.entries.at(-1)?.events.at(-2)).toMatchObject({ spentMicroUsd: 5, fence: 1 });
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('what the decision ends already is not released again', () => {
    const realm = releasing(begun());
    const fence = realm.fenceOf('p/a');
    const failed = realm.run('tasks.fail', { taskId: 'p/a', fence, reason: 'r' });
    expect(told(failed)).toStrictEqual([
      A,
      'task.failed p/a',
      'breaker.tripped',
      'escalation.raised',
      B,
      'task.released p/b',
    ]);
    isWhole(realm);
  });

  test('leases without a reservation end too', () => {
    const realm = releasing(begun());
    realm.run('swarms.register', {
      profile: { swarmId: 's', capabilities: ['integration:sip'], costPerHourMicroUsd: 0 },
    });
    realm.run('tasks.claim', { taskId: 'p/d', sessionId: 'ada' });
    expect(realm.world.governor.reservations.has('p/d')).toBe(false);
    expect(told(realm.run('breakers.trip', { swarmId: 's', reason: 'r' }))).toStrictEqual([
      'breaker.tripped',
      'escalation.raised',
      A,
      'task.released p/a',
      B,
      'task.released p/b',
      'task.released p/d',
    ]);
    isWhole(realm);
  });

  test('a swarm without a session has nothing to release', () => {
    const realm = releasing(begun());
    realm.run('swarms.register', {
      profile: { swarmId: 't', capabilities: ['integration:sip'], costPerHourMicroUsd: 0 },
    });
    expect(told(realm.run('breakers.trip', { swarmId: 't', reason: 'r' }))).toStrictEqual([
      'breaker.tripped',
      'escalation.raised',
    ]);
  });
});
