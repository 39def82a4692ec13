/**
 * Cycles that go through phases: a task waits for its phase to open, a phase for the work of the phases before it. A
 * task of an early phase that depends on one of a later phase would wait for ever, though no dependency and no phase
 * alone goes in a circle.
 */
import type { TaskSpec } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import { cell, eachDependency, NONE, PHASE } from './columns.ts';
import { findCycle } from './cycle.ts';
import { isWork } from './fold-plan.ts';
import { idOf, specOf } from './state.ts';
import type { CoordinatorState, PhaseState } from './state.ts';

/** A plan as it would be: its phases, tasks that are not in the state yet, and dependencies that come and go. */
export interface Intended {
  readonly planId: string;
  /** Index of the plan, or NONE where it is new. */
  readonly plan: number;
  readonly phases: readonly PhaseState[];
  readonly fresh: readonly TaskSpec[];
  /** For each fresh task its dependencies as nodes: tasks of the state by index, fresh ones behind them. */
  readonly freshLinks: readonly (readonly number[])[];
  readonly added: ReadonlyMap<number, readonly number[]>;
  readonly dropped: ReadonlySet<number>;
  /** Where the search begins: what is new. */
  readonly roots: readonly number[];
}

/** The names along a cycle, the first one again at the end, or undefined. O(tasks + dependencies) that can be reached. */
export const namesOfCycle = (state: CoordinatorState, intended: Intended): string[] | undefined => {
  const { planId, phases, fresh, roots } = intended;
  const firstFresh = state.tasks.count;
  const firstPhase = firstFresh + fresh.length;
  const next = (node: number): readonly number[] => {
    if (node >= firstPhase) return waitsOfPhase(state, intended, node - firstPhase);
    return node >= firstFresh
      ? waitsOfFresh(intended, node - firstFresh, firstPhase)
      : waitsOfTask(state, intended, node, firstPhase);
  };
  const cycle = findCycle(firstPhase + phases.length, next, roots);
  if (cycle === undefined) return undefined;
  const names = [
    ...fresh.map(({ key }) => `${planId}/${key}`),
    ...phases.map(({ key }) => `phase ${key}`),
  ];
  return cycle.map((node) =>
    node < firstFresh ? idOf(state, node) : must(names[node - firstFresh], 'a cycle of no node'),
  );
};

const waitsOfTask = (
  state: CoordinatorState,
  { plan, phases, added, dropped }: Intended,
  task: number,
  firstPhase: number,
): readonly number[] => {
  const list = [...(added.get(task) ?? [])];
  eachDependency(state.tasks, state.edges, task, (dependency, edge) => {
    if (!dropped.has(edge)) list.push(dependency);
  });
  const at = cell(state.tasks.plan, task) === plan ? cell(state.tasks.planPhase, task) : NONE;
  if (phases[at]?.status === 'closed') list.push(firstPhase + at);
  return list;
};

const waitsOfFresh = (
  { phases, fresh, freshLinks }: Intended,
  at: number,
  firstPhase: number,
): readonly number[] => {
  const links = must(freshLinks[at], 'links of no task');
  const { phase } = must(fresh[at], 'a task that is not there');
  const place = phases.findIndex(({ key, status }) => key === phase && status === 'closed');
  return place === NONE ? links : [...links, firstPhase + place];
};

const waitsOfPhase = (
  state: CoordinatorState,
  { phases, fresh }: Intended,
  at: number,
): readonly number[] => {
  const firstFresh = state.tasks.count;
  const firstPhase = firstFresh + fresh.length;
  return must(phases[at], 'a phase that is not there').after.flatMap((before) => {
    const phase = must(phases[before], 'a phase after no phase');
    const isUnfinished = (task: number): boolean =>
      isWork(specOf(state, task)) &&
      cell(state.tasks.phase, task) !== PHASE.done &&
      cell(state.tasks.phase, task) !== PHASE.cancelled;
    const added = fresh.flatMap((spec, i) =>
      spec.phase === phase.key && isWork(spec) ? [firstFresh + i] : [],
    );
    return [...phase.tasks.filter(isUnfinished), ...added, firstPhase + before];
  });
};
