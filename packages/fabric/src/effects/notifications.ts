/**
 * Tells people of escalations: follows the log and hands each escalation to each notifier, at least once across crashes
 * (N1 of the port) and once otherwise. It reads what is durable and writes nothing to the log, so whatever a receiver does
 * keeps nobody waiting.
 */
import {
  parseCursor,
  type FeedCursor,
  type FeedFilter,
  type FeedItem,
} from '@infrafabric/protocol';

import { systemClock, type Clock } from '../engine/clock.ts';
import { systemRandom, type Log, type Random } from '../engine/ports.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { CursorStore } from './cursors.ts';
import { Lane, type LaneFigures } from './lane.ts';
import type { Progress } from './outbox.ts';
import { STOP_MS_MAX } from './retry.ts';

/** What is needed of a fabric; a `LeadingFabric` fits. */
export interface NotifyingFabric {
  readonly realm: string;
  readonly origin: string;
  feed(filter: FeedFilter, signal: AbortSignal): AsyncIterable<FeedItem>;
  figures(): { readonly size: number };
}

export interface NotificationsOptions {
  readonly fabric: NotifyingFabric;
  /** Of different names. */
  readonly notifiers: readonly Notifier[];
  readonly cursors: CursorStore;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Stops them, as `stop` does. */
  readonly signal?: AbortSignal;
}

export interface Notifications {
  figures(): readonly LaneFigures[];
  /** Ends deliveries under way and resolves within STOP_MS_MAX. What was not delivered is delivered after the next start. */
  stop(): Promise<void>;
}

/**
 * Starts a lane for each notifier; resolves when all know where they begin. A notifier that was never started before begins
 * with the next escalation, and that is durable: a crash before its first delivery loses nothing. Rejects with the
 * system's error where its cursor can be neither read nor written.
 */
export const startNotifications = async ({
  fabric,
  notifiers,
  cursors,
  log,
  clock = systemClock,
  random = systemRandom(),
  signal,
}: NotificationsOptions): Promise<Notifications> => {
  const stopping = new AbortController();
  const end = fabric.figures().size - 1;
  const lanes: Lane[] = [];
  for (const notifier of notifiers) {
    const start = await startOf(notifier.name, { end, cursors, log });
    const feed: NotifyingFabric['feed'] = (filter, stop) => fabric.feed(filter, stop);
    lanes.push(
      new Lane({ notifier, sender: fabric, feed, end, start, cursors, clock, random, log }),
    );
  }
  const runs = Promise.all(lanes.map((lane) => lane.run(stopping.signal)));
  const stop = async (): Promise<void> => {
    stopping.abort();
    const isDone = await inTime(runs, clock);
    if (!isDone) log.warn({ event: 'notice.stop_overdue', limitMs: STOP_MS_MAX });
  };
  const stopByItself = (): void => {
    stopping.abort();
  };
  signal?.addEventListener('abort', stopByItself, { once: true });
  if (signal?.aborted === true) stopByItself();
  return { figures: () => lanes.map((lane) => lane.figures()), stop };
};

interface Known {
  readonly end: number;
  readonly cursors: CursorStore;
  readonly log: Log;
}

const startOf = async (name: string, { end, cursors, log }: Known): Promise<Progress> => {
  const saved = await cursors.load(name);
  if (typeof saved === 'object' && !isBeyond(saved.cursor, end)) return saved;
  // A cursor beyond the log belongs to a log that was put back to an older state, or to another one.
  if (saved !== undefined) {
    const why = saved === 'damaged' ? 'cursor_damaged' : 'cursor_beyond_log';
    log.error({ event: `notice.${why}`, notifier: name, startsAfter: end });
  }
  const start: Progress = { cursor: String(Math.max(end, 0)), settled: {} };
  await cursors.save(name, start);
  return start;
};

/** An end of −1 is not known: then the cursor is taken at its word. */
const isBeyond = (cursor: FeedCursor, end: number): boolean =>
  end >= 0 && parseCursor(cursor).index > end;

const inTime = async (runs: Promise<unknown>, clock: Clock): Promise<boolean> => {
  const late = Promise.withResolvers<boolean>();
  const cancel = clock.setTimer(clock.monotonic() + STOP_MS_MAX, () => {
    late.resolve(false);
  });
  try {
    return await Promise.race([runs.then(() => true), late.promise]);
  } finally {
    cancel();
  }
};
