import { describe, expect, test } from 'vitest';
import { checkPlan } from './check-plan.ts';

const task = (key: string, more: object = {}): object => ({ key, title: key, ...more });
const WASM = `sha256:${'a'.repeat(64)}`;
const plan = (more: object): object => ({ id: 'p', tasks: [task('a')], ...more });

/** `path: what · mend` of every issue. */
function told(value: unknown): readonly string[] {
  const checked = checkPlan(value);
  if (checked.kind === 'plan') return [];
  return checked.issues.map(({ path, what, mend }) => `${path}: ${what} · ${mend}`);
}

describe('what the schema refuses is told in words of the plan, with how to mend it', () => {
  test.each<[string, object, string]>([
    [
      'an unknown field of the plan',
      { taks: [] },
      'taks: “taks” is no field here · did you mean “tasks”? ',
    ],
    [
      'of a task',
      { tasks: [task('a', { dependson: [] })] },
      'tasks[0].dependson: “dependson” is no field here · did you mean “dependsOn”? ',
    ],
    [
      'of a phase',
      { phases: [{ id: 'x', titel: 't' }] },
      'phases[0].titel: “titel” is no field here · did you mean “title”? ',
    ],
    [
      'of a command',
      { tasks: [task('a', { run: { shell: 'x', cdw: '.' } })] },
      'tasks[0].run.cdw: “cdw” is no field here · did you mean “cwd”? ',
    ],
    [
      'of a module',
      { tasks: [task('a', { run: { wasm: WASM, entrypoint: 'run', inputs: 1 } })] },
      'tasks[0].run.inputs: “inputs” is no field here · did you mean “input”? ',
    ],
    [
      'of a module’s limits',
      { tasks: [task('a', { run: { wasm: WASM, entrypoint: 'run', limits: { cpuMs: 1 } } })] },
      'tasks[0].run.limits.cpuMs: “cpuMs” is no field here · fields here: cpuMsMax, ',
    ],
    [
      'a run that is neither a command nor a module',
      { tasks: [task('a', { run: { cmd: 'x' } })] },
      'tasks[0].run: it names neither a command nor a module · write { shell',
    ],
    [
      'a run that is both',
      { tasks: [task('a', { run: { shell: 'x', wasm: 'x' } })] },
      'tasks[0].run.wasm: “wasm” does not stand beside the other fields here · a run is a command',
    ],
    [
      'of a check',
      { tasks: [task('a', { gates: [{ name: 'n', run: { shell: 'x' }, rum: 1 }] })] },
      'tasks[0].gates[0].rum: “rum” is no field here · did you mean “run”? fields here: name, run',
    ],
    [
      'of a gate',
      { phases: [{ id: 'x', gate: { cheks: [] } }] },
      'phases[0].gate.cheks: “cheks” is no field here · did you mean “checks”? fields here: checks, approvals',
    ],
    [
      'of the budget of a task',
      { tasks: [task('a', { budget: { limit: 1 } })] },
      'tasks[0].budget.limit: “limit” is no field here · fields here: limitMicroUsd, estimateMicroUsd',
    ],
    [
      'of what was imported',
      { tasks: [task('a', { imported: { status: 's', done: true, doen: 1 } })] },
      'tasks[0].imported.doen: “doen” is no field here · did you mean “done”? fields here: status, done',
    ],
    [
      'of an unnamed object',
      { tasks: [task('a', { swarm: {} })] },
      'tasks[0].swarm: it is not a string · write a string',
    ],
    [
      'a missing title',
      { tasks: [{ key: 'a' }] },
      'tasks[0].title: it is missing · add it; it is a string',
    ],
    ['another type', { tasks: {} }, 'tasks: it is not an array · write an array'],
    [
      'a text that is too long',
      { tasks: [task('a', { labels: ['x'.repeat(101)] })] },
      'tasks[0].labels[0]: it is larger than it may be · at most 100 characters',
    ],
    [
      'a list that is too long',
      { tasks: [task('a', { expects: ['diff', 'diff', 'diff'] })] },
      'tasks[0].expects: it is larger than it may be · at most 2 entries',
    ],
    [
      'a number that is too large',
      { tasks: [task('a', { priority: 5 })] },
      'tasks[0].priority: it is larger than it may be · at most 4',
    ],
    [
      'an empty text',
      { tasks: [task('a', { title: '' })] },
      'tasks[0].title: it is smaller than it may be · at least 1 characters',
    ],
    [
      'a dependency that is no key',
      { tasks: [task('a', { dependsOn: ['not a key'] })] },
      'tasks[0].dependsOn[0]: it is neither a key of this plan nor plan/key · write letters, digits and . _ : - only',
    ],
    [
      'a value outside a list',
      { tasks: [task('a', { expects: ['video'] })] },
      'tasks[0].expects[0]: it is none of the allowed values · one of: diff, artifact',
    ],
  ])('%s', (_, more, start) => {
    expect(told(plan(more))).toEqual([expect.stringContaining(start)]);
  });

  test('what is no plan at all', () => {
    expect(told('text')).toEqual([': it is not an object · write an object']);
    expect(told(plan({ tasks: [task('no spaces')] }))).toHaveLength(1);
  });
});

