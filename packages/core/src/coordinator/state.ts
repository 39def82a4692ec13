/**
 * The coordinator's slice of the world, and the small moves on it that folding is made of.
 *
 * C1  The tokens of a task are 1, 2, 3, …
 * C2  At most one completion of a task is accepted.
 * C3  A lease is half-open, [granted, expires): at the instant it expires the task is free.
 * C4  No task is leased before its dependencies are done and its phase is open.
 * C5  A claim belongs to a session (an incarnation), not to a name.
 */
import type { Evidence, RelationKind, TaskSpec } from '@infrafabric/protocol';
import { assert, must } from '../kernel/decision.ts';
import { createCapabilitySets, havesAt, isEnough, needsAt } from './capabilities.ts';
import type { CapabilitySets } from './capabilities.ts';
import {
  cell,
  createEdges,
  createTasks,
  eachDependant,
  isWorkTask,
  NONE,
  PHASE,
} from './columns.ts';
import type { EdgeColumns, TaskColumns } from './columns.ts';
import { createPathIndex, overlapping } from './paths.ts';
import type { PathIndex } from './paths.ts';
import { createQueue, pushReady, removeReady } from './ready.ts';
import type { ReadyQueue } from './ready.ts';
import { createTaskIndex } from './task-index.ts';
import type { TaskIndex } from './task-index.ts';

export interface PhaseState {
  readonly key: string;
  readonly title: string;
  /** Indexes, within the plan, of the phases before and after. */
  readonly after: readonly number[];
  readonly next: readonly number[];
  readonly autonomous: boolean;
  readonly approvalsNeeded: number;
  readonly checks: { readonly name: string; ok: boolean | null }[];
  status: 'closed' | 'open' | 'passed';
  /** Phases before it that have not passed. */
  afterLeft: number;
  /** Tasks that are neither done nor cancelled; fillers do not count. */
  tasksLeft: number;
  /** Who approved the opening of an autonomous phase, and who the gate. */
  readonly openedBy: string[];
  readonly approvals: string[];
  /** Tasks of the phase, by index. */
  readonly tasks: number[];
}

export interface PlanState {
  readonly index: number;
  readonly id: string;
  readonly title: string;
  readonly digest: string;
  readonly submittedAt: number;
  status: 'active' | 'paused' | 'cancelled';
  readonly phases: PhaseState[];
  /** Runs of task indexes, [from, to): tasks of one submission stand together. */
  readonly ranges: { readonly from: number; to: number }[];
  /** Tasks by phase (PHASE). */
  readonly counts: number[];
  /** Tasks that are neither done nor cancelled; fillers do not count. */
  workLeft: number;
  dependencies: number;
  /** Ready tasks by interned set of needs. */
  readonly queues: Map<number, ReadyQueue>;
  /** Those of the queues that have tasks. */
  readonly posted: Map<number, ReadyQueue>;
}

export interface SessionState {
  readonly slot: number;
  readonly id: string;
  readonly agent: string;
  readonly role: 'worker' | 'runner';
  readonly swarm?: string;
  readonly label?: string;
  /** Index of the interned set of capabilities. */
  readonly capabilities: number;
  readonly leasesMax: number;
  readonly openedAt: number;
  /** Tasks it holds, by index. */
  readonly leases: Set<number>;
  closed?: {
    readonly how: 'closed' | 'revoked' | 'expired';
    readonly reason: string;
    readonly at: number;
  };
  /** Refusals of this session recorded in the current window. */
  refusals: { readonly since: number; readonly count: number };
}

export interface BlockerState {
  readonly id: string;
  readonly task: number;
  readonly kind: string;
  readonly title: string;
  readonly needs: readonly string[];
  readonly waitsOn?: number;
  readonly raisedBy: string;
  readonly raisedAt: number;
  readonly helpers: string[];
  /** Its help tasks, in the order in which they were offered. */
  readonly help: { readonly task: number; readonly relation?: RelationKind }[];
  readonly declared: { readonly sessionId: string; readonly taskId?: string }[];
  readonly quorum?: number;
  readonly blocks: number;
  readonly escalateAt: number;
  escalated: boolean;
  resolution?: string;
}

/** What only some tasks have. */
export interface TaskNotes {
  evidence?: Evidence;
  progress?: string;
  parkedFor?: string;
  /** The session and agent of the newest submission. */
  author?: { readonly session: string; readonly agent: string };
  /** Open blockers of the task, and blockers that resolve when it is done. */
  blockers?: Set<string>;
  lifts?: Set<string>;
  /** The blocker that it is a help for. */
  helps?: string;
}

