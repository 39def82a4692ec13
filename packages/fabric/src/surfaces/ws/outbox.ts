import type { WebSocket } from 'ws';

/** Text of one message; more is split. Clients parse a message in one go. */
const MESSAGE_CHARS_MAX = 1024 * 1024;
/**
 * Bytes that wait in the socket before streams pause. What they would send stays in their source,
 * which has a bound of its own (the feed's buffer).
 */
const PAUSE_BYTES = 1024 * 1024;
/**
 * Bytes that wait in the socket before the connection is dropped: answers cannot pause, so whoever
 * asks this much and reads nothing is stuck or hostile.
 */
const BUFFERED_BYTES_MAX = 32 * 1024 * 1024;

/** What one connection sends: frames of one turn in one write, and word of when there is room. */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #onOverflow: () => void;
  #queue: string[] = [];
  #queuedChars = 0;
  #overflowed = false;
  #paused: (() => void)[] = [];

  /** `onOverflow` is called once, when the peer has read nothing for far too long. */
  constructor(socket: WebSocket, onOverflow: () => void) {
    this.#socket = socket;
    this.#onOverflow = onOverflow;
    socket.once('close', () => this.#resume());
  }

  /** Queues one encoded frame. */
  push(frame: string): void {
    // The leader answers a batch in one burst of microtasks; a tick runs when they are through.
    if (this.#queue.length === 0) process.nextTick(() => this.flush());
    this.#queue.push(frame);
    this.#queuedChars += frame.length;
    if (this.#queuedChars >= MESSAGE_CHARS_MAX) this.flush();
  }

  /** Sends what is queued now. */
  flush(): void {
    const frames = this.#queue;
    if (frames.length === 0) return;
    this.#queue = [];
    this.#queuedChars = 0;
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN || this.#overflowed) return;
    const [first = ''] = frames;
    socket.send(frames.length === 1 ? first : `[${frames.join(',')}]`, () => this.#sent());
    if (socket.bufferedAmount <= BUFFERED_BYTES_MAX) return;
    this.#overflowed = true;
    this.#onOverflow();
  }

  /** Resolves when a stream may go on; `undefined` when it may at once. */
  room(): Promise<void> | undefined {
    const { readyState, OPEN, bufferedAmount } = this.#socket;
    if (bufferedAmount <= PAUSE_BYTES || readyState !== OPEN) return undefined;
    return new Promise((resolve) => {
      this.#paused.push(resolve);
    });
  }

  #sent(): void {
    if (this.#paused.length > 0 && this.#socket.bufferedAmount <= PAUSE_BYTES / 2) this.#resume();
  }

  #resume(): void {
    const paused = this.#paused;
    this.#paused = [];
    for (const resume of paused) resume();
  }
}
