/**
 * A realm's tasks as columns: one typed array a property, dense integers inside, string ids at the edge. A million
 * tasks with 1.33 million dependencies take about 140 bytes each besides their specifications.
 */
import type { TaskSpec } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';

/** Where a task stands. The order is the order of `TASK_PHASES`; the numbers are stored in snapshots. */
export const PHASE = {
  waiting: 0,
  ready: 1,
  leased: 2,
  blocked: 3,
  submitted: 4,
  parked: 5,
  done: 6,
  cancelled: 7,
} as const;

const TASK_PHASES = [
  'waiting',
  'ready',
  'leased',
  'blocked',
  'submitted',
  'parked',
  'done',
  'cancelled',
] as const;

/** No task, no session, no phase, no edge, no place in a queue. */
export const NONE = -1;

export interface TaskColumns {
  count: number;
  capacity: number;
  /** Full ids (`plan/key`) and specifications, by index. */
  readonly ids: string[];
  readonly specs: TaskSpec[];
  phase: Uint8Array;
  /** Order of choice: help, then work, then fillers, each by priority. Ties go to the better match, then the older task. */
  rank: Uint8Array;
  /** Attempts that failed or expired. */
  attempts: Uint8Array;
  attemptsMax: Uint8Array;
  /** Index of the plan; of the phase within the plan; of the interned set of needed capabilities. */
  plan: Uint32Array;
  planPhase: Int32Array;
  needs: Uint32Array;
  /** How many things hold the task back: unfinished dependencies, a closed phase, leases that own its paths. */
  holds: Uint32Array;
  /** Grants so far, which is the fence of the newest one (C1). */
  fence: Uint32Array;
  /** Slot of the holding session, the leader's epoch at the grant, its time (ms) and length (ms). */
  holder: Int32Array;
  grantEpoch: Uint32Array;
  grantedAt: Float64Array;
  leaseMs: Uint32Array;
  /** Place in the ready queue. */
  queueSlot: Int32Array;
  /** Heads of the two edge lists. */
  firstDependant: Int32Array;
  firstDependency: Int32Array;
}

/** Dependencies as edges, each in two linked lists: the dependants of `on`, and the dependencies of `task`. */
export interface EdgeColumns {
  count: number;
  capacity: number;
  task: Int32Array;
  on: Int32Array;
  nextDependant: Int32Array;
  nextDependency: Int32Array;
}

/** Ranks below this are help tasks: whoever waits helps first. Added to a priority they are work, then fillers. */
export const WORK_RANK = 8;
export const FILLER_RANK = 16;

/** The columns that a snapshot holds. The edge heads follow from the edges, the queue places from the phases. */
export const STORED_COLUMNS = [
  'phase',
  'rank',
  'attempts',
  'attemptsMax',
  'plan',
  'planPhase',
  'needs',
  'holds',
  'fence',
  'holder',
  'grantEpoch',
  'grantedAt',
  'leaseMs',
] as const;

export const createTasks = (): TaskColumns => ({
  count: 0,
  capacity: 0,
  ids: [],
  specs: [],
  phase: new Uint8Array(0),
  rank: new Uint8Array(0),
  attempts: new Uint8Array(0),
  attemptsMax: new Uint8Array(0),
  plan: new Uint32Array(0),
  planPhase: new Int32Array(0),
  needs: new Uint32Array(0),
  holds: new Uint32Array(0),
  fence: new Uint32Array(0),
  holder: new Int32Array(0),
  grantEpoch: new Uint32Array(0),
  grantedAt: new Float64Array(0),
  leaseMs: new Uint32Array(0),
  queueSlot: new Int32Array(0),
  firstDependant: new Int32Array(0),
  firstDependency: new Int32Array(0),
});

export const createEdges = (): EdgeColumns => ({
  count: 0,
  capacity: 0,
  task: new Int32Array(0),
  on: new Int32Array(0),
  nextDependant: new Int32Array(0),
  nextDependency: new Int32Array(0),
});

type Column = Uint8Array | Int32Array | Uint32Array | Float64Array;

const grown = <T extends Column>(column: T, capacity: number, make: (length: number) => T): T => {
  const larger = make(capacity);
  larger.set(column);
  return larger;
};

const u8 = (length: number): Uint8Array => new Uint8Array(length);
const u32 = (length: number): Uint32Array => new Uint32Array(length);
const i32 = (length: number): Int32Array => new Int32Array(length);

/** Room for `more` rows; grows by a quarter at least, so that slack stays under 25 %. */
const roomFor = (count: number, more: number, capacity: number): number =>
  count + more <= capacity ? capacity : Math.max(count + more, Math.ceil(capacity * 1.25), 64);

