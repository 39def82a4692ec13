import fc from 'fast-check';
import { expect, test } from 'vitest';

import { LeaseDeadlines } from './lease-deadlines.ts';

interface Lease {
  readonly taskId: string;
  readonly fence: number;
  due: number;
}

// Property: against a list, over random grants, ends, renewals and passing time; ended leases are skipped.
test('gives what a sorted list of live leases gives, however many have ended', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('grant' as const),
      task: fc.nat(20),
      ms: fc.integer({ min: 1, max: 900 }),
    }),
    fc.record({ kind: fc.constant('end' as const), task: fc.nat(20) }),
    fc.record({ kind: fc.constant('renew' as const), task: fc.nat(20), ms: fc.nat(900) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(300) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const live = new Map<string, Lease>();
      const heap = new LeaseDeadlines(
        (taskId, fence) => live.get(taskId)?.fence === fence,
        () => live.size,
      );
      let fence = 0;
      let now = 0;
      for (const one of steps) {
        if (one.kind === 'pass') {
          now += one.ms;
          const expected = [...live.values()].filter(({ due }) => due <= now).map(({ due }) => due);
          const given: number[] = [];
          while (heap.earliest <= now) {
            const lease = live.get(heap.topTaskId);
            if (lease?.fence !== heap.topFence) heap.removeTop();
            else if (lease.due > now) heap.putOffTop(lease.due);
            else {
              given.push(lease.due);
              live.delete(lease.taskId);
              heap.removeTop();
            }
          }
          expect(given.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b));
        } else {
          const taskId = `p/${one.task}`;
          const lease = live.get(taskId);
          if (one.kind === 'end') live.delete(taskId);
          else if (one.kind === 'renew' && lease !== undefined) lease.due += one.ms;
          else if (one.kind === 'grant') {
            fence += 1;
            live.set(taskId, { taskId, fence, due: now + one.ms });
            heap.add(now + one.ms, taskId, fence);
          }
        }
      }
    }),
  );
});

test('memory stays proportional to the leases that live', () => {
  const live = new Set<number>();
  const heap = new LeaseDeadlines(
    (_taskId, fence) => live.has(fence),
    () => live.size,
  );
  for (let fence = 1; fence <= 200_000; fence += 1) {
    live.add(fence);
    live.delete(fence - 100);
    heap.add(fence + 3_600_000, `p/${fence}`, fence);
  }
  expect(heap.size).toBeLessThan(4_200);
  expect(heap.earliest).toBeLessThanOrEqual(199_901 + 3_600_000);
});

test('a heap of leases that all live is never walked', () => {
  let asked = 0;
  let living = 0;
  const heap = new LeaseDeadlines(
    () => {
      asked += 1;
      return true;
    },
    () => living,
  );
  for (living = 1; living <= 200_000; living += 1) heap.add(living, `p/${living}`, 1);
  expect(heap.size).toBe(200_000);
  expect(asked).toBe(0);
});
