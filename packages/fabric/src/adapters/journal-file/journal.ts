/**
 * The file journal: the realm's log as append-only segments, one frame and one fdatasync a batch.
 *
 * F1  A batch is acknowledged only when its frame is synced, in a file and a folder that were synced before it.
 * F2  A frame goes directly behind the last durable one; what a failed write left is overwritten, never followed.
 * F3  A failed sync ends the journal: nothing is appended after it, nothing is synced again.
 * F4  A full disk is met between frames: the next segment is zeroed ahead, and while it cannot be, only batches that
 *     ask for the reserve are taken, into the room that the current segment has left.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { dirname, resolve } from 'node:path';

import { Fault } from '../../fault.ts';
import { isSyncFailure, type Disk } from '../../ports/disk.ts';
import {
  FRAME_BYTES_MAX,
  type Appended,
  type Batch,
  type Conflict,
  type Durability,
  type Frame,
  type FrameLimit,
  type Head,
  type Journal,
  type Position,
} from '../../ports/journal.ts';
import { assertBatch, headAfter, nodeChecksums, sameHead, type Checksums } from '../batch.ts';
import { nodeDisk } from '../disk-node.ts';
import { WakeUps, tailFrames } from '../tail.ts';
import { frameBytes, writeFrame } from './frame.ts';
import { lockFolder, type FolderLock, type LockFolder } from './lock.ts';
import { SegmentReader } from './reader.ts';
import { RECOVERY_RULES, damaged, recover, type Recovered, type RecoveryRules } from './recover.ts';
import { SEGMENT_BYTES, isFull, journalFolder, removeLeftovers } from './segment.ts';
import { SegmentWriter } from './segment-writer.ts';
import { SparseIndex } from './sparse-index.ts';

export interface FileJournalOptions {
  /** The realm's data folder, on a local file system; made where it is missing. */
  readonly folder: string;
  /** What entry 0 names as its previous leaf (`genesisLeaf` of tlog). */
  readonly genesisLeaf: string;
  /** `os` answers when the operating system has the bytes: it survives the process, not a power cut. Default `fsync`. */
  readonly durability?: 'fsync' | 'os';
  /** A size that was signed or is held elsewhere (`state/signed`, `checkpoint`): a shorter log is refused. */
  readonly atLeast?: { readonly size: Position };
  /** A verified snapshot: segments that end before it are not read. Default: all are. */
  readonly scanFrom?: { readonly size: Position; readonly leaf: string };
  /** Bytes of the first, second, … segment. Default `SEGMENT_BYTES`. */
  readonly segmentBytes?: readonly number[];
}

/** What the journal needs of the world. Simulations and tests give their own. */
export interface FileJournalPorts {
  readonly disk: Disk;
  readonly lock: LockFolder;
  readonly checksums: Checksums;
  /** Monotonic ms, for measuring only. */
  readonly nowMs: () => number;
  readonly rules: RecoveryRules;
}

export const NODE_PORTS: FileJournalPorts = {
  disk: nodeDisk,
  lock: lockFolder,
  checksums: nodeChecksums,
  nowMs: () => performance.now(),
  rules: RECOVERY_RULES,
};

/** What opening found; the engine's `realm.opened` states `cutBytes`. */
export type RecoveryReport = Omit<Recovered, 'last'>;

/**
 * Takes the folder's lock and reads the journal back. Faults: `log.locked` (names the holder), `log.damaged` (names
 * file and offset; the process must not lead), `log.full`, `log.fsync_failed`, `log.unavailable`.
 */
export async function openFileJournal(
  options: FileJournalOptions,
  ports: FileJournalPorts = NODE_PORTS,
): Promise<FileJournal> {
  const folder = journalFolder(options.folder);
  const lock = prepared(() => {
    ports.disk.makeFolder(folder);
    return ports.lock(options.folder);
  });
  try {
    return await openLocked(options, ports, lock);
  } catch (cause) {
    lock.release('unclean');
    throw openingFault(cause, folder);
  }
}

async function openLocked(
  options: FileJournalOptions,
  ports: FileJournalPorts,
  lock: FolderLock,
): Promise<FileJournal> {
  const { disk, checksums, rules } = ports;
  const { genesisLeaf, scanFrom } = options;
  const folder = journalFolder(options.folder);
  removeLeftovers(disk, folder);
  const index = new SparseIndex();
  const { lastStop } = lock;
  const recovered = await recover({
    disk,
    folder,
    checksums,
    rules,
    index,
    genesisLeaf,
    lastStop,
    scanFrom,
  });
  const { head, last, ...found } = recovered;
  const atLeast = options.atLeast?.size ?? 0;
  if (head.size < atLeast) {
    last?.file.close();
    throw damaged(folder, 0, `the log ends at ${head.size}, but ${atLeast} entries were signed`);
  }
  if (last === undefined) await syncNewFolders(disk, options.folder);
  // A life that was killed between naming a segment and syncing its name has left a name that a power cut takes back.
  else await disk.syncFolder(folder);
  const ladder = options.segmentBytes ?? SEGMENT_BYTES;
  const writer = await SegmentWriter.open({
    disk,
    folder,
    ladder,
    last,
    segments: recovered.segments,
    first: head.size,
    nowMs: ports.nowMs,
  });
  return new FileJournal(options, ports, { lock, index, writer, report: { head, ...found } });
}

/** The names of the folders, before they hold anything that must not vanish (F1). */
async function syncNewFolders(disk: Disk, dataFolder: string): Promise<void> {
  await disk.syncFolder(dataFolder);
  await disk.syncFolder(dirname(resolve(dataFolder)));
}

interface Opened {
  readonly lock: FolderLock;
  readonly index: SparseIndex;
  readonly writer: SegmentWriter;
  readonly report: RecoveryReport;
}

