import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addEdge,
  cell,
  createEdges,
  createTasks,
  dropEdge,
  eachDependant,
  eachDependency,
  NONE,
  reserveEdges,
  reserveTasks,
} from './columns.ts';
import { findCycle } from './cycle.ts';
import {
  before,
  bestOf,
  createQueue,
  LOOK_AHEAD_MAX,
  peekBest,
  pushReady,
  removeReady,
} from './ready.ts';
import type { Offer, ReadyQueue } from './ready.ts';
import { addToIndex, createTaskIndex, lookUp } from './task-index.ts';

describe('the task index', () => {
  test('finds what a Map finds, also after it grew', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ maxLength: 6 }), { maxLength: 300 }),
        fc.array(fc.string({ maxLength: 6 }), { maxLength: 50 }),
        (ids, others) => {
          const index = createTaskIndex();
          const map = new Map<string, number>();
          for (const [at, id] of ids.entries()) {
            addToIndex(index, ids, at);
            map.set(id, at);
          }
          for (const id of [...ids, ...others])
            expect(lookUp(index, ids, id)).toBe(map.get(id) ?? -1);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('stays under three quarters full', () => {
    const index = createTaskIndex();
    const ids = Array.from({ length: 1_000 }, (_, i) => `p/${i}`);
    for (const at of ids.keys()) {
      addToIndex(index, ids, at);
      expect((at + 1) * 4).toBeLessThanOrEqual(index.table.length * 3);
    }
    expect(index.table.length).toBe(2_048);
  });
});

