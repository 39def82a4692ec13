/** Plans and their edits as scenarios write them: one line a phase, a task or a change, in words. */
import type { PlainArgs } from './realm-run.ts';

type PlanArgs = PlainArgs<'plans.submit'>['plan'];
type TaskArgs = PlanArgs['tasks'][number];
type PhaseArgs = NonNullable<PlanArgs['phases']>[number];
type GateArgs = NonNullable<PhaseArgs['gate']>;
type EditArgs = PlainArgs<'plans.edit'>;

/** Words in pairs of a name and a value; a name in `flags` stands alone. `gate` may come more than once. */
class Words {
  readonly #words: string[];

  constructor(line: string) {
    this.#words = line.trim().split(/\s+/);
  }

  take(): string {
    const word = this.#words.shift();
    if (word === undefined) throw new Error('the line ends where a word is needed');
    return word;
  }

  get left(): boolean {
    return this.#words.length > 0;
  }

  list(): string[] {
    return this.take().split(',');
  }
}

const gateOf = (name: string) => ({ name, run: { shell: 'true' } });

const taskOf = (words: Words): TaskArgs => {
  const key = words.take();
  const task: { -readonly [K in keyof TaskArgs]: TaskArgs[K] } = { key, title: `Task ${key}` };
  while (words.left) {
    const word = words.take();
    if (word === 'in') task.phase = words.take();
    else if (word === 'after') task.dependsOn = words.list();
    else if (word === 'needs') task.needs = words.list();
    else if (word === 'owns') task.owns = words.list();
    else if (word === 'repo') task.repo = words.take();
    else if (word === 'gates') task.gates = words.list().map(gateOf);
    else if (word === 'attempts') task.attemptsMax = Number(words.take());
    else if (word === 'priority') task.priority = Number(words.take());
    else if (word === 'expects')
      task.expects = words.list().map((one) => (one === 'diff' ? 'diff' : 'artifact'));
    else if (word === 'filler') task.filler = true;
    else if (word === 'limit')
      task.budget = { ...task.budget, limitMicroUsd: microUsdOf(words.take()) };
    else if (word === 'estimate')
      task.budget = { ...task.budget, estimateMicroUsd: microUsdOf(words.take()) };
    else if (word === 'minutes') task.estimateMinutes = Number(words.take());
    else if (word === 'runs') {
      const wasm = `sha256:${words.take().repeat(64)}`;
      task.run = { wasm, entrypoint: 'run', use: ['api'] };
    } else if (word === 'done') task.imported = { status: 'closed', done: true };
    else throw new Error(`a task has no "${word}"`);
  }
  return task;
};

const phaseOf = (words: Words): PhaseArgs => {
  const phase: { -readonly [K in keyof PhaseArgs]: PhaseArgs[K] } = { id: words.take() };
  const gate: { -readonly [K in keyof GateArgs]: GateArgs[K] } = {};
  while (words.left) {
    const word = words.take();
    if (word === 'after') phase.after = words.list();
    else if (word === 'autonomous') phase.autonomous = true;
    else if (word === 'checks') gate.checks = words.list().map(gateOf);
    else if (word === 'approvals') gate.approvals = Number(words.take());
    else throw new Error(`a phase has no "${word}"`);
  }
  return Object.keys(gate).length === 0 ? phase : { ...phase, gate };
};

/** Micro-dollars of an amount in dollars: `$0.40`. */
export const microUsdOf = (text: string): number => {
  const match = /^\$(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) throw new Error(`"${text}" is no amount such as $0.40`);
  return Number(match[1]) * 1_000_000 + Number((match[2] ?? '').padEnd(6, '0'));
};

/** A plan from its lines: `phase design …`, `task a after b …`, `budget $5`. */
export const planFrom = (id: string, lines: readonly string[]): PlanArgs => {
  const phases: PhaseArgs[] = [];
  const tasks: TaskArgs[] = [];
  let limit: number | undefined;
  for (const line of lines) {
    const words = new Words(line);
    const what = words.take();
    if (what === 'budget') limit = microUsdOf(words.take());
    else if (what === 'phase') phases.push(phaseOf(words));
    else if (what === 'task') tasks.push(taskOf(words));
    else throw new Error(`a plan has no "${what}"`);
  }
  return {
    id,
    tasks,
    ...(phases.length === 0 ? {} : { phases }),
    ...(limit === undefined ? {} : { budget: { limitMicroUsd: limit } }),
  };
};

/** An edit from its lines: `task …`, `link a on b`, `unlink a from b`, `priority a 0`. */
export const editFrom = (planId: string, lines: readonly string[]): EditArgs => {
  const add: TaskArgs[] = [];
  const addDependencies: { task: string; dependsOn: string }[] = [];
  const dropDependencies: { task: string; dependsOn: string }[] = [];
  const priorities: { task: string; priority: number }[] = [];
  for (const line of lines) {
    const words = new Words(line);
    const what = words.take();
    if (what === 'task') {
      add.push(taskOf(words));
      continue;
    }
    const task = words.take();
    if (what === 'priority') priorities.push({ task, priority: Number(words.take()) });
    else {
      words.take();
      const link = { task, dependsOn: words.take() };
      if (what === 'link') addDependencies.push(link);
      else if (what === 'unlink') dropDependencies.push(link);
      else throw new Error(`an edit has no "${what}"`);
    }
  }
  return {
    planId,
    ...(add.length === 0 ? {} : { add }),
    ...(addDependencies.length === 0 ? {} : { addDependencies }),
    ...(dropDependencies.length === 0 ? {} : { dropDependencies }),
    ...(priorities.length === 0 ? {} : { priorities }),
  };
};