/**
 * A batch of one command syncs before it returns to the event loop while the disk's average sync is below this: it
 * saves two thread switches (0.03–0.1 ms). Higher: the loop stands still for longer at a time.
 */
const INLINE_SYNC_MS_MAX = 0.6;
/** Weight of the newest sync in the average. Higher: one slow sync sends the next ones to the pool. */
const SYNC_MS_WEIGHT = 0.2;

export class FileJournal implements Journal {
  readonly durability: Durability;
  /** What opening found. */
  readonly recovery: RecoveryReport;
  readonly #opened: Opened;
  readonly #ports: FileJournalPorts;
  readonly #reader: SegmentReader;
  readonly #wakeUps = new WakeUps();
  readonly #closing = new AbortController();
  readonly #frame = Buffer.allocUnsafe(FRAME_BYTES_MAX);
  #head: Head;
  #appending: Promise<unknown> | undefined;
  /** The fault that ended the journal (F3): every later append meets it again. */
  #ended: Fault | undefined;
  /** Starts at the limit: the first syncs go to the pool until the disk has shown what it is. */
  #syncMs = INLINE_SYNC_MS_MAX;

  constructor(options: FileJournalOptions, ports: FileJournalPorts, opened: Opened) {
    const { disk, checksums } = ports;
    this.durability = options.durability ?? 'fsync';
    this.recovery = opened.report;
    this.#opened = opened;
    this.#ports = ports;
    this.#head = opened.report.head;
    const folder = journalFolder(options.folder);
    this.#reader = new SegmentReader({ disk, checksums, folder, index: opened.index });
  }

  get open(): boolean {
    return !this.#closing.signal.aborted;
  }

  head(): Head {
    return this.#head;
  }

  async append(at: Head, batch: Batch): Promise<Appended | Conflict> {
    assert.equal(this.#appending, undefined, 'an append while another is under way');
    if (!this.open) throw unavailable('the journal is closed');
    if (this.#ended !== undefined) throw this.#ended;
    if (!sameHead(at, this.#head)) return { kind: 'conflict', head: this.#head };
    assertBatch(at, batch, this.#ports.checksums);
    const appending = this.#append(batch);
    this.#appending = appending;
    try {
      await appending;
    } finally {
      this.#appending = undefined;
    }
    return { kind: 'appended', head: this.#head };
  }

  read(after: Position, limit: FrameLimit): Promise<readonly Frame[]> {
    if (!this.open) return Promise.resolve([]);
    return this.#reader.read(after, limit, this.#head.size);
  }

  tail(after: Position, signal: AbortSignal): AsyncIterable<Frame> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    return tailFrames(this, this.#wakeUps, after, either);
  }

  /** Waits for the append under way, frees files and lock. The stop is clean unless a fault ended the journal. */
  async close(): Promise<void> {
    if (!this.open) return;
    this.#closing.abort();
    await this.#appending?.catch(() => undefined);
    await this.#opened.writer.close();
    this.#reader.close();
    this.#opened.lock.release(this.#ended === undefined ? 'clean' : 'unclean');
  }

  async #append(batch: Batch): Promise<void> {
    const { writer, index } = this.#opened;
    try {
      const bytes = frameBytes(batch);
      // Not awaited where there is room: a lone batch then reaches the disk within the caller's turn.
      if (!writer.hasRoom(bytes, batch)) await writer.makeRoom(bytes, this.#head.size);
      const mark = { position: this.#head.size, segment: writer.first, offset: writer.offset };
      const length = writeFrame(this.#frame, this.#head, batch, this.#ports.checksums);
      writer.writeFrame(this.#frame.subarray(0, length));
      if (this.durability === 'fsync') await this.#sync(batch.lone === true);
      writer.advance(length);
      index.note(mark);
    } catch (cause) {
      throw this.#appendFault(cause);
    }
    this.#head = headAfter(this.#head, batch);
    this.#wakeUps.wakeAll();
  }

  async #sync(lone: boolean): Promise<void> {
    const { writer } = this.#opened;
    const startMs = this.#ports.nowMs();
    if (lone && this.#syncMs < INLINE_SYNC_MS_MAX) writer.syncNow();
    else await writer.sync();
    const syncMs = this.#ports.nowMs() - startMs;
    this.#syncMs += (syncMs - this.#syncMs) * SYNC_MS_WEIGHT;
  }

  /** The caller's fault for a failed append; ends the journal where its end is no longer known. */
  #appendFault(cause: unknown): Fault {
    if (isSyncFailure(cause)) {
      const detail = 'a sync of the journal failed; what it covered is unknown';
      this.#ended = new Fault('log.fsync_failed', { transient: false, detail, cause });
      return this.#ended;
    }
    if (cause instanceof Fault) {
      if (cause.code === 'log.outcome_unknown') this.#ended = cause;
      return cause;
    }
    if (isFull(cause)) return full(cause);
    return unavailable('the frame was not written', cause);
  }
}

const full = (cause: unknown): Fault =>
  new Fault('log.full', { transient: true, detail: 'the disk has no room', cause });

const unavailable = (detail: string, cause?: unknown): Fault =>
  new Fault('log.unavailable', { transient: true, detail, cause });

function prepared<T>(prepare: () => T): T {
  try {
    return prepare();
  } catch (cause) {
    throw openingFault(cause, 'the data folder');
  }
}

function openingFault(cause: unknown, folder: string): unknown {
  if (cause instanceof Fault) return cause;
  if (isFull(cause)) return full(cause);
  if (isSyncFailure(cause)) {
    const detail = `a sync failed while ${folder} was opened`;
    return new Fault('log.fsync_failed', { transient: false, detail, cause });
  }
  return unavailable(`${folder} could not be opened`, cause);
}