describe('the ready queue', () => {
  const filled = (ranks: readonly number[]) => {
    const tasks = createTasks();
    reserveTasks(tasks, ranks.length);
    tasks.count = ranks.length;
    tasks.queueSlot.fill(NONE);
    const queue = createQueue(0);
    for (const [task, rank] of ranks.entries()) tasks.rank[task] = rank;
    for (const task of ranks.keys()) pushReady(tasks, queue, task);
    return { tasks, queue };
  };
  /** Queues as a session sees them that fits all of them. */
  const offered = (...queues: readonly ReadyQueue[]): Offer[] =>
    queues.map((queue) => ({ queue, matchPermille: 1_000 }));
  const sorted = (ranks: readonly number[], among: readonly number[]): number[] =>
    among.toSorted((a, b) => (ranks[a] ?? 0) - (ranks[b] ?? 0) || a - b);
  const rankLists = fc.array(fc.nat(20), { maxLength: 80, size: 'max' });

  test('gives tasks in the order of a sort, whatever was taken out of its middle', () => {
    fc.assert(
      fc.property(rankLists, fc.array(fc.nat(), { maxLength: 40 }), (list, out) => {
        const { tasks, queue } = filled(list);
        const left = new Set(list.keys());
        for (const nth of out) {
          const task = [...left][nth % Math.max(1, left.size)];
          if (task === undefined) continue;
          removeReady(tasks, queue, task);
          left.delete(task);
          expect(cell(tasks.queueSlot, task)).toBe(NONE);
        }
        const expected = sorted(list, [...left]);
        expect(bestOf(tasks, offered(queue), list.length, () => true)).toStrictEqual(expected);
        const popped: number[] = [];
        const peek = () => peekBest(tasks, offered(queue));
        for (let best = peek(); best !== undefined; best = peek()) {
          popped.push(best.task);
          removeReady(tasks, queue, best.task);
        }
        expect(popped).toStrictEqual(expected);
      }),
    );
  });

  test('a task taken from one branch lets the last one of another rise over its new parent', () => {
    const ranks = [0, 10, 1, 11, 12, 2, 3];
    const { tasks, queue } = filled(ranks);
    removeReady(tasks, queue, 3);
    expect([...queue.items.subarray(0, queue.size)]).toStrictEqual([0, 6, 2, 1, 4, 5]);
    expect(bestOf(tasks, offered(queue), 9, () => true)).toStrictEqual([0, 2, 5, 6, 1, 4]);
  });

  test('knows the place of each task in it', () => {
    const { tasks, queue } = filled([3, 1, 2, 0, 2, 1, 5]);
    for (let slot = 0; slot < queue.size; slot += 1)
      expect(cell(tasks.queueSlot, cell(queue.items, slot))).toBe(slot);
  });

  test('several queues are merged, and a task that does not fit is passed over', () => {
    const { tasks, queue: even } = filled([]);
    reserveTasks(tasks, 10);
    const odd = createQueue(1);
    for (let task = 0; task < 10; task += 1) pushReady(tasks, task % 2 === 0 ? even : odd, task);
    const all = offered(even, createQueue(2), odd);
    expect(bestOf(tasks, all, 4, ({ task }) => task !== 1)).toStrictEqual([0, 2, 3, 4]);
    expect(peekBest(tasks, offered(odd, even))).toStrictEqual({ task: 0, matchPermille: 1_000 });
    expect(peekBest(tasks, offered(createQueue(0)))).toBeUndefined();
    expect(bestOf(tasks, [], 1, () => true)).toStrictEqual([]);
  });

  test('looks at no more tasks than it may, so that a crowd that does not fit cannot stall the leader', () => {
    const { tasks, queue } = filled(Array.from({ length: 1_000 }, () => 0));
    let looks = 0;
    const none = (): boolean => {
      looks += 1;
      return false;
    };
    expect(bestOf(tasks, offered(queue), 3, none)).toStrictEqual([]);
    expect(looks).toBe(3 + LOOK_AHEAD_MAX);
    expect(LOOK_AHEAD_MAX).toBe(256);
  });

  test('O2: of several queues the best is that of a sort by rank, then fit, then age', () => {
    // Property, by fast-check: up to three queues, each of one fit, against a sort of all their tasks.
    const fits = fc.array(fc.constantFrom(700, 850, 1_000), { minLength: 1, maxLength: 3 });
    const wanted = fc.array(fc.tuple(fc.nat(3), fc.nat(2)), { maxLength: 30 });
    fc.assert(
      fc.property(fits, wanted, (permilles, list) => {
        const { tasks } = filled([]);
        reserveTasks(tasks, list.length);
        const offers = permilles.map((matchPermille, at) => ({
          queue: createQueue(at),
          matchPermille,
        }));
        const rows = list.map(([rank, nth], task) => {
          tasks.rank[task] = rank;
          const offer = offers[nth % offers.length];
          if (offer === undefined) throw new Error('defect: no queue');
          pushReady(tasks, offer.queue, task);
          return { task, rank, fit: offer.matchPermille };
        });
        const expected = rows
          .toSorted((a, b) => a.rank - b.rank || b.fit - a.fit || a.task - b.task)
          .map(({ task }) => task);
        expect(bestOf(tasks, offers, list.length, () => true)).toStrictEqual(expected);
        expect(peekBest(tasks, offers)?.task).toBe(expected[0]);
      }),
    );
  });

  test('the rank decides, then the age', () => {
    const { tasks } = filled([1, 0, 1]);
    expect(before(tasks, 1, 0)).toBe(true);
    expect(before(tasks, 0, 2)).toBe(true);
    expect(before(tasks, 2, 0)).toBe(false);
    expect(before(tasks, 0, 0)).toBe(false);
  });
});

