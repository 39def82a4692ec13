/**
 * From the bytes of a frame back to committed commands. The chain is checked here: the index of each entry is the one
 * expected, and each names the leaf hash of the one before it. Grammar and canonical form are the verifier's (`tlog`);
 * a leader's own entries are bytes that it wrote.
 */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { leafHashInPlace, newSequencerLine, readSequencerLine } from '@infrafabric/tlog';
import type { Credential, DomainEvent, WriteName } from '@infrafabric/core';

import { Fault } from '../fault.ts';
import type { Frame, Head } from '../ports/journal.ts';
import type { Committed } from './call.ts';
import type { SpillRef } from './entry-writer.ts';
import type { BlobStore } from './ports.ts';

/** An entry as it stands in the log. */
export interface StoredEntry {
  readonly entry: Committed;
  readonly leaf: string;
  /** Line 3 as it is stored: a spilled call names its blob. */
  readonly call: string;
}

interface OutcomeLine {
  readonly cred: Credential;
  readonly events: readonly DomainEvent[] | SpillRef;
  readonly idem?: string;
  readonly ids?: readonly string[];
  readonly principal: string;
  readonly session?: string;
  readonly trace?: string;
}

interface CallLine {
  readonly args: object;
  readonly op: WriteName;
}

const LENGTH_BYTES = 2;
const LEAF_CHARS = 44;
const LF = 0x0a;
const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes, 'base64');

/**
 * The entries of a frame that are at or behind `head`: a snapshot may end in the middle of a frame. Throws a Fault `log.damaged` where they do not continue the chain, and
 * `blob.not_found` where a spilled list is gone.
 */
export async function readFrame(
  frame: Frame,
  head: Head,
  blobs: BlobStore,
): Promise<readonly StoredEntry[]> {
  const linked = frame.first < head.size || frame.previousLeaf === head.leaf;
  if (frame.first > head.size || !linked || frame.epoch < head.epoch) {
    throw damaged(frame.first, `the frame does not follow the log of ${head.size} entries`);
  }
  const { entries: bytes, count } = frame;
  const stored: StoredEntry[] = [];
  let previousLeaf = head.leaf;
  let end = 0;
  for (let i = 0; i < count; i += 1) {
    const start = end + LENGTH_BYTES;
    end = start + (((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0));
    if (end > bytes.length) throw damaged(frame.first + i, 'the entry ends behind its frame');
    const index = frame.first + i;
    if (index < head.size) continue;
    const read = readEntry(bytes, { start, end, index, previousLeaf, epoch: frame.epoch });
    // Awaited only where something was spilled: a replay of a million entries must not wait a million times.
    stored.push(isSpilled(read) ? await whole(read, blobs) : unspilled(read));
    previousLeaf = read.leaf;
  }
  return stored;
}

/** The entries of a frame at or behind position `from`. The chain is not checked: the journal's reader did that. */
export async function frameEntries(
  frame: Frame,
  from: number,
  blobs: BlobStore,
): Promise<readonly StoredEntry[]> {
  const { entries: bytes, epoch } = frame;
  const stored: StoredEntry[] = [];
  let end = 0;
  for (let index = frame.first; index < frame.first + frame.count; index += 1) {
    const start = end + LENGTH_BYTES;
    end = start + (((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0));
    if (index < from) continue;
    stored.push(
      await whole(readEntry(bytes, { start, end, index, previousLeaf: undefined, epoch }), blobs),
    );
  }
  return stored;
}

/** One entry of a frame by its index, or undefined where the frame does not hold it. */
export async function findEntry(
  frame: Frame,
  index: number,
  blobs: BlobStore,
): Promise<StoredEntry | undefined> {
  const last: Frame = { ...frame, count: Math.min(frame.count, index + 1 - frame.first) };
  const [found] = await frameEntries(last, index, blobs);
  return found;
}

interface ReadEntry {
  readonly args: object;
  readonly events: OutcomeLine['events'];
  readonly leaf: string;
  readonly call: string;
  readonly entry: (args: object, events: readonly DomainEvent[]) => Committed;
}

interface Place {
  readonly start: number;
  readonly end: number;
  readonly index: number;
  /** Undefined: not known, not checked. */
  readonly previousLeaf: string | undefined;
  readonly epoch: number;
}

const readEntry = (bytes: Buffer, place: Place): ReadEntry => {
  const { start, end, index } = place;
  const line = newSequencerLine();
  const flaw = readSequencerLine(bytes, start, end, line);
  if (flaw !== undefined) throw damaged(index, `sequencer line: ${flaw}`);
  if (line.index !== index) throw damaged(index, `the entry says that it is ${line.index}`);
  if (line.epoch !== place.epoch)
    throw damaged(index, 'the entry is of another epoch than its frame');
  const { previousLeafOffset: link, endOffset } = line;
  const linked =
    place.previousLeaf === undefined ||
    bytes.toString('latin1', link, link + LEAF_CHARS) === place.previousLeaf;
  if (!linked) throw damaged(index, 'the entry names another previous leaf');
  const outcomeEnd = bytes.indexOf(LF, endOffset);
  const callEnd = bytes.indexOf(LF, outcomeEnd + 1);
  if (outcomeEnd === -1 || callEnd === -1 || callEnd >= end)
    throw damaged(index, 'a line is missing');
  const call = bytes.toString('utf8', outcomeEnd + 1, callEnd);
  const {
    events,
    ids = [],
    ...rest
  } = parsed<OutcomeLine>(bytes.toString('utf8', endOffset, outcomeEnd), index);
  const { args, op } = parsed<CallLine>(call, index);
  const leaf = leafHashInPlace(sha256, bytes, start, end);
  const { atMs: at, epoch } = line;
  return {
    args,
    events,
    leaf,
    call,
    entry: (whole, list) => ({
      kind: 'committed',
      index,
      at,
      epoch,
      op,
      args: whole,
      ids,
      events: list,
      ...rest,
    }),
  };
};

const parsed = <T>(text: string, index: number): T => {
  try {
    const value: T = JSON.parse(text);
    return value;
  } catch (cause) {
    throw new Fault('log.damaged', { transient: false, detail: `entry ${index}: no JSON`, cause });
  }
};

const isSpilled = ({ args, events }: ReadEntry): boolean => isRef(args) || isRef(events);

const unspilled = ({ args, events, entry, leaf, call }: ReadEntry): StoredEntry => ({
  entry: entry(args, isRef(events) ? [] : events),
  leaf,
  call,
});

/** Reads what an entry names and does not hold. */
const whole = async (read: ReadEntry, blobs: BlobStore): Promise<StoredEntry> => {
  const { args, events, entry, leaf, call } = read;
  if (!isSpilled(read)) return unspilled(read);
  const known = isRef(args) ? await fetchJson<object>(args, blobs) : args;
  const list = isRef(events) ? await fetchJson<readonly DomainEvent[]>(events, blobs) : events;
  return { entry: entry(known, list), leaf, call };
};

const fetchJson = async <T extends object>(ref: SpillRef, blobs: BlobStore): Promise<T> => {
  const bytes = await blobs.get(ref.blob);
  if (bytes === undefined) {
    throw new Fault('blob.not_found', {
      transient: false,
      detail: `${ref.blob}, named by the log`,
    });
  }
  const value: T = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return value;
};

/** No operation takes arguments of exactly this form, and an event list is an array. */
const isRef = (value: object): value is SpillRef =>
  'blob' in value && 'bytes' in value && 'count' in value;

const damaged = (index: number, what: string): Fault =>
  new Fault('log.damaged', { transient: false, detail: `entry ${index}: ${what}` });
