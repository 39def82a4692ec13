import type { Grant } from '@infrafabric/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Keeper } from './keeper.ts';
import { createHeldLease } from './lease.ts';
import type { SessionCalls } from './session.ts';

// The clock is moved by hand: `performance.now` is faked together with the timers.
beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const LEASE_MS = 3_000;

function grantOf(taskId: string): Grant {
  const grant: unknown = {
    taskId,
    fencingToken: `token-of-${taskId}`,
    fence: 1,
    attempt: 1,
    leaseMs: LEASE_MS,
    leaseExpiresAt: 0,
    scope: {},
    task: { key: taskId, title: taskId },
  };
  return grant as Grant;
}

type Answer = (leases: readonly { taskId: string }[]) => unknown;

function setup(answer: Answer) {
  const asked: { readonly at: number; readonly taskIds: readonly string[] }[] = [];
  const calls = {
    sessionId: () => 'ses_0000000000000000',
    call: async (_operation: string, input: { leases: readonly { taskId: string }[] }) => {
      asked.push({ at: performance.now(), taskIds: input.leases.map(({ taskId }) => taskId) });
      return answer(input.leases);
    },
  } as unknown as SessionCalls;
  const keeper = new Keeper(calls);
  const add = (taskId: string) => {
    const held = createHeldLease(calls, {
      grant: grantOf(taskId),
      sentAt: performance.now(),
      onEnd: () => keeper.remove(taskId),
    });
    keeper.add(held);
    return held.lease;
  };
  return { keeper, add, asked };
}

const renewAll: Answer = (leases) => ({
  renewed: leases.map(({ taskId }) => ({ taskId, leaseExpiresAt: 0 })),
  lost: [],
});

test('leases are renewed together at a third of their length, and named', async () => {
  const startedAt = performance.now();
  const { add, asked } = setup(renewAll);
  const [a, b] = [add('p/a'), add('p/b')];
  await vi.advanceTimersByTimeAsync(LEASE_MS * 4);
  expect(asked.map(({ at }) => Math.round(at - startedAt))).toEqual([
    1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000, 11_000, 12_000,
  ]);
  expect(asked[0]?.taskIds).toEqual(['p/a', 'p/b']);
  expect([a.signal.aborted, b.signal.aborted]).toEqual([false, false]);
});

test('K1: a lease that cannot be renewed ends here before it ends at the fabric', async () => {
  const { keeper, add } = setup(() => Promise.reject(new Error('unreachable')));
  const lease = add('p/a');
  await vi.advanceTimersByTimeAsync(LEASE_MS - 21);
  expect(lease.signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(2);
  expect(lease.signal.aborted).toBe(true);
  expect(lease.signal.reason).toMatchObject({ name: 'LeaseLostError', taskId: 'p/a' });
  expect(keeper.held.size).toBe(0);
  await expect(lease.complete()).rejects.toThrow('p/a');
  expect(vi.getTimerCount()).toBe(0);
});

test('K1: an answer that comes after the end renews nothing', async () => {
  const { add } = setup(
    (leases) =>
      new Promise((resolve) => {
        setTimeout(() => resolve(renewAll(leases)), LEASE_MS * 2);
      }),
  );
  const lease = add('p/a');
  await vi.advanceTimersByTimeAsync(LEASE_MS * 3);
  expect(lease.signal.aborted).toBe(true);
});

test('what the fabric calls lost is lost at once; what was handed in is not', async () => {
  const { keeper, add } = setup((leases) => ({
    renewed: [],
    lost: leases.map(({ taskId }) => ({ taskId, detail: 'granted to bob' })),
  }));
  const [a, b] = [add('p/a'), add('p/b')];
  await vi.advanceTimersByTimeAsync(999);
  keeper.remove('p/b');
  await vi.advanceTimersByTimeAsync(2);
  expect(a.signal.reason).toMatchObject({ message: 'p/a: granted to bob' });
  expect(b.signal.aborted).toBe(false);
});

test('an idle keeper has no timer', async () => {
  const { keeper, add } = setup(renewAll);
  expect(vi.getTimerCount()).toBe(0);
  add('p/a');
  expect(vi.getTimerCount()).toBe(1);
  keeper.remove('p/a');
  expect(vi.getTimerCount()).toBe(0);
});
