import { PlanSpec } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { isOfSwarm, swarmsOfRun } from './swarms-of-run.ts';

const wasm = { wasm: `sha256:${'a'.repeat(64)}`, entrypoint: 'run' };
const planOf = (...tasks: readonly object[]) =>
  PlanSpec.parse({
    id: 'p',
    tasks: tasks.map((task, at) => ({ key: `t${at}`, title: 't', ...task })),
  });

test('without modules the sessions of a run are in no swarm, unless one is asked for', () => {
  const plan = planOf({ run: { shell: 'true' }, swarm: 'a' });
  expect(swarmsOfRun(plan, undefined)).toEqual([undefined]);
  expect(swarmsOfRun(plan, 'x')).toEqual(['x']);
});

test('tasks with modules bring their swarms, each once, in the plan’s order', () => {
  const plan = planOf(
    { run: wasm, swarm: 'b' },
    { run: wasm, swarm: 'a' },
    { run: wasm, swarm: 'b' },
    { run: wasm },
  );
  expect(swarmsOfRun(plan, undefined)).toEqual(['b', 'a']);
  expect(swarmsOfRun(plan, 'x')).toEqual(['x']);
});

test('a module suits a session of its swarm, a command suits any', () => {
  const [named, open, command] = planOf(
    { run: wasm, swarm: 'a' },
    { run: wasm },
    { run: { shell: 'true' }, swarm: 'a' },
  ).tasks;
  if (named === undefined || open === undefined || command === undefined) throw new Error('none');
  expect(['a', 'b', undefined].map((swarm) => isOfSwarm(named, swarm))).toEqual([
    true,
    false,
    false,
  ]);
  expect(['a', 'b', undefined].map((swarm) => isOfSwarm(open, swarm))).toEqual([true, true, false]);
  expect(['a', undefined].map((swarm) => isOfSwarm(command, swarm))).toEqual([true, true]);
});
