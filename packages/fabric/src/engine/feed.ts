/**
 * The feed: every event once, in order, from any cursor. A reader reads the journal until it stands at the durable
 * end and in the same turn joins the live ones, so nothing falls between (race-free).
 */
import type { FeedFilter, FeedItem } from '@infrafabric/protocol';
import { parseCursor } from '@infrafabric/protocol';

import { Fault } from '../fault.ts';
import { trusted } from '../rooms/room.ts';
import type { Journal } from '../ports/journal.ts';
import type { Committed } from './call.ts';
import { frameEntries } from './entry-reader.ts';
import { FEED_BUFFER_ITEMS_MAX, FEED_READERS_MAX, READ_LIMIT } from './limits.ts';
import type { BlobStore } from './ports.ts';

/** The reader fell behind and was dropped; it resumes from `cursor`. */
export class LaggingReader extends Fault {
  readonly cursor: string;

  constructor(cursor: string) {
    super('feed.lagging', { transient: true, detail: `resume from ${cursor}` });
    this.cursor = cursor;
  }
}

interface Cursor {
  readonly index: number;
  readonly n: number;
}

interface Live {
  readonly keep: (item: FeedItem) => boolean;
  queue: FeedItem[];
  /** `resync`: read the journal again; `lagging`: nothing more is queued. */
  state: 'live' | 'resync' | 'lagging';
  wake: () => void;
}

export class FeedHub {
  readonly #journal: Journal;
  readonly #blobs: BlobStore;
  readonly #live = new Set<Live>();
  #readers = 0;
  #position = 0;
  #closed = false;

  constructor(journal: Journal, blobs: BlobStore) {
    this.#journal = journal;
    this.#blobs = blobs;
  }

  get readers(): number {
    return this.#readers;
  }

  /** The entries became durable; the log now has `position` of them. */
  publish(entries: readonly Committed[], position: number): void {
    this.#position = position;
    if (this.#live.size === 0) return;
    for (const entry of entries) {
      for (const item of itemsOf(entry)) for (const reader of this.#live) push(reader, item);
    }
    for (const reader of this.#live) if (reader.queue.length > 0) reader.wake();
  }

  /** A new term: entries may have become durable that nobody published. */
  resync(position: number): void {
    this.#position = position;
    for (const reader of this.#live) {
      if (reader.state === 'live') reader.state = 'resync';
      reader.wake();
    }
  }

  close(): void {
    this.#closed = true;
    for (const reader of this.#live) reader.wake();
  }

  /** See `Fabric.feed`. */
  async *read(filter: FeedFilter, signal: AbortSignal): AsyncGenerator<FeedItem, void, undefined> {
    if (this.#readers >= FEED_READERS_MAX) {
      throw new Fault('fabric.overloaded', {
        transient: true,
        detail: `${FEED_READERS_MAX} feed readers`,
      });
    }
    this.#readers += 1;
    try {
      const wanted = wants(filter);
      let cursor: Cursor =
        filter.after === undefined
          ? { index: this.#position - 1, n: LAST }
          : parseCursor(filter.after);
      for (;;) {
        for await (const item of this.#stored(cursor, signal)) {
          cursor = parseCursor(item.cursor);
          if (wanted(item)) yield item;
          if (signal.aborted) return;
        }
        const position = this.#position - 1;
        if (cursor.index < position) cursor = { index: position, n: LAST };
        const ended = yield* this.#joined(cursor, wanted, signal);
        if (ended === undefined) return;
        cursor = ended;
      }
    } finally {
      this.#readers -= 1;
    }
  }

  /** Items behind the cursor, up to the durable end at the time of the last read. */
  async *#stored(after: Cursor, signal: AbortSignal): AsyncGenerator<FeedItem, void, undefined> {
    // An entry of which only some events were seen is read again.
    let position = after.n === LAST ? after.index + 1 : after.index;
    while (position < this.#position && !signal.aborted && !this.#closed) {
      const frames = await this.#journal.read(position, READ_LIMIT);
      if (frames.length === 0) return;
      for (const frame of frames) {
        const stored = await frameEntries(frame, position, this.#blobs);
        for (const item of stored.flatMap(({ entry }) => itemsOf(entry))) {
          if (isAfter(item, after)) yield item;
        }
        position = frame.first + frame.count;
      }
    }
  }

  /** Live from here on. Answers the cursor from which to read the journal again; undefined: the end. */
  async *#joined(
    from: Cursor,
    wanted: (item: FeedItem) => boolean,
    signal: AbortSignal,
  ): AsyncGenerator<FeedItem, Cursor | undefined, undefined> {
    let last: FeedItem | undefined;
    const cursor = (): Cursor => (last === undefined ? from : parseCursor(last.cursor));
    const reader: Live = {
      keep: (item) => isAfter(item, from) && wanted(item),
      queue: [],
      state: 'live',
      wake: () => undefined,
    };
    // No await between the last look at the journal and this line: what is published next is queued here.
    this.#live.add(reader);
    const onAbort = (): void => {
      reader.wake();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        const items = reader.queue;
        reader.queue = [];
        for (const item of items) {
          if (signal.aborted) return undefined;
          yield item;
          last = item;
        }
        if (signal.aborted || this.#closed) return undefined;
        if (reader.queue.length > 0) continue;
        if (reader.state === 'lagging') {
          const { index, n } = cursor();
          throw new LaggingReader(`${index}.${Math.min(n, CURSOR_N_MAX)}`);
        }
        if (reader.state === 'resync') return cursor();
        await new Promise<void>((resolve) => {
          reader.wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#live.delete(reader);
    }
  }
}

/** `parseCursor` of a cursor without an event: all of the entry's. */
const LAST = Number.MAX_SAFE_INTEGER;
/** What a cursor's second number may hold. */
const CURSOR_N_MAX = 999_999;

const push = (reader: Live, item: FeedItem): void => {
  if (reader.state !== 'live' || !reader.keep(item)) return;
  if (reader.queue.length >= FEED_BUFFER_ITEMS_MAX) reader.state = 'lagging';
  else reader.queue.push(item);
};

/** Parses the cursor only within an entry: this runs once for every reader of every item. */
const isAfter = ({ index, cursor }: FeedItem, after: Cursor): boolean =>
  index === after.index ? parseCursor(cursor).n > after.n : index > after.index;

/** The events of an entry as items; made once and shared by all readers. */
const itemsOf = (entry: Committed): FeedItem[] =>
  entry.events.map((event, n) => {
    const { type, ...fields } = event;
    return trusted<FeedItem>({
      cursor: `${entry.index}.${n}`,
      index: entry.index,
      at: entry.at,
      type,
      principal: entry.principal,
      ...(entry.session === undefined ? {} : { session: entry.session }),
      ...(entry.trace === undefined ? {} : { trace: entry.trace }),
      event: fields,
    });
  });

const wants = ({ types, planId, taskId, sessionId }: FeedFilter): ((item: FeedItem) => boolean) => {
  const kinds = types === undefined ? undefined : new Set(types);
  return ({ type, event, session }) => {
    if (kinds !== undefined && !kinds.has(type)) return false;
    const ofTask = event['taskId'];
    if (taskId !== undefined && ofTask !== taskId) return false;
    if (planId !== undefined && event['planId'] !== planId) {
      if (typeof ofTask !== 'string' || !ofTask.startsWith(`${planId}/`)) return false;
    }
    return sessionId === undefined || session === sessionId || event['sessionId'] === sessionId;
  };
};
