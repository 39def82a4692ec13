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
const VECTOR_BYTES = 8;
const CLOCK_REALTIME = 0;
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

const NOTHING = new Uint8Array();

/** Collects text until a line ends. */
class LineLog {
  readonly #link: HostLink;
  readonly #level: number;
  readonly #decoder = new TextDecoder();
  #pending = '';

  constructor(link: HostLink, level: number) {
    this.#link = link;
    this.#level = level;
  }

  write(bytes: Uint8Array): void {
    // More than the log holds is not even decoded.
    const text = this.#decoder.decode(bytes.subarray(0, LOG_BYTES_MAX), { stream: true });
    const lines = (this.#pending + text).split('\n');
    this.#pending = lines.pop() ?? '';
    for (const line of lines) this.#link.log(this.#level, line);
    if (this.#pending.length > LINE_CHARS_MAX) this.#flush();
  }

  finish(): void {
    this.#pending += this.#decoder.decode();
    this.#flush();
  }

  #flush(): void {
    if (this.#pending !== '') this.#link.log(this.#level, this.#pending);
    this.#pending = '';
  }
}

/** Memory that the module exports, as WASI's pointers mean it. They come as signed i32. */
class PointedMemory {
  #memory: WebAssembly.Memory | undefined;

  bind(memory: WebAssembly.Memory | undefined): void {
    this.#memory = memory;
  }

  /** A view that is good until the memory grows; undefined where it would end outside. */
  span(pointer: number, bytes: number): Uint8Array | undefined {
    if (this.#memory === undefined) throw new GuestTrap('WASI needs an exported memory');
    const { buffer } = this.#memory;
    const at = pointer >>> 0;
    const count = bytes >>> 0;
    return at + count > buffer.byteLength ? undefined : new Uint8Array(buffer, at, count);
  }

  storeWord(pointer: number, value: number): number {
    const bytes = this.span(pointer, 4);
    if (bytes === undefined) return ERRNO.fault;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, value, true);
    return ERRNO.success;
  }

  storeLong(pointer: number, value: bigint): number {
    const bytes = this.span(pointer, 8);
    if (bytes === undefined) return ERRNO.fault;
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, value, true);
    return ERRNO.success;
  }

  /** Moves each buffer of a vector of `iovec`; the number of bytes that moved goes to `countAt`. */
  moveVector({ pointer, count, countAt }: Vector, move: (bytes: Uint8Array) => number): number {
    if (count >>> 0 > VECTORS_MAX) return ERRNO.inval;
    const table = this.span(pointer, count * VECTOR_BYTES);
    if (table === undefined) return ERRNO.fault;
    const entries = new DataView(table.buffer, table.byteOffset, table.length);
    let moved = 0;
    for (let at = 0; at < table.length; at += VECTOR_BYTES) {
      const bytes = this.span(entries.getUint32(at, true), entries.getUint32(at + 4, true));
      if (bytes === undefined) return ERRNO.fault;
      moved += move(bytes);
    }
    return this.storeWord(countAt, moved);
  }
}

interface Vector {
  readonly pointer: number;
  readonly count: number;
  readonly countAt: number;
}

/** `command`: standard input is the run's input, standard output its output. `library`: it reads nothing, and writes to the log. */
export class Wasi {
  readonly #link: HostLink;
  readonly #ambient: Ambient;
  readonly #kind: 'command' | 'library';
  readonly #memory = new PointedMemory();
  #input: Uint8Array = NOTHING;
  #inputAt = 0;
  #output: Uint8Array = NOTHING;
  #outputBytes = 0;
  #stdout: LineLog;
  #stderr: LineLog;

  constructor(link: HostLink, ambient: Ambient, kind: 'command' | 'library') {
    this.#link = link;
    this.#ambient = ambient;
    this.#kind = kind;
    this.#stdout = new LineLog(link, LOG_LEVEL.info);
    this.#stderr = new LineLog(link, LOG_LEVEL.warn);
  }

