import type { Buffer } from 'node:buffer';
import {
  ENTRY_LENGTH_BYTES,
  HASH_CHARS,
  leafHashInPlace,
  newSequencerLine,
  readSequencerLine,
  type Hash,
  type SequencerLine,
} from '@infrafabric/tlog';

import { Fault } from '../fault.ts';
import type { Frame, Position } from '../ports/journal.ts';
import { fillSpills, readLogEntry, type LogEntry, type ReadBlob } from './log-entry.ts';
import { nodeSha256 } from './node-crypto.ts';

/** Where a reader of the chain stands: what the next entry must follow. */
export interface ChainHead {
  readonly size: Position;
  readonly leaf: Hash;
  readonly epoch: number;
  readonly atMs: number;
}

/** A frame whose entries continue the chain, with the leaf of each. Followers share it: each entry is hashed once. */
export interface CheckedFrame {
  readonly first: Position;
  readonly count: number;
  /** Leaf of entry `first - 1`. */
  readonly previousLeaf: Hash;
  readonly leaves: readonly Hash[];
  /** The head behind the frame. */
  readonly after: ChainHead;
  readonly bytes: Buffer;
  /** Where entry i lies in `bytes`: [bounds[2 i], bounds[2 i + 1]). */
  readonly bounds: Uint32Array;
}

/**
 * Checks `frame` as the leader must have written it: index, previous leaf, epoch and time of every entry. What is
 * checked is what was read back, so a leader that computed one thing and wrote another is found here within a second.
 * Faults: `log.damaged`.
 */
export function checkFrame(frame: Frame, head: ChainHead): CheckedFrame {
  const { first, count, epoch, previousLeaf, entries } = frame;
  if (first !== head.size || previousLeaf !== head.leaf || epoch < head.epoch) {
    throw damagedEntry(first, 'the frame does not follow the one before');
  }
  const line = newSequencerLine();
  const leaves = new Array<Hash>(count);
  const bounds = new Uint32Array(2 * count);
  let leaf = head.leaf;
  let atMs = head.atMs;
  let end = 0;
  for (let i = 0; i < count; i += 1) {
    const index = first + i;
    const start = end + ENTRY_LENGTH_BYTES;
    end = start + (((entries[end] ?? 0) << 8) | (entries[end + 1] ?? 0));
    if (end > entries.length) throw damagedEntry(index, 'lengths');
    const flaw =
      readSequencerLine(entries, start, end, line) ?? linkFlaw(entries, line, index, leaf);
    if (flaw !== undefined) throw damagedEntry(index, flaw);
    if (line.epoch !== epoch || line.atMs < atMs) throw damagedEntry(index, 'epoch or time');
    leaf = leafHashInPlace(nodeSha256, entries, start, end);
    leaves[i] = leaf;
    atMs = line.atMs;
    bounds[2 * i] = start;
    bounds[2 * i + 1] = end;
  }
  const after = { size: first + count, leaf, epoch, atMs };
  return { first, count, previousLeaf, leaves, after, bytes: entries, bounds };
}

function linkFlaw(
  bytes: Buffer,
  line: SequencerLine,
  index: Position,
  leaf: Hash,
): 'chain' | undefined {
  const { previousLeafOffset: at } = line;
  let difference = 0;
  // Byte by byte: a string of them would be made once an entry, to be compared and forgotten.
  for (let i = 0; i < HASH_CHARS; i += 1) difference |= (bytes[at + i] ?? 0) ^ leaf.charCodeAt(i);
  return difference === 0 && line.index === index ? undefined : 'chain';
}

/** The entries of the frame from position `from` on, parsed, their spills filled. Faults: `log.damaged`. */
export function entriesOf(
  frame: CheckedFrame,
  from: Position,
  readBlob: ReadBlob,
): readonly LogEntry[] | Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let i = Math.max(0, from - frame.first); i < frame.count; i += 1) {
    const [start = 0, end = 0] = frame.bounds.subarray(2 * i, 2 * i + 2);
    const read = readLogEntry(frame.bytes, start, end);
    if (read.kind === 'bad') throw damagedEntry(frame.first + i, read.reason);
    // Spills are rare: a frame without one is parsed in one turn, without a promise.
    if (read.kind === 'spilled') return withSpills(frame, frame.first + i, entries, readBlob);
    entries.push(read.entry);
  }
  return entries;
}

/** One entry of a frame and its leaf, without a look at the others; undefined where the frame does not hold it. */
export async function entryAt(
  frame: Frame,
  index: Position,
  readBlob: ReadBlob,
): Promise<{ readonly entry: LogEntry; readonly leaf: Hash } | undefined> {
  const { entries: bytes } = frame;
  let end = 0;
  for (let at = frame.first; at < frame.first + frame.count; at += 1) {
    const start = end + ENTRY_LENGTH_BYTES;
    end = start + (((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0));
    if (end > bytes.length) throw damagedEntry(at, 'lengths');
    if (at !== index) continue;
    const read = readLogEntry(bytes, start, end);
    if (read.kind === 'bad') throw damagedEntry(index, read.reason);
    const entry = read.kind === 'entry' ? read.entry : await fillSpills(read, readBlob);
    if (entry?.index !== index) throw damagedEntry(index, 'not the entry of this place');
    return { entry, leaf: leafHashInPlace(nodeSha256, bytes, start, end) };
  }
  return undefined;
}

async function withSpills(
  frame: CheckedFrame,
  from: Position,
  before: readonly LogEntry[],
  readBlob: ReadBlob,
): Promise<readonly LogEntry[]> {
  const entries = [...before];
  for (let i = from - frame.first; i < frame.count; i += 1) {
    const [start = 0, end = 0] = frame.bounds.subarray(2 * i, 2 * i + 2);
    const read = readLogEntry(frame.bytes, start, end);
    if (read.kind === 'bad') throw damagedEntry(frame.first + i, read.reason);
    const entry = read.kind === 'entry' ? read.entry : await fillSpills(read, readBlob);
    if (entry === undefined) throw damagedEntry(frame.first + i, 'a blob that it names is missing');
    entries.push(entry);
  }
  return entries;
}

export const damagedEntry = (index: number, reason: string): Fault =>
  new Fault('log.damaged', { transient: false, detail: `entry ${index}: ${reason}` });
