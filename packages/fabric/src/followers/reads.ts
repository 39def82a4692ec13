/**
 * What the surfaces read of the witness: entries by what they name, proofs, checkpoints, tiles.
 *
 * R1  A row is shown only after its bytes gave the leaf that the tree has, as far as a checkpoint reaches. Behind it
 *     the frame's checksum vouches for it, for a second.
 * R2  Everything is bounded: rows, their bytes, entries looked at. What is left is named by `next`.
 */
import { Buffer } from 'node:buffer';
import {
  HASH_BYTES,
  TILE_WIDTH,
  formatProofFile,
  inclusionProof,
  nodesOfTiles,
  parseTilePath,
  tilePath,
  tilesForInclusion,
  verifyInclusion,
  type Hash,
  type TileId,
} from '@infrafabric/tlog';
import { reject, type Rejection } from '@infrafabric/protocol';

import { Fault } from '../fault.ts';
import type { Frame, FrameLimit, Position } from '../ports/journal.ts';
import type { CheckedFrame } from './checked-frame.ts';
import { checkFrame, entriesOf, entryAt } from './checked-frame.ts';
import type { Checkpointer, PublishedCheckpoint } from './checkpointer.ts';
import type { IndexFollower } from './index-follower.ts';
import {
  isMatch,
  operationOf,
  severityOf,
  wordsOfFilter,
  type EntryFilter,
  type Severity,
} from './index-terms.ts';
import type { LogEntry, ReadBlob } from './log-entry.ts';
import { nodeSha256 } from './node-crypto.ts';
import type { FrameReader } from './pump.ts';
import type { TileStore } from './tile-store.ts';

/** Rows where nobody asks for a number. */
const ROWS_DEFAULT = 100;
/** Entry bytes of one answer: a row can be 64 KiB, and an answer is held in memory and sent whole. */
const ROW_BYTES_MAX = 1_048_576;
/** Entries looked at for one answer when no word narrows the search: about 50 ms of the worker. */
const SCAN_ENTRIES_MAX = 20_000;
/** Candidates asked of the index at once. */
const CANDIDATES = 256;

const ONE_FRAME: FrameLimit = { bytes: 1, frames: 1 };

export interface WitnessQuery extends EntryFilter {
  /** Ms since 1970, inclusive both. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Indices, inclusive both. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly newest?: boolean | undefined;
  readonly limit?: number | undefined;
}

export interface WitnessRow {
  readonly index: number;
  readonly at: number;
  readonly epoch: number;
  readonly operation: string;
  readonly principal: string;
  readonly session?: string;
  readonly trace?: string;
  readonly severity: Severity;
  /** Base64, as in the tree. */
  readonly leaf: Hash;
  readonly events: readonly unknown[];
  readonly args: unknown;
}

export interface WitnessRows {
  readonly entries: readonly WitnessRow[];
  /** Where the same query goes on: as `from`, or as `to` when the newest came first. */
  readonly next?: number;
  /** Entries that the answer took account of. */
  readonly indexedTo: number;
}

export interface WitnessProof {
  readonly index: number;
  readonly leaf: Hash;
  readonly size: number;
  /** C2SP tlog-proof text. */
  readonly proof: string;
}

export interface ReadsOptions {
  readonly reader: FrameReader;
  readonly readBlob: ReadBlob;
  readonly tiles: TileStore;
  readonly index: IndexFollower;
  readonly checkpointer: Checkpointer;
  /** The size that the leader said is durable. */
  readonly durable: () => Position;
  /** Tiles turned out wrong: they are made again. */
  readonly onWrongTiles: () => void;
}

