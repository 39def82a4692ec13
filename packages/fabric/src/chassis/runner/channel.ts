/**
 * The runner's end of the pipe, synchronous: one frame in, one or more out. What the host says is trusted; lengths are
 * checked anyway, because a half frame means that the other side is gone.
 *
 * C1  `receive` gives a view that is good until the next `receive`.
 * C2  `send` returns when the whole frame is with the kernel.
 */
import { readSync, writeSync } from 'node:fs';
import { encodeFrame, FRAME_HEAD_BYTES, TO_RUNNER_BYTES_MAX } from '../frame.ts';
import type { Frame } from '../frame.ts';

export interface Channel {
  /** The next frame; undefined when the host has closed the pipe. Throws where the bytes are no frame. */
  receive(): Frame | undefined;
  send(type: number, ...parts: readonly Uint8Array[]): void;
}

/** The two system calls, which tests replace. */
export interface Descriptors {
  read(into: Uint8Array, offset: number, length: number): number;
  write(from: Uint8Array, offset: number, length: number): number;
}

/** Bytes kept for frames of usual size, in each direction. Larger frames are copied once more. */
const BUFFER_BYTES = 64 * 1024;
/** Wait between two tries of a descriptor that does not block, ms. Pipes of a child block, so this is the way out. */
const RETRY_MS = 0.05;

const TORN = 'the pipe ended within a frame';

const codeOf = (thrown: unknown): unknown =>
  thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;

/** Calls until the system did it: signals interrupt (EINTR), and a socket may be non-blocking (EAGAIN). */
const persist = (call: () => number): number => {
  for (;;) {
    try {
      return call();
    } catch (thrown) {
      const code = codeOf(thrown);
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      else if (code === 'EOF') return 0;
      else if (code !== 'EINTR') throw thrown;
    }
  }
};

/** The process's own: frames come in at 0 and go out at 1. */
export const standardDescriptors: Descriptors = {
  read: (into, offset, length) => persist(() => readSync(0, into, offset, length, null)),
  write: (from, offset, length) => persist(() => writeSync(1, from, offset, length)),
};

export class PipeChannel implements Channel {
  readonly #descriptors: Descriptors;
  readonly #incoming = new Uint8Array(BUFFER_BYTES);
  readonly #incomingView = new DataView(this.#incoming.buffer);
  readonly #outgoing = new Uint8Array(BUFFER_BYTES);
  readonly #outgoingView = new DataView(this.#outgoing.buffer);
  /** What was read and not yet given out: [start, end). */
  #start = 0;
  #end = 0;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  receive(): Frame | undefined {
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    }
    if (!this.#fill(FRAME_HEAD_BYTES)) {
      if (this.#start === this.#end) return undefined;
      throw new Error(TORN);
    }
    const length = this.#incomingView.getUint32(this.#start, true);
    if (length === 0 || length > TO_RUNNER_BYTES_MAX)
      throw new Error(`a frame of ${length} bytes; the limit is ${TO_RUNNER_BYTES_MAX}`);
    const bytes = length + FRAME_HEAD_BYTES - 1;
    if (bytes > BUFFER_BYTES) return this.#receiveLarge(bytes);
    if (!this.#fill(bytes)) throw new Error(TORN);
    const at = this.#start;
    this.#start += bytes;
    return {
      type: this.#incoming[at + FRAME_HEAD_BYTES - 1] ?? 0,
      payload: this.#incoming.subarray(at + FRAME_HEAD_BYTES, at + bytes),
    };
  }

  send(type: number, ...parts: readonly Uint8Array[]): void {
    let bytes = FRAME_HEAD_BYTES;
    for (const part of parts) bytes += part.length;
    if (bytes > BUFFER_BYTES) {
      this.#write(encodeFrame(type, ...parts), bytes);
      return;
    }
    this.#outgoingView.setUint32(0, bytes - FRAME_HEAD_BYTES + 1, true);
    this.#outgoing[FRAME_HEAD_BYTES - 1] = type;
    let at = FRAME_HEAD_BYTES;
    for (const part of parts) {
      this.#outgoing.set(part, at);
      at += part.length;
    }
    this.#write(this.#outgoing, bytes);
  }

  /** Reads until so many bytes are there; false where the pipe ended before. */
  #fill(bytes: number): boolean {
    if (this.#start + bytes > BUFFER_BYTES) {
      this.#incoming.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    while (this.#end - this.#start < bytes) {
      const count = this.#descriptors.read(this.#incoming, this.#end, BUFFER_BYTES - this.#end);
      if (count === 0) return false;
      this.#end += count;
    }
    return true;
  }

  /** A frame that the buffer cannot hold gets memory of its own, once its length was checked (F1). */
  #receiveLarge(bytes: number): Frame {
    const whole = new Uint8Array(bytes);
    whole.set(this.#incoming.subarray(this.#start, this.#end));
    let at = this.#end - this.#start;
    this.#start = 0;
    this.#end = 0;
    while (at < bytes) {
      const count = this.#descriptors.read(whole, at, bytes - at);
      if (count === 0) throw new Error(TORN);
      at += count;
    }
    return { type: whole[FRAME_HEAD_BYTES - 1] ?? 0, payload: whole.subarray(FRAME_HEAD_BYTES) };
  }

  #write(from: Uint8Array, bytes: number): void {
    for (let at = 0; at < bytes;) at += this.#descriptors.write(from, at, bytes - at);
  }
}
