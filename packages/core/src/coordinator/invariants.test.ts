import { describe, expect, test } from 'vitest';
import { openedRealm, type RealmRun } from '@infrafabric/testkit';
import { PHASE } from './columns.ts';
import { coordinatorFaults } from './invariants.ts';
import type { CoordinatorState } from './state.ts';

const begun = (): RealmRun => {
  const realm = openedRealm();
  const tasks = [
    { key: 'a', title: 'A', owns: ['src/a'] },
    { key: 'b', title: 'B', owns: ['src/b'] },
    { key: 'c', title: 'C', dependsOn: ['a'], phase: 'two' },
    { key: 'd', title: 'D', phase: 'one', needs: ['gpu'] },
  ];
  const checks = [{ name: 'ci', run: { shell: 'true' } }];
  const phases = [
    { id: 'one' },
    { id: 'two', autonomous: true },
    { id: 'three', after: [], gate: { checks } },
  ];
  realm.run('plans.submit', { plan: { id: 'p', tasks, phases } });
  realm.run('sessions.open', { agent: 'ada', leasesMax: 2 }, { ids: ['ada'] });
  realm.run('sessions.open', { agent: 'bob' }, { ids: ['bob'] });
  realm.run('tasks.next', { sessionId: 'ada', count: 2 });
  const blocker = {
    taskId: 'p/a',
    fence: realm.fenceOf('p/a'),
    kind: 'other' as const,
    title: 't',
  };
  realm.run('blockers.raise', blocker, { ids: ['b1'] });
  return realm;
};

const session = (state: CoordinatorState, id: string) => {
  const found = state.sessions.get(id);
  if (found === undefined) throw new Error(`defect: no session ${id}`);
  return found;
};

const plan = (state: CoordinatorState) => {
  const [found] = state.plans;
  if (found === undefined) throw new Error('defect: no plan');
  return found;
};

const phase = (state: CoordinatorState, at: number) => {
  const found = plan(state).phases[at];
  if (found === undefined) throw new Error('defect: no phase');
  return found;
};

const spec = (state: CoordinatorState, task: number) => {
  const found = state.tasks.specs[task];
  if (found === undefined) throw new Error('defect: no task');
  return found;
};

const check = (state: CoordinatorState) => {
  const [found] = phase(state, 2).checks;
  if (found === undefined) throw new Error('defect: no check');
  return found;
};

