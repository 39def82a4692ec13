import { expect, test } from 'vitest';
import { checkCondition } from './conditions.ts';
import { conditionMutants } from './mutants.ts';

const changes = (source: string): readonly string[] =>
  conditionMutants(source).map((mutant) => `${mutant.what} @${mutant.at}: ${mutant.source}`);

test('a comparison, its number and the whole are changed, one at a time', () => {
  expect(changes('task.priority > 3')).toEqual([
    'negated @0: !((task.priority > 3))',
    '> to >= @0: (task.priority >= 3)',
    '> to <= @0: (task.priority <= 3)',
    '3 to 2 @16: (task.priority > 2)',
    '3 to 4 @16: (task.priority > 4)',
  ]);
});

test('conjuncts and disjuncts are swapped and dropped; facts that are true or false are negated', () => {
  expect(changes('swarm.registered && !task.isHelp')).toEqual([
    'negated @0: !((swarm.registered && (!task.isHelp)))',
    '&& to || @0: (swarm.registered || (!task.isHelp))',
    'conjunct dropped: swarm.registered @0: (!task.isHelp)',
    'conjunct dropped: (!task.isHelp) @0: swarm.registered',
    'negated @0: (!(swarm.registered) && (!task.isHelp))',
    'negation dropped @20: (swarm.registered && task.isHelp)',
  ]);
});

test('texts become empty or longer, membership and loops their contrary', () => {
  expect(changes('"a" in task.labels').slice(1)).toEqual([
    '"a" to "" @0: ("" in task.labels)',
    '"a" to "ax" @0: ("ax" in task.labels)',
  ]);
  expect(changes('task.labels.exists(l, l == "")')).toContain(
    'exists to all @0: task.labels.all(l, (l == ""))',
  );
  expect(changes('true ? task.isHelp : false')).toContain(
    'branches swapped @0: (true ? false : task.isHelp)',
  );
});

test('every mutant is a condition, no two are the same, and none is the original', () => {
  const source =
    'task.owns.filter(p, p.endsWith(".sql")).size() >= 2 || (task.estimateMicroUsd * 2 <= limitMicroUsd ? swarm.model in ["a", "b"] : task.needs.all(n, n != "x")) && -task.priority < 0 && task.labels[0] == "q" && size(task.needs) == 0';
  const mutants = conditionMutants(source).map((mutant) => mutant.source);
  expect(mutants.length).toBeGreaterThan(40);
  expect(new Set(mutants).size).toBe(mutants.length);
  expect(mutants.map(checkCondition).filter((issue) => issue !== undefined)).toEqual([]);
});

test('a text that is no condition has no mutants', () => {
  expect(conditionMutants('task.')).toEqual([]);
});
