/** Frames out of the bytes of a runner, which may come in any pieces and mean any harm. */
import { FRAME_HEAD_BYTES, FROM_RUNNER_BYTES_MAX } from '../../frame.ts';

/** First size of the memory for a frame in pieces, bytes; it grows with what has come, never with what was announced. */
const PIECES_BYTES = 64 * 1024;

export interface FrameListener {
  /** The payload is a view that is good until it returns. `isLast` is false where more bytes have come behind it. */
  onFrame(type: number, payload: Uint8Array, isLast: boolean): void;
  /** F1: a length that no frame may have; nothing is read after it. The type is undefined where it has not come yet. */
  onOversize(length: number, type: number | undefined): void;
}

export class FrameReader {
  readonly #listener: FrameListener;
  #pieces = new Uint8Array(0);
  #held = 0;
  #isStopped = false;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** Whether a frame has begun and not ended. */
  get isWithinFrame(): boolean {
    return this.#held > 0;
  }

  /** No frame is given out any more. */
  stop(): void {
    this.#isStopped = true;
    this.#held = 0;
    this.#pieces = new Uint8Array(0);
  }

  feed(bytes: Uint8Array): void {
    if (this.#isStopped) return;
    if (this.#held === 0) {
      // The usual case: whole frames, read where they lie.
      this.#keep(bytes.subarray(this.#readAll(bytes)));
      return;
    }
    this.#keep(bytes);
    const held = this.#pieces.subarray(0, this.#held);
    const read = this.#readAll(held);
    if (this.#isStopped || read === 0) return;
    this.#pieces.copyWithin(0, read, this.#held);
    this.#held -= read;
    // The memory of one large frame is not kept for the small ones that follow.
    if (this.#held === 0 && this.#pieces.length > PIECES_BYTES) this.#pieces = new Uint8Array(0);
  }

  /** Gives out the whole frames at the front; how many bytes they were. */
  #readAll(bytes: Uint8Array): number {
    let at = 0;
    while (!this.#isStopped && bytes.length - at >= 4) {
      const length = lengthAt(bytes, at);
      const type = bytes[at + 4];
      if (length === 0 || length > FROM_RUNNER_BYTES_MAX) {
        this.stop();
        this.#listener.onOversize(length, type);
        break;
      }
      const end = at + FRAME_HEAD_BYTES - 1 + length;
      if (type === undefined || end > bytes.length) break;
      const payload = bytes.subarray(at + FRAME_HEAD_BYTES, end);
      at = end;
      this.#listener.onFrame(type, payload, end === bytes.length);
    }
    return at;
  }

  #keep(rest: Uint8Array): void {
    if (this.#isStopped || rest.length === 0) return;
    const needed = this.#held + rest.length;
    if (needed > this.#pieces.length) {
      const grown = new Uint8Array(Math.max(needed, this.#pieces.length * 2, PIECES_BYTES));
      grown.set(this.#pieces.subarray(0, this.#held));
      this.#pieces = grown;
    }
    this.#pieces.set(rest, this.#held);
    this.#held = needed;
  }
}

const lengthAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)) >>>
  0;
