import { PlanSpec } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { partsOf } from './plan-parts.ts';

const LIMITS = { tasksMax: 2, bytesMax: 10_000 };
const plan = (tasks: readonly object[], phases: readonly object[] = []): PlanSpec =>
  PlanSpec.parse({ id: 'p', tasks, ...(phases.length === 0 ? {} : { phases }) });
const keys = (tasks: readonly { readonly key: string }[]): readonly string[] =>
  tasks.map(({ key }) => key);

test('a plan that one call can carry stays as it is', () => {
  const small = plan([{ key: 'a', title: 'A' }]);
  expect(partsOf(small, LIMITS)).toEqual({ kind: 'parts', first: small, rest: [] });
});

test('no part names a task that comes after it', () => {
  const tasks = ['e', 'd', 'c', 'b', 'a'].map((key, at, all) => ({
    key,
    title: key,
    ...(at === 4 ? {} : { dependsOn: [at % 2 === 0 ? `p/${all[at + 1]}` : all[at + 1]] }),
  }));
  const parts = partsOf(plan(tasks), LIMITS);
  if (parts.kind === 'refused') throw new Error('refused');
  expect(keys(parts.first.tasks)).toEqual(['a', 'b']);
  expect(parts.rest.map(keys)).toEqual([['c', 'd'], ['e']]);
});

test('bytes make a part too', () => {
  const tasks = ['a', 'b', 'c'].map((key) => ({ key, title: key, description: 'x'.repeat(6_000) }));
  const parts = partsOf(plan(tasks), { tasksMax: 100, bytesMax: 10_000 });
  expect(parts).toMatchObject({ kind: 'parts', rest: [[{ key: 'b' }], [{ key: 'c' }]] });
});

test('a phase that would begin empty, and so pass, is refused', () => {
  const tasks = ['a', 'b', 'c'].map((key, at) => ({
    key,
    title: key,
    phase: at < 2 ? 'one' : 'two',
  }));
  const parts = partsOf(plan(tasks, [{ id: 'one' }, { id: 'two' }]), LIMITS);
  expect(parts).toEqual({ kind: 'refused', phases: ['two'] });
});
