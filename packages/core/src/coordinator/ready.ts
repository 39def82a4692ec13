/**
 * The ready set: for each plan and each distinct set of needed capabilities, a binary heap of tasks by (rank, age).
 * A task knows its place in its heap, so taking any task out is O(log n) and nothing stale ever stands at a top:
 * `decide` may look without touching.
 */
import { cell, NONE } from './columns.ts';
import type { TaskColumns } from './columns.ts';

export interface ReadyQueue {
  items: Int32Array;
  size: number;
}

export const createQueue = (): ReadyQueue => ({ items: new Int32Array(16), size: 0 });

/** Whether task `a` is chosen before task `b`: by rank, then the older one. */
export const before = (tasks: TaskColumns, a: number, b: number): boolean => {
  const byRank = cell(tasks.rank, a) - cell(tasks.rank, b);
  return byRank === 0 ? a < b : byRank < 0;
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

/** The best task of several queues, or NONE. */
export const peekBest = (tasks: TaskColumns, queues: readonly ReadyQueue[]): number => {
  let best = NONE;
  for (const queue of queues) {
    if (queue.size === 0) continue;
    const top = cell(queue.items, 0);
    if (best === NONE || before(tasks, top, best)) best = top;
  }
  return best;
};

/**
 * The first `limit` tasks of several queues that `fits` accepts, best first, without touching the queues: a small
 * frontier of heap places, from which the best is taken and replaced by its two children. Looks at no more than
 * `limit` + LOOK_AHEAD_MAX tasks, so that a crowd of tasks that do not fit cannot stall the leader.
 */
export const bestOf = (
  tasks: TaskColumns,
  queues: readonly ReadyQueue[],
  limit: number,
  fits: (task: number) => boolean,
): number[] => {
  const frontier: Place[] = [];
  for (const queue of queues) if (queue.size > 0) frontier.push({ queue, slot: 0 });
  const chosen: number[] = [];
  for (
    let looks = limit + LOOK_AHEAD_MAX;
    looks > 0 && frontier.length > 0 && chosen.length < limit;
    looks -= 1
  ) {
    const { queue, slot } = takeFirst(tasks, frontier);
    const task = cell(queue.items, slot);
    if (fits(task)) chosen.push(task);
    if (slot * 2 + 1 < queue.size) frontier.push({ queue, slot: slot * 2 + 1 });
    if (slot * 2 + 2 < queue.size) frontier.push({ queue, slot: slot * 2 + 2 });
  }
  return chosen;
};

/** Tasks looked at beyond those asked for. */
export const LOOK_AHEAD_MAX = 256;

interface Place {
  readonly queue: ReadyQueue;
  readonly slot: number;
}

const takeFirst = (tasks: TaskColumns, frontier: Place[]): Place => {
  const taskAt = ({ queue, slot }: Place): number => cell(queue.items, slot);
  const first = frontier.reduce((best, place) =>
    before(tasks, taskAt(place), taskAt(best)) ? place : best,
  );
  frontier.splice(frontier.indexOf(first), 1);
  return first;
};
