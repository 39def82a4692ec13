/**
 * What one notifier still has to deliver, and how far it may say that it has come.
 *
 * O1  The progress that is saved never passes a notice that is not settled: delivered, given up or acknowledged.
 * O2  A notice behind that point which is settled already is named in the progress, so that a restart does not send it
 *     again (as far as the window reaches).
 */
import { parseCursor, type FeedCursor } from '@infrafabric/protocol';

import type { Notice } from '../ports/notifier.ts';

/** Every event up to `cursor` is dealt with, and so are the escalations in `settled` (id → cursor), which lie behind it. */
export interface Progress {
  readonly cursor: FeedCursor;
  readonly settled: Readonly<Record<string, FeedCursor>>;
}

export interface Waiting {
  readonly notice: Notice;
  readonly cursor: FeedCursor;
  /** Where the log was read up to before this notice. */
  readonly before: FeedCursor;
  attempts: number;
  /** Monotonic ms. */
  dueAt: number;
}

/**
 * Notices that wait at once. Each is a few kB at most. More than that and no person reads them: reading the log stops
 * until there is room, and nothing is lost, because it stays in the log.
 */
export const WAITING_MAX = 1_024;
/** Ids of settled escalations that are remembered: what comes again out of a reread log is dropped by them. */
export const SETTLED_MAX = 1_024;

export class Outbox {
  /** In the order of the log. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #settled: Map<string, Place>;
  #seen: FeedCursor;

  constructor({ cursor, settled }: Progress) {
    this.#seen = cursor;
    this.#settled = new Map(Object.entries(settled).map(([id, each]) => [id, placeOf(each)]));
  }

  get size(): number {
    return this.#waiting.size;
  }

  get isFull(): boolean {
    return this.#waiting.size >= WAITING_MAX;
  }

  /** The log was read up to here. */
  get seen(): FeedCursor {
    return this.#seen;
  }

  see(cursor: FeedCursor): void {
    this.#seen = cursor;
  }

  /** False: it waits or is settled already. */
  add(notice: Notice, cursor: FeedCursor, dueAt: number): boolean {
    const isKnown = this.#waiting.has(notice.id) || this.#settled.has(notice.id);
    if (!isKnown) {
      const waiting = { notice, cursor, before: this.#seen, attempts: 0, dueAt };
      this.#waiting.set(notice.id, waiting);
    }
    this.#seen = cursor;
    return !isKnown;
  }

  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** The one that is due first; of several, the oldest. */
  next(): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting.values()) {
      if (first === undefined || waiting.dueAt < first.dueAt) first = waiting;
    }
    return first;
  }

  /** Nothing more is to be done for it. False: it did not wait. */
  settle(id: string): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#waiting.delete(id);
    this.#settled.set(id, placeOf(waiting.cursor));
    for (const oldest of this.#settled.keys()) {
      if (this.#settled.size <= SETTLED_MAX) break;
      this.#settled.delete(oldest);
    }
    return true;
  }

  progress(): Progress {
    const [oldest] = this.#waiting.values();
    // What was settled before a restart lies behind what has been read again by now, also where nothing waits yet.
    const cursor = oldest?.before ?? this.#seen;
    const from = placeOf(cursor);
    const behind = [...this.#settled].filter(([, place]) => isAfter(place, from));
    return {
      cursor,
      settled: Object.fromEntries(behind.map(([id, place]) => [id, place.cursor])),
    };
  }
}

/** A cursor and what it means, parsed once: it is compared at each delivery. */
interface Place {
  readonly cursor: FeedCursor;
  readonly index: number;
  readonly n: number;
}

const placeOf = (cursor: FeedCursor): Place => ({ cursor, ...parseCursor(cursor) });

const isAfter = (one: Place, other: Place): boolean =>
  one.index === other.index ? one.n > other.n : one.index > other.index;
