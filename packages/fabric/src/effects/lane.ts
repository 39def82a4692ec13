/**
 * One notifier's way along the log: a reader that fills its outbox from the feed, and a sender that empties it.
 *
 * A lane is *catching up* until it has read as far as the log reached when it started. Until then it sends nothing (unless
 * the outbox is full): what is raised and acknowledged in the part that it missed need not be sent. Then it is *live*:
 * it waits for the feed and for the next attempt that is due, and holds no timer where there is none.
 */
import { parseCursor, type FeedCursor, type FeedItem } from '@infrafabric/protocol';

import type { Clock } from '../engine/clock.ts';
import { LaggingReader } from '../engine/feed.ts';
import type { Log, Random } from '../engine/ports.ts';
import { Fault } from '../fault.ts';
import type { Notifier } from '../ports/notifier.ts';
import { Bell } from './bell.ts';
import type { CursorStore } from './cursors.ts';
import { acknowledgedId, ACKNOWLEDGED, noticeOf, RAISED, type Sender } from './notice-of-item.ts';
import { Outbox, type Progress, type Waiting } from './outbox.ts';
import { ATTEMPTS_MAX, backOffMs, DELIVERY_MS_MAX } from './retry.ts';

export interface LaneOptions {
  readonly notifier: Notifier;
  readonly sender: Sender;
  readonly feed: (
    filter: { readonly after: FeedCursor; readonly types?: string[] },
    signal: AbortSignal,
  ) => AsyncIterable<FeedItem>;
  /** Index of the last entry when the lane starts; −1 where the log is empty or not known. */
  readonly end: number;
  readonly start: Progress;
  readonly cursors: CursorStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What became of the notices of one notifier since it was started. */
export interface LaneFigures {
  readonly name: string;
  readonly waiting: number;
  readonly delivered: number;
  /** Given up: each is an error in the log. */
  readonly failed: number;
  /** Acknowledged before they were delivered. */
  readonly dropped: number;
}

/**
 * Besides the two that matter, one that the witness writes each 200,000 entries: it moves the cursor on where nothing
 * is raised for a long time, so that a restart reads little again.
 */
const LIVE_TYPES = [RAISED, ACKNOWLEDGED, 'realm.state_hashed'];

/**
 * Items of a missed part that are read in one turn of the event loop, about a millisecond's work: the leader decides in the
 * same thread. Fewer: catching up takes longer. More: callers wait for it.
 */
const ITEMS_PER_TURN = 256;

export class Lane {
  readonly #options: LaneOptions;
  readonly #outbox: Outbox;
  /** The sender waits for this one, the reader for the other. */
  readonly #work: Bell;
  readonly #room: Bell;
  #isLive = false;
  #saved: string;
  #delivered = 0;
  #failed = 0;
  #dropped = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.start);
    this.#saved = JSON.stringify(options.start);
    this.#work = new Bell(options.clock);
    this.#room = new Bell(options.clock);
  }

  figures(): LaneFigures {
    return {
      name: this.#options.notifier.name,
      waiting: this.#outbox.size,
      delivered: this.#delivered,
      failed: this.#failed,
      dropped: this.#dropped,
    };
  }

