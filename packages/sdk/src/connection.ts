import type { FeedItem } from '@infrafabric/protocol';
import { backoffMs, reasonOf } from './backoff.ts';
import { FabricError, UnreachableError } from './errors.ts';
import { answerOf, parseFrames } from './frame.ts';
import type { ServerFrame } from './frame.ts';
import { Queue } from './queue.ts';
import { openSocket, SOCKET_OPEN } from './web-socket.ts';
import type { Socket } from './web-socket.ts';
import type {
  Answer,
  CallRequest,
  FeedRequest,
  FeedWish,
  TokenSource,
  Transport,
  WaitListener,
  WaitRequest,
} from './transport.ts';

// One WebSocket for everything: calls, feeds, waits. It is opened again whenever it ends, until
// `close`.
//
// down        nothing is open; a timer runs towards the next attempt. Requests gather.
// connecting  a socket is being opened.
// greeting    it is open and the credential is on its way; nothing else is sent before it is
//             accepted.
// up          requests go out. What was unanswered when the last socket ended goes out again with
//             its own key, and
//             each feed again from the cursor of the last item that its reader was given room for.

/** Items that a reader may be behind before the stream pauses at the fabric. */
const FEED_ITEMS_MAX = 8_192;
/** Frames of one message; the fabric refuses more than 1,024. */
const FRAMES_MAX = 512;
/** An attempt to connect that takes longer has failed. */
const CONNECT_MS_MAX = 10_000;

interface PendingCall {
  readonly request: CallRequest;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: Error) => void;
  sentAt: number;
}

interface OpenFeed {
  /** A new one after each pause. */
  id: number;
  filter: FeedWish;
  readonly token: TokenSource | undefined;
  readonly queue: Queue<FeedItem>;
  /**
   * The reader is behind: the stream was cancelled and starts again at the cursor when the queue
   * is empty.
   */
  paused: boolean;
}

interface OpenWait {
  readonly request: WaitRequest;
  readonly listener: WaitListener;
}

export interface ConnectionOptions {
  /** `ws://…/v1/connect`. */
  readonly url: string;
  readonly token: TokenSource;
  /** How long requests wait for a wire that is down before they are told, ms. */
  readonly unreachableMs: number;
  /** Told of each socket that opens (`up`) and ends, with the reason. */
  readonly onState?: ((state: 'up' | 'down', detail: string) => void) | undefined;
}

