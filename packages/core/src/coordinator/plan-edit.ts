/** Decisions about the edit of a plan that runs. */
import { reject } from '@infrafabric/protocol';
import type { Rejection, TaskSpec } from '@infrafabric/protocol';
import { accept, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { canonicalText } from '../kernel/canonical.ts';
import { cell, isHelp, NONE, phaseName, PHASE } from './columns.ts';
import { dependencyId, edgeBetween, rankIn } from './fold-plan.ts';
import { cycleFault, faultInTasks, isRejection, livePlan } from './plan-faults.ts';
import { idOf, specOf } from './state.ts';
import type { CoordinatorState, PlanState } from './state.ts';
import { lookUp } from './task-index.ts';

type Edit = ArgsOf<'plans.edit'>;
type Link = NonNullable<Edit['addDependencies']>[number];

/** An edit whose tasks were found: dependencies as indexes, what is there already left out. */
interface Resolved {
  readonly fresh: readonly TaskSpec[];
  readonly add: readonly Edge[];
  readonly drop: readonly Edge[];
  readonly priorities: number;
}

interface Edge {
  readonly task: number;
  readonly on: number;
  readonly edge: number;
}

export const decideEditPlan = (state: CoordinatorState, command: Command<Edit>): Decision => {
  const { args } = command;
  const plan = livePlan(state, args.planId);
  if (isRejection(plan)) return plan;
  const fault = faultInNames(state, plan, args);
  if (fault !== undefined) return fault;
  const edit = resolve(state, plan, args);
  const refusal =
    faultInTasks(state, { planId: plan.id, phases: plan.phases, tasks: edit.fresh }) ??
    faultInLinks(state, edit) ??
    cycleAmongEdits(state, plan, edit);
  if (refusal !== undefined) return refusal;
  const dependencies = edit.add.length + edit.drop.length;
  if (edit.fresh.length + dependencies + edit.priorities === 0) return UNCHANGED;
  return accept({
    added: edit.fresh.length,
    dependencies,
    planId: plan.id,
    priorities: edit.priorities,
    type: 'plan.edited',
  });
};

const find = (state: CoordinatorState, plan: PlanState, dependency: string): number =>
  lookUp(state.index, state.tasks.ids, dependencyId(plan.id, dependency));

/** A name that means nothing here, or a task that is there already as something else. */
const faultInNames = (
  state: CoordinatorState,
  plan: PlanState,
  { add = [], addDependencies = [], dropDependencies = [], priorities = [] }: Edit,
): Rejection | undefined => {
  for (const spec of add) {
    const known = find(state, plan, spec.key);
    if (known === NONE || canonicalText(specOf(state, known)) === canonicalText(spec)) continue;
    return reject('plan.duplicate_task', `Task ${spec.key} exists with other content.`, {
      task: spec.key,
    });
  }
  const named: readonly string[] = [
    ...[...addDependencies, ...dropDependencies].flatMap(({ task, dependsOn }) => [
      task,
      dependsOn,
    ]),
    ...priorities.map(({ task }) => task),
  ];
  const missing = named.find((name) => find(state, plan, name) === NONE);
  if (missing === undefined) return undefined;
  const detail = `There is no task ${missing}; a new task names its dependencies in its own dependsOn.`;
  return reject('task.not_found', detail, { task: missing });
};

const resolve = (state: CoordinatorState, plan: PlanState, args: Edit): Resolved => {
  const edgeOf = ({ task: key, dependsOn }: Link): Edge => {
    const task = find(state, plan, key);
    const on = find(state, plan, dependsOn);
    return { task, on, edge: edgeBetween(state, task, on) };
  };
  const priorities = (args.priorities ?? []).filter(({ task: key, priority }) => {
    const task = find(state, plan, key);
    return cell(state.tasks.rank, task) !== rankIn(state, task, priority);
  });
  const drop = (args.dropDependencies ?? []).map(edgeOf);
  const dropped = new Set(drop.map(({ edge }) => edge));
  return {
    fresh: (args.add ?? []).filter(({ key }) => find(state, plan, key) === NONE),
    add: (args.addDependencies ?? [])
      .map(edgeOf)
      .filter(({ edge }) => edge === NONE || dropped.has(edge)),
    drop,
    priorities: priorities.length,
  };
};

const faultInLinks = (state: CoordinatorState, { add, drop }: Resolved): Rejection | undefined => {
  const began = add.find(({ task }) => !mayWait(cell(state.tasks.phase, task)));
  if (began !== undefined) {
    const task = idOf(state, began.task);
    const phase = phaseName(state.tasks, began.task);
    const detail = `Task ${task} is ${phase}; only a task that waits can wait for more.`;
    return reject('request.invalid', detail, { task, phase });
  }
  const onHelp = add.find(({ on }) => isHelp(state.tasks, on));
  if (onHelp !== undefined) {
    const dependsOn = idOf(state, onHelp.on);
    return reject(
      'plan.unknown_dependency',
      `${dependsOn} is help with a blocker, and over with it: nothing can wait for it.`,
      { dependsOn },
    );
  }
  const absent = drop.find(({ edge }) => edge === NONE);
  if (absent === undefined) return undefined;
  const task = idOf(state, absent.task);
  const dependsOn = idOf(state, absent.on);
  return reject('request.invalid', `Task ${task} does not depend on ${dependsOn}.`, {
    task,
    dependsOn,
  });
};

const mayWait = (phase: number): boolean =>
  phase === PHASE.waiting || phase === PHASE.ready || phase === PHASE.parked;

/** A new edge closes a cycle if its dependency already waits, however far, for its task. What is dropped waits no more. */
const cycleAmongEdits = (
  state: CoordinatorState,
  plan: PlanState,
  { add, drop }: Resolved,
): Rejection | undefined => {
  const byTask = Map.groupBy(add, ({ task }) => task);
  return cycleFault(state, {
    planId: plan.id,
    plan: plan.index,
    phases: plan.phases,
    fresh: [],
    freshLinks: [],
    added: new Map([...byTask].map(([task, edges]) => [task, edges.map(({ on }) => on)])),
    dropped: new Set(drop.map(({ edge }) => edge)),
    roots: [...byTask.keys()],
  });
};
