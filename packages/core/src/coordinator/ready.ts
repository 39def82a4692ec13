/**
 * The ready set: for each plan and each distinct set of needed capabilities, a binary heap of tasks by (rank, age).
 * A task knows its place in its heap, so taking any task out is O(log n) and nothing stale ever stands at a top:
 * `decide` may look without touching.
 */
import { must } from '../kernel/decision.ts';
import { cell, NONE } from './columns.ts';
import type { TaskColumns } from './columns.ts';

export interface ReadyQueue {
  /** The interned set of needs of its tasks. */
  readonly needs: number;
  items: Int32Array;
  size: number;
}

/** A queue as one session sees it: how well it fits the needs, in thousandths. */
export interface Offer {
  readonly queue: ReadyQueue;
  readonly matchPermille: number;
}

export const createQueue = (needs: number): ReadyQueue => ({
  needs,
  items: new Int32Array(16),
  size: 0,
});

/** Whether task `a` is chosen before task `b`: by rank, then the older one. */
export const before = (tasks: TaskColumns, a: number, b: number): boolean => {
  const byRank = cell(tasks.rank, a) - cell(tasks.rank, b);
  return byRank === 0 ? a < b : byRank < 0;
};

export interface Chosen {
  readonly task: number;
  readonly matchPermille: number;
}

/** Whether a session would rather have `a` than `b`: by rank, then what it fits better, then the older one (O2). */
export const isRather = (tasks: TaskColumns, a: Chosen, b: Chosen): boolean => {
  const byRank = cell(tasks.rank, a.task) - cell(tasks.rank, b.task);
  if (byRank !== 0) return byRank < 0;
  return a.matchPermille === b.matchPermille ? a.task < b.task : a.matchPermille > b.matchPermille;
};

export const pushReady = (tasks: TaskColumns, queue: ReadyQueue, task: number): void => {
  if (queue.size === queue.items.length) {
    const larger = new Int32Array(queue.items.length * 2);
    larger.set(queue.items);
    queue.items = larger;
  }
  queue.size += 1;
  siftUp(tasks, queue, queue.size - 1, task);
};

export const removeReady = (tasks: TaskColumns, queue: ReadyQueue, task: number): void => {
  const slot = cell(tasks.queueSlot, task);
  tasks.queueSlot[task] = NONE;
  queue.size -= 1;
  const last = cell(queue.items, queue.size);
  if (last === task) return;
  const parent = slot === 0 ? NONE : cell(queue.items, (slot - 1) >> 1);
  if (parent !== NONE && before(tasks, last, parent)) siftUp(tasks, queue, slot, last);
  else siftDown(tasks, queue, slot, last);
};

const put = (tasks: TaskColumns, queue: ReadyQueue, slot: number, task: number): void => {
  queue.items[slot] = task;
  tasks.queueSlot[task] = slot;
};

const siftUp = (tasks: TaskColumns, queue: ReadyQueue, from: number, task: number): void => {
  let slot = from;
  while (slot > 0) {
    const parentSlot = (slot - 1) >> 1;
    const parent = cell(queue.items, parentSlot);
    if (!before(tasks, task, parent)) break;
    put(tasks, queue, slot, parent);
    slot = parentSlot;
  }
  put(tasks, queue, slot, task);
};

const siftDown = (tasks: TaskColumns, queue: ReadyQueue, from: number, task: number): void => {
  let slot = from;
  for (;;) {
    let childSlot = slot * 2 + 1;
    if (childSlot >= queue.size) break;
    const right = childSlot + 1;
    if (right < queue.size && before(tasks, cell(queue.items, right), cell(queue.items, childSlot)))
      childSlot = right;
    const child = cell(queue.items, childSlot);
    if (!before(tasks, child, task)) break;
    put(tasks, queue, slot, child);
    slot = childSlot;
  }
  put(tasks, queue, slot, task);
};

/** The best task of several queues, or undefined. */
export const peekBest = (tasks: TaskColumns, offers: readonly Offer[]): Chosen | undefined => {
  let best: Chosen | undefined;
  for (const { queue, matchPermille } of offers) {
    if (queue.size === 0) continue;
    const top = { task: cell(queue.items, 0), matchPermille };
    if (best === undefined || isRather(tasks, top, best)) best = top;
  }
  return best;
};

/**
 * The first `limit` tasks of several queues that `fits` accepts, best first, without touching the queues: a
 * frontier of heap places, itself a heap, from which the best is taken and replaced by its two children. Looks at no more than
 * `limit` + LOOK_AHEAD_MAX tasks, so that a crowd of tasks that do not fit cannot stall the leader.
 */
export const bestOf = (
  tasks: TaskColumns,
  offers: readonly Offer[],
  limit: number,
  fits: (chosen: Chosen) => boolean,
): number[] => {
  const frontier: Place[] = [];
  for (const { queue, matchPermille } of offers)
    if (queue.size > 0) enter(tasks, frontier, placeAt(queue, matchPermille, 0));
  const chosen: number[] = [];
  for (
    let looks = limit + LOOK_AHEAD_MAX;
    looks > 0 && frontier.length > 0 && chosen.length < limit;
    looks -= 1
  ) {
    const place = takeFirst(tasks, frontier);
    const { queue, slot, matchPermille } = place;
    if (fits(place)) chosen.push(place.task);
    for (const child of [slot * 2 + 1, slot * 2 + 2])
      if (child < queue.size) enter(tasks, frontier, placeAt(queue, matchPermille, child));
  }
  return chosen;
};

/** Tasks looked at beyond those asked for. */
export const LOOK_AHEAD_MAX = 256;

interface Place extends Chosen {
  readonly queue: ReadyQueue;
  readonly slot: number;
}

const placeAt = (queue: ReadyQueue, matchPermille: number, slot: number): Place => ({
  queue,
  matchPermille,
  slot,
  task: cell(queue.items, slot),
});

/** Puts a place into the frontier, a binary heap whose best stands in front. */
const enter = (tasks: TaskColumns, frontier: Place[], place: Place): void => {
  let slot = frontier.length;
  while (slot > 0) {
    const above = (slot - 1) >> 1;
    const parent = placeIn(frontier, above);
    if (!isRather(tasks, place, parent)) break;
    frontier[slot] = parent;
    slot = above;
  }
  frontier[slot] = place;
};

/** Takes the best place out of the frontier, which is not empty. */
const takeFirst = (tasks: TaskColumns, frontier: Place[]): Place => {
  const first = placeIn(frontier, 0);
  const last = must(frontier.pop(), 'a place outside the frontier');
  if (frontier.length === 0) return first;
  let slot = 0;
  for (;;) {
    let below = slot * 2 + 1;
    if (below >= frontier.length) break;
    const right = frontier[below + 1];
    if (right !== undefined && isRather(tasks, right, placeIn(frontier, below))) below += 1;
    const child = placeIn(frontier, below);
    if (!isRather(tasks, child, last)) break;
    frontier[slot] = child;
    slot = below;
  }
  frontier[slot] = last;
  return first;
};

const placeIn = (frontier: readonly Place[], slot: number): Place =>
  must(frontier[slot], 'a place outside the frontier');
