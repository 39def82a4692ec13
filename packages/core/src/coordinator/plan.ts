/** Decisions about plans. */
import { reject } from '@infrafabric/protocol';
import type { PhaseSpec, Rejection, TaskSpec } from '@infrafabric/protocol';
import { accept, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { cascade } from './cascade.ts';
import { cell, eachDependency, NONE, phaseName, PHASE } from './columns.ts';
import { findCycle } from './cycle.ts';
import type { CoordinatorEvent, PlanCancelled } from './events.ts';
import { dependencyId, eachTaskOf, edgeBetween, phasesFrom, rankOf } from './fold-plan.ts';
import { globFault } from './paths.ts';
import { findPlan, idOf, specOf } from './state.ts';
import type { CoordinatorState, PlanState } from './state.ts';
import { lookUp } from './task-index.ts';

const quoted = (values: readonly string[], most = 5): string =>
  values.slice(0, most).join(', ') +
  (values.length > most ? ` and ${values.length - most} more` : '');

export const decideSubmitPlan = (
  state: CoordinatorState,
  command: Command<ArgsOf<'plans.submit'>>,
): Decision => {
  const { plan, digest } = command.args;
  const known = findPlan(state, plan.id);
  if (known !== undefined) {
    if (known.digest === digest) return UNCHANGED;
    return reject(
      'plan.exists',
      `Plan ${plan.id} exists with other content (${known.digest}). Submit it under another id, or change it with plans.edit.`,
      { planId: plan.id, digest: known.digest },
    );
  }
  const phases = plan.phases ?? [];
  const fault =
    faultInPhases(phases) ?? faultInTasks(state, { planId: plan.id, phases, tasks: plan.tasks });
  if (fault !== undefined) return fault;
  const begun = phasesFrom(phases);
  const places = new Map(begun.map((phase, i) => [phase.key, i]));
  for (const task of plan.tasks) {
    if (task.filler === true || task.imported?.done === true || task.phase === undefined) continue;
    const phase = begun[places.get(task.phase) ?? NONE];
    if (phase !== undefined) phase.tasksLeft += 1;
  }
  const submitted: CoordinatorEvent = {
    digest,
    phases: phases.length,
    planId: plan.id,
    tasks: plan.tasks.length,
    type: 'plan.submitted',
  };
  return accept(
    submitted,
    ...cascade({ planId: plan.id, phases: begun }, new Map(begun.map((_, i) => [i, {}]))),
  );
};

const faultInPhases = (phases: readonly PhaseSpec[]): Rejection | undefined => {
  const keys = new Set<string>();
  for (const { id } of phases) {
    if (keys.has(id))
      return reject('plan.duplicate_phase', `Phase ${id} is named twice.`, { phase: id });
    keys.add(id);
  }
  for (const { id, after } of phases) {
    const unknown = after?.find((before) => !keys.has(before));
    if (unknown !== undefined) {
      return reject(
        'plan.unknown_phase',
        `Phase ${id} comes after ${unknown}, which the plan does not have.`,
        {
          phase: id,
          after: unknown,
        },
      );
    }
  }
  const places = new Map(phases.map(({ id }, i) => [id as string, i]));
  const cycle = findCycle(phases.length, (at) => {
    const after = phases[at]?.after;
    if (after === undefined) return at === 0 ? [] : [at - 1];
    return after.flatMap((key) => places.get(key) ?? []);
  });
  if (cycle === undefined) return undefined;
  const names = cycle.map((at) => phases[at]?.id ?? '');
  return reject('plan.cycle', `The phases wait for each other: ${names.join(' → ')}.`, {
    cycle: names,
  });
};

interface NewTasks {
  readonly planId: string;
  readonly phases: readonly { readonly id?: string; readonly key?: string }[];
  readonly tasks: readonly TaskSpec[];
}

const faultInTasks = (state: CoordinatorState, fresh: NewTasks): Rejection | undefined => {
  const { planId, tasks } = fresh;
  const places = new Map<string, number>();
  for (const [i, { key }] of tasks.entries()) {
    if (places.has(key))
      return reject('plan.duplicate_task', `Task ${key} is named twice.`, { task: key });
    places.set(key, i);
  }
  const phases = new Set(fresh.phases.map((phase) => phase.id ?? phase.key));
  for (const task of tasks) {
    const fault = faultInTask(task, phases) ?? faultInDependencies(state, planId, task, places);
    if (fault !== undefined) return fault;
  }
  // Tasks that exist cannot depend on new ones, so a cycle lies among the new ones.
  const cycle = findCycle(tasks.length, (at) =>
    (tasks[at]?.dependsOn ?? []).flatMap(
      (dependency) => places.get(ownKey(planId, dependency)) ?? [],
    ),
  );
  if (cycle === undefined) return undefined;
  const names = cycle.map((at) => tasks[at]?.key ?? '');
  return reject('plan.cycle', `The tasks wait for each other: ${names.join(' → ')}.`, {
    cycle: names,
  });
};

const ownKey = (planId: string, dependency: string): string =>
  dependency.startsWith(`${planId}/`) ? dependency.slice(planId.length + 1) : dependency;

const faultInTask = (
  task: TaskSpec,
  phases: ReadonlySet<string | undefined>,
): Rejection | undefined => {
  if (task.phase !== undefined && !phases.has(task.phase)) {
    return reject(
      'plan.unknown_phase',
      `Task ${task.key} stands in phase ${task.phase}, which the plan does not have.`,
      {
        task: task.key,
        phase: task.phase,
      },
    );
  }
  const bad = (task.owns ?? []).map(globFault).find((fault) => fault !== undefined);
  return bad === undefined
    ? undefined
    : reject('request.invalid', `Task ${task.key}: ${bad}.`, { task: task.key });
};

const faultInDependencies = (
  state: CoordinatorState,
  planId: string,
  task: TaskSpec,
  places: ReadonlyMap<string, number>,
): Rejection | undefined => {
  const exists = (dependency: string): boolean =>
    places.has(ownKey(planId, dependency)) ||
    lookUp(state.index, state.tasks.ids, dependencyId(planId, dependency)) !== NONE;
  const unknown = (task.dependsOn ?? []).filter((dependency) => !exists(dependency));
  if (unknown.length === 0) return undefined;
  return reject(
    'plan.unknown_dependency',
    `Task ${task.key} depends on ${quoted(unknown)}, which no plan has.`,
    {
      task: task.key,
      unknown: unknown.slice(0, 20),
    },
  );
};

const livePlan = (state: CoordinatorState, planId: string): PlanState | Rejection => {
  const plan = findPlan(state, planId);
  if (plan === undefined)
    return reject('plan.not_found', `There is no plan ${planId}.`, { planId });
  if (plan.status === 'cancelled')
    return reject('plan.ended', `Plan ${planId} was cancelled.`, { planId });
  return plan;
};

const isRejection = (value: PlanState | Rejection): value is Rejection => 'kind' in value;

export const decideEditPlan = (
  state: CoordinatorState,
  command: Command<ArgsOf<'plans.edit'>>,
): Decision => {
  const { args } = command;
  const plan = livePlan(state, args.planId);
  if (isRejection(plan)) return plan;
  const known = (key: string): number => lookUp(state.index, state.tasks.ids, `${plan.id}/${key}`);
  const add = args.add ?? [];
  const twin = add.find(
    ({ key }) => known(key) !== NONE && !sameSpec(specOf(state, known(key)), add, key),
  );
  if (twin !== undefined) {
    return reject('plan.duplicate_task', `Task ${twin.key} exists with other content.`, {
      task: twin.key,
    });
  }
  const fresh = add.filter(({ key }) => known(key) === NONE);
  const fault =
    faultInTasks(state, { planId: plan.id, phases: plan.phases, tasks: fresh }) ??
    faultInEdits(state, plan, args);
  if (fault !== undefined) return fault;
  const links = (args.addDependencies ?? []).length + (args.dropDependencies ?? []).length;
  const moved = (args.priorities ?? []).filter(({ task, priority }) => {
    const at = known(task);
    return (
      at !== NONE &&
      cell(state.tasks.rank, at) !== rankOf({ priority, filler: specOf(state, at).filler })
    );
  });
  if (fresh.length === 0 && links === 0 && moved.length === 0) return UNCHANGED;
  return accept({
    added: fresh.length,
    dependencies: links,
    planId: plan.id,
    priorities: moved.length,
    type: 'plan.edited',
  });
};

const sameSpec = (known: TaskSpec, add: readonly TaskSpec[], key: string): boolean =>
  JSON.stringify(known) === JSON.stringify(add.find((one) => one.key === key));

const faultInEdits = (
  state: CoordinatorState,
  plan: PlanState,
  args: ArgsOf<'plans.edit'>,
): Rejection | undefined => {
  const find = (dependency: string): number =>
    lookUp(state.index, state.tasks.ids, dependencyId(plan.id, dependency));
  const add = args.addDependencies ?? [];
  const drop = args.dropDependencies ?? [];
  const named = [...add, ...drop].flatMap(({ task, dependsOn }) => [
    task as string,
    dependsOn as string,
  ]);
  const missing = [...named, ...(args.priorities ?? []).map(({ task }) => task as string)].find(
    (key) => find(key) === NONE,
  );
  if (missing !== undefined) {
    const detail = `There is no task ${missing}; a new task names its dependencies in its own dependsOn.`;
    return reject('task.not_found', detail, { task: missing });
  }
  const began = add.find(
    ({ task }) => find(task) !== NONE && !mayWait(cell(state.tasks.phase, find(task))),
  );
  if (began !== undefined) {
    const phase = phaseName(state.tasks, find(began.task));
    return reject(
      'request.invalid',
      `Task ${began.task} is ${phase}; only a task that waits can wait for more.`,
      {
        task: began.task,
        phase,
      },
    );
  }
  const absent = drop.find(
    ({ task, dependsOn }) => edgeBetween(state, find(task), find(dependsOn)) === NONE,
  );
  if (absent !== undefined) {
    return reject(
      'request.invalid',
      `Task ${absent.task} does not depend on ${absent.dependsOn}.`,
      { ...absent },
    );
  }
  return cycleAmongEdits(state, plan, add);
};

const mayWait = (phase: number): boolean =>
  phase === PHASE.waiting || phase === PHASE.ready || phase === PHASE.parked;

/** A new edge closes a cycle if its dependency already waits, however far, for its task. */
const cycleAmongEdits = (
  state: CoordinatorState,
  plan: PlanState,
  add: readonly { readonly task: string; readonly dependsOn: string }[],
): Rejection | undefined => {
  if (add.length === 0) return undefined;
  const extra = new Map<number, number[]>();
  for (const { task, dependsOn } of add) {
    const from = lookUp(state.index, state.tasks.ids, `${plan.id}/${task}`);
    const list = extra.get(from);
    const on = lookUp(state.index, state.tasks.ids, dependencyId(plan.id, dependsOn));
    if (list === undefined) extra.set(from, [on]);
    else list.push(on);
  }
  const next = (task: number): number[] => {
    const list = [...(extra.get(task) ?? [])];
    eachDependency(state.tasks, state.edges, task, (dependency) => list.push(dependency));
    return list;
  };
  const cycle = findCycle(state.tasks.count, next, [...extra.keys()]);
  if (cycle === undefined) return undefined;
  const names = cycle.map((task) => idOf(state, task));
  return reject('plan.cycle', `The tasks would wait for each other: ${names.join(' → ')}.`, {
    cycle: names,
  });
};

export const decidePausePlan = (
  state: CoordinatorState,
  command: Command<ArgsOf<'plans.pause'>>,
): Decision => {
  const { planId, reason } = command.args;
  const plan = livePlan(state, planId);
  if (isRejection(plan)) return plan;
  if (plan.status === 'paused') return UNCHANGED;
  return accept({ planId, ...(reason === undefined ? {} : { reason }), type: 'plan.paused' });
};

export const decideResumePlan = (
  state: CoordinatorState,
  command: Command<ArgsOf<'plans.resume'>>,
): Decision => {
  const { planId } = command.args;
  const plan = livePlan(state, planId);
  if (isRejection(plan)) return plan;
  return plan.status === 'active' ? UNCHANGED : accept({ planId, type: 'plan.resumed' });
};

export const decideCancelPlan = (
  state: CoordinatorState,
  command: Command<ArgsOf<'plans.cancel'>>,
): Decision => {
  const { planId, reason } = command.args;
  const plan = livePlan(state, planId);
  if (isRejection(plan)) return plan;
  const ended: string[] = [];
  let cancelled = 0;
  eachTaskOf(plan, (task) => {
    const phase = cell(state.tasks.phase, task);
    if (phase === PHASE.leased) ended.push(idOf(state, task));
    if (phase !== PHASE.done && phase !== PHASE.cancelled) cancelled += 1;
  });
  const event: PlanCancelled = { cancelled, ended, planId, reason, type: 'plan.cancelled' };
  return accept(event);
};