describe('what no schema can say', () => {
  test('names twice: the earlier place is told', () => {
    expect(
      told(plan({ tasks: [task('a'), task('a')], phases: [{ id: 'x' }, { id: 'x' }] })),
    ).toEqual([
      'tasks[1].key: “a” is used twice · rename it; tasks[0].key has it already',
      'phases[1].id: “x” is used twice · rename it; phases[0].id has it already',
    ]);
  });

  test('names of nothing: phases, dependencies, parents', () => {
    const tasks = [
      task('build', { phase: 'one' }),
      task('test', { dependsOn: ['biuld', 'other/build', 'p/build'], parent: 'far-away' }),
    ];
    expect(told(plan({ tasks, phases: [{ id: 'two', after: ['tow'] }] }))).toEqual([
      'phases[0].after[0]: the plan has no phase “tow” · did you mean “two”? phases: two',
      'tasks[0].phase: the plan has no phase “one” · phases: two',
      'tasks[1].dependsOn[0]: test depends on “biuld”, and the plan has no such task · did you mean “build”? write a key of this plan, or plan/key for a task of another',
      'tasks[1].parent: test is part of “far-away”, and the plan has no such task · write a key of this plan, or leave it out',
    ]);
    expect(told(plan({ tasks: [task('a', { phase: 'x' })] }))).toEqual([
      'tasks[0].phase: the plan has no phase “x” · phases: none',
    ]);
  });

  test('cycles: of tasks, of phases, and across both', () => {
    const circle = [task('a', { dependsOn: ['b'] }), task('b', { dependsOn: ['p/a'] })];
    expect(told(plan({ tasks: circle }))).toEqual([
      'tasks[0].dependsOn: these wait for each other: a → b → a · each comes before the next; take one of the dependencies away',
    ]);
    const phases = [
      { id: 'x', after: ['y'] },
      { id: 'y', after: ['x'] },
    ];
    expect(told(plan({ phases }))).toEqual([
      expect.stringMatching(
        /^phases\[0\]\.after: these wait for each other: phase x → phase y → phase x · .*a phase waits/,
      ),
    ]);
    const across = [task('a', { phase: 'x', dependsOn: ['b'] }), task('b', { phase: 'y' })];
    expect(told(plan({ tasks: across, phases: [{ id: 'x' }, { id: 'y' }] }))).toEqual([
      expect.stringMatching(
        /^tasks\[0\]\.dependsOn: .*phase x.* · .*a phase waits for all its tasks/,
      ),
    ]);
  });

  test('half of a surrogate pair, wherever it stands', () => {
    const labels = ['whole 😀', 'half \ud83d'];
    expect(told(plan({ tasks: [task('a', { labels })] }))).toEqual([
      'tasks[0].labels[1]: its text holds half of a surrogate pair · write the whole character, or leave it out',
    ]);
  });
});
