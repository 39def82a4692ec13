/** The second opinion on a log must find what is wrong with one: each wound is named by its sentence. */
import { describe, expect, test } from 'vitest';
import type { DomainEvent, Entry } from '@infrafabric/core';

import { historyFaults } from './history.ts';
import { openedRealm, type RealmRun } from './realm-run.ts';

type Events = readonly DomainEvent[];
type Log = Pick<Entry, 'at' | 'events'>[];

const GO = 'code-analysis:go';

/** A swarm of two sessions works, spends, is blocked, gets help, fails, is stopped and tried again. */
const lived = (): RealmRun => {
  const realm = openedRealm();
  realm.run('swarms.register', {
    profile: {
      swarmId: 'core',
      capabilities: [GO],
      costPerHourMicroUsd: 1_000_000,
      limitMicroUsd: 9_000_000,
    },
  });
  const tasks = ['a', 'b', 'c'].map((key) => ({ key, title: key, attemptsMax: 9 }));
  realm.run('plans.submit', { plan: { id: 'p', tasks, budget: { limitMicroUsd: 50_000_000 } } });
  realm.run('sessions.open', { agent: 'ada', swarm: 'core', leasesMax: 2 }, { ids: ['ada'] });
  realm.run('sessions.open', { agent: 'eve', swarm: 'core' }, { ids: ['eve'] });
  realm.run('sessions.open', { agent: 'bob', capabilities: [GO] }, { ids: ['bob'] });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  const held = { taskId: 'p/a', fence: realm.fenceOf('p/a') };
  realm.run('usage.record', { ...held, microUsd: 300_000 });
  const blocker = { ...held, kind: 'other' as const, title: 't', needs: [GO], waiting: ['bob'] };
  realm.run('blockers.raise', { ...blocker, quorum: 2, escalateAfterMs: 1_000 }, { ids: ['b1'] });
  realm.at += 1_000;
  realm.run('blockers.escalate', { blockerId: 'b1' });
  realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'r', sessionId: 'bob' });
  realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'r' });
  realm.run('tasks.complete', held);
  realm.run('breakers.trip', { swarmId: 'core', reason: 'enough' });
  realm.run('breakers.reset', { swarmId: 'core', reason: 'mended' });
  realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'ada' });
  realm.run('tasks.complete', { taskId: 'p/b', fence: realm.fenceOf('p/b') });
  realm.run('plans.pause', { planId: 'p' });
  return realm;
};

/** The log with every event of a type changed, left out or doubled. */
const wounded = (change: (event: DomainEvent) => Events): Log =>
  lived().entries.map(({ at, events }) => ({ at, events: events.flatMap(change) }));

const without = (type: DomainEvent['type'], taskId?: string): Log =>
  wounded((event) =>
    event.type === type && (taskId === undefined || ('taskId' in event && event.taskId === taskId))
      ? []
      : [event],
  );

const changed = <T extends DomainEvent['type']>(
  type: T,
  by: Partial<Extract<DomainEvent, { readonly type: T }>>,
): Log => wounded((event) => [event.type === type ? { ...event, ...by } : event]);

const doubled = (type: DomainEvent['type']): Log =>
  wounded((event) => (event.type === type ? [event, event] : [event]));

const followedBy = (...events: readonly object[]): Log => [
  ...lived().entries,
  { at: 99_000, events: events as Events },
];

const LEASED = { attempt: 1, fence: 1, leaseMs: 1_000, sessionId: 'bob', type: 'task.leased' };
const TRIPPED = {
  by: 'o',
  cause: 'operator',
  reason: 'r',
  swarmId: 'core',
  type: 'breaker.tripped',
};

