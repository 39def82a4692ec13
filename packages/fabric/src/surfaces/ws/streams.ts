import { problemOf, reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import type { Principal } from '../../engine/fabric.ts';
import type { Known } from '../http/credential.ts';
import { encodeItem } from '../http/encode-item.ts';
import type { Parts } from '../http/parts.ts';
import { rejectionOf } from '../http/problem.ts';
import type { ClientFrame, FrameId, ServerFrame } from './frame.ts';
import type { Outbox } from './outbox.ts';

/** Open feeds and waits of one connection: one each for the sessions that one process can hold. */
const STREAMS_MAX = 2_048;
const OVERLOADED_RETRY_MS = 50;

interface Stream {
  readonly cancel: () => void;
  /** Where the reader of a feed stands. */
  cursor: string | undefined;
}

interface Bearer {
  /** Asked again as the stream goes on: a credential may end before the stream does. */
  readonly credential: () => Known;
  readonly principal: Principal;
}

/** The feeds and waits of one connection. A stream ends with one `end` frame, by whatever it ends. */
export class Streams {
  readonly #parts: Parts;
  readonly #outbox: Outbox;
  readonly #send: (frame: ServerFrame) => void;
  readonly #streams = new Map<FrameId, Stream>();

  constructor(parts: Parts, outbox: Outbox, send: (frame: ServerFrame) => void) {
    this.#parts = parts;
    this.#outbox = outbox;
    this.#send = send;
  }

  /** Starts a stream, or says why not. */
  open(frame: ClientFrame & { kind: 'feed' | 'wait' }, bearer: Bearer): Rejection | undefined {
    if (this.#streams.has(frame.id)) {
      return reject('request.invalid', 'A stream of this connection has this id.');
    }
    if (this.#streams.size >= STREAMS_MAX) {
      return overloaded(`A connection may have ${STREAMS_MAX} streams.`);
    }
    if (frame.kind === 'wait') return this.#wait(frame, bearer);
    void this.#feed(frame, bearer.credential);
    return undefined;
  }

  end(id: FrameId, rejection?: Rejection): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    stream.cancel();
    const { cursor } = stream;
    this.#send({
      id,
      end: {
        ...(cursor === undefined ? {} : { cursor }),
        ...(rejection === undefined ? {} : { problem: problemOf(rejection) }),
      },
    });
  }

  endAll(rejection?: Rejection): void {
    for (const id of this.#streams.keys()) this.end(id, rejection);
  }

  /** Of the feeds, the one that is furthest behind: everything after it may be missing. */
  oldestCursor(): string | undefined {
    let oldest: string | undefined;
    for (const { cursor } of this.#streams.values()) {
      if (cursor === undefined) continue;
      if (oldest === undefined || Number.parseInt(cursor, 10) < Number.parseInt(oldest, 10)) {
        oldest = cursor;
      }
    }
    return oldest;
  }

  #wait(
    frame: ClientFrame & { kind: 'wait' },
    { principal, credential }: Bearer,
  ): Rejection | undefined {
    const { sessionId, ...waitFor } = frame.wait;
    if (principal.cred !== 'operator' && principal.session !== sessionId) {
      return reject('auth.forbidden', 'A session waits for itself only.');
    }
    const { id } = frame;
    const ticket: { cancel?: () => void } = {};
    // In the map first: the fabric may push or refuse before it returns.
    this.#streams.set(id, { cursor: undefined, cancel: () => ticket.cancel?.() });
    ticket.cancel = this.#parts.fabric.wait(
      sessionId,
      waitFor,
      (grants) => {
        // What was leased meanwhile ends in its time: its token is not told to somebody who may not have it any more.
        const known = credential();
        if (known.kind === 'reject') this.end(id, known);
        else this.#send({ id, grants });
      },
      (why) => this.end(id, why),
    );
    return undefined;
  }

  async #feed(
    { id, filter }: ClientFrame & { kind: 'feed' },
    credential: () => Known,
  ): Promise<void> {
    const { fabric, metrics, log } = this.#parts;
    const cancelled = new AbortController();
    const stream: Stream = { cursor: filter.after, cancel: () => cancelled.abort() };
    this.#streams.set(id, stream);
    metrics.readersOpened('ws');
    let rejection: Rejection | undefined;
    try {
      for await (const item of fabric.feed(filter, cancelled.signal)) {
        const known = credential();
        if (known.kind === 'reject') {
          rejection = known;
          break;
        }
        // Cancelled, and perhaps opened again under its id: nothing of the old one may follow.
        if (cancelled.signal.aborted) break;
        this.#outbox.push(`{"id":${JSON.stringify(id)},"item":${encodeItem(item)}}`);
        stream.cursor = item.cursor;
        const room = this.#outbox.room();
        if (room !== undefined) await room;
      }
    } catch (cause) {
      rejection = rejectionOf(cause);
      log.warn({ event: 'ws.feed_ended', code: rejection.code, cursor: stream.cursor, cause });
    }
    metrics.readersClosed('ws', rejection?.code === 'feed.lagging' ? 'lagging' : 'ended');
    if (this.#streams.get(id) === stream) this.end(id, rejection);
  }
}

/** The refusal of what goes beyond a connection's share. */
export function overloaded(detail: string): Rejection {
  return { ...reject('fabric.overloaded', detail), retryAfterMs: OVERLOADED_RETRY_MS };
}
