import { describe, expect, test } from 'vitest';
import { DEAD_AFTER_MS, judge, WEDGED_AFTER_MS } from './liveness.ts';
import type { Presence } from './liveness.ts';

const AT = 1_000_000;
const present: Presence = { openedAt: AT - 900_000, leases: 1, waiting: false, closed: false };

describe('liveness is judged by evidence and said with a reason', () => {
  test('an ended session is dead', () => {
    expect(judge({ ...present, closed: true, seenAt: AT }, AT)).toStrictEqual({
      liveness: 'dead',
      reason: 'it has ended',
    });
  });

  test('silence means dead from its first instant on', () => {
    const at = AT + DEAD_AFTER_MS;
    expect(judge({ ...present, seenAt: AT }, at)).toStrictEqual({
      liveness: 'dead',
      reason: 'nothing was seen of it for 60 s',
    });
    expect(judge({ ...present, seenAt: AT }, at - 1).liveness).toBe('wedged');
    expect(judge({ ...present, openedAt: AT }, at).liveness).toBe('dead');
  });

  test('a session of which nothing was seen yet is starting', () => {
    expect(judge({ ...present, openedAt: AT - 2_000 }, AT)).toStrictEqual({
      liveness: 'starting',
      reason: 'opened 2 s ago, nothing seen yet',
    });
    expect(judge({ ...present, openedAt: AT + 2_000 }, AT).reason).toBe(
      'opened 0 s ago, nothing seen yet',
    );
  });

  test('a session without a lease waits, for a task or for nothing', () => {
    const idle = { ...present, leases: 0, seenAt: AT };
    expect(judge(idle, AT)).toStrictEqual({ liveness: 'waiting', reason: 'it holds no lease' });
    expect(judge({ ...idle, waiting: true }, AT).reason).toBe('it waits for a task');
  });

  test('heartbeats without work mean wedged, counted from the work or from the newest lease', () => {
    const seen = { ...present, seenAt: AT, seen: 'heartbeat' as const };
    expect(judge({ ...seen, workedAt: AT - WEDGED_AFTER_MS }, AT)).toStrictEqual({
      liveness: 'wedged',
      reason: 'it renews its lease, but no work was seen for 300 s',
    });
    expect(judge({ ...seen, workedAt: AT - WEDGED_AFTER_MS + 1 }, AT).liveness).toBe('working');
    expect(judge(seen, AT).liveness).toBe('wedged');
    // It waited long and got its lease just now: it had nothing to do before.
    expect(judge({ ...seen, leasedAt: AT - 1_000 }, AT).liveness).toBe('working');
    expect(judge({ ...seen, leasedAt: AT - 800_000, workedAt: AT - 1_000 }, AT).liveness).toBe(
      'working',
    );
  });

  test('work that was seen lately is said with its kind', () => {
    const working = { ...present, seenAt: AT - 3_000, workedAt: AT - 3_000 };
    expect(judge({ ...working, seen: 'commit' }, AT)).toStrictEqual({
      liveness: 'working',
      reason: 'last commit 3 s ago',
    });
    expect(judge(working, AT).reason).toBe('last heartbeat 3 s ago');
  });
});
