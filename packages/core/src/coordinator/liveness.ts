/**
 * How alive a session is, judged by evidence and said with a reason. `starting`: opened, and nothing seen of it yet.
 * `working`: it holds a lease and work was seen lately. `waiting`: it lives and holds nothing, or waits for a task.
 * `wedged`: it holds a lease and says that it lives, but no work was seen for long. `dead`: nothing was seen at all.
 */
import type { EvidenceKind, Liveness } from '@infrafabric/protocol';

/** Evidence of work (anything but a heartbeat) older than this, with a lease held, means wedged, ms. */
export const WEDGED_AFTER_MS = 300_000;
/** Any evidence older than this means dead, ms: six heartbeats of a third of a default lease. */
export const DEAD_AFTER_MS = 60_000;

export interface Presence {
  readonly openedAt: number;
  /** When anything was last seen of the session, and what; absent: nothing since it was opened. */
  readonly seenAt?: number;
  readonly seen?: EvidenceKind;
  /** When work was last seen: a tool call, output, a commit, tokens. */
  readonly workedAt?: number;
  readonly leases: number;
  /** When it got the newest of its leases; absent: it holds none. */
  readonly leasedAt?: number;
  readonly waiting: boolean;
  readonly closed: boolean;
}

export interface Judgement {
  readonly liveness: Liveness;
  readonly reason: string;
}

const seconds = (ms: number): string => `${Math.max(0, Math.round(ms / 1_000))} s`;

export const judge = (presence: Presence, at: number): Judgement => {
  const { openedAt, seenAt, seen, workedAt, leases, leasedAt, waiting, closed } = presence;
  if (closed) return { liveness: 'dead', reason: 'it has ended' };
  const silence = at - (seenAt ?? openedAt);
  if (silence >= DEAD_AFTER_MS)
    return { liveness: 'dead', reason: `nothing was seen of it for ${seconds(silence)}` };
  if (seenAt === undefined)
    return { liveness: 'starting', reason: `opened ${seconds(silence)} ago, nothing seen yet` };
  if (leases === 0) {
    return { liveness: 'waiting', reason: waiting ? 'it waits for a task' : 'it holds no lease' };
  }
  // Before its lease began there was no work to be seen.
  const idle = at - Math.max(workedAt ?? openedAt, leasedAt ?? openedAt);
  if (idle >= WEDGED_AFTER_MS) {
    return {
      liveness: 'wedged',
      reason: `it renews its lease, but no work was seen for ${seconds(idle)}`,
    };
  }
  return { liveness: 'working', reason: `last ${seen ?? 'heartbeat'} ${seconds(silence)} ago` };
};
