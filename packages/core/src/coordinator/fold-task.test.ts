/** Folding: what the events of a task leave behind, and that none of them is folded where it cannot have been decided. */
import { openedRealm, type RealmRun } from '@infrafabric/testkit';
import { expect, test } from 'vitest';

import {
  coordinatorFaults,
  evolve,
  restoreWorld,
  worldSections,
  type DomainEvent,
} from '../index.ts';
import { RESOLVED_BLOCKERS_KEPT_MAX } from './state.ts';
import { lookUp } from './task-index.ts';

const SESSION = { sessionId: 'ada', agent: 'ada' } as const;

/** A plan of two tasks, of which `ada` holds the first. */
function leased(): RealmRun {
  const realm = openedRealm();
  const tasks = ['a', 'b'].map((key) => ({ key, title: key }));
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  realm.run('sessions.open', { agent: SESSION.agent, leasesMax: 2 }, { ids: [SESSION.sessionId] });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: SESSION.sessionId });
  return realm;
}

const notesOf = ({ world: { coordinator } }: RealmRun, taskId: string) =>
  coordinator.notes.get(lookUp(coordinator.index, coordinator.tasks.ids, taskId));

const fold = (
  { world, at }: Pick<RealmRun, 'world' | 'at'>,
  ...events: readonly DomainEvent[]
): void => {
  const { size: index, epoch } = world.realm;
  evolve(world, { index, at, epoch, op: 'tasks.complete', args: {}, principal: 'p', events });
};

const HELD = { taskId: 'p/a', fence: 1, sessionId: SESSION.sessionId } as const;
const RAISED = {
  blockerId: 'blk',
  blocks: 0,
  escalateAt: 900_000,
  fence: 1,
  kind: 'question',
  needs: [],
  released: false,
  sessionId: SESSION.sessionId,
  taskId: 'p/a',
  title: 'which way?',
  type: 'blocker.raised',
} as const;
const RESOLVED = {
  blockerId: 'blk',
  by: SESSION.sessionId,
  taskId: 'p/a',
  resolution: 'left',
  type: 'blocker.resolved',
} as const;

test('a submission keeps its author and its evidence, and without any what stood there before', () => {
  const realm = leased();
  fold(realm, { ...HELD, evidence: { exitCode: 3 }, type: 'task.submitted' });
  expect(notesOf(realm, 'p/a')).toMatchObject({
    author: { session: SESSION.sessionId, agent: SESSION.agent },
    evidence: { exitCode: 3 },
  });
  fold(realm, { author: 'ada', by: 'bob', reason: 'again', taskId: 'p/a', type: 'task.rejected' });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: SESSION.sessionId });
  fold(realm, { ...HELD, fence: 2, type: 'task.submitted' });
  expect(notesOf(realm, 'p/a')?.evidence).toEqual({ exitCode: 3 });
});

test('a completion without evidence leaves no note', () => {
  const realm = leased();
  fold(realm, { ...HELD, type: 'task.completed' });
  expect(notesOf(realm, 'p/a')).toBeUndefined();
});

test('a failure says why; a lease that expired says nothing', () => {
  const realm = leased();
  fold(realm, { ...HELD, attempt: 1, reason: 'it rains', type: 'task.failed' });
  expect(notesOf(realm, 'p/a')?.progress).toBe('it rains');
  realm.run('tasks.claim', { taskId: 'p/b', sessionId: SESSION.sessionId });
  fold(realm, { ...HELD, attempt: 1, renewedAt: 0, taskId: 'p/b', type: 'lease.expired' });
  expect(notesOf(realm, 'p/b')).toBeUndefined();
});

test('only the task that a blocker waits for is noted to lift it', () => {
  const realm = leased();
  fold(realm, RAISED, { ...RAISED, blockerId: 'two', waitsOn: 'p/b' });
  expect(notesOf(realm, 'p/b')?.lifts).toEqual(new Set(['two']));
  expect([...realm.world.coordinator.notes.keys()]).toHaveLength(2);
});