export class Connection implements Transport {
  readonly #options: ConnectionOptions;
  readonly #calls = new Map<number, PendingCall>();
  readonly #feeds = new Map<number, OpenFeed>();
  readonly #waits = new Map<number, OpenWait>();
  #socket: Socket | undefined;
  #phase: 'down' | 'connecting' | 'greeting' | 'up' | 'closed' = 'down';
  #attempt = 0;
  #downSince = performance.now();
  #nextId = 1;
  #greetingId = 0;
  #outgoing: string[] = [];
  #reconnect: ReturnType<typeof setTimeout> | undefined;
  #giveUp: ReturnType<typeof setTimeout> | undefined;
  #roundTripMs = 0;
  #refused: FabricError | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#open();
  }

  readonly roundTripMs = (): number => this.#roundTripMs;

  call(request: CallRequest): Promise<Answer> {
    const { signal } = request;
    if (signal?.aborted === true) return Promise.reject(reasonOf(signal));
    const dead = this.#deadReason(request.key);
    if (dead !== undefined) return Promise.reject(dead);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#calls.set(id, { request, resolve, reject, sentAt: 0 });
      if (this.#phase === 'up') this.#sendCall(id);
      else this.#watchUnreachable();
      signal?.addEventListener(
        'abort',
        () => {
          if (!this.#calls.delete(id)) return;
          this.#send({ id, cancel: true });
          reject(reasonOf(signal));
        },
        { once: true },
      );
    });
  }

  feed({ filter, token, signal }: FeedRequest): AsyncIterable<FeedItem> {
    const stop = (): void => {
      if (this.#feeds.delete(feed.id)) this.#send({ id: feed.id, cancel: true });
    };
    const queue = new Queue<FeedItem>({
      itemsMax: FEED_ITEMS_MAX,
      onEmpty: () => this.#resumeFeed(feed),
      onReturn: stop,
    });
    const feed: OpenFeed = { id: this.#nextId++, filter, token, queue, paused: false };
    const dead = this.#deadReason();
    if (dead !== undefined || signal?.aborted === true) {
      queue.end(dead);
      return queue;
    }
    this.#feeds.set(feed.id, feed);
    if (this.#phase === 'up') this.#sendFeed(feed);
    else this.#watchUnreachable();
    const abort = (): void => {
      stop();
      queue.end();
    };
    signal?.addEventListener('abort', abort, { once: true });
    return queue;
  }

  wait(request: WaitRequest, listener: WaitListener): () => void {
    const id = this.#nextId++;
    this.#waits.set(id, { request, listener });
    if (this.#phase === 'up') this.#sendWait(id);
    return () => {
      if (this.#waits.delete(id)) this.#send({ id, cancel: true });
    };
  }

  close(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    clearTimeout(this.#reconnect);
    clearTimeout(this.#giveUp);
    this.#flush();
    this.#socket?.close(1000, 'done');
    this.#failAll(new UnreachableError('The client was closed.'));
  }

  #deadReason(key?: string): Error | undefined {
    if (this.#refused !== undefined) return this.#refused;
    if (this.#phase !== 'closed') return undefined;
    return new UnreachableError('The client was closed.', { key });
  }

  #open(): void {
    this.#phase = 'connecting';
    const failed = setTimeout(() => this.#lost(undefined, 'timeout'), CONNECT_MS_MAX);
    openSocket(this.#options.url).then(
      (socket) => {
        if (this.#phase !== 'connecting') {
          clearTimeout(failed);
          socket.close();
          return;
        }
        this.#socket = socket;
        socket.addEventListener('open', () => this.#greet());
        socket.addEventListener('message', ({ data }) => {
          clearTimeout(failed);
          this.#receive(socket, data);
        });
        // `close` follows and says more.
        socket.addEventListener('error', () => undefined);
        socket.addEventListener('close', ({ code, reason }) => {
          clearTimeout(failed);
          this.#lost(socket, `${code} ${reason}`.trim());
        });
      },
      (cause: unknown) => {
        clearTimeout(failed);
        this.#lost(undefined, String(cause));
      },
    );
  }

  #greet(): void {
    this.#phase = 'greeting';
    this.#greetingId = this.#nextId++;
    this.#socket?.send(JSON.stringify({ id: this.#greetingId, auth: this.#options.token() }));
  }

  /** Everything that is not answered goes out again, in the order in which it was asked. */
  #welcome(): void {
    this.#phase = 'up';
    this.#attempt = 0;
    clearTimeout(this.#giveUp);
    this.#giveUp = undefined;
    this.#options.onState?.('up', this.#options.url);
    for (const id of this.#calls.keys()) this.#sendCall(id);
    for (const id of this.#waits.keys()) this.#sendWait(id);
    for (const feed of this.#feeds.values()) if (!feed.paused) this.#sendFeed(feed);
  }

  #lost(socket: Socket | undefined, detail: string): void {
    // A socket that was given up may close long after another one took its place.
    if (this.#phase === 'closed' || (socket !== undefined && socket !== this.#socket)) return;
    if (this.#phase !== 'down') this.#options.onState?.('down', detail);
    if (this.#phase === 'up') this.#downSince = performance.now();
    this.#socket?.close();
    this.#socket = undefined;
    this.#outgoing = [];
    this.#phase = 'down';
    clearTimeout(this.#reconnect);
    this.#reconnect = setTimeout(() => this.#open(), backoffMs(this.#attempt));
    this.#attempt += 1;
    if (this.#calls.size + this.#feeds.size > 0) this.#watchUnreachable();
  }

  /** Runs only while somebody waits for a wire that is down. */
  #watchUnreachable(): void {
    if (this.#giveUp !== undefined) return;
    const leftMs = this.#options.unreachableMs - (performance.now() - this.#downSince);
    this.#giveUp = setTimeout(
      () => {
        this.#giveUp = undefined;
        const seconds = Math.round((performance.now() - this.#downSince) / 1_000);
        this.#failAll(
          new UnreachableError(`${this.#options.url} did not answer for ${seconds} s.`),
        );
      },
      Math.max(leftMs, 0),
    );
  }

  #failAll(failure: Error): void {
    for (const { reject, request } of this.#calls.values()) {
      const { key } = request;
      reject(
        failure instanceof UnreachableError
          ? new UnreachableError(failure.message, { key })
          : failure,
      );
    }
    for (const { queue } of this.#feeds.values())
      queue.end(this.#phase === 'closed' ? undefined : failure);
    this.#calls.clear();
    this.#feeds.clear();
    if (this.#phase === 'closed') this.#waits.clear();
  }

  #receive(socket: Socket, data: unknown): void {
    if (socket !== this.#socket || typeof data !== 'string') return;
    for (const frame of parseFrames(data)) this.#take(frame);
  }

  #take(frame: ServerFrame): void {
    const { id } = frame;
    if (typeof id !== 'number') return;
    if (id === this.#greetingId) {
      this.#greeted(frame);
      return;
    }
    const call = this.#calls.get(id);
    if (call !== undefined) {
      this.#calls.delete(id);
      this.#roundTripMs = performance.now() - call.sentAt;
      call.resolve(answerOf(frame));
      return;
    }
    const feed = this.#feeds.get(id);
    if (feed !== undefined) this.#takeFeed(feed, frame);
    const wait = this.#waits.get(id);
    if (wait !== undefined) this.#takeWait(id, wait, frame);
  }

  #takeWait(id: number, { listener }: OpenWait, { grants, problem, end }: ServerFrame): void {
    if (grants !== undefined) listener.onGrants(grants);
    const refusal = problem ?? end?.problem;
    // While the fabric stops, the connection ends too, and the wish is sent again with the next
    // one.
    if (refusal === undefined || refusal.remedy === 'retry-later') return;
    this.#waits.delete(id);
    listener.onEnd(new FabricError(refusal));
  }

  #greeted(frame: ServerFrame): void {
    this.#greetingId = 0;
    if (frame.problem === undefined) {
      this.#welcome();
      return;
    }
    // The fabric is not ready to say who this is; it closes the socket, and the next one asks again.
    if (frame.problem.remedy === 'retry-later') return;
    // A credential that is refused stays refused: trying again would only look like guessing.
    this.#refused = new FabricError(frame.problem);
    const refused = this.#refused;
    this.#failAll(refused);
    this.close();
  }

  #takeFeed(feed: OpenFeed, { item, end, problem }: ServerFrame): void {
    // What is still on its way of a stream that was cancelled comes again from the cursor.
    if (feed.paused) return;
    if (item !== undefined) {
      feed.filter = { ...feed.filter, after: item.cursor };
      if (feed.queue.push(item)) return;
      feed.paused = true;
      this.#send({ id: feed.id, cancel: true });
      return;
    }
    const refusal = problem ?? end?.problem;
    if (refusal === undefined) return;
    if (refusal.remedy === 'retry-later') {
      const socket = this.#socket;
      const again = (): void => {
        // A new connection has started it again already.
        if (socket === this.#socket && this.#feeds.has(feed.id)) this.#sendFeed(feed);
      };
      setTimeout(again, backoffMs(2, refusal.retryAfterMs ?? 0));
      return;
    }
    this.#feeds.delete(feed.id);
    feed.queue.end(new FabricError(refusal));
  }

  #resumeFeed(feed: OpenFeed): void {
    if (!feed.paused || !this.#feeds.delete(feed.id)) return;
    // Under a new id: items of the cancelled stream that are still on their way must not be taken
    // twice.
    feed.id = this.#nextId++;
    feed.paused = false;
    this.#feeds.set(feed.id, feed);
    this.#sendFeed(feed);
  }

  #sendCall(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    const { op, input, key, token, trace } = call.request;
    call.sentAt = performance.now();
    this.#send({ id, op, input, key, trace, token: token?.() });
  }

  #sendFeed({ id, filter, token }: OpenFeed): void {
    this.#send({ id, feed: filter, token: token?.() });
  }

  #sendWait(id: number): void {
    const wait = this.#waits.get(id);
    if (wait === undefined) return;
    const { token, ...request } = wait.request;
    this.#send({ id, wait: request, token: token?.() });
  }

  /** Frames of one turn leave as one message. */
  #send(frame: Readonly<Record<string, unknown>>): void {
    if (this.#phase !== 'up') return;
    if (this.#outgoing.length === 0) queueMicrotask(() => this.#flush());
    this.#outgoing.push(JSON.stringify(frame));
    if (this.#outgoing.length >= FRAMES_MAX) this.#flush();
  }

  #flush(): void {
    const frames = this.#outgoing;
    if (frames.length === 0 || this.#socket?.readyState !== SOCKET_OPEN) return;
    this.#outgoing = [];
    const [first = ''] = frames;
    this.#socket.send(frames.length === 1 ? first : `[${frames.join(',')}]`);
  }
}
