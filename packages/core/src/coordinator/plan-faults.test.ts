import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openedRealm, type PlainArgs, type RealmRun } from '@infrafabric/testkit';
import type { Decision } from '../index.ts';

// Whoever wrote a plan reads what is wrong with it, and a program the values beside the sentence: both are held word
// for word.

type Plan = PlainArgs<'plans.submit'>['plan'];
type Phase = NonNullable<Plan['phases']>[number];
type Call = (realm: RealmRun) => Decision;

const lint = { name: 'lint', run: { shell: 'true' } };
const task = (key: string, more: Partial<Plan['tasks'][number]> = {}) => ({
  key,
  title: key,
  ...more,
});
const after = (...dependsOn: readonly string[]) => ({ dependsOn: [...dependsOn] });

/** Two plans of some work: `p` in phases, of which the first has passed, `q` in two that wait for each other's work. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  const phases = [{ id: 'one' }, { id: 'two' }, { id: 'three' }];
  const tasks = [
    task('a', { phase: 'two' }),
    task('b', { phase: 'three', dependsOn: ['a'] }),
    task('c', { imported: { done: true, status: 'closed' } }),
  ];
  realm.run('plans.submit', { plan: { id: 'p', phases, tasks } });
  const late = [task('e', { phase: 'early' }), task('l', { phase: 'late' })];
  const two = [{ id: 'early' }, { id: 'late' }];
  realm.run('plans.submit', { plan: { id: 'q', phases: two, tasks: late } });
  realm.run('plans.submit', { plan: { id: 'gone', tasks: [] } });
  realm.run('plans.cancel', { planId: 'gone', reason: 'no' });
  return realm;
};

const submit = (realm: RealmRun, plan: Omit<Plan, 'id'>): Decision =>
  realm.run('plans.submit', { plan: { id: 'new', ...plan } });
const ofPhases = (...phases: readonly Phase[]): Call => {
  return (realm) => submit(realm, { tasks: [], phases: [...phases] });
};
const ofTasks = (...tasks: readonly Plan['tasks'][number][]): Call => {
  return (realm) => submit(realm, { tasks: [...tasks], phases: [{ id: 'one' }] });
};
const add = (planId: string, ...tasks: readonly Plan['tasks'][number][]): Call => {
  return (realm) => realm.run('plans.edit', { planId, add: [...tasks] });
};
const unknown = (count: number) => Array.from({ length: count }, (_, i) => `no${i}`);

const REFUSED: Readonly<Record<string, Call>> = {
  'a phase twice': ofPhases({ id: 'x' }, { id: 'y' }, { id: 'x' }),
  'a phase after no phase': ofPhases({ id: 'x' }, { id: 'y', after: ['x', 'z'] }),
  'a check twice': ofPhases({ id: 'x', gate: { checks: [lint, { ...lint, name: 'b' }, lint] } }),
  'phases in a circle': ofPhases(
    { id: 'w', after: [] },
    { id: 'x', after: ['z'] },
    { id: 'y' },
    { id: 'z' },
  ),
  'a task twice': ofTasks(task('x'), task('y'), task('x')),
  'a task in no phase': ofTasks(task('x', { phase: 'one' }), task('y', { phase: 'two' })),
  'a gate twice': ofTasks(task('x', { gates: [lint, lint] })),
  'a path that nobody can own': ofTasks(task('x', { owns: ['src/x', '/etc'] })),
  'one dependency that is not there': ofTasks(task('x', after('no0'))),
  'five of them': ofTasks(task('x', after(...unknown(5)))),
  'six of them': ofTasks(task('x', after(...unknown(6)))),
  'more of them than are listed': ofTasks(task('x', after(...unknown(21)))),
  'a dependency of another plan that is not there': ofTasks(task('x', after('p/z', 'z/a', 'p/a'))),
  'a task that depends on itself': ofTasks(task('x', after('x'))),
  'a circle behind others': ofTasks(
    task('w'),
    task('x', after('w')),
    task('y', after('z', 'w')),
    task('z', after('new/y')),
  ),
  'a circle through phases': (realm) =>
    submit(realm, {
      phases: [{ id: 'one' }, { id: 'two' }],
      tasks: [task('x', { phase: 'one', dependsOn: ['y'] }), task('y', { phase: 'two' })],
    }),
  'work for a phase that has passed': add('p', task('x', { phase: 'one' })),
  'early work that waits for late work there is': add(
    'q',
    task('x', { phase: 'early', ...after('l') }),
  ),
  'early work that waits for later work, beside some that waits for another plan’s': add(
    'p',
    task('x', { phase: 'two', ...after('q/l') }),
    task('y', { phase: 'two', ...after('b') }),
  ),
  'an edit of no plan': add('z', task('x')),
  'an edit of a cancelled plan': add('gone', task('x')),
};

describe('plans that cannot be taken', () => {
  test('each is refused with what is wrong, word for word, and nothing of it is folded', async () => {
    const lines = Object.entries(REFUSED).map(([name, call]) => {
      const realm = begun();
      const { length } = realm.entries;
      const decision = call(realm);
      expect([decision.kind, realm.entries.length], name).toStrictEqual(['reject', length]);
      return `${name}\n  ${JSON.stringify(decision)}\n`;
    });
    await expect(lines.join('')).toMatchFileSnapshot(join(import.meta.dirname, 'plan-faults.txt'));
  });
});

const TAKEN: Readonly<Record<string, Call>> = {
  'of phases that name their order': ofPhases(
    { id: 'x', after: ['y'], gate: { checks: [lint], approvals: 1 } },
    { id: 'y', after: [], gate: { checks: [lint] } },
    { id: 'z', after: ['x', 'y'] },
  ),
  'of tasks that depend on later ones, and on another plan’s': ofTasks(
    task('x', after('y', 'new/z', 'p/a')),
    task('y', { phase: 'one', dependsOn: ['z'] }),
    task('z', { gates: [lint, { ...lint, name: 'types' }], owns: ['src/z', 'docs'] }),
  ),
  'with a filler or finished work for a phase that has passed': add(
    'p',
    task('x', { phase: 'one', filler: true }),
    task('y', { phase: 'one', imported: { done: true, status: 'closed' } }),
    task('z', { phase: 'three', dependsOn: ['b', 'c'] }),
  ),
};

describe('plans that can be taken', () => {
  test.each(Object.keys(TAKEN))('are those %s', (name) => {
    expect(TAKEN[name]?.(begun())).toMatchObject({ kind: 'accept' });
  });
});