export interface CoordinatorState {
  readonly tasks: TaskColumns;
  readonly edges: EdgeColumns;
  readonly index: TaskIndex;
  readonly plans: PlanState[];
  readonly planIndex: Map<string, number>;
  readonly sessions: Map<string, SessionState>;
  readonly slots: (SessionState | undefined)[];
  readonly freeSlots: number[];
  /** Closed sessions, oldest first, so that old ones can be forgotten. */
  readonly closed: string[];
  readonly blockers: Map<string, BlockerState>;
  openBlockers: number;
  /** Resolved blockers, the one that was resolved first in front, so that old ones can be forgotten. */
  readonly resolved: string[];
  readonly notes: Map<number, TaskNotes>;
  readonly capabilities: CapabilitySets;
  readonly paths: PathIndex;
  /** Tasks of all plans by phase. */
  readonly counts: number[];
  openSessions: number;
  /** Plans with ready tasks: whoever asks for work must not look at all that were ever submitted. */
  readonly readyPlans: Set<PlanState>;
  /** Grows whenever a task becomes ready. */
  readyVersion: number;
}

/** Closed sessions kept, so that a late write can still be told whose lease it was. */
export const CLOSED_SESSIONS_KEPT_MAX = 10_000;

/** Resolved blockers kept, so that whoever waited can still be told how it ended. About 500 bytes each. */
export const RESOLVED_BLOCKERS_KEPT_MAX = 10_000;

export const createCoordinator = (): CoordinatorState => ({
  tasks: createTasks(),
  edges: createEdges(),
  index: createTaskIndex(),
  plans: [],
  planIndex: new Map(),
  sessions: new Map(),
  slots: [],
  freeSlots: [],
  closed: [],
  blockers: new Map(),
  openBlockers: 0,
  resolved: [],
  notes: new Map(),
  capabilities: createCapabilitySets(),
  paths: createPathIndex(),
  counts: [0, 0, 0, 0, 0, 0, 0, 0],
  openSessions: 0,
  readyPlans: new Set(),
  readyVersion: 0,
});

export const planAt = (state: CoordinatorState, index: number): PlanState =>
  must(state.plans[index], 'a task of no plan');

export const planOf = (state: CoordinatorState, task: number): PlanState =>
  planAt(state, cell(state.tasks.plan, task));

export const specOf = (state: CoordinatorState, task: number): TaskSpec =>
  must(state.tasks.specs[task], 'a task without a specification');

export const idOf = (state: CoordinatorState, task: number): string =>
  must(state.tasks.ids[task], 'a task without an id');

export const findPlan = (state: CoordinatorState, planId: string): PlanState | undefined =>
  state.plans[state.planIndex.get(planId) ?? NONE];

/** The session that holds a task now. */
export const holderOf = (state: CoordinatorState, task: number): SessionState | undefined => {
  const slot = cell(state.tasks.holder, task);
  return slot === NONE ? undefined : state.slots[slot];
};

/** The session that holds a leased task. */
export const holderNow = (state: CoordinatorState, task: number): SessionState =>
  must(holderOf(state, task), 'a leased task that nobody holds');

/** The phase of its plan that a task stands in, or undefined where it stands in none. */
export const planPhaseOf = (state: CoordinatorState, task: number): PhaseState | undefined => {
  const at = cell(state.tasks.planPhase, task);
  return at === NONE ? undefined : planOf(state, task).phases[at];
};

/** Whether a session has enough of the capabilities that a task needs. */
export const covers = (state: CoordinatorState, session: SessionState, task: number): boolean =>
  isEnough(state.capabilities, session.capabilities, cell(state.tasks.needs, task));

/** The capabilities of a session. */
export const havesOf = (state: CoordinatorState, session: SessionState): ReadonlySet<string> =>
  havesAt(state.capabilities, session.capabilities).names;

/** The capabilities that a task needs, sorted. */
export const needsOf = (state: CoordinatorState, task: number): readonly string[] =>
  needsAt(state.capabilities, cell(state.tasks.needs, task)).names;

export const notesOf = (state: CoordinatorState, task: number): TaskNotes => {
  let notes = state.notes.get(task);
  if (notes === undefined) state.notes.set(task, (notes = {}));
  return notes;
};

/** The ready queue of a plan for an interned set of needs. */
const queueFor = (plan: PlanState, needs: number): ReadyQueue => {
  let queue = plan.queues.get(needs);
  if (queue === undefined) plan.queues.set(needs, (queue = createQueue(needs)));
  return queue;
};

