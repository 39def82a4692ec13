/**
 * The host's ends of the two pipes of a runner. Neither ever blocks: a runner that does not read, or that is stopped,
 * fills its pipe and nothing else.
 */
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { FifoPair } from './fifos.ts';

/** Bytes taken from a pipe at once: what a pipe of Linux holds (pipe(7)). */
const READ_BYTES = 64 * 1024;

export interface Pipes {
  /** What a spawn takes: descriptors, blocking, as a runner's loop wants them; or Node's own way to make them. */
  readonly childIn: number | 'pipe';
  readonly childOut: number | 'pipe';
  /** After the spawn: who speaks through them. */
  attach(child: ChildProcess): void;
  /** After the spawn: as long as the host holds them, it never sees the end. */
  closeChildEnds(): void;
  /** Hands the bytes over at once where the pipe has room, else as it empties. They stay the callee's until then. */
  send(bytes: Uint8Array): void;
  /** Takes what has arrived without waiting for the event loop; whether there was something. */
  poll(): boolean;
  close(): void;
}

export interface PipeListener {
  /** A view that is good until it returns. */
  onBytes(bytes: Uint8Array): void;
}

/** Opens both ends of both directions and removes the names. */
export const openPipes = (pair: FifoPair, listener: PipeListener): Pipes => {
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;
  const opened: number[] = [];
  const open = (path: string, how: number): number => {
    const descriptor = openSync(path, how);
    opened.push(descriptor);
    return descriptor;
  };
  try {
    // An end that does not block opens alone; with it there, the other end opens at once, blocking or not.
    const firstReader = open(pair.toRunner, O_RDONLY | O_NONBLOCK);
    const writer = open(pair.toRunner, O_WRONLY | O_NONBLOCK);
    const childIn = open(pair.toRunner, O_RDONLY);
    const reader = open(pair.fromRunner, O_RDONLY | O_NONBLOCK);
    const childOut = open(pair.fromRunner, O_WRONLY);
    unlinkSync(pair.toRunner);
    unlinkSync(pair.fromRunner);
    const pipes = new HostPipes({ childIn, childOut, reader, writer, listener });
    closeSync(firstReader);
    return pipes;
  } catch (cause) {
    // Where descriptors run out, the few that were had are what everybody else waits for.
    for (const descriptor of opened) closeSync(descriptor);
    throw cause;
  }
};

interface Ends {
  readonly childIn: number;
  readonly childOut: number;
  readonly reader: number;
  readonly writer: number;
  readonly listener: PipeListener;
}

class HostPipes implements Pipes {
  readonly childIn: number;
  readonly childOut: number;
  readonly #reader: number;
  readonly #writer: number;
  readonly #listener: PipeListener;
  readonly #polled = new Uint8Array(READ_BYTES);
  readonly #incoming: Socket;
  /** Made when a frame does not fit into the pipe at once. */
  #outgoing: Socket | undefined;
  #hasChildEnds = true;
  #isClosed = false;

  constructor({ childIn, childOut, reader, writer, listener }: Ends) {
    this.childIn = childIn;
    this.childOut = childOut;
    this.#reader = reader;
    this.#writer = writer;
    this.#listener = listener;
    this.#incoming = new Socket({
      fd: reader,
      readable: true,
      writable: false,
      onread: {
        buffer: new Uint8Array(READ_BYTES),
        callback: (count, buffer) => {
          this.#give(buffer.subarray(0, count));
          return true;
        },
      },
    });
    // A pipe that breaks says no more than the exit which follows it.
    this.#incoming.on('error', () => undefined);
  }

  attach(): void {
    // Both ends are open since before the spawn.
  }

  closeChildEnds(): void {
    if (!this.#hasChildEnds) return;
    this.#hasChildEnds = false;
    closeSync(this.childIn);
    closeSync(this.childOut);
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    // What waits in the stream goes first.
    const written = (this.#outgoing?.writableLength ?? 0) === 0 ? this.#writeNow(bytes) : 0;
    if (written < bytes.length) this.#stream().write(bytes.subarray(written));
  }

  poll(): boolean {
    if (this.#isClosed) return false;
    let count = 0;
    try {
      count = readSync(this.#reader, this.#polled, 0, READ_BYTES, null);
    } catch {
      // Nothing there yet (EAGAIN). Anything else the event loop will meet, too, and say.
      return false;
    }
    if (count > 0) this.#give(this.#polled.subarray(0, count));
    return count > 0;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.closeChildEnds();
    this.#incoming.destroy();
    if (this.#outgoing === undefined) closeSync(this.#writer);
    else this.#outgoing.destroy();
  }

  #give(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#listener.onBytes(bytes);
  }

  #writeNow(bytes: Uint8Array): number {
    try {
      return writeSync(this.#writer, bytes);
    } catch {
      // Full (EAGAIN): the stream waits for room. Closed (EPIPE): the exit says so.
      return 0;
    }
  }

  #stream(): Socket {
    if (this.#outgoing === undefined) {
      this.#outgoing = new Socket({ fd: this.#writer, readable: false, writable: true });
      this.#outgoing.on('error', () => undefined);
    }
    return this.#outgoing;
  }
}

/** Node's own pipes, where the system has no named ones: a third slower, and never polled. */
export const openStreams = (listener: PipeListener): Pipes => {
  const onBytes = (bytes: Uint8Array): void => listener.onBytes(bytes);
  let child: ChildProcess | undefined;
  return {
    childIn: 'pipe',
    childOut: 'pipe',
    attach(spawned) {
      child = spawned;
      child.stdout?.on('data', onBytes);
      // A pipe that breaks says no more than the exit which follows it.
      for (const stream of [child.stdin, child.stdout]) stream?.on('error', () => undefined);
    },
    closeChildEnds: () => undefined,
    send(bytes) {
      child?.stdin?.write(bytes);
    },
    poll: () => false,
    close() {
      child?.stdout?.off('data', onBytes);
      child?.stdin?.destroy();
      child?.stdout?.destroy();
    },
  };
};
