/** What readers see of plans. */
import type { PhaseRow, PlanRow } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import { cell, eachDependency, PHASE } from './columns.ts';
import { eachTaskOf } from './fold-plan.ts';
import type { CoordinatorState, PhaseState, PlanState } from './state.ts';

type Counts = PlanRow['counts'];

export const countsOf = (counts: readonly number[]): Counts => ({
  total: counts.reduce((sum, count) => sum + count, 0),
  waiting: countOf(counts, PHASE.waiting),
  ready: countOf(counts, PHASE.ready),
  leased: countOf(counts, PHASE.leased),
  blocked: countOf(counts, PHASE.blocked),
  submitted: countOf(counts, PHASE.submitted),
  parked: countOf(counts, PHASE.parked),
  done: countOf(counts, PHASE.done),
  cancelled: countOf(counts, PHASE.cancelled),
});

const countOf = (counts: readonly number[], phase: number): number =>
  must(counts[phase], 'a count of no phase');

const statusOf = (plan: PlanState): PlanRow['status'] => {
  if (plan.status !== 'active') return plan.status;
  const passed = plan.phases.every((phase) => phase.status === 'passed');
  return plan.workLeft === 0 && passed ? 'done' : 'active';
};

export const planRow = (plan: PlanState): PlanRow =>
  // Ids and times inside the state were parsed when they came in.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  ({
    planId: plan.id,
    title: plan.title,
    status: statusOf(plan),
    counts: countsOf(plan.counts),
    submittedAt: plan.submittedAt,
    digest: plan.digest,
  }) as PlanRow;

const phaseRow = (plan: PlanState, phase: PhaseState): PhaseRow =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  ({
    id: phase.key,
    title: phase.title,
    status: phase.status,
    autonomous: phase.autonomous,
    tasksLeft: phase.tasksLeft,
    approvals: [...phase.openedBy, ...phase.approvals],
    approvalsNeeded: phase.approvalsNeeded + (phase.autonomous ? 1 : 0),
    checks: phase.checks,
    after: phase.after.map((at) => must(plan.phases[at], 'a phase after none').key),
  }) as PhaseRow;

export interface PlanDetail {
  readonly phases: readonly PhaseRow[];
  readonly dependencies: number;
  /** Tasks on the longest path of dependencies: of the whole plan, and of what is not done. */
  readonly longestChain: number;
  readonly unfinishedChain: number;
}

export const planDetail = (state: CoordinatorState, plan: PlanState): PlanDetail => ({
  phases: plan.phases.map((phase) => phaseRow(plan, phase)),
  dependencies: plan.dependencies,
  longestChain: chain(state, plan, () => true),
  unfinishedChain: chain(state, plan, (task) => cell(state.tasks.phase, task) !== PHASE.done),
});

/** Longest path by an iterative depth-first search with memory; O(tasks + dependencies) of the plan. */
const chain = (
  state: CoordinatorState,
  plan: PlanState,
  counts: (task: number) => boolean,
): number => {
  const depth = new Map<number, number>();
  let longest = 0;
  eachTaskOf(plan, (root) => {
    if (!counts(root)) return;
    const stack = [root];
    for (let task = stack.at(-1); task !== undefined; task = stack.at(-1)) {
      if (depth.has(task)) {
        stack.pop();
        continue;
      }
      let best = 0;
      let waits = false;
      eachDependency(state.tasks, state.edges, task, (dependency) => {
        if (!counts(dependency)) return;
        const known = depth.get(dependency);
        if (known === undefined) {
          waits = true;
          stack.push(dependency);
        } else best = Math.max(best, known);
      });
      if (waits) continue;
      depth.set(task, best + 1);
      longest = Math.max(longest, best + 1);
      stack.pop();
    }
  });
  return longest;
};

export interface PageOf<Row> {
  readonly rows: readonly Row[];
  readonly next?: string;
}

/** Rows of a page where nobody says how many. */
export const PAGE_ROWS_DEFAULT = 100;

/** Where a page begins, and how long it is. */
interface Cut {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/** A page of a list: the rows after `after`, and the id to go on from where there are more. */
export const page = <Item, Row>(
  items: Iterable<Item>,
  { after, limit = PAGE_ROWS_DEFAULT }: Cut,
  show: {
    readonly id: (item: Item) => string;
    readonly row: (item: Item) => Row;
    readonly keep?: (item: Item) => boolean;
  },
): PageOf<Row> => {
  const rows: Row[] = [];
  let skipping = after !== undefined;
  let last = '';
  for (const item of items) {
    const id = show.id(item);
    if (skipping) {
      skipping = id !== after;
      continue;
    }
    if (show.keep?.(item) === false) continue;
    if (rows.length === limit) return { rows, next: last };
    rows.push(show.row(item));
    last = id;
  }
  return { rows };
};
