/** Circles that only a phase closes, and what looks like one and is none. */
import { PhaseSpec, TaskSpec } from '@infrafabric/protocol';
import { openedRealm } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import { NONE } from './columns.ts';
import { namesOfCycle } from './deadlock.ts';
import type { Intended } from './deadlock.ts';
import { phasesFrom } from './fold-plan.ts';
import { createCoordinator } from './state.ts';

/** Phases are named in the reverse of their order, so that places and order cannot be mixed up. */
const PHASES = [
  { id: 'late', after: ['early'] },
  { id: 'early', after: [] },
];

describe('plans in which something would wait for ever', () => {
  test('a circle through the first phase of the list names it', () => {
    const tasks = [
      { key: 'e', title: 'E', phase: 'early', dependsOn: ['l'] },
      { key: 'l', title: 'L', phase: 'late' },
    ];
    expect(
      openedRealm().run('plans.submit', { plan: { id: 'p', phases: PHASES, tasks } }),
    ).toMatchObject({
      code: 'plan.cycle',
      facts: { cycle: ['p/e', 'p/l', 'phase late', 'p/e'] },
    });
  });

  test('a circle through a task that stands behind another in the list names that task', () => {
    const realm = openedRealm();
    realm.run('plans.submit', { plan: { id: 'before', tasks: [{ key: 'x', title: 'X' }] } });
    const tasks = [
      { key: 'l', title: 'L', phase: 'late' },
      { key: 'e', title: 'E', phase: 'early', dependsOn: ['l'] },
    ];
    expect(realm.run('plans.submit', { plan: { id: 'p', phases: PHASES, tasks } })).toMatchObject({
      code: 'plan.cycle',
      facts: { cycle: ['p/l', 'phase late', 'p/e', 'p/l'] },
    });
  });

  test('a task of another plan waits for the phases of its own plan', () => {
    const realm = openedRealm();
    const first = [{ key: 'x', title: 'X', phase: 'late' }];
    realm.run('plans.submit', { plan: { id: 'other', phases: PHASES, tasks: first } });
    const tasks = [{ key: 'e', title: 'E', phase: 'early', dependsOn: ['other/x'] }];
    expect(realm.run('plans.submit', { plan: { id: 'p', phases: PHASES, tasks } }).kind).toBe(
      'accept',
    );
  });

  test('a circle through the phases of another plan names both plans', () => {
    const realm = openedRealm();
    const task = (key: string, phase?: string, ...dependsOn: string[]) => ({
      key,
      title: key,
      ...(phase === undefined ? {} : { phase }),
      dependsOn,
    });
    realm.run('plans.submit', { plan: { id: 'p', tasks: [task('x')] } });
    const tasks = [task('e', 'early', 'p/x'), task('l', 'late')];
    realm.run('plans.submit', { plan: { id: 'q', phases: PHASES, tasks } });
    const addDependencies = [{ task: 'x', dependsOn: 'q/l' }];
    expect(realm.run('plans.edit', { planId: 'p', addDependencies })).toMatchObject({
      code: 'plan.cycle',
      facts: { cycle: ['p/x', 'q/l', 'phase late of q', 'q/e', 'p/x'] },
    });
  });

  test('a circle through a blocker is one, until the blocker is resolved', () => {
    const realm = openedRealm();
    const tasks = ['x', 'y'].map((key) => ({ key, title: key }));
    realm.run('plans.submit', { plan: { id: 'p', tasks } });
    realm.run('sessions.open', { agent: 'ada' }, { ids: ['ada'] });
    realm.run('tasks.claim', { taskId: 'p/x', sessionId: 'ada' });
    const fence = realm.fenceOf('p/x');
    const raised = { taskId: 'p/x', fence, kind: 'other', title: 'first', waitsOn: 'p/y' } as const;
    realm.run('blockers.raise', { ...raised, release: true }, { ids: ['b'] });
    const edit = () =>
      realm.run('plans.edit', { planId: 'p', addDependencies: [{ task: 'y', dependsOn: 'p/x' }] });
    expect(edit()).toMatchObject({ facts: { cycle: ['p/y', 'p/x', 'p/y'] } });
    realm.run('blockers.resolve', { blockerId: 'b', resolution: 'not needed' });
    expect(edit().kind).toBe('accept');
  });

  test('a blocker does not wait on what its own phase holds back', () => {
    const realm = openedRealm();
    const tasks = ['early', 'late'].map((phase) => ({ key: phase, title: phase, phase }));
    realm.run('plans.submit', { plan: { id: 'p', phases: PHASES, tasks } });
    realm.run('sessions.open', { agent: 'ada' }, { ids: ['ada'] });
    realm.run('tasks.claim', { taskId: 'p/early', sessionId: 'ada' });
    const fence = realm.fenceOf('p/early');
    const raised = { taskId: 'p/early', fence, kind: 'other', title: 'later' } as const;
    expect(realm.run('blockers.raise', { ...raised, waitsOn: 'p/late' })).toMatchObject({
      code: 'request.invalid',
      facts: { cycle: ['p/early', 'p/late', 'phase late of p', 'p/early'] },
    });
  });

  test('work of a later phase that came finished closes no circle', () => {
    const imported = { done: true, status: 'closed' };
    const tasks = [
      { key: 'e', title: 'E', phase: 'early', dependsOn: ['l'] },
      { key: 'l', title: 'L', phase: 'late', imported },
    ];
    const realm = openedRealm();
    const plan = { id: 'p', phases: PHASES, tasks };
    expect(realm.run('plans.submit', { plan }).kind).toBe('accept');
    const add = [{ key: 'more', title: 'More', phase: 'early', dependsOn: ['l'] }];
    expect(realm.run('plans.edit', { planId: 'p', add }).kind).toBe('accept');
  });

  test('a phase does not wait for work that was cancelled', () => {
    const realm = openedRealm();
    realm.run('plans.submit', { plan: { id: 'q', tasks: [{ key: 'm', title: 'M' }] } });
    const tasks = [
      { key: 'e', title: 'E', phase: 'early' },
      { key: 'gone', title: 'G', phase: 'early', dependsOn: ['q/m'] },
      { key: 'l', title: 'L', phase: 'late' },
    ];
    realm.run('plans.submit', { plan: { id: 'p', phases: PHASES, tasks } });
    realm.run('tasks.cancel', { taskId: 'p/gone', reason: 'not wanted' });
    realm.run('plans.edit', {
      planId: 'q',
      addDependencies: [{ task: 'm', dependsOn: 'p/l' }],
    });
    const add = [{ key: 'more', title: 'More', phase: 'late', dependsOn: ['q/m'] }];
    expect(realm.run('plans.edit', { planId: 'p', add }).kind).toBe('accept');
  });
});

describe('an intention that fits no state is a defect', () => {
  const nothing: Intended = {
    planId: 'p',
    plan: NONE,
    phases: [],
    fresh: [],
    freshLinks: [],
    added: new Map(),
    dropped: new Set(),
    roots: [0],
  };
  const ROWS: readonly (readonly [string, Partial<Intended>])[] = [
    ['links of no task', { fresh: [TaskSpec.parse({ key: 'a', title: 'A' })] }],
    [
      'a phase after no phase',
      {
        phases: phasesFrom(['one', 'two', 'three'].map((id) => PhaseSpec.parse({ id }))).slice(2),
        fresh: [TaskSpec.parse({ key: 'a', title: 'A', phase: 'three' })],
        freshLinks: [[]],
      },
    ],
  ];

  test.each(ROWS)('%s', (sentence, wrong) => {
    expect(() => namesOfCycle(createCoordinator(), { ...nothing, ...wrong })).toThrow(sentence);
  });
});