describe('cycles', () => {
  /** Repeatedly takes away what points at nothing left; what cannot be taken away lies on or before a cycle. */
  const hasCycle = (links: readonly (readonly number[])[]): boolean => {
    const left = new Set(links.keys());
    for (let size = -1; size !== left.size;) {
      size = left.size;
      for (const node of left)
        if (!(links[node] ?? []).some((on) => left.has(on))) left.delete(node);
    }
    return left.size > 0;
  };

  test('a cycle is found where there is one, and what is found is one', () => {
    const graph = fc.integer({ min: 1, max: 9 }).chain((size) =>
      fc.array(fc.array(fc.nat(size - 1), { maxLength: 2 }), {
        minLength: size,
        maxLength: size,
      }),
    );
    fc.assert(
      fc.property(graph, (links) => {
        const cycle = findCycle(links.length, (node) => links[node] ?? []);
        expect(cycle !== undefined).toBe(hasCycle(links));
        if (cycle === undefined) return;
        expect(cycle.length).toBeGreaterThan(1);
        expect(cycle.at(-1)).toBe(cycle[0]);
        expect(new Set(cycle).size).toBe(cycle.length - 1);
        for (const [i, node] of cycle.slice(0, -1).entries())
          expect(links[node]).toContain(cycle[i + 1]);
      }),
      { numRuns: 500 },
    );
  });

  test('only what the roots reach is looked at, in the order of the links', () => {
    const links = [[1, 2], [], [3], [2], [4]];
    const next = (node: number): readonly number[] => links[node] ?? [];
    expect(findCycle(5, next, [1])).toBeUndefined();
    expect(findCycle(5, next, [0])).toStrictEqual([2, 3, 2]);
    expect(findCycle(5, next, [4])).toStrictEqual([4, 4]);
  });

  test('a chain of a hundred thousand tasks does not exhaust the stack', () => {
    expect(findCycle(100_000, (node) => (node < 99_999 ? [node + 1] : []))).toBeUndefined();
    expect(findCycle(100_000, (node) => [(node + 1) % 100_000])).toHaveLength(100_001);
  });
});

describe('columns', () => {
  test('edges are the same as lists of pairs, whatever was dropped', () => {
    const pair = fc.record({ task: fc.nat(5), on: fc.nat(5) }, { noNullPrototype: true });
    fc.assert(
      fc.property(
        fc.array(pair, { maxLength: 30 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (pairs, drops) => {
          const tasks = createTasks();
          reserveTasks(tasks, 6);
          tasks.firstDependant.fill(NONE);
          tasks.firstDependency.fill(NONE);
          const edges = createEdges();
          for (const one of pairs) addEdge(tasks, edges, one);
          const left = new Map(pairs.entries());
          for (const nth of drops) {
            const edge = [...left.keys()][nth % Math.max(1, left.size)];
            if (edge === undefined) continue;
            dropEdge(tasks, edges, edge);
            left.delete(edge);
          }
          for (let task = 0; task < 6; task += 1) {
            const on: number[] = [];
            const dependants: number[] = [];
            eachDependency(tasks, edges, task, (dependency, edge) => {
              expect(left.get(edge)).toStrictEqual({ task, on: dependency });
              on.push(dependency);
            });
            eachDependant(tasks, edges, task, (dependant) => dependants.push(dependant));
            // Newest first: what is added stands at the head.
            const kept = [...left.values()].toReversed();
            expect(on).toStrictEqual(kept.filter((one) => one.task === task).map((one) => one.on));
            expect(dependants).toStrictEqual(
              kept.filter((one) => one.on === task).map((one) => one.task),
            );
          }
        },
      ),
    );
  });

  test('columns grow by a quarter at least, and keep what they hold', () => {
    const tasks = createTasks();
    reserveTasks(tasks, 1);
    expect(tasks.capacity).toBe(64);
    tasks.count = 64;
    tasks.fence[63] = 7;
    reserveTasks(tasks, 1);
    expect(tasks.capacity).toBe(80);
    expect(tasks.fence[63]).toBe(7);
    reserveTasks(tasks, 16);
    expect(tasks.capacity).toBe(80);
    reserveTasks(tasks, 1_000);
    expect(tasks.capacity).toBe(1_064);
    for (const column of Object.values(tasks))
      if (ArrayBuffer.isView(column)) expect(column).toHaveLength(1_064);
    const edges = createEdges();
    reserveEdges(edges, 65);
    expect(
      [edges.task, edges.on, edges.nextDependant, edges.nextDependency].map(({ length }) => length),
    ).toStrictEqual([65, 65, 65, 65]);
  });

  test('a cell that is not there is 0', () => {
    expect(cell(new Int32Array(1), 5)).toBe(0);
  });
});