const WOUNDS: readonly (readonly [string, () => Log, string])[] = [
  [
    'a lease of a stopped swarm',
    () => without('breaker.reset'),
    'G4: p/b was leased to the stopped core',
  ],
  [
    'a second lease of a swarm that is tried',
    () =>
      wounded((event) =>
        event.type === 'breaker.reset'
          ? [event, { ...LEASED, taskId: 'p/c', sessionId: 'eve' } as DomainEvent]
          : [event],
      ),
    'G4: p/b was leased to core, which was being tried already',
  ],
  ['a breaker that opens twice', () => doubled('breaker.tripped'), 'G4: core was stopped twice'],
  [
    'a stop of which nobody is told',
    () => followedBy(TRIPPED),
    'G4: core was stopped and nobody was told',
  ],
  [
    'a reset of what was not stopped',
    () => without('breaker.tripped'),
    'G4: core was reset and not stopped',
  ],
  [
    'a breaker that closes untried',
    () => followedBy({ swarmId: 'core', type: 'breaker.closed' }),
    'G4: the breaker of core closed without a trial',
  ],
  [
    'a limit above the parent',
    () => changed('budget.limited', { limitMicroUsd: 100_000_001 }),
    'G3: swarm:core was given more than realm has',
  ],
  [
    'a reservation above the limit',
    () => changed('budget.reserved', { amountMicroUsd: 9_000_001, limitMicroUsd: 10_000_000 }),
    'G1: swarm:core has 8700001 reserved and 300000 spent of 9000000',
  ],
  ['money set aside twice', () => doubled('budget.reserved'), 'G2: p/a has money set aside twice'],
  [
    'money set aside for no lease',
    () => without('budget.settled', 'p/b'),
    'G2: p/b has money set aside under fence 1 and no lease',
  ],
  [
    'a settlement of another amount',
    () => changed('budget.settled', { releasedMicroUsd: 1 }),
    'G2: p/a was settled with what was not set aside',
  ],
  [
    'a settlement of another lease',
    () => changed('budget.settled', { fence: 7 }),
    'G2: p/a was settled with what was not set aside',
  ],
  [
    'a settlement of another spend',
    () => changed('budget.settled', { spentMicroUsd: 7 }),
    'G2: p/a was settled with what was not set aside',
  ],
  [
    'a cost under another fence',
    () => changed('usage.recorded', { fence: 4 }),
    "G2: p/a cost 300000 under fence 4, not its lease's",
  ],
  [
    'a cost that is neither charged nor overrun',
    () => changed('usage.recorded', { chargedMicroUsd: 1 }),
    'O1: 300000 of p/a are neither charged nor overrun',
  ],
  [
    'a word about a blocker that is over',
    () => followedBy({ blockerId: 'b1', sessionId: 'bob', type: 'blocker.declared' }),
    'blocker.declared of b1, which is not open',
  ],
  [
    'a blocker that ends twice',
    () => doubled('blocker.resolved'),
    'blocker.resolved of b1, which is not open',
  ],
  [
    'an escalation of no blocker',
    () => followedBy({ blockerId: 'b7', type: 'blocker.escalated' }),
    'blocker.escalated of b7, which is not open',
  ],
  [
    'a person who is told twice',
    () => doubled('blocker.escalated'),
    'a person was told twice of b1',
  ],
  [
    'a word of somebody who does not help',
    () => changed('blocker.declared', { sessionId: 'eve' }),
    'eve spoke of b1 and did not help',
  ],
  ['a word said twice', () => doubled('blocker.declared'), 'bob spoke twice of b1'],
  [
    'a blocker that all have called lifted',
    () => changed('blocker.raised', { quorum: 1 }),
    'b1 is open with all of its words said',
  ],
  [
    'help by the agent that is blocked',
    () =>
      wounded((event) => [
        event.type === 'session.opened' && event.sessionId === 'bob'
          ? { ...event, agent: 'ada' }
          : event,
      ]),
    'p/help.b1.1 helps bob with a blocker of its own agent',
  ],
  [
    'a lease of help that is over',
    () => followedBy({ ...LEASED, taskId: 'p/help.b1.1', fence: 2 }),
    'task.leased of b1, which is not open',
  ],
  [
    'a lease in a plan that is paused',
    () => followedBy({ ...LEASED, taskId: 'p/c' }),
    'p/c was leased while its plan was paused',
  ],
];

describe('the second opinion', () => {
  test('finds nothing in a log that is right, or in one of a plan that goes on', () => {
    const { entries } = lived();
    expect(historyFaults(entries)).toStrictEqual([]);
    const resumed = [
      { planId: 'p', type: 'plan.resumed' },
      { ...LEASED, taskId: 'p/c' },
    ];
    expect(historyFaults(followedBy(...resumed))).toStrictEqual([]);
  });

  test.each(WOUNDS)('names %s', (_, log, sentence) => {
    expect(historyFaults(log())).toContain(sentence);
  });
});
