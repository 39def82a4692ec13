/**
 * A stub of WASI preview 1 (`wasi_snapshot_preview1`, WebAssembly/WASI legacy/preview1/docs.md): enough for what
 * compilers link by themselves. There are no arguments, no environment, no files and no sockets; standard output is the
 * log, or for a command its output. What is not here answers ENOSYS.
 */
import type { Ambient } from './ambient.ts';
import { GuestExit, GuestTrap, OUTPUT_BYTES_MAX, OutputOverflow } from './guest.ts';
import { LOG_BYTES_MAX, LOG_LEVEL } from './host-link.ts';
import type { HostLink } from './host-link.ts';
import type { HostFunction } from './pdk-kernel.ts';

/** Numbers of `errno` in preview 1. */
export const ERRNO = { success: 0, badf: 8, fault: 21, inval: 28, nosys: 52 } as const;

/** What answers for all that is not here. */
export const notImplemented: HostFunction = () => ERRNO.nosys;

/** Vectors of one read or write, as IOV_MAX on Linux. */
const VECTORS_MAX = 1_024;
const NS_PER_MS = 1_000_000n;
/** Characters of a line that has not ended; then it is logged as it is. */
const LINE_CHARS_MAX = 4_096;
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

export interface Wasi {
  /** What does something, by name; every other name of preview 1 is `notImplemented`. */
  readonly functions: Readonly<Record<string, HostFunction>>;
  /** The memory that pointers are into: the instance's, once it stands. */
  bind(memory: WebAssembly.Memory): void;
  begin(input: Uint8Array): void;
  /** What a command wrote to its standard output, and logs lines that did not end. */
  finish(): Uint8Array;
}

/** Collects text until a line ends. */
const lineLog = (link: HostLink, level: number) => {
  const decoder = new TextDecoder();
  let pending = '';
  const flush = (): void => {
    if (pending !== '') link.log(level, pending);
    pending = '';
  };
  return {
    write(bytes: Uint8Array): void {
      // More than the log holds is not even decoded.
      const text = decoder.decode(bytes.subarray(0, LOG_BYTES_MAX), { stream: true });
      const lines = (pending + text).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) link.log(level, line);
      if (pending.length > LINE_CHARS_MAX) flush();
    },
    finish(): void {
      pending += decoder.decode();
      flush();
    },
  };
};

/** `command`: standard input is the run's input, standard output its output. `library`: both are the log's. */
export const createWasi = (link: HostLink, ambient: Ambient, kind: 'command' | 'library'): Wasi => {
  let memory: WebAssembly.Memory | undefined;
  let input = new Uint8Array();
  let inputAt = 0;
  let output: Uint8Array[] = [];
  let outputBytes = 0;
  let streams = { stdout: lineLog(link, LOG_LEVEL.info), stderr: lineLog(link, LOG_LEVEL.warn) };

  /** A view of the guest's memory, or a trap: no module without a memory has pointers. Pointers come as signed i32. */
  const span = (pointer: number, bytes: number): Uint8Array | undefined => {
    if (memory === undefined) throw new GuestTrap('WASI needs an exported memory');
    const at = pointer >>> 0;
    const count = bytes >>> 0;
    if (at + count > memory.buffer.byteLength) return undefined;
    return new Uint8Array(memory.buffer, at, count);
  };
  const storeWord = (pointer: number, value: number): number => {
    const bytes = span(pointer, 4);
    if (bytes === undefined) return ERRNO.fault;
    new DataView(bytes.buffer, bytes.byteOffset, 4).setUint32(0, value, true);
    return ERRNO.success;
  };
  const storeLong = (pointer: number, value: bigint): number => {
    const bytes = span(pointer, 8);
    if (bytes === undefined) return ERRNO.fault;
    new DataView(bytes.buffer, bytes.byteOffset, 8).setBigUint64(0, value, true);
    return ERRNO.success;
  };
  const storePair = (first: number, second: number): number =>
    storeWord(first, 0) === ERRNO.success ? storeWord(second, 0) : ERRNO.fault;

  /** Moves each buffer of a vector; the number of bytes goes to `countAt`. */
  const vector = (
    pointer: number,
    count: number,
    countAt: number,
    move: (bytes: Uint8Array) => number,
  ): number => {
    if (count >>> 0 > VECTORS_MAX) return ERRNO.inval;
    const table = span(pointer, count * 8);
    if (table === undefined) return ERRNO.fault;
    const entries = new DataView(table.buffer, table.byteOffset, table.length);
    let moved = 0;
    for (let entry = 0; entry < count; entry += 1) {
      const bytes = span(
        entries.getUint32(entry * 8, true),
        entries.getUint32(entry * 8 + 4, true),
      );
      if (bytes === undefined) return ERRNO.fault;
      moved += move(bytes);
    }
    return storeWord(countAt, moved);
  };

  const emit = (fd: number, bytes: Uint8Array): number => {
    if (fd === STDERR) streams.stderr.write(bytes);
    else if (kind === 'library') streams.stdout.write(bytes);
    else {
      outputBytes += bytes.length;
      if (outputBytes > OUTPUT_BYTES_MAX) throw new OutputOverflow(outputBytes);
      output.push(bytes.slice());
    }
    return bytes.length;
  };
  const consume = (into: Uint8Array): number => {
    const bytes = input.subarray(inputAt, inputAt + into.length);
    into.set(bytes);
    inputAt += bytes.length;
    return bytes.length;
  };

  const functions: Readonly<Record<string, HostFunction>> = {
    args_get: () => ERRNO.success,
    args_sizes_get: storePair,
    environ_get: () => ERRNO.success,
    environ_sizes_get: storePair,
    clock_res_get: (_clock: number, pointer: number) => storeLong(pointer, NS_PER_MS),
    clock_time_get: (clock: number, _precision: bigint, pointer: number) =>
      storeLong(pointer, BigInt(clock === 0 ? ambient.wallMs() : ambient.steadyMs()) * NS_PER_MS),
    random_get: (pointer: number, count: number) => {
      const bytes = span(pointer, count);
      if (bytes === undefined) return ERRNO.fault;
      ambient.random(bytes);
      return ERRNO.success;
    },
    fd_prestat_get: () => ERRNO.badf,
    fd_prestat_dir_name: () => ERRNO.badf,
    fd_read: (fd: number, vectors: number, count: number, countAt: number) =>
      fd === STDIN ? vector(vectors, count, countAt, consume) : ERRNO.badf,
    fd_write: (fd: number, vectors: number, count: number, countAt: number) =>
      fd === STDOUT || fd === STDERR
        ? vector(vectors, count, countAt, (bytes) => emit(fd, bytes))
        : ERRNO.badf,
    proc_exit: (code: number) => {
      throw new GuestExit(code);
    },
  };

  return {
    functions,
    bind(bound) {
      memory = bound;
    },
    begin(bytes) {
      memory = undefined;
      // A copy: the pipe's buffer takes replies while this run still reads.
      input = kind === 'command' ? bytes.slice() : new Uint8Array();
      inputAt = 0;
      output = [];
      outputBytes = 0;
      streams = { stdout: lineLog(link, LOG_LEVEL.info), stderr: lineLog(link, LOG_LEVEL.warn) };
    },
    finish() {
      streams.stdout.finish();
      streams.stderr.finish();
      return output.length === 1 ? (output[0] ?? new Uint8Array()) : Buffer.concat(output);
    },
  };
};
