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

export const openChannel = ({ read, write }: Descriptors): Channel => {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const view = new DataView(buffer.buffer);
  const outgoing = new Uint8Array(BUFFER_BYTES);
  const outgoingView = new DataView(outgoing.buffer);
  // What was read and not yet given out: [start, end).
  let start = 0;
  let end = 0;

  const fill = (bytes: number): boolean => {
    if (start + bytes > BUFFER_BYTES) {
      buffer.copyWithin(0, start, end);
      end -= start;
      start = 0;
    }
    while (end - start < bytes) {
      const count = read(buffer, end, BUFFER_BYTES - end);
      if (count === 0) return false;
      end += count;
    }
    return true;
  };

  /** A frame that the buffer cannot hold gets memory of its own, once its length was checked (F1). */
  const receiveLarge = (bytes: number): Frame => {
    const whole = new Uint8Array(bytes);
    whole.set(buffer.subarray(start, end));
    let at = end - start;
    start = 0;
    end = 0;
    while (at < bytes) {
      const count = read(whole, at, bytes - at);
      if (count === 0) throw new Error('the pipe ended within a frame');
      at += count;
    }
    return { type: whole[FRAME_HEAD_BYTES - 1] ?? 0, payload: whole.subarray(FRAME_HEAD_BYTES) };
  };

  const writeAll = (from: Uint8Array, bytes: number): void => {
    for (let at = 0; at < bytes;) at += write(from, at, bytes - at);
  };

  return {
    receive() {
      if (start === end) {
        start = 0;
        end = 0;
      }
      if (!fill(FRAME_HEAD_BYTES)) {
        if (start === end) return undefined;
        throw new Error('the pipe ended within a frame');
      }
      const length = view.getUint32(start, true);
      if (length === 0 || length > TO_RUNNER_BYTES_MAX)
        throw new Error(`a frame of ${length} bytes; the limit is ${TO_RUNNER_BYTES_MAX}`);
      const bytes = length + FRAME_HEAD_BYTES - 1;
      if (bytes > BUFFER_BYTES) return receiveLarge(bytes);
      if (!fill(bytes)) throw new Error('the pipe ended within a frame');
      const frame = {
        type: buffer[start + FRAME_HEAD_BYTES - 1] ?? 0,
        payload: buffer.subarray(start + FRAME_HEAD_BYTES, start + bytes),
      };
      start += bytes;
      return frame;
    },

    send(type, ...parts) {
      let bytes = FRAME_HEAD_BYTES;
      for (const part of parts) bytes += part.length;
      if (bytes > BUFFER_BYTES) {
        const frame = encodeFrame(type, ...parts);
        writeAll(frame, frame.length);
        return;
      }
      outgoingView.setUint32(0, bytes - FRAME_HEAD_BYTES + 1, true);
      outgoing[FRAME_HEAD_BYTES - 1] = type;
      let at = FRAME_HEAD_BYTES;
      for (const part of parts) {
        outgoing.set(part, at);
        at += part.length;
      }
      writeAll(outgoing, bytes);
    },
  };
};
