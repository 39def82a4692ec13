/**
 * Cycles of what waits for what: a task for its dependencies, for what its blockers wait on and for its phase to open; a
 * phase for the work of the phases before it. A task of an early phase that depends on one of a later phase would wait
 * for ever, though no dependency and no phase alone goes in a circle; and the circle may lead through other plans.
 */
import type { TaskSpec } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import { cell, eachDependency, NONE, PHASE } from './columns.ts';
import { findCycle } from './cycle.ts';
import { isWork } from './fold-plan.ts';
import { idOf, planAt, specOf } from './state.ts';
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

/** No plan changes; `task` would wait for `target` besides. */
export const withWait = (task: number, target: number): Intended => ({
  planId: '',
  plan: NONE,
  phases: [],
  fresh: [],
  freshLinks: [],
  added: new Map([[task, [target]]]),
  dropped: new Set(),
  roots: [task],
});

/** The names along a cycle, the first one again at the end, or undefined. O(tasks + dependencies) that can be reached. */
export const namesOfCycle = (state: CoordinatorState, intended: Intended): string[] | undefined => {
  const graph = new WaitsFor(state, intended);
  return findCycle(graph.nodes, (node) => graph.next(node), intended.roots)?.map((node) =>
    graph.nameOf(node),
  );
};

/** A phase of a plan, by the plan's index. */
interface Place {
  readonly plan: number;
  readonly phase: PhaseState;
}

/** Nodes: tasks by index, then fresh tasks, then phases in the order in which they are met. */
class WaitsFor {
  readonly #state: CoordinatorState;
  readonly #intended: Intended;
  readonly #firstFresh: number;
  readonly #firstPhase: number;
  readonly #places: Place[] = [];
  /** Nodes of phases by plan, and by their place in it. */
  readonly #met = new Map<number, Map<number, number>>();

  constructor(state: CoordinatorState, intended: Intended) {
    this.#state = state;
    this.#intended = intended;
    this.#firstFresh = state.tasks.count;
    this.#firstPhase = this.#firstFresh + intended.fresh.length;
  }

  /** More than will be met. */
  get nodes(): number {
    const known = this.#state.plans.reduce((sum, { phases }) => sum + phases.length, 0);
    return this.#firstPhase + this.#intended.phases.length + known;
  }

  next(node: number): readonly number[] {
    if (node < this.#firstFresh) return this.#waitsOfTask(node);
    if (node < this.#firstPhase) return this.#waitsOfFresh(node - this.#firstFresh);
    return this.#waitsOfPhase(this.#placeAt(node));
  }

  nameOf(node: number): string {
    const { fresh, planId, plan: own } = this.#intended;
    if (node < this.#firstFresh) return idOf(this.#state, node);
    if (node < this.#firstPhase) return `${planId}/${freshAt(fresh, node - this.#firstFresh).key}`;
    const { plan, phase } = this.#placeAt(node);
    return plan === own
      ? `phase ${phase.key}`
      : `phase ${phase.key} of ${planAt(this.#state, plan).id}`;
  }

  #waitsOfTask(task: number): readonly number[] {
    const { tasks, edges, notes, blockers } = this.#state;
    const { added, dropped } = this.#intended;
    const list = [...(added.get(task) ?? [])];
    // What is over waits for nothing, whatever it depended on when it came.
    if (isOver(this.#state, task)) return list;
    eachDependency(tasks, edges, task, (dependency, edge) => {
      if (!dropped.has(edge)) list.push(dependency);
    });
    for (const id of notes.get(task)?.blockers ?? []) {
      const on = blockers.get(id)?.waitsOn;
      if (on !== undefined) list.push(on);
    }
    const plan = cell(tasks.plan, task);
    return [...list, ...this.#unlessOpen(plan, cell(tasks.planPhase, task))];
  }

  #waitsOfFresh(at: number): readonly number[] {
    const { plan, phases, fresh, freshLinks } = this.#intended;
    const links = must(freshLinks[at], 'links of no task');
    const { phase, imported } = freshAt(fresh, at);
    if (imported?.done === true) return links;
    return [
      ...links,
      ...this.#unlessOpen(
        plan,
        phases.findIndex(({ key }) => key === phase),
      ),
    ];
  }

  #waitsOfPhase({ plan, phase }: Place): readonly number[] {
    const { plan: own, fresh } = this.#intended;
    return phase.after.flatMap((before) => {
      const earlier = must(this.#phasesOf(plan)[before], 'a phase after no phase');
      const isLeft = (task: number): boolean =>
        isWork(specOf(this.#state, task)) && !isOver(this.#state, task);
      const coming = fresh.flatMap((spec, i) =>
        plan === own && spec.phase === earlier.key && isWork(spec) ? [this.#firstFresh + i] : [],
      );
      return [...earlier.tasks.filter(isLeft), ...coming, this.#nodeOf(plan, before, earlier)];
    });
  }

  /** The node of a phase that is closed; none where it is open, or where there is no phase. */
  #unlessOpen(plan: number, at: number): readonly number[] {
    const phase = at === NONE ? undefined : this.#phasesOf(plan)[at];
    return phase?.status === 'closed' ? [this.#nodeOf(plan, at, phase)] : [];
  }

  #phasesOf(plan: number): readonly PhaseState[] {
    return plan === this.#intended.plan ? this.#intended.phases : planAt(this.#state, plan).phases;
  }

  #nodeOf(plan: number, at: number, phase: PhaseState): number {
    let nodes = this.#met.get(plan);
    if (nodes === undefined) this.#met.set(plan, (nodes = new Map()));
    let node = nodes.get(at);
    if (node === undefined) {
      node = this.#firstPhase + this.#places.length;
      nodes.set(at, node);
      this.#places.push({ plan, phase });
    }
    return node;
  }

  #placeAt(node: number): Place {
    return must(this.#places[node - this.#firstPhase], 'a node of no phase');
  }
}

const isOver = ({ tasks }: CoordinatorState, task: number): boolean => {
  const phase = cell(tasks.phase, task);
  return phase === PHASE.done || phase === PHASE.cancelled;
};

const freshAt = (fresh: readonly TaskSpec[], at: number): TaskSpec =>
  must(fresh[at], 'a task that is not there');
