/**
 * The journal: one realm's log. One total order, one writer at a time; the position is the fence.
 *
 * L1  An append is one frame: all of its entries are in the log, in order, or none is.
 * L2  An append resolves `appended` only when the frame is as durable as `durability` says.
 * L3  An append whose expected head is not the log's head changes nothing and says `conflict`.
 * L4  A reader sees verified, durable frames only: each once, in order, never one that vanishes.
 */
import type { Buffer } from 'node:buffer';

/** How many entries precede a place in the log; also the index of the next entry and the tree size. */
export type Position = number;

/** Where the log ends: entries so far, leaf hash of the last one (base64; the genesis value when empty), last epoch. */
export interface Head {
  readonly size: Position;
  readonly leaf: string;
  readonly epoch: number;
}

/**
 * Entries to append as one frame. `entries` is count × (u16 big-endian length ‖ entry bytes), the C2SP bundle
 * encoding; `lastLeaf` is the leaf hash (base64) of the last entry, so that the journal hashes nothing again.
 */
export interface Batch {
  readonly epoch: number;
  readonly count: number;
  readonly entries: Buffer;
  readonly lastLeaf: string;
  /** Hardly anybody else waits: an adapter whose disk has recently been fast may sync before it returns to the event loop. */
  readonly lone?: boolean;
  /** May use the room kept back for a full disk: `realm.degraded`, and operations that free space. */
  readonly reserve?: boolean;
}

/** A durable frame as it was written. `entries` has the encoding of `Batch.entries`; the bytes must not be changed. */
export interface Frame {
  readonly first: Position;
  readonly count: number;
  readonly epoch: number;
  /** Leaf hash of entry `first - 1`, base64. */
  readonly previousLeaf: string;
  readonly entries: Buffer;
}

export interface Appended {
  readonly kind: 'appended';
  readonly head: Head;
}

export interface Conflict {
  readonly kind: 'conflict';
  /** Where the log ends by this adapter's latest knowledge. */
  readonly head: Head;
}

/** What "durable" means here: on the medium, in the operating system's cache, in this process, or not known. */
export type Durability = 'fsync' | 'os' | 'memory' | 'unknown';

export interface FrameLimit {
  readonly bytes: number;
  readonly frames: number;
}

export interface Journal {
  readonly durability: Durability;
  /** The end of the log as this writer knows it: after opening, and after each of its own appends. */
  head(): Head;
  /**
   * Appends the batch as ONE frame if the log still ends at `at`; resolves when durable. The batch's bytes belong to
   * the journal until the promise settles. One append at a time: a second one while the first is under way is a defect.
   * Rejects with a Fault: `log.unavailable` (not in the log), `log.full` (not in; the disk has no room),
   * `log.outcome_unknown` (may be in: read to find out, never send again blindly), `log.damaged` (stop).
   */
  append(at: Head, batch: Batch): Promise<Appended | Conflict>;
  /**
   * Verified frames holding entries at positions > `after - 1`, oldest first; the first may begin before `after`.
   * An empty answer is where this adapter sees the end, NOT a proof of the end: only an append proves that.
   */
  read(after: Position, limit: FrameLimit): Promise<readonly Frame[]>;
  /** Durable frames only, each once, in order, pulled by the reader; ends when `signal` aborts. Resumes by position. */
  tail(after: Position, signal: AbortSignal): AsyncIterable<Frame>;
  close(): Promise<void>;
}

/** Most bytes of one entry: the u16 of C2SP's entry bundles. */
export const ENTRY_BYTES_MAX = 65_535;
/** Most bytes of a frame, its header included. Smaller: more fsyncs. Larger: a longer p99, and etcd and NATS take no more. */
export const FRAME_BYTES_MAX = 524_288;
/** Most bytes of `Batch.entries`: a frame without its 60-byte header. */
export const BATCH_BYTES_MAX = FRAME_BYTES_MAX - 60;
/** Most entries of a frame. */
export const FRAME_ENTRIES_MAX = 1_024;