  /** Runs until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#read(signal), this.#send(signal)]);
  }

  /** Reads on after every failure of the feed, from where it stood; ends with the feed, which ends with the fabric. */
  async #read(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const from = this.#outbox.seen;
      try {
        await this.#catchUp(signal);
        await this.#follow(signal);
        return;
      } catch (cause) {
        if (signal.aborted) return;
        failures = this.#outbox.seen === from ? failures + 1 : 1;
        // A reader that fell behind is not at fault, and the feed has it stand where it was.
        const waitMs =
          cause instanceof LaggingReader ? 0 : backOffMs(failures, this.#options.random);
        this.#warn('notice.feed_failed', { retryMs: waitMs, cause });
        if (waitMs > 0) await this.#room.wait(signal, this.#options.clock.monotonic() + waitMs);
      }
    }
  }

  /** Everything up to the end, unfiltered: the last entry may be of any type, and it is what ends this. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { end, feed } = this.#options;
    if (!this.#isLive && parseCursor(this.#outbox.seen).index < end) {
      let items = 0;
      for await (const item of feed({ after: this.#outbox.seen }, signal)) {
        await this.#take(item, signal);
        if (item.index >= end) break;
        items += 1;
        if (items % ITEMS_PER_TURN === 0) await this.#endOfTurn();
      }
    }
    if (signal.aborted) return;
    this.#isLive = true;
    this.#work.ring();
  }

  #endOfTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.endOfTurn(resolve);
    });
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const filter = { after: this.#outbox.seen, types: LIVE_TYPES };
    for await (const item of this.#options.feed(filter, signal)) {
      await this.#take(item, signal);
      this.#work.ring();
    }
  }

  async #take(item: FeedItem, signal: AbortSignal): Promise<void> {
    const { clock, log, notifier, sender } = this.#options;
    while (this.#outbox.isFull && !signal.aborted) {
      this.#work.ring();
      await this.#room.wait(signal);
    }
    // Not taken: the cursor stays in front of it.
    if (signal.aborted) return;
    if (item.type === RAISED) {
      const notice = noticeOf(item, sender);
      if (notice !== undefined) this.#outbox.add(notice, item.cursor, clock.monotonic());
      else log.error({ event: 'notice.unreadable', notifier: notifier.name, index: item.index });
    } else if (item.type === ACKNOWLEDGED) {
      const id = acknowledgedId(item);
      if (id !== undefined && this.#outbox.settle(id)) {
        this.#dropped += 1;
        log.info({ event: 'notice.dropped', notifier: notifier.name, escalationId: id });
      }
    }
    this.#outbox.see(item.cursor);
  }

  /** One attempt at a time; sleeps until there is something to do. */
  async #send(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#save();
      if (signal.aborted) return;
      const isOpen = this.#isLive || this.#outbox.isFull;
      const next = isOpen ? this.#outbox.next() : undefined;
      if (next === undefined) await this.#work.wait(signal);
      else if (next.dueAt > clock.monotonic()) await this.#work.wait(signal, next.dueAt);
      else await this.#attempt(next, signal);
    }
  }

  async #attempt(waiting: Waiting, signal: AbortSignal): Promise<void> {
    const { clock, log, notifier } = this.#options;
    const { id } = waiting.notice;
    const startedAt = clock.monotonic();
    waiting.attempts += 1;
    const failure = await this.#deliver(waiting, signal);
    if (failure !== undefined && signal.aborted) return;
    const facts = { notifier: notifier.name, escalationId: id, attempts: waiting.attempts };
    if (failure === undefined) {
      this.#delivered += 1;
      const tookMs = Math.round(clock.monotonic() - startedAt);
      log.info({ event: 'notice.delivered', ...facts, tookMs });
    } else if (!this.#outbox.has(id)) {
      // Acknowledged meanwhile: nobody needs it any more.
    } else if (isFinal(failure.cause) || waiting.attempts >= ATTEMPTS_MAX) {
      this.#failed += 1;
      log.error({ event: 'notice.failed', ...facts, ...detailOf(failure.cause) });
    } else {
      const retryMs = backOffMs(waiting.attempts, this.#options.random);
      waiting.dueAt = clock.monotonic() + retryMs;
      log.warn({ event: 'notice.retried', ...facts, retryMs, ...detailOf(failure.cause) });
      return;
    }
    this.#outbox.settle(id);
    this.#room.ring();
  }

  /** Undefined: delivered. An adapter that neither settles nor listens to its signal is left behind after DELIVERY_MS_MAX. */
  async #deliver(
    { notice }: Waiting,
    signal: AbortSignal,
  ): Promise<{ readonly cause: unknown } | undefined> {
    const { clock, notifier } = this.#options;
    const limit = new AbortController();
    const cancel = clock.setTimer(clock.monotonic() + DELIVERY_MS_MAX, () => {
      limit.abort(new Fault('fabric.overloaded', OVERDUE));
    });
    const either = AbortSignal.any([signal, limit.signal]);
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => {
      aborted.reject(either.reason);
    };
    either.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([notifier.deliver(notice, either), aborted.promise]);
      return undefined;
    } catch (cause) {
      return { cause };
    } finally {
      cancel();
      either.removeEventListener('abort', onAbort);
    }
  }

  /** A cursor that cannot be saved costs a repeated notice after a crash, no more: it is saved with the next one. */
  async #save(): Promise<void> {
    const { cursors, notifier } = this.#options;
    const progress = this.#outbox.progress();
    const text = JSON.stringify(progress);
    if (text === this.#saved) return;
    try {
      await cursors.save(notifier.name, progress);
      this.#saved = text;
    } catch (cause) {
      this.#warn('notice.cursor_unsaved', { cause });
    }
  }

  #warn(event: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.log.warn({ event, notifier: this.#options.notifier.name, ...fields });
  }
}

const OVERDUE = { transient: true, detail: `no end within ${DELIVERY_MS_MAX} ms` } as const;

/** What is no Fault is a mistake of an adapter; the notice must not pay for it. */
const isFinal = (cause: unknown): boolean => cause instanceof Fault && !cause.transient;

const detailOf = (cause: unknown): { readonly detail: string } => ({
  detail: cause instanceof Fault ? cause.detail : String(cause),
});
