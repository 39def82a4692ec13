import type { Clock } from './clock.ts';
import { CLOCK_STEP_MS } from './limits.ts';
import type { Log } from './ports.ts';

/**
 * The leader's wall time: whole ms, never decreasing. A clock that is set back would make it stand still, and leases
 * with it, until the clock has caught up; so from a step back on it runs ahead of the clock, at the clock's pace.
 */
export function leaderTime(
  clock: Clock,
  log: Log,
  startMs: number,
): (monotonic?: number) => number {
  let last = startMs;
  let offset = clock.now() - clock.monotonic();
  let aheadMs = Math.max(startMs - clock.now(), 0);
  return (monotonic = clock.monotonic()) => {
    const wall = clock.now();
    const stepMs = wall - monotonic - offset;
    if (Math.abs(stepMs) > CLOCK_STEP_MS) {
      log.warn({ event: 'realm.clock_stepped', stepMs: Math.round(stepMs) });
      offset += stepMs;
      aheadMs = Math.max(aheadMs - Math.round(stepMs), 0);
    }
    last = Math.max(last, wall + aheadMs);
    return last;
  };
}
