/**
 * What one session may write: a worker that records in a loop must not fill the disk of all the others.
 *
 * Q1  A session writes at most QUOTA_BURST_BYTES at once and QUOTA_BYTES_PER_S after that, in each of two buckets;
 *     one operation may overdraw, and is paid back before the next.
 * Q2  `bulk` (blobs, long records, long notes) has a bucket of its own: whoever has stored a large artifact may still
 *     claim, complete and release.
 * Q3  A bucket that is full says nothing, so it is not kept: what is kept is bounded by who wrote lately.
 *
 * The virtual scheduling form of the generic cell rate algorithm (ITU-T I.371, annex A): a bucket is one number, the
 * moment at which it will be full again. Time is an argument; nothing is written anywhere, and a restart forgets it all.
 */
import { reject, type Rejection } from '@infrafabric/protocol';

import { trusted } from '../rooms/room.ts';
import {
  QUOTA_BULK_BYTES_MIN,
  QUOTA_BURST_BYTES,
  QUOTA_BYTES_PER_S,
  QUOTA_ENTRY_BYTES,
  QUOTA_SWEEP_SESSIONS_MIN,
} from './limits.ts';

/** `ordinary`: commands. `bulk`: bytes that an agent wants to be kept. */
export type QuotaKind = 'ordinary' | 'bulk';

export interface Cost {
  readonly kind: QuotaKind;
  readonly bytes: number;
}

const BYTES_PER_MS = QUOTA_BYTES_PER_S / 1_000;
const BURST_MS = QUOTA_BURST_BYTES / BYTES_PER_MS;

/** When each bucket of a session is full again, ms on the monotonic clock. */
interface Buckets {
  ordinary: number;
  bulk: number;
}

export class WriteQuota {
  readonly #sessions = new Map<string, Buckets>();
  #sweepAt = QUOTA_SWEEP_SESSIONS_MIN;

  /** Sessions that are remembered. */
  get count(): number {
    return this.#sessions.size;
  }

  /**
   * Takes the cost and answers 0; or takes nothing and answers the ms after which the session may write again. A cost
   * of 0 only asks. `now`: ms on the monotonic clock.
   */
  take(session: string, { kind, bytes }: Cost, now: number): number {
    const buckets = this.#sessions.get(session) ?? this.#add(session, now);
    const behindMs = Math.max(buckets[kind] - now, 0);
    const waitMs = waitOf(behindMs);
    if (waitMs === 0) buckets[kind] = now + behindMs + bytes / BYTES_PER_MS;
    return waitMs;
  }

  #add(session: string, now: number): Buckets {
    if (this.#sessions.size >= this.#sweepAt) this.#sweep(now);
    const buckets = { ordinary: now, bulk: now };
    this.#sessions.set(session, buckets);
    return buckets;
  }

  /** Forgets what is full. Each sweep is paid for by as many new sessions as the last one left behind. */
  #sweep(now: number): void {
    for (const [session, { ordinary, bulk }] of this.#sessions) {
      if (ordinary <= now && bulk <= now) this.#sessions.delete(session);
    }
    this.#sweepAt = Math.max(this.#sessions.size * 2, QUOTA_SWEEP_SESSIONS_MIN);
  }
}

/** One ms more than is owed: at the very moment the bucket is still empty. */
const waitOf = (behindMs: number): number =>
  behindMs < BURST_MS ? 0 : Math.floor(behindMs - BURST_MS) + 1;

/** The refusal of a session that has written more than its share. */
export const overQuota = (session: string, waitMs: number): Rejection => ({
  ...reject(
    'fabric.overloaded',
    `Session ${session} has written more than its share, ${QUOTA_BYTES_PER_S} bytes a second.`,
    { bytesPerSecond: QUOTA_BYTES_PER_S, burstBytes: QUOTA_BURST_BYTES },
  ),
  retryAfterMs: waitMs,
});

/** Operations whose arguments are an agent's own words, as long and as often as it likes. */
const WORDY: ReadonlySet<string> = new Set(['witness.record', 'tasks.progress']);

/** What a write takes, and from which bucket: about what its entry will be in the journal. */
export function costOf(op: string, args: object): Cost {
  const own = bytesOf(args);
  const kind = own > QUOTA_BULK_BYTES_MIN && WORDY.has(op) ? 'bulk' : 'ordinary';
  return { kind, bytes: QUOTA_ENTRY_BYTES + own };
}

/** What a file beside the log takes: whole blocks, so that a million small ones are not free. */
export const costOfFile = (bytes: number): Cost => ({
  kind: 'bulk',
  bytes: Math.ceil(bytes / FILE_BLOCK_BYTES) * FILE_BLOCK_BYTES,
});

/** Of most file systems. */
const FILE_BLOCK_BYTES = 4_096;

/** Bytes of a number, a flag or a separator, roughly: what counts is that a million of them are not free. */
const ATOM_BYTES = 8;

/** UTF-16 units of all texts and keys, and a little for the rest: no copy is made to be measured, on the path of a claim. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return ATOM_BYTES;
  let bytes = 0;
  if (Array.isArray(value)) {
    for (const member of value) bytes += ATOM_BYTES + bytesOf(member);
    return bytes;
  }
  const members = trusted<Readonly<Record<string, unknown>>>(value);
  // Parsed values have no members but their own.
  for (const key in members) bytes += key.length + bytesOf(members[key]);
  return bytes;
}