test('of resolved blockers the first are forgotten, in a restored world too; open ones never are', () => {
  const realm = leased();
  fold(realm, { ...RAISED, blockerId: 'open' });
  const over = (name: string): DomainEvent[] => [
    { ...RAISED, blockerId: name },
    { ...RESOLVED, blockerId: name },
  ];
  const events = Array.from({ length: RESOLVED_BLOCKERS_KEPT_MAX }, (_, i) => over(`blk${i}`));
  fold(realm, ...events.flat());
  const twin = restoreWorld(worldSections(realm.world));
  for (const world of [realm.world, twin]) {
    const { coordinator } = world;
    expect(coordinator.blockers.has('blk0')).toBe(true);
    fold({ world, at: realm.at }, ...over('last'));
    expect(coordinator.blockers.has('blk0')).toBe(false);
    expect(coordinator.blockers.size).toBe(RESOLVED_BLOCKERS_KEPT_MAX + 1);
    expect(coordinator.blockers.get('open')?.resolution).toBeUndefined();
    expect(coordinatorFaults(coordinator)).toEqual([]);
  }
  expect(worldSections(twin)).toEqual(worldSections(realm.world));
});

const DEFECTS: readonly (readonly [string, readonly DomainEvent[]])[] = [
  ['an event of no task', [{ ...HELD, taskId: 'p/none', type: 'task.completed' }]],
  [
    'an event of no session',
    [
      {
        attempt: 1,
        fence: 1,
        leaseMs: 1_000,
        sessionId: 'nobody',
        taskId: 'p/b',
        type: 'task.leased',
      },
    ],
  ],
  [
    'C4: a task is leased that is not ready',
    [{ ...HELD, attempt: 2, fence: 2, leaseMs: 1_000, type: 'task.leased' }],
  ],
  [
    'C1: a fence that is not the next one',
    [{ ...HELD, taskId: 'p/b', attempt: 1, fence: 2, leaseMs: 1_000, type: 'task.leased' }],
  ],
  ['a leased task that nobody holds', [{ ...HELD, taskId: 'p/b', type: 'task.submitted' }]],
  ['an event of no plan', [{ planId: 'none', type: 'plan.paused' }]],
  ['an event of no phase', [{ phase: 'none', planId: 'p', type: 'phase.opened' }]],
  [
    'an event of plans.submit in an entry of tasks.complete',
    [{ digest: 'd', phases: 0, planId: 'q', tasks: 0, type: 'plan.submitted' }],
  ],
  [
    'C2: a completion of a task that is not leased',
    [{ ...HELD, taskId: 'p/b', type: 'task.completed' }],
  ],
  [
    'C2: a completion of a task that was not submitted',
    [{ author: 'ada', by: 'bob', taskId: 'p/a', type: 'task.accepted' }],
  ],
  [
    'a helper of no blocker',
    [{ blockerId: 'none', sessionId: SESSION.sessionId, type: 'blocker.joined' }],
  ],
  ['a resolution of no blocker', [{ ...RESOLVED, blockerId: 'none' }]],
  ['a blocker is resolved twice', [RAISED, RESOLVED, RESOLVED]],
];

test.each(DEFECTS)('defect: %s', (message, events) => {
  expect(() => fold(leased(), ...events)).toThrow(message);
});

test('a lease given back costs no attempt', () => {
  const realm = leased();
  fold(realm, { ...HELD, type: 'task.released' });
  expect(realm.world.coordinator.tasks.attempts[0]).toBe(0);
});

test('defect: a blocker is resolved of which its task knows nothing', () => {
  const realm = leased();
  fold(realm, RAISED);
  realm.world.coordinator.notes.clear();
  expect(() => fold(realm, RESOLVED)).toThrow('a blocker without its note');
});
