/** Rows of an answer, and the answer while it is filled. */
import type { Hash } from '@infrafabric/tlog';

import { Fault } from '../fault.ts';
import type { Position } from '../ports/journal.ts';
import {
  isMatch,
  operationOf,
  severityOf,
  type EntryFilter,
  type Severity,
} from './index-terms.ts';
import type { LogEntry } from './log-entry.ts';

/** Rows where nobody asks for a number. */
const ROWS_DEFAULT = 100;
/** Bytes of one answer: a row can be 64 KiB, and an answer is held in memory and sent whole. */
const ROW_BYTES_MAX = 1_048_576;

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

/** The leaf that the tree has at an index; undefined behind the newest checkpoint. */
type LeafOf = (index: Position) => Promise<Hash | undefined>;

/** One answer while it is filled. */
export class Answer {
  readonly #leafOf: LeafOf;
  readonly #query: WitnessQuery;
  readonly #indexedTo: Position;
  readonly #rows: WitnessRow[] = [];
  readonly #limit: number;
  #bytes = 0;
  #next: number | undefined;

  constructor(leafOf: LeafOf, query: WitnessQuery, indexedTo: Position) {
    this.#leafOf = leafOf;
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
    const known = await this.#leafOf(entry.index);
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