  /** The memory that pointers are into: the instance's, once it stands. */
  bind(memory: WebAssembly.Memory | undefined): void {
    this.#memory.bind(memory);
  }

  begin(input: Uint8Array): void {
    this.#memory.bind(undefined);
    // A copy: the pipe's buffer takes replies while this run still reads.
    this.#input = this.#kind === 'command' ? input.slice() : NOTHING;
    this.#inputAt = 0;
    this.#output = NOTHING;
    this.#outputBytes = 0;
    this.#stdout = new LineLog(this.#link, LOG_LEVEL.info);
    this.#stderr = new LineLog(this.#link, LOG_LEVEL.warn);
  }

  /** What a command wrote to its standard output; logs lines that did not end. */
  finish(): Uint8Array {
    this.#stdout.finish();
    this.#stderr.finish();
    return this.#output.subarray(0, this.#outputBytes);
  }

  /** What does something, by name; every other name of preview 1 is `notImplemented`. */
  functions(): Readonly<Record<string, HostFunction>> {
    const memory = this.#memory;
    const nothing = (countAt: number, bytesAt: number): number =>
      memory.storeWord(countAt, 0) === ERRNO.success ? memory.storeWord(bytesAt, 0) : ERRNO.fault;
    return {
      ...this.#streamFunctions(),
      args_get: () => ERRNO.success,
      args_sizes_get: nothing,
      environ_get: () => ERRNO.success,
      environ_sizes_get: nothing,
      clock_res_get: (_clock: number, at: number) => memory.storeLong(at, NS_PER_MS),
      clock_time_get: (clock: number, _precision: bigint, at: number) =>
        memory.storeLong(at, BigInt(this.#clockMs(clock)) * NS_PER_MS),
      random_get: (at: number, count: number) => {
        const bytes = memory.span(at, count);
        if (bytes === undefined) return ERRNO.fault;
        this.#ambient.random(bytes);
        return ERRNO.success;
      },
      proc_exit: (code: number) => {
        throw new GuestExit(code);
      },
    };
  }

  #streamFunctions(): Readonly<Record<string, HostFunction>> {
    const memory = this.#memory;
    return {
      // No folder is open before the guest runs, so there is none that a link could lead out of.
      fd_prestat_get: () => ERRNO.badf,
      fd_prestat_dir_name: () => ERRNO.badf,
      fd_read: (fd: number, pointer: number, count: number, countAt: number) =>
        fd === STDIN
          ? memory.moveVector({ pointer, count, countAt }, (into) => this.#read(into))
          : ERRNO.badf,
      fd_write: (fd: number, pointer: number, count: number, countAt: number) =>
        fd === STDOUT || fd === STDERR
          ? memory.moveVector({ pointer, count, countAt }, (bytes) => this.#write(fd, bytes))
          : ERRNO.badf,
    };
  }

  #clockMs(clock: number): number {
    return clock === CLOCK_REALTIME ? this.#ambient.wallMs() : this.#ambient.steadyMs();
  }

  #read(into: Uint8Array): number {
    const bytes = this.#input.subarray(this.#inputAt, this.#inputAt + into.length);
    into.set(bytes);
    this.#inputAt += bytes.length;
    return bytes.length;
  }

  #write(fd: number, bytes: Uint8Array): number {
    if (fd === STDERR) this.#stderr.write(bytes);
    else if (this.#kind === 'library') this.#stdout.write(bytes);
    else this.#append(bytes);
    return bytes.length;
  }

  /** Into one buffer that doubles: programs that write byte by byte would fill the heap with small ones. */
  #append(bytes: Uint8Array): void {
    const end = this.#outputBytes + bytes.length;
    if (end > OUTPUT_BYTES_MAX) throw new OutputOverflow(end);
    if (end > this.#output.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#output.length));
      larger.set(this.#output.subarray(0, this.#outputBytes));
      this.#output = larger;
    }
    this.#output.set(bytes, this.#outputBytes);
    this.#outputBytes = end;
  }
}