export const reserveTasks = (tasks: TaskColumns, more: number): void => {
  const capacity = roomFor(tasks.count, more, tasks.capacity);
  if (capacity === tasks.capacity) return;
  tasks.capacity = capacity;
  tasks.phase = grown(tasks.phase, capacity, u8);
  tasks.rank = grown(tasks.rank, capacity, u8);
  tasks.attempts = grown(tasks.attempts, capacity, u8);
  tasks.attemptsMax = grown(tasks.attemptsMax, capacity, u8);
  tasks.plan = grown(tasks.plan, capacity, u32);
  tasks.planPhase = grown(tasks.planPhase, capacity, i32);
  tasks.needs = grown(tasks.needs, capacity, u32);
  tasks.holds = grown(tasks.holds, capacity, u32);
  tasks.fence = grown(tasks.fence, capacity, u32);
  tasks.holder = grown(tasks.holder, capacity, i32);
  tasks.grantEpoch = grown(tasks.grantEpoch, capacity, u32);
  tasks.grantedAt = grown(tasks.grantedAt, capacity, (length) => new Float64Array(length));
  tasks.leaseMs = grown(tasks.leaseMs, capacity, u32);
  tasks.queueSlot = grown(tasks.queueSlot, capacity, i32);
  tasks.firstDependant = grown(tasks.firstDependant, capacity, i32);
  tasks.firstDependency = grown(tasks.firstDependency, capacity, i32);
};

export const reserveEdges = (edges: EdgeColumns, more: number): void => {
  const capacity = roomFor(edges.count, more, edges.capacity);
  if (capacity === edges.capacity) return;
  edges.capacity = capacity;
  edges.task = grown(edges.task, capacity, i32);
  edges.on = grown(edges.on, capacity, i32);
  edges.nextDependant = grown(edges.nextDependant, capacity, i32);
  edges.nextDependency = grown(edges.nextDependency, capacity, i32);
};

/** A cell of a column. Indexes come from the index map, so a miss is a defect that typed arrays answer with 0. */
export const cell = (column: Column, index: number): number => column[index] ?? 0;

/** Whether a task is work that its phase and plan wait for: no filler, no help. Its rank says so. */
export const isWorkTask = (tasks: TaskColumns, task: number): boolean => {
  const rank = cell(tasks.rank, task);
  return rank >= WORK_RANK && rank < FILLER_RANK;
};

export const isHelp = (tasks: TaskColumns, task: number): boolean =>
  cell(tasks.rank, task) < WORK_RANK;

/** The priority in a rank, whatever band it stands in. */
export const priorityOf = (tasks: TaskColumns, task: number): number =>
  cell(tasks.rank, task) % WORK_RANK;

/** A task's phase as the word that surfaces use. */
export const phaseName = (tasks: TaskColumns, task: number): (typeof TASK_PHASES)[number] =>
  must(TASK_PHASES[cell(tasks.phase, task)], 'a task in no phase');

export const addEdge = (
  tasks: TaskColumns,
  edges: EdgeColumns,
  link: { task: number; on: number },
): void => {
  reserveEdges(edges, 1);
  const edge = edges.count;
  edges.count += 1;
  edges.task[edge] = link.task;
  edges.on[edge] = link.on;
  edges.nextDependant[edge] = cell(tasks.firstDependant, link.on);
  tasks.firstDependant[link.on] = edge;
  edges.nextDependency[edge] = cell(tasks.firstDependency, link.task);
  tasks.firstDependency[link.task] = edge;
};

/** Takes an edge out of both lists; its row stays, pointing nowhere, so that no other index moves. */
export const dropEdge = (tasks: TaskColumns, edges: EdgeColumns, edge: number): void => {
  const on = cell(edges.on, edge);
  const task = cell(edges.task, edge);
  unlink(tasks.firstDependant, edges.nextDependant, on, edge);
  unlink(tasks.firstDependency, edges.nextDependency, task, edge);
  edges.task[edge] = NONE;
  edges.on[edge] = NONE;
};

const unlink = (heads: Int32Array, next: Int32Array, owner: number, edge: number): void => {
  let at = cell(heads, owner);
  if (at === edge) {
    heads[owner] = cell(next, edge);
    return;
  }
  while (at !== NONE) {
    const following = cell(next, at);
    if (following === edge) {
      next[at] = cell(next, edge);
      return;
    }
    at = following;
  }
};

/** Calls `visit` with each dependant of a task. */
export const eachDependant = (
  tasks: TaskColumns,
  edges: EdgeColumns,
  task: number,
  visit: (dependant: number) => void,
): void => {
  for (
    let edge = cell(tasks.firstDependant, task);
    edge !== NONE;
    edge = cell(edges.nextDependant, edge)
  ) {
    visit(cell(edges.task, edge));
  }
};

/** Calls `visit` with each dependency of a task and its edge. */
export const eachDependency = (
  tasks: TaskColumns,
  edges: EdgeColumns,
  task: number,
  visit: (dependency: number, edge: number) => void,
): void => {
  for (
    let edge = cell(tasks.firstDependency, task);
    edge !== NONE;
    edge = cell(edges.nextDependency, edge)
  ) {
    visit(cell(edges.on, edge), edge);
  }
};