export class Reads {
  readonly #options: ReadsOptions;
  /** The tile of leaves that was read last: rows come in order. */
  #leaves:
    | { readonly tile: number; readonly width: number; readonly bytes: Uint8Array }
    | undefined;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** Entries that fit the query. Faults: `log.damaged`, `witness.tampered`. */
  async query(query: WitnessQuery): Promise<WitnessRows> {
    const words = wordsOfFilter(query);
    const { durable, index } = this.#options;
    const indexedTo = words.length > 0 ? Math.min(index.position, durable()) : durable();
    const range = await this.#rangeOf(query, indexedTo);
    const answer = new Answer(this, query, indexedTo);
    if (words.length > 0) await this.#byWords(words, range, answer);
    else await this.#byScan(range, answer);
    return answer.rows();
  }

  /** An inclusion proof of the entry under the newest checkpoint; signs one where none covers it yet. */
  async proof(index: number): Promise<WitnessProof | Rejection> {
    const { checkpointer, durable } = this.#options;
    if (index >= durable()) {
      return reject('witness.no_such_entry', `The log has ${durable()} entries.`, { size: durable() });
    }
    if ((checkpointer.last?.size ?? 0) <= index) await checkpointer.covering(index + 1);
    // Two rounds: a publication under way may take away the open tiles of the checkpoint before it.
    for (let round = 0; round < 2; round += 1) {
      const { last } = checkpointer;
      if (last === undefined || last.size <= index) break;
      const proof = await this.#proofUnder(last, index);
      if (proof === 'wrong tiles') break;
      if (proof !== undefined) return proof;
    }
    return {
      ...reject('witness.unanchored', 'No checkpoint covers the entry yet.'),
      retryAfterMs: 1_000,
    };
  }

  /** The newest signed checkpoint. */
  checkpoint(): PublishedCheckpoint | Rejection {
    const { last } = this.#options.checkpointer;
    return last ?? reject('witness.unanchored', 'Nothing was signed yet.');
  }

  /** The bytes under `tile/…`; undefined where the newest checkpoint does not cover all of them. */
  async tile(path: string): Promise<Uint8Array | undefined> {
    const parsed = parseTilePath(path);
    const size = this.#options.checkpointer.last?.size ?? 0;
    if (parsed === undefined) return undefined;
    if (parsed.kind === 'bundle') {
      const first = parsed.index * TILE_WIDTH;
      const end = first + parsed.width;
      return end > size ? undefined : this.#bundle({ first, end });
    }
    const { level, index, width } = parsed.tile;
    const hashes = Math.floor(size / TILE_WIDTH ** level);
    if (index * TILE_WIDTH + width > hashes) return undefined;
    return this.#options.tiles.readPrefix(parsed.tile, size);
  }

  /** The leaf that the tree has at `index`; undefined behind the newest checkpoint. */
  async leafOf(index: number): Promise<Hash | undefined> {
    const size = this.#options.checkpointer.last?.size ?? 0;
    if (index >= size) return undefined;
    const tile = Math.floor(index / TILE_WIDTH);
    const width = Math.min(size - tile * TILE_WIDTH, TILE_WIDTH);
    const known = this.#leaves;
    const bytes =
      known?.tile === tile && known.width === width
        ? known.bytes
        : await this.#options.tiles.readPrefix({ level: 0, index: tile, width }, size);
    this.#leaves = bytes && { tile, width, bytes };
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    return bytes === undefined
      ? undefined
      : Buffer.from(bytes.subarray(at, at + HASH_BYTES)).toString('base64');
  }

