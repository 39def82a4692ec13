/** Why a plan, or a part of one, cannot be taken. */
import { reject } from '@infrafabric/protocol';
import type { Gate, PhaseSpec, Rejection, TaskSpec } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import { isHelp, NONE } from './columns.ts';
import { findCycle } from './cycle.ts';
import { namesOfCycle } from './deadlock.ts';
import type { Intended } from './deadlock.ts';
import { dependencyId, isWork, phaseLinks } from './fold-plan.ts';
import { globFault } from './paths.ts';
import { findPlan } from './state.ts';
import type { CoordinatorState, PhaseState, PlanState } from './state.ts';
import { lookUp } from './task-index.ts';

/** Unknown dependencies that a refusal lists, and that its sentence names. */
const UNKNOWN_LISTED_MAX = 20;
const UNKNOWN_NAMED_MAX = 5;

const quoted = (values: readonly string[]): string => {
  const more = values.length - UNKNOWN_NAMED_MAX;
  const named = values.slice(0, UNKNOWN_NAMED_MAX).join(', ');
  return more > 0 ? `${named} and ${more} more` : named;
};

export const faultInPhases = (phases: readonly PhaseSpec[]): Rejection | undefined => {
  const keys = new Set<string>();
  for (const { id } of phases) {
    if (keys.has(id))
      return reject('plan.duplicate_phase', `Phase ${id} is named twice.`, { phase: id });
    keys.add(id);
  }
  for (const { id, after, gate } of phases) {
    const unknown = after?.find((before) => !keys.has(before));
    if (unknown !== undefined) {
      const detail = `Phase ${id} comes after ${unknown}, which the plan does not have.`;
      return reject('plan.unknown_phase', detail, { phase: id, after: unknown });
    }
    const twice = twiceNamed(gate?.checks);
    if (twice !== undefined)
      return reject('request.invalid', `Phase ${id} names its check "${twice}" twice.`, {
        phase: id,
      });
  }
  const links = phaseLinks(phases);
  const cycle = findCycle(phases.length, (at) => must(links[at], 'links of no phase'));
  if (cycle === undefined) return undefined;
  const names = cycle.map((at) => must(phases[at], 'a cycle of no phase').id);
  return reject('plan.cycle', `The phases wait for each other: ${names.join(' → ')}.`, {
    cycle: names,
  });
};

/** A gate that is named twice: a result could not say which one it is of. */
const twiceNamed = (gates: readonly Gate[] | undefined): string | undefined => {
  const names = gates?.map(({ name }) => name);
  return names?.find((name, i) => names.indexOf(name) !== i);
};

export interface NewTasks {
  readonly planId: string;
  readonly phases: readonly PhaseState[];
  readonly tasks: readonly TaskSpec[];
}

export const faultInTasks = (state: CoordinatorState, fresh: NewTasks): Rejection | undefined => {
  const { planId, tasks } = fresh;
  const places = new Map<string, number>();
  for (const [i, { key }] of tasks.entries()) {
    if (places.has(key))
      return reject('plan.duplicate_task', `Task ${key} is named twice.`, { task: key });
    places.set(key, i);
  }
  const phases = new Map(fresh.phases.map(({ key, status }) => [key, status]));
  for (const task of tasks) {
    const fault =
      faultInPlace(task, phases) ??
      faultInSpec(task) ??
      faultInDependencies(state, planId, task, places);
    if (fault !== undefined) return fault;
  }
  // Tasks that exist cannot depend on new ones, so a cycle goes through a new one.
  const freshLinks = tasks.map((task) =>
    (task.dependsOn ?? []).map((dependency) => {
      const place = places.get(ownKey(planId, dependency));
      return place === undefined
        ? lookUp(state.index, state.tasks.ids, dependencyId(planId, dependency))
        : state.tasks.count + place;
    }),
  );
  return cycleFault(state, {
    planId,
    plan: findPlan(state, planId)?.index ?? NONE,
    phases: fresh.phases,
    fresh: tasks,
    freshLinks,
    added: new Map(),
    dropped: new Set(),
    roots: tasks.map((_, i) => state.tasks.count + i),
  });
};

/** The refusal of a plan in which something would wait for itself. */
export const cycleFault = (state: CoordinatorState, intended: Intended): Rejection | undefined => {
  const names = namesOfCycle(state, intended);
  if (names === undefined) return undefined;
  return reject('plan.cycle', `Each waits for the next: ${names.join(' → ')}.`, { cycle: names });
};

/** A dependency as a key of this plan, where it is one. */
const ownKey = (planId: string, dependency: string): string =>
  dependency.startsWith(`${planId}/`) ? dependency.slice(planId.length + 1) : dependency;

const faultInPlace = (
  task: TaskSpec,
  phases: ReadonlyMap<string, PhaseState['status']>,
): Rejection | undefined => {
  if (task.phase === undefined) return undefined;
  const status = phases.get(task.phase);
  if (status === undefined) {
    const detail = `Task ${task.key} stands in phase ${task.phase}, which the plan does not have.`;
    return reject('plan.unknown_phase', detail, { task: task.key, phase: task.phase });
  }
  // What was checked and approved to pass was all of the phase's work.
  if (status === 'passed' && isWork(task)) {
    const detail = `Phase ${task.phase} has passed; put task ${task.key} into one that has not, or into none.`;
    return reject('request.invalid', detail, { task: task.key, phase: task.phase });
  }
  return undefined;
};

const faultInSpec = (task: TaskSpec): Rejection | undefined => {
  const facts = { task: task.key };
  const twice = twiceNamed(task.gates);
  if (twice !== undefined)
    return reject('request.invalid', `Task ${task.key} names its gate "${twice}" twice.`, facts);
  const bad = task.owns?.map(globFault).find((fault) => fault !== undefined);
  return bad === undefined
    ? undefined
    : reject('request.invalid', `Task ${task.key}: ${bad}.`, facts);
};

const faultInDependencies = (
  state: CoordinatorState,
  planId: string,
  task: TaskSpec,
  places: ReadonlyMap<string, number>,
): Rejection | undefined => {
  const exists = (dependency: string): boolean => {
    if (places.has(ownKey(planId, dependency))) return true;
    const on = lookUp(state.index, state.tasks.ids, dependencyId(planId, dependency));
    // Help is over with its blocker, done or not: work that waited for it might wait for ever.
    return on !== NONE && !isHelp(state.tasks, on);
  };
  const unknown = task.dependsOn?.filter((dependency) => !exists(dependency));
  if (unknown === undefined || unknown.length === 0) return undefined;
  return reject(
    'plan.unknown_dependency',
    `Task ${task.key} depends on ${quoted(unknown)}, which no plan has.`,
    { task: task.key, unknown: unknown.slice(0, UNKNOWN_LISTED_MAX) },
  );
};

/** A plan that was not cancelled, or why it is none. */
export const livePlan = (state: CoordinatorState, planId: string): PlanState | Rejection => {
  const plan = findPlan(state, planId);
  if (plan === undefined)
    return reject('plan.not_found', `There is no plan ${planId}.`, { planId });
  if (plan.status === 'cancelled')
    return reject('plan.ended', `Plan ${planId} was cancelled.`, { planId });
  return plan;
};

export const isRejection = (value: PlanState | Rejection): value is Rejection => 'kind' in value;
