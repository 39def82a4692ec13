/**
 * Recovery of the file journal: what of the bytes on disk is the log.
 *
 * R1  A frame is in the log iff its bounds, CRC and lengths hold and it continues the one before: first index,
 *     previous leaf, epoch not lower. Nothing else is asked of it, and nothing else is believed.
 * R2  Behind the last frame of the last segment: zeros are a clean end; bytes without a frame are a torn tail, and cut.
 * R3  A frame that does not continue the log, a frame behind bytes that are none, or a segment that does not begin
 *     where the one before ends, is damage: refused, by file and offset. Nothing is deleted silently.
 * R4  After an unclean stop the last segment is written anew before it is appended to (see `rewriteSegment`).
 */
import { Buffer } from 'node:buffer';

import { Fault } from '../../fault.ts';
import type { Disk, DiskFile } from '../../ports/disk.ts';
import { FRAME_BYTES_MAX, type Frame, type Head, type Position } from '../../ports/journal.ts';
import type { Checksums } from '../batch.ts';
import { findFrame, frameAt, type FoundFrame } from './frame.ts';
import { listSegments, rewriteSegment, segmentPath } from './segment.ts';
import type { SparseIndex } from './sparse-index.ts';

/** Read at once. At least two frames, so that a window moved by half finds each frame whole. */
const WINDOW_BYTES = 2 * FRAME_BYTES_MAX;

/** The rules by name, so that a test can break one and must find it. Nothing else sets them. */
export interface RecoveryRules {
  readonly previousLeaf: 'checked' | 'trusted';
  readonly tornTail: 'cut' | 'kept';
}

export const RECOVERY_RULES: RecoveryRules = { previousLeaf: 'checked', tornTail: 'cut' };

export interface RecoveryOptions {
  readonly disk: Disk;
  /** The folder of the segments. */
  readonly folder: string;
  readonly checksums: Checksums;
  readonly rules: RecoveryRules;
  /** Filled with the places of frames. */
  readonly index: SparseIndex;
  readonly genesisLeaf: string;
  readonly lastStop: 'clean' | 'unclean';
  /** Segments that end before this are not read: a snapshot stands for them. Default: all are read. */
  readonly scanFrom?: { readonly size: Position; readonly leaf: string } | undefined;
}

export interface Recovered {
  readonly head: Head;
  readonly segments: number;
  /** Frames that were read and checked. */
  readonly frames: number;
  /** Bytes of a torn tail; `realm.opened` states them. */
  readonly cutBytes: number;
  readonly rewritten: boolean;
  /** The segment to append to; undefined where there is none yet. */
  readonly last: OpenSegment | undefined;
}

export interface OpenSegment {
  readonly first: Position;
  readonly file: DiskFile;
  readonly bytes: number;
  /** Where the next frame goes. */
  readonly usedBytes: number;
}

/** A head whose leaf is unknown where the scan began in the middle of the log. */
interface PartialHead {
  readonly size: Position;
  readonly leaf: string | undefined;
  readonly epoch: number;
}

interface Scan {
  readonly head: PartialHead;
  readonly frames: number;
  /** Where the frames end. */
  readonly endOffset: number;
}

/** Reads the journal back. Faults: `log.damaged`. Rejects with the system's error where the disk fails. */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { disk, folder, genesisLeaf } = options;
  const all = listSegments(disk, folder);
  const chosen = segmentsToScan(options, all);
  let head = startingHead(options, chosen[0] ?? 0);
  let frames = 0;
  for (const [i, first] of chosen.entries()) {
    const path = segmentPath(folder, first);
    if (first !== head.size) throw damaged(path, 0, `begins at ${first}, expected ${head.size}`);
    const next = chosen[i + 1];
    const file = disk.open(path, next === undefined ? 'write' : 'read');
    try {
      const scan = await scanSegment(options, { first, file, path }, head);
      frames += scan.frames;
      head = scan.head;
      if (next === undefined) {
        const tail = await recoverTail(options, { first, file, path }, scan);
        return { ...tail, segments: all.length, frames };
      }
      checkNext(path, scan, next);
    } catch (cause) {
      file.close();
      throw cause;
    }
    file.close();
  }
  const empty = { size: 0, leaf: genesisLeaf, epoch: 0 };
  return { head: empty, segments: 0, frames, cutBytes: 0, rewritten: false, last: undefined };
}

/** What stands behind the last frame of the last segment, and the segment made ready for the next frame (R2–R4). */
async function recoverTail(
  options: RecoveryOptions,
  segment: ScannedSegment,
  scan: Scan,
): Promise<Pick<Recovered, 'head' | 'cutBytes' | 'rewritten' | 'last'>> {
  const { disk, folder, lastStop, rules } = options;
  const { first, file, path } = segment;
  const head = wholeHead(scan.head, path, scan.endOffset);
  const tailBytes = await tornBytes(options, segment, scan);
  const cutBytes = rules.tornTail === 'cut' ? tailBytes : 0;
  const usedBytes = scan.endOffset + tailBytes - cutBytes;
  const last: OpenSegment = { first, file, bytes: file.size(), usedBytes };
  const rewritten = (lastStop === 'unclean' && usedBytes > 0) || cutBytes > 0;
  if (!rewritten) return { head, cutBytes, rewritten, last };
  const anew = await rewriteSegment(disk, folder, last);
  if (anew !== file) file.close();
  return { head, cutBytes, rewritten, last: { ...last, file: anew } };
}