/** Moves a task to a phase: the counts and the ready queues follow. */
export const enterPhase = (state: CoordinatorState, task: number, phase: number): void => {
  const { tasks } = state;
  const from = cell(tasks.phase, task);
  if (from === phase) return;
  const plan = planOf(state, task);
  if (from === PHASE.ready) dequeue(state, plan, task);
  bump(plan.counts, from, -1);
  bump(state.counts, from, -1);
  tasks.phase[task] = phase;
  bump(plan.counts, phase, 1);
  bump(state.counts, phase, 1);
  if (phase === PHASE.ready) {
    enqueue(state, plan, task);
    state.readyVersion += 1;
  } else if (plan.counts[PHASE.ready] === 0) state.readyPlans.delete(plan);
};

/** Puts a task that is ready among those that are handed out. */
export const enqueue = (state: CoordinatorState, plan: PlanState, task: number): void => {
  const queue = queueFor(plan, cell(state.tasks.needs, task));
  pushReady(state.tasks, queue, task);
  if (queue.size === 1) plan.posted.set(queue.needs, queue);
  state.readyPlans.add(plan);
};

const dequeue = (state: CoordinatorState, plan: PlanState, task: number): void => {
  const queue = queueFor(plan, cell(state.tasks.needs, task));
  removeReady(state.tasks, queue, task);
  if (queue.size === 0) plan.posted.delete(queue.needs);
};

/** Another share of the needs is enough from now on: what is ready may suit others. */
export const setMinMatch = (state: CoordinatorState, minMatchPermille: number): void => {
  if (state.capabilities.minMatchPermille === minMatchPermille) return;
  state.capabilities.minMatchPermille = minMatchPermille;
  state.readyVersion += 1;
};

export const bump = (counts: number[], at: number, by: number): void => {
  counts[at] = must(counts[at], 'a count of no phase') + by;
};

/** One more thing holds the task back. */
export const hold = (state: CoordinatorState, task: number): void => {
  state.tasks.holds[task] = cell(state.tasks.holds, task) + 1;
  if (cell(state.tasks.phase, task) === PHASE.ready) enterPhase(state, task, PHASE.waiting);
};

/** One thing less holds the task back; the last one makes it ready (C4). */
export const letGo = (state: CoordinatorState, task: number): void => {
  const { tasks } = state;
  const holds = cell(tasks.holds, task);
  assert(holds > 0, 'a task is let go more often than it was held');
  tasks.holds[task] = holds - 1;
  if (holds === 1 && cell(tasks.phase, task) === PHASE.waiting)
    enterPhase(state, task, PHASE.ready);
};

/** Where a task goes when nobody works on it: blocked, ready or waiting. */
export const settle = (state: CoordinatorState, task: number): void => {
  const open = state.notes.get(task)?.blockers?.size ?? 0;
  if (open > 0) enterPhase(state, task, PHASE.blocked);
  else enterPhase(state, task, cell(state.tasks.holds, task) === 0 ? PHASE.ready : PHASE.waiting);
};

/** The others whose paths a lease of this task keeps from being leased. */
export const rivals = (state: CoordinatorState, task: number): readonly number[] => {
  const { repo, owns } = specOf(state, task);
  return owns === undefined ? [] : overlapping(state.paths, repo ?? '', { task, owns });
};

export interface LeaseStart {
  readonly session: SessionState;
  readonly fence: number;
  readonly at: number;
  readonly epoch: number;
  readonly leaseMs: number;
}

export const startLease = (state: CoordinatorState, task: number, lease: LeaseStart): void => {
  const { tasks } = state;
  assert(cell(tasks.phase, task) === PHASE.ready, 'C4: a task is leased that is not ready');
  assert(lease.fence === cell(tasks.fence, task) + 1, 'C1: a fence that is not the next one');
  enterPhase(state, task, PHASE.leased);
  tasks.fence[task] = lease.fence;
  tasks.holder[task] = lease.session.slot;
  tasks.grantEpoch[task] = lease.epoch;
  tasks.grantedAt[task] = lease.at;
  tasks.leaseMs[task] = lease.leaseMs;
  lease.session.leases.add(task);
  for (const rival of rivals(state, task)) hold(state, rival);
};

/** Ends a lease; the caller says where the task goes. */
export const endLease = (state: CoordinatorState, task: number): void => {
  holderNow(state, task).leases.delete(task);
  state.tasks.holder[task] = NONE;
  for (const rival of rivals(state, task)) letGo(state, rival);
};

/** A task is finished, one way or the other: its phase and its plan have less left. */
export const finish = (state: CoordinatorState, task: number, how: 'done' | 'cancelled'): void => {
  const { tasks, edges } = state;
  enterPhase(state, task, PHASE[how]);
  if (isWorkTask(tasks, task)) {
    planOf(state, task).workLeft -= 1;
    const phase = planPhaseOf(state, task);
    if (phase !== undefined) phase.tasksLeft -= 1;
  }
  if (how === 'done') eachDependant(tasks, edges, task, (dependant) => letGo(state, dependant));
};
