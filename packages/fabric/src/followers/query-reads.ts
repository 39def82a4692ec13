/**
 * Entries by what they name.
 *
 * R1  A row is shown only after its bytes gave the leaf that the tree has, as far as a checkpoint reaches. Behind it
 *     the frame's checksum vouches for it, for a second.
 * R2  Everything is bounded: rows, their bytes, entries looked at. What is left is named by `next`.
 */
import type { Hash } from '@infrafabric/tlog';

import type { Frame, Position } from '../ports/journal.ts';
import { entriesOf } from './checked-frame.ts';
import { eachFrame, readEntry, type EntryRange, type FoundEntry } from './frame-range.ts';
import type { IndexFollower } from './index-follower.ts';
import { wordsOfFilter } from './index-terms.ts';
import type { LogEntry, ReadBlob } from './log-entry.ts';
import type { FrameReader } from './pump.ts';
import { Answer, type WitnessQuery, type WitnessRows } from './query-rows.ts';

/** Entries looked at for one answer when no word narrows the search: about 50 ms of the worker. */
const SCAN_ENTRIES_MAX = 20_000;
/** Candidates asked of the index at once. */
const CANDIDATES = 256;

export interface QueryReadsOptions {
  readonly reader: FrameReader;
  readonly readBlob: ReadBlob;
  readonly index: IndexFollower;
  /** The leaf that the tree has at an index; undefined behind the newest checkpoint. */
  readonly leafOf: (index: Position) => Promise<Hash | undefined>;
  /** The size that the leader said is durable. */
  readonly durable: () => Position;
}

export class QueryReads {
  readonly #options: QueryReadsOptions;

  constructor(options: QueryReadsOptions) {
    this.#options = options;
  }

  /** Entries that fit the query. Faults: `log.damaged`, `witness.tampered`. */
  async query(query: WitnessQuery): Promise<WitnessRows> {
    const words = wordsOfFilter(query);
    const { durable, index } = this.#options;
    const indexedTo = words.length > 0 ? Math.min(index.position, durable()) : durable();
    const range = await this.#rangeOf(query, indexedTo);
    const answer = new Answer(this.#options.leafOf, query, indexedTo);
    if (words.length > 0) await this.#byWords(words, range, answer);
    else await this.#byScan(range, answer);
    return answer.rows();
  }

  #entryAt(index: Position, near?: Frame): Promise<FoundEntry> {
    const { reader, readBlob, durable } = this.#options;
    return readEntry(reader, readBlob, { index, end: durable(), near });
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

  async #scan(part: EntryRange, newest: boolean, answer: Answer): Promise<'more' | 'full'> {
    const rows: { readonly entry: LogEntry; readonly leaf: Hash }[] = [];
    let state: 'more' | 'full' = 'more';
    await eachFrame(this.#options.reader, part, async (frame) => {
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

interface Range extends EntryRange {
  readonly newest: boolean;
}
