/** Folding of plans: what an event leaves behind that no command shows. */
import { PhaseSpec } from '@infrafabric/protocol';
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import type { DomainEvent } from '../index.ts';
import { phasesFrom } from './fold-plan.ts';
import { createPathIndex } from './paths.ts';
import type { PlanState } from './state.ts';

const planOf = (realm: RealmRun): PlanState => {
  const [plan] = realm.world.coordinator.plans;
  if (plan === undefined) throw new Error('defect: no plan');
  return plan;
};

/** Two tasks in phases of their own; the first phase has a check. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  const checks = [{ name: 'lint', run: { shell: 'true' } }];
  const phases = [{ id: 'one', gate: { checks } }, { id: 'two' }];
  const tasks = [
    { key: 'a', title: 'A', phase: 'one' },
    { key: 'b', title: 'B', phase: 'two' },
  ];
  realm.run('plans.submit', { plan: { id: 'p', phases, tasks } });
  return realm;
};

test('tasks of one submission stand together, and an edit without tasks adds no run of them', () => {
  const realm = begun();
  realm.run('plans.edit', { planId: 'p', addDependencies: [{ task: 'b', dependsOn: 'a' }] });
  expect(planOf(realm).ranges).toStrictEqual([{ from: 0, to: 2 }]);
  realm.run('plans.edit', { planId: 'p', add: [{ key: 'c', title: 'C' }] });
  expect(planOf(realm).ranges).toStrictEqual([
    { from: 0, to: 2 },
    { from: 2, to: 3 },
  ]);
});

test('of the tasks that an edit names only those are added that are not there', () => {
  const realm = begun();
  const known = { key: 'a', title: 'A', phase: 'one' };
  const fresh = { key: 'c', title: 'C' };
  expect(realm.run('plans.edit', { planId: 'p', add: [known, fresh] })).toMatchObject({
    events: [{ added: 1 }],
  });
  expect(realm.world.coordinator.tasks.ids).toStrictEqual(['p/a', 'p/b', 'p/c']);
  expect(planOf(realm).workLeft).toBe(3);
});

test('room for the dependencies of a plan is made at once', () => {
  const realm = openedRealm();
  const keys = Array.from({ length: 71 }, (_, i) => `t${i}`);
  const tasks = keys.map((key, i) => ({ key, title: key, dependsOn: keys.slice(i - 1, i) }));
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  // Grown for one after another they would have room for 80: for 64 first, then for a quarter more.
  expect(realm.world.coordinator.edges).toMatchObject({ count: 70, capacity: 70 });
});

test('a task that owns no path is unknown to the index of paths', () => {
  const realm = openedRealm();
  const tasks = [
    { key: 'a', title: 'A', repo: 'r', owns: [] },
    { key: 'b', title: 'B', repo: 'r' },
  ];
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  expect(realm.world.coordinator.paths).toStrictEqual(createPathIndex());
});

describe('what no decider wrote is a defect', () => {
  const task = { key: 'x', title: 'X' };
  const submitted: DomainEvent = {
    digest: 'd',
    phases: 0,
    planId: 'q',
    tasks: 1,
    type: 'plan.submitted',
  };
  const fold = (realm: RealmRun, args: object, event: DomainEvent): void =>
    realm.fold({ op: event.type === 'plan.edited' ? 'plans.edit' : 'plans.submit', args }, [event]);
  const ROWS: readonly (readonly [string, (realm: RealmRun) => void])[] = [
    [
      'a task in no phase of its plan',
      (realm) =>
        fold(realm, { plan: { id: 'q', tasks: [{ ...task, phase: 'three' }] } }, submitted),
    ],
    [
      'a phase after no phase',
      (realm) =>
        fold(
          realm,
          { plan: { id: 'q', phases: [{ id: 'one', after: ['zero'] }], tasks: [task] } },
          submitted,
        ),
    ],
    [
      'an event of no plan',
      (realm) =>
        fold(
          realm,
          { planId: 'z', add: [task] },
          { added: 1, dependencies: 0, planId: 'z', priorities: 0, type: 'plan.edited' },
        ),
    ],
    [
      'a result of no check',
      (realm) =>
        fold(
          realm,
          {},
          { name: 'tests', ok: true, phase: 'one', planId: 'p', type: 'phase.checked' },
        ),
    ],
    [
      'a phase before none',
      (realm) => {
        planOf(realm).phases.pop();
        fold(realm, {}, { phase: 'one', planId: 'p', type: 'phase.passed' });
      },
    ],
  ];

  test.each(ROWS)('%s', (sentence, wrong) => {
    expect(() => wrong(begun())).toThrow(sentence);
  });
});

test('phases know those behind them, in the order of the plan', () => {
  const specs = [
    { id: 'last', after: ['left', 'right', 'left'] },
    { id: 'left', after: ['first'] },
    { id: 'right', after: ['first'] },
    { id: 'first', after: [] },
  ];
  const phases = phasesFrom(specs.map((spec) => PhaseSpec.parse(spec)));
  expect(phases.map(({ next }) => next)).toStrictEqual([[], [0], [0], [1, 2]]);
  expect(phases.map(({ afterLeft }) => afterLeft)).toStrictEqual([2, 1, 1, 0]);
});
