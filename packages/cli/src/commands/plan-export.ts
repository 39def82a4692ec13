/** `ifab plan export`: the plan as the log has it, the submission with every edit since, and how far it is. */
import type { InputOf, OutputOf, PlanSpec, TaskSpec } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { checkPlan, planToDot, planToJson, planToMermaid } from '../plans/index.ts';
import type { DrawnState } from '../plans/index.ts';
import { withClient } from '../server/connect.ts';
import { isSet, optionOf } from '../tree/command.ts';
import type { CommandRun } from '../tree/command.ts';
import { everyPage } from './pages.ts';
import { queryIndexed } from './why.ts';

type Task = PlanSpec['tasks'][number];
type Edit = InputOf<'plans.edit'>;

export const exportPlan: CommandRun = async (context) => {
  const { out, io } = context;
  const [planId = ''] = context.args;
  const format = optionOf(context, 'format') ?? 'json';
  if (format !== 'json' && format !== 'mermaid' && format !== 'dot') {
    throw cliError('cli.usage', `there is no format “${format}”`, 'Take json, mermaid or dot.');
  }
  return withClient(
    context,
    async ({ client }) => {
      const { title } = await client.call('plans.show', { planId });
      const plan = await planFromLog(client, planId);
      const states = new Map<string, DrawnState>();
      if (!isSet(context, 'fresh')) {
        for await (const { taskId, phase } of everyPage.tasks(client, { planId })) {
          states.set(taskId.slice(planId.length + 1), phase);
        }
      }
      const text =
        format === 'json' ? planToJson(withDone(plan, states)) : drawn(format, plan, states);
      if (out.isJson && format !== 'json') out.data({ planId, title, format, text }, () => text);
      else io.stdout.write(text);
      return EXIT_DONE;
    },
    'auto',
  );
};

const drawn = (
  format: 'mermaid' | 'dot',
  plan: PlanSpec,
  states: ReadonlyMap<string, DrawnState>,
): string => {
  const options = states.size === 0 ? {} : { states };
  return format === 'mermaid' ? planToMermaid(plan, options) : planToDot(plan, options);
};

/** A finished task says so, as an importer would have found it: the plan goes on elsewhere where it stands here. */
const withDone = (plan: PlanSpec, states: ReadonlyMap<string, DrawnState>): PlanSpec => ({
  ...plan,
  tasks: plan.tasks.map((task) =>
    states.get(task.key) === 'done'
      ? { ...task, imported: { status: task.imported?.status ?? 'done', done: true } }
      : task,
  ),
});

export const planFromLog = async (client: Client, planId: string): Promise<PlanSpec> => {
  const [submission] = (await queryIndexed(client, { planId, operation: 'plans.submit', limit: 1 }))
    .entries;
  const given: unknown = submission?.args['plan'];
  const checked = checkPlan(given);
  if (checked.kind === 'refused') {
    throw cliError(
      'cli.input',
      `the log shows no submission of ${planId}`,
      'See what it has: ifab witness query --plan PLAN',
    );
  }
  let plan = checked.plan;
  for await (const edit of editsOf(client, planId)) plan = edited(plan, edit);
  return plan;
};

async function* editsOf(client: Client, planId: string): AsyncGenerator<Edit> {
  let from: number | undefined;
  // Ends: each round begins behind the entry that the one before ended with.
  do {
    const page: OutputOf<'witness.query'> = await queryIndexed(client, {
      planId,
      operation: 'plans.edit',
      from,
    });
    for (const { args } of page.entries) {
      const edit: Edit = JSON.parse(JSON.stringify(args));
      yield edit;
    }
    from = page.next;
  } while (from !== undefined);
}

/** What the coordinator did with an edit that it accepted, on the plan's text. */
const edited = (plan: PlanSpec, edit: Edit): PlanSpec => {
  const tasks = new Map(plan.tasks.map((task): [string, Task] => [task.key, task]));
  for (const task of edit.add ?? []) {
    // The log holds what the schema has parsed.
    const added: TaskSpec = JSON.parse(JSON.stringify(task));
    tasks.set(added.key, added);
  }
  const change = (key: string, to: (task: Task) => Task): void => {
    const task = tasks.get(key);
    if (task !== undefined) tasks.set(key, to(task));
  };
  for (const { task, dependsOn } of edit.addDependencies ?? []) {
    change(task, (before) => ({
      ...before,
      dependsOn: [...new Set([...(before.dependsOn ?? []), ...asDependencies([dependsOn])])],
    }));
  }
  for (const { task, dependsOn } of edit.dropDependencies ?? []) {
    const names = new Set([dependsOn, dependsOn.replace(`${plan.id}/`, '')]);
    change(task, (before) => ({
      ...before,
      dependsOn: (before.dependsOn ?? []).filter((other) => !names.has(other)),
    }));
  }
  for (const { task, priority } of edit.priorities ?? []) {
    change(task, (before) => ({ ...before, priority }));
  }
  return { ...plan, tasks: [...tasks.values()] };
};

const asDependencies = (names: readonly string[]): NonNullable<Task['dependsOn']> => {
  const parsed: NonNullable<Task['dependsOn']> = JSON.parse(JSON.stringify(names));
  return parsed;
};