/** One wound each, and the sentence that must name it. */
const WOUNDS: readonly (readonly [string, (state: CoordinatorState) => void, string])[] = [
  [
    'a lease of nobody',
    (state) => void (state.tasks.holder[0] = -1),
    'C5: p/a is leased without a session, or held without a lease',
  ],
  [
    'a session that knows of too few',
    (state) => void session(state, 'ada').leases.delete(0),
    'C5: session ada does not know of its lease of p/a',
  ],
  [
    'a session that knows of too many',
    (state) => void session(state, 'bob').leases.add(3),
    'C5: sessions know of 3 leases, tasks of 2',
  ],
  [
    'a lease of an ended session',
    (state) => void (session(state, 'ada').closed = { how: 'closed', reason: '', at: 0 }),
    'C5: p/a is held by the ended session ada',
  ],
  [
    'a lease without a fence',
    (state) => void (state.tasks.fence[0] = 0),
    'C1: p/a is leased without a fence',
  ],
  [
    'a lease beyond skill',
    (state) => void (state.tasks.needs[0] = state.tasks.needs[3] ?? 0),
    'session ada cannot do p/a, which it holds',
  ],
  [
    'more leases than allowed',
    (state) => void state.sessions.set('ada', { ...session(state, 'ada'), leasesMax: 1 }),
    'session ada holds more leases than it may',
  ],
  [
    'a lease before its time',
    (state) => void (state.tasks.phase[2] = PHASE.leased),
    'C4: p/c is past its dependencies or its phase',
  ],
  [
    'a ready task before its time',
    (state) => void (state.tasks.phase[2] = PHASE.ready),
    'C4: p/c is past its dependencies or its phase',
  ],
  [
    'a submission before its time',
    (state) => void (state.tasks.phase[2] = PHASE.submitted),
    'C4: p/c is past its dependencies or its phase',
  ],
  [
    'a wrong count of holds',
    (state) => void (state.tasks.holds[2] = 7),
    'C4: p/c counts 7 holds and has 2',
  ],
  [
    'ready and held back',
    (state) => void (state.tasks.holds[3] = 1),
    'C4: p/d is ready and held back 1 times',
  ],
  [
    'waiting for nothing',
    (state) => void (state.tasks.phase[3] = PHASE.waiting),
    'C4: p/d waits for nothing',
  ],
  [
    'ready and not queued',
    (state) => void (state.tasks.queueSlot[3] = -1),
    'C4: p/d is ready but not queued, or queued and not ready',
  ],
  [
    'two owners of a path',
    (state) => void state.tasks.specs.copyWithin(1, 0, 1),
    'two leases own overlapping paths: p/a and p/b',
  ],
  [
    'two owners of one path among others',
    (state) => {
      state.tasks.specs[0] = { ...spec(state, 0), owns: ['src/a', 'docs'] };
      state.tasks.specs[1] = { ...spec(state, 1), owns: ['test', 'docs/x'], repo: '' };
    },
    'two leases own overlapping paths: p/a and p/b',
  ],
  [
    'a wrong count of phases',
    (state) => void (state.counts[0] = 9),
    'the counts 9 1 2 0 0 0 0 0 are not 1 1 2 0 0 0 0 0',
  ],
  [
    'a wrong count of the plan',
    (state) => void (plan(state).counts[1] = 5),
    'plan p counts 1 5 2 0 0 0 0 0, not 1 1 2 0 0 0 0 0',
  ],
  [
    'a plan with work that nobody looks at',
    (state) => state.readyPlans.clear(),
    'plan p has ready tasks and is not looked at, or has none and is',
  ],
  [
    'a plan without work that is looked at',
    (state) => void (plan(state).counts[1] = 0),
    'plan p has ready tasks and is not looked at, or has none and is',
  ],
  [
    'a resolved blocker that is not there',
    (state) => void state.resolved.push('none'),
    '1 blockers are not 1 open and 1 resolved ones',
  ],
  [
    'work miscounted',
    (state) => void (plan(state).workLeft = 1),
    'plan p has 4 tasks left and counts 1',
  ],
  [
    'work of a phase miscounted',
    (state) => void (phase(state, 0).tasksLeft = 3),
    'phase one of p has 1 tasks left and counts 3',
  ],
  [
    'phases before miscounted',
    (state) => void (phase(state, 1).afterLeft = 0),
    'phase two of p waits for 1 phases and counts 0',
  ],
  [
    'a phase before its turn',
    (state) => void (phase(state, 1).status = 'open'),
    'C4: phase two of p is open before its turn',
  ],
  [
    'a phase nobody approved',
    (state) => void (phase(state, 1).status = 'open'),
    'phase two of p opened without approval',
  ],
  [
    'a phase that passed too early',
    (state) => void (phase(state, 0).status = 'passed'),
    'phase one of p has passed with 1 tasks left',
  ],
  [
    'a phase that should have passed',
    (state) => void (state.tasks.phase[3] = PHASE.done),
    'phase one of p should have passed',
  ],
  [
    'a phase whose checks are green',
    (state) => void (check(state).ok = true),
    'phase three of p should have passed',
  ],
  ['blockers miscounted', (state) => void (state.openBlockers = 0), '1 blockers are open, not 0'],
  [
    'a blocker of a finished task',
    (state) => void (state.tasks.phase[0] = PHASE.done),
    'blocker b1 is open on a task that is done',
  ],
  [
    'a ready task that is blocked',
    (state) => void (state.tasks.phase[0] = PHASE.ready),
    'blocker b1 is open on a task that is ready',
  ],
  [
    'a waiting task that is blocked',
    (state) => void (state.tasks.phase[0] = PHASE.waiting),
    'blocker b1 is open on a task that is waiting',
  ],
  [
    'help that outlives its blocker',
    (state) => {
      const blocker = state.blockers.get('b1');
      if (blocker === undefined) throw new Error('defect: no blocker');
      blocker.help.push({ task: 1 });
      blocker.resolution = 'gone';
      state.resolved.push('b1');
    },
    'p/b goes on, though blocker b1 is over',
  ],
  [
    'a blocker of a cancelled task',
    (state) => void (state.tasks.phase[0] = PHASE.cancelled),
    'blocker b1 is open on a task that is cancelled',
  ],
];

describe('the check of the invariants', () => {
  test('finds nothing where nothing is wrong', () => {
    expect(coordinatorFaults(begun().world.coordinator)).toStrictEqual([]);
    const { coordinator } = begun().world;
    coordinator.tasks.specs[1] = { ...spec(coordinator, 0), repo: 'other' };
    expect(coordinatorFaults(coordinator)).toStrictEqual([]);
  });

  test.each(WOUNDS)('names %s', (_, wound, sentence) => {
    const { coordinator } = begun().world;
    wound(coordinator);
    expect(coordinatorFaults(coordinator)).toContain(sentence);
  });
});
