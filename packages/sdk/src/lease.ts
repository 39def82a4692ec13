import type { Evidence, Grant, OutputOf, TaskSpec } from '@infrafabric/protocol';
import { LeaseLostError } from './errors.ts';
import type { SessionCalls } from './session.ts';

export interface Progress {
  readonly note?: string | undefined;
  readonly percent?: number | undefined;
  readonly evidence?: 'heartbeat' | 'tool' | 'output' | 'commit' | 'tokens' | undefined;
}

/** A task that this session holds. Everything it writes carries the fencing token of its grant. */
export interface Lease {
  readonly taskId: string;
  readonly task: TaskSpec;
  readonly grant: Grant;
  /**
   * Aborts when the lease is lost or may be: stop writing then, another session may have the task.
   * Its reason is a LeaseLostError.
   */
  readonly signal: AbortSignal;
  progress(progress: Progress): Promise<OutputOf<'tasks.progress'>>;
  complete(evidence?: Evidence): Promise<OutputOf<'tasks.complete'>>;
  fail(reason: string, options?: { readonly retry?: boolean }): Promise<OutputOf<'tasks.fail'>>;
  release(reason?: string): Promise<OutputOf<'tasks.release'>>;
}

export interface HeldLease {
  readonly lease: Lease;
  readonly leaseMs: number;
  /**
   * The grant or its newest renewal was sent for at this time, by this machine's monotonic clock,
   * ms.
   */
  grantedBy: number;
  /** Until when the lease surely lives. */
  safeUntil: number;
  /** When it is renewed next. */
  renewAt: number;
  readonly lose: (detail: string) => void;
}

/** Share of a lease after which it is renewed: two renewals may be lost. */
export const RENEW_SHARE = 1 / 3;
/**
 * What two clocks may drift apart in one lease, as a share of it (500 ppm is a bad crystal; this
 * is ten times that).
 */
const SKEW_SHARE = 0.005;
/** And at least this, ms: timers are late on a busy machine. */
const SKEW_MS_MIN = 20;

/**
 * Until when a lease that was granted or renewed by a request sent at `sentAt` is surely held.
 * Counted from the sending: the fabric counts from a later moment, so this errs to the safe side
 * by the whole round trip.
 */
export function safeUntil(sentAt: number, leaseMs: number): number {
  return sentAt + leaseMs - Math.max(SKEW_MS_MIN, leaseMs * SKEW_SHARE);
}

export function createHeldLease(
  calls: SessionCalls,
  options: { readonly grant: Grant; readonly sentAt: number; readonly onEnd: () => void },
): HeldLease {
  const { grant, sentAt, onEnd } = options;
  const { taskId, fencingToken, leaseMs } = grant;
  const lost = new AbortController();
  const held = { taskId, fencingToken };
  /** Ends the keeping of the lease first: a renewal of what was handed in would only be refused. */
  const end = async <T>(write: () => Promise<T>): Promise<T> => {
    lost.signal.throwIfAborted();
    onEnd();
    return write();
  };
  return {
    leaseMs,
    grantedBy: sentAt,
    safeUntil: safeUntil(sentAt, leaseMs),
    renewAt: sentAt + leaseMs * RENEW_SHARE,
    lose: (detail) => {
      onEnd();
      lost.abort(new LeaseLostError(taskId, detail));
    },
    lease: {
      taskId,
      grant,
      task: grant.task,
      signal: lost.signal,
      progress: (progress) => calls.call('tasks.progress', { ...held, ...progress }),
      complete: (evidence) =>
        end(() =>
          calls.call('tasks.complete', {
            ...held,
            evidence,
          }),
        ),
      fail: (reason, { retry } = {}) =>
        end(() => calls.call('tasks.fail', { ...held, reason, retry })),
      release: (reason) => end(() => calls.call('tasks.release', { ...held, reason })),
    },
  };
}

/** The same lease after a renewal that was sent at `sentAt`. */
export function renewed(held: HeldLease, sentAt: number): void {
  held.grantedBy = sentAt;
  held.safeUntil = safeUntil(sentAt, held.leaseMs);
  held.renewAt = sentAt + held.leaseMs * RENEW_SHARE;
}