/** The last segment that begins at or before the snapshot, and all behind it. */
function segmentsToScan(
  { scanFrom, folder }: RecoveryOptions,
  all: readonly Position[],
): readonly Position[] {
  const [first] = all;
  if (first !== undefined && first !== 0) {
    throw damaged(segmentPath(folder, first), 0, 'the segments before it are missing');
  }
  if (scanFrom === undefined) return all;
  const from = all.findLastIndex((position) => position <= scanFrom.size);
  return all.slice(Math.max(0, from));
}

function startingHead({ genesisLeaf, scanFrom }: RecoveryOptions, first: Position): PartialHead {
  if (first === 0) return { size: 0, leaf: genesisLeaf, epoch: 0 };
  // The segment holds the snapshot's position, or ends there: in the first case its own header says the leaf.
  return { size: first, leaf: scanFrom?.size === first ? scanFrom.leaf : undefined, epoch: 0 };
}

interface ScannedSegment {
  readonly first: Position;
  readonly file: DiskFile;
  readonly path: string;
}

async function scanSegment(
  options: RecoveryOptions,
  segment: ScannedSegment,
  start: PartialHead,
): Promise<Scan> {
  const window = windowFor(segment.file);
  let scan: Scan = { head: start, frames: 0, endOffset: 0 };
  // Ends: each round but the last moves the window by at least one frame, since a window holds two.
  for (;;) {
    const filled = await segment.file.read(window, scan.endOffset);
    const next = scanWindow(options, segment, scan, window.subarray(0, filled));
    const more = next.stop === 'short' && filled === window.length;
    if (!more || next.endOffset === scan.endOffset) return next;
    scan = next;
  }
}

/** Checks the frames of one window, whose first byte stands at `scan.endOffset` of the segment. */
function scanWindow(
  options: RecoveryOptions,
  { first, path }: ScannedSegment,
  scan: Scan,
  window: Buffer,
): Scan & { readonly stop: FoundFrame['kind'] } {
  let { head, frames } = scan;
  let at = 0;
  for (;;) {
    const found = frameAt(window, at, window.length, options.checksums);
    const offset = scan.endOffset + at;
    if (found.kind !== 'frame') return { head, frames, endOffset: offset, stop: found.kind };
    const { frame, after, endOffset } = found;
    if (!follows(head, frame, options.rules)) {
      throw damaged(path, offset, 'the frame does not continue the log');
    }
    if (after.size === options.scanFrom?.size && after.leaf !== options.scanFrom.leaf) {
      throw damaged(path, offset, `another history than the snapshot's at ${after.size}`);
    }
    options.index.note({ position: frame.first, segment: first, offset });
    head = after;
    frames += 1;
    at = endOffset;
  }
}

/** One byte more than a small file has: a window that is not filled has met the end. */
const windowFor = (file: DiskFile): Buffer =>
  Buffer.allocUnsafe(Math.min(WINDOW_BYTES, file.size() + 1));

function follows(head: PartialHead, frame: Frame, rules: RecoveryRules): boolean {
  const leafFits =
    head.leaf === undefined || frame.previousLeaf === head.leaf || rules.previousLeaf === 'trusted';
  return frame.first === head.size && leafFits && frame.epoch >= head.epoch;
}

/** A segment was left only when all of its frames were durable, so the next one begins exactly where it ends. */
function checkNext(path: string, scan: Scan, next: Position): void {
  if (scan.head.size === next) return;
  const why = `frames end at entry ${scan.head.size}, the next segment begins at ${next}`;
  throw damaged(path, scan.endOffset, why);
}

/** Bytes from the end of the frames to the last byte that is not zero. Faults: a frame among them (R3). */
async function tornBytes(
  options: RecoveryOptions,
  { file, path }: ScannedSegment,
  scan: Scan,
): Promise<number> {
  const window = windowFor(file);
  let last = scan.endOffset;
  for (let offset = scan.endOffset; ; offset += WINDOW_BYTES - FRAME_BYTES_MAX) {
    const filled = await file.read(window, offset);
    const used = bytesBeforeZeros(window, filled);
    if (used > 0) {
      last = Math.max(last, offset + used);
      const at = findFrame(window, { offset: 0, end: filled }, scan.head.size, options.checksums);
      if (at !== undefined) {
        throw damaged(path, scan.endOffset, `no frame here, but one at byte ${offset + at}`);
      }
    }
    if (filled < window.length) return last - scan.endOffset;
  }
}

const ZEROS = Buffer.alloc(WINDOW_BYTES);

/** How many of the first `length` bytes there are up to the last one that is not zero. */
function bytesBeforeZeros(window: Buffer, length: number): number {
  if (window.compare(ZEROS, 0, length, 0, length) === 0) return 0;
  let used = length;
  while (window[used - 1] === 0) used -= 1;
  return used;
}

function wholeHead(head: PartialHead, path: string, offset: number): Head {
  if (head.leaf === undefined) throw damaged(path, offset, 'holds no frame of the snapshot');
  return { size: head.size, leaf: head.leaf, epoch: head.epoch };
}

/** The process must not lead: exit code 3. The operator repairs from a mirror. */
export function damaged(path: string, offset: number, why: string): Fault {
  return new Fault('log.damaged', {
    transient: false,
    detail: `${path} at byte ${offset}: ${why}`,
  });
}