  async #proofUnder(
    last: PublishedCheckpoint,
    index: number,
  ): Promise<WitnessProof | 'wrong tiles' | undefined> {
    const { tiles, onWrongTiles } = this.#options;
    const { size, root, note } = last;
    const byPath = new Map<string, Uint8Array>();
    const needed: readonly TileId[] = tilesForInclusion({ index, size });
    for (const tile of needed) {
      const bytes = await tiles.readPrefix(tile, this.#options.checkpointer.last?.size ?? size);
      if (bytes === undefined) return undefined;
      byPath.set(tilePath(tile), bytes);
    }
    const readNode = nodesOfTiles(nodeSha256, size, (tile) => byPath.get(tilePath(tile)));
    const hashes = inclusionProof(nodeSha256, { index, size }, readNode);
    const leaf = await this.leafOf(index);
    if (leaf === undefined) return undefined;
    if (!verifyInclusion(nodeSha256, { leaf, index, size, root, proof: hashes })) {
      this.#leaves = undefined;
      onWrongTiles();
      return 'wrong tiles';
    }
    return { index, leaf, size, proof: formatProofFile({ index, hashes, checkpoint: note }) };
  }

  async #bundle({ first, end }: { readonly first: number; readonly end: number }): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    await this.eachFrame({ from: first, to: end }, (frame) => {
      const from = Math.max(first - frame.first, 0);
      const last = Math.min(end - frame.first, frame.count) - 1;
      // A frame's body is bundle encoding already: lengths and entries, cut between entries.
      const start = (frame.bounds[2 * from] ?? 0) - 2;
      parts.push(frame.bytes.subarray(start, frame.bounds[2 * last + 1]));
      return 'more';
    });
    return Buffer.concat(parts);
  }

  /** Frames that hold entries of [from, to), checked against each other, until `on` says stop. */
  async eachFrame(
    range: { readonly from: Position; readonly to: Position },
    on: (frame: CheckedFrame) => 'more' | 'stop' | Promise<'more' | 'stop'>,
  ): Promise<void> {
    let at = range.from;
    let known: CheckedFrame | undefined;
    while (at < range.to) {
      const frames = await this.#options.reader.read(at, { bytes: 131_072, frames: 64 }, range.to);
      if (frames.length === 0) throw new Fault('log.damaged', { transient: false, detail: `nothing at entry ${at}` });
      for (const frame of frames) {
        const { first: size, previousLeaf: leaf } = frame;
        known = checkFrame(frame, known?.after ?? { size, leaf, epoch: 0, atMs: 0 });
        at = known.after.size;
        if ((await on(known)) === 'stop') return;
      }
    }
  }

  /** The entry and its leaf; `near` is a frame that may hold it. */
  async #entryAt(index: Position, near?: Frame): Promise<Found> {
    const { reader, readBlob, durable } = this.#options;
    const [frame] =
      near !== undefined && index >= near.first && index < near.first + near.count
        ? [near]
        : await reader.read(index, ONE_FRAME, durable());
    const found = frame === undefined ? undefined : await entryAt(frame, index, readBlob);
    if (frame === undefined || found === undefined) {
      throw new Fault('log.damaged', { transient: false, detail: `no entry ${index}` });
    }
    return { ...found, frame };
  }

  async #byWords(words: readonly string[], range: Range, answer: Answer): Promise<void> {
    let { from, to } = range;
    let near: Frame | undefined;
    while (from < to) {
      const search = { words, from, to, newest: range.newest };
      const indices = this.#options.index.search(search, CANDIDATES);
      for (const index of indices) {
        const { entry, leaf, frame } = await this.#entryAt(index, near);
        near = frame;
        if ((await answer.offer(entry, leaf)) === 'full') return;
      }
      const last = indices.at(-1);
      if (last === undefined || indices.length < CANDIDATES) return;
      if (range.newest) to = last;
      else from = last + 1;
    }
  }

  /** Without words every entry is a candidate; backwards it goes by windows. */
  async #byScan(range: Range, answer: Answer): Promise<void> {
    const window = range.newest ? CANDIDATES : SCAN_ENTRIES_MAX;
    let { from, to } = range;
    for (let seen = 0; from < to; seen += window) {
      if (seen >= SCAN_ENTRIES_MAX) {
        answer.goOnAt(range.newest ? to - 1 : from);
        return;
      }
      const part = range.newest
        ? { from: Math.max(from, to - window), to }
        : { from, to: Math.min(to, from + window) };
      if ((await this.#scan(part, range.newest, answer)) === 'full') return;
      if (range.newest) ({ from: to } = part);
      else ({ to: from } = part);
    }
  }

  async #scan(
    part: { readonly from: Position; readonly to: Position },
    newest: boolean,
    answer: Answer,
  ): Promise<'more' | 'full'> {
    const rows: { readonly entry: LogEntry; readonly leaf: Hash }[] = [];
    let state: 'more' | 'full' = 'more';
    await this.eachFrame(part, async (frame) => {
      const entries = await entriesOf(frame, part.from, this.#options.readBlob);
      for (const entry of entries) {
        const leaf = frame.leaves[entry.index - frame.first];
        if (entry.index >= part.to || leaf === undefined) break;
        if (newest) rows.push({ entry, leaf });
        else if ((await answer.offer(entry, leaf)) === 'full') state = 'full';
        if (state === 'full') return 'stop';
      }
      return 'more';
    });
    for (const { entry, leaf } of rows.toReversed()) {
      if ((await answer.offer(entry, leaf)) === 'full') return 'full';
    }
    return state;
  }

  async #rangeOf(query: WitnessQuery, end: Position): Promise<Range> {
    let from = query.from ?? 0;
    let to = Math.min((query.to ?? end - 1) + 1, end);
    if (query.since !== undefined) from = Math.max(from, await this.#firstAt(query.since, end));
    if (query.until !== undefined) to = Math.min(to, await this.#firstAt(query.until + 1, end));
    return { from, to, newest: query.newest === true };
  }

  /** The first entry at or after `atMs`: times never fall, so bisection finds it in some 20 reads of a million. */
  async #firstAt(atMs: number, end: Position): Promise<Position> {
    let low = 0;
    let high = end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const { entry } = await this.#entryAt(middle);
      if (entry.at < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

interface Found {
  readonly entry: LogEntry;
  readonly leaf: Hash;
  readonly frame: Frame;
}

interface Range {
  readonly from: Position;
  readonly to: Position;
  readonly newest: boolean;
}

/** One answer while it is filled. */
class Answer {
  readonly #reads: Reads;
  readonly #query: WitnessQuery;
  readonly #indexedTo: Position;
  readonly #rows: WitnessRow[] = [];
  readonly #limit: number;
  #bytes = 0;
  #next: number | undefined;

  constructor(reads: Reads, query: WitnessQuery, indexedTo: Position) {
    this.#reads = reads;
    this.#query = query;
    this.#indexedTo = indexedTo;
    this.#limit = query.limit ?? ROWS_DEFAULT;
  }

  async offer(entry: LogEntry, leaf: Hash): Promise<'more' | 'full'> {
    if (!isMatch(entry, this.#query)) return 'more';
    const row = rowOf(entry, leaf);
    const bytes = JSON.stringify(row).length;
    const full =
      this.#rows.length >= this.#limit ||
      (this.#rows.length > 0 && this.#bytes + bytes > ROW_BYTES_MAX);
    if (full) {
      this.#next = entry.index;
      return 'full';
    }
    const known = await this.#reads.leafOf(entry.index);
    if (known !== undefined && known !== leaf) {
      const detail = `entry ${entry.index} has the leaf ${leaf}, the tree ${known}`;
      throw new Fault('witness.tampered', { transient: false, detail });
    }
    this.#rows.push(row);
    this.#bytes += bytes;
    return 'more';
  }

  goOnAt(next: number): void {
    this.#next = next;
  }

  rows(): WitnessRows {
    const more = this.#next === undefined ? {} : { next: this.#next };
    return { entries: this.#rows, ...more, indexedTo: this.#indexedTo };
  }
}

function rowOf(entry: LogEntry, leaf: Hash): WitnessRow {
  const { index, at, epoch, principal, session, trace, events, args } = entry;
  return {
    index,
    at,
    epoch,
    operation: operationOf(entry),
    principal,
    ...(session === undefined ? {} : { session }),
    ...(trace === undefined ? {} : { trace }),
    severity: severityOf(entry),
    leaf,
    events,
    args,
  };
}
