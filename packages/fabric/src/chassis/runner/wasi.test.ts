import { expect, test } from 'vitest';
import { loadHeader, MemoryChannel } from '../../../test/memory-channel.ts';
import { seededAmbient, type Ambient } from './ambient.ts';
import { GuestExit, OUTPUT_BYTES_MAX } from './guest.ts';
import { openHostLink } from './host-link.ts';
import { ERRNO, notImplemented, Wasi } from './wasi.ts';

const AT_90_MS: Ambient = {
  ...seededAmbient('11'.repeat(32)),
  wallMs: () => 90,
  steadyMs: () => 7,
};

/** Tests are compiled without a DOM, where the types of WebAssembly would be. */
const { Memory } = Reflect.get(globalThis, 'WebAssembly') as {
  readonly Memory: new (limits: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

const wasiOf = (kind: 'command' | 'library', input = '') => {
  const channel = new MemoryChannel();
  const wasi = new Wasi(openHostLink(channel, loadHeader(new Uint8Array())), AT_90_MS, kind);
  const memory = new Memory({ initial: 1 });
  const functions = wasi.functions();
  wasi.begin(new TextEncoder().encode(input));
  wasi.bind(memory);
  const bytes = Buffer.from(memory.buffer);
  const call = (name: string, ...words: (bigint | number)[]): unknown =>
    Reflect.apply(functions[name] ?? notImplemented, undefined, words);
  /** Writes a text at 1024 through one vector at 0. */
  const write = (fd: number, text: string): unknown => {
    bytes.writeUInt32LE(1_024, 0);
    bytes.writeUInt32LE(bytes.write(text, 1_024), 4);
    return call('fd_write', fd, 0, 1, 512);
  };
  return { channel, wasi, call, write, bytes };
};

test('case 51: there are no arguments and no environment', () => {
  const { call, bytes } = wasiOf('command');
  bytes.fill(255, 0, 8);
  expect(call('args_sizes_get', 0, 4)).toBe(ERRNO.success);
  expect(bytes.readBigUInt64LE(0)).toBe(0n);
  bytes.fill(255, 0, 8);
  expect(call('environ_sizes_get', 0, 4)).toBe(ERRNO.success);
  expect(bytes.readBigUInt64LE(0)).toBe(0n);
  expect(call('args_get', 0, 0)).toBe(ERRNO.success);
  expect(call('environ_get', 0, 0)).toBe(ERRNO.success);
});

test('case 45: files and sockets answer that they are not here; case 46: no folder is open beforehand', () => {
  const { call } = wasiOf('command');
  for (const name of ['path_open', 'path_symlink', 'sock_accept', 'sock_send', 'poll_oneoff'])
    expect(call(name, 3, 0, 0)).toBe(52);
  for (const fd of [0, 3, 4]) {
    expect(call('fd_prestat_get', fd, 0)).toBe(ERRNO.badf);
    expect(call('fd_prestat_dir_name', fd, 0, 8)).toBe(ERRNO.badf);
  }
});

test('case 47: only output and errors can be written, only input can be read', () => {
  const { call, channel } = wasiOf('command', 'in');
  for (const fd of [-1, 0, 3, 100]) expect(call('fd_write', fd, 0, 0, 8)).toBe(ERRNO.badf);
  for (const fd of [-1, 1, 2, 3]) expect(call('fd_read', fd, 0, 0, 8)).toBe(ERRNO.badf);
  expect(channel.sent).toHaveLength(0);
});

test('a command reads its input from its standard input, in pieces, to its end', () => {
  const { call, bytes } = wasiOf('command', 'hello world');
  bytes.writeUInt32LE(100, 0);
  bytes.writeUInt32LE(5, 4);
  bytes.writeUInt32LE(200, 8);
  bytes.writeUInt32LE(50, 12);
  expect(call('fd_read', 0, 0, 2, 512)).toBe(ERRNO.success);
  expect(bytes.readUInt32LE(512)).toBe(11);
  expect(bytes.toString('utf8', 100, 105)).toBe('hello');
  expect(bytes.toString('utf8', 200, 206)).toBe(' world');
  expect(call('fd_read', 0, 0, 2, 512)).toBe(ERRNO.success);
  expect(bytes.readUInt32LE(512)).toBe(0);
});

test("a command's standard output is its output, its standard error the log", () => {
  const { wasi, write, bytes, channel } = wasiOf('command');
  expect(write(1, 'one ')).toBe(ERRNO.success);
  expect(bytes.readUInt32LE(512)).toBe(4);
  write(1, 'two');
  write(2, 'a warning\nand half a li');
  write(2, 'ne');
  expect(channel.logs()).toStrictEqual(['a warning']);
  expect(Buffer.from(wasi.finish()).toString()).toBe('one two');
  expect(channel.logs()).toStrictEqual(['a warning', 'and half a line']);
});

test('a library has no input, and its standard output is the log', () => {
  const { wasi, call, write, bytes, channel } = wasiOf('library', 'not for WASI');
  bytes.writeUInt32LE(100, 0);
  bytes.writeUInt32LE(50, 4);
  expect(call('fd_read', 0, 0, 1, 512)).toBe(ERRNO.success);
  expect(bytes.readUInt32LE(512)).toBe(0);
  write(1, 'printed\n');
  expect(wasi.finish()).toHaveLength(0);
  expect(channel.logs()).toStrictEqual(['printed']);
});

test('a line without an end is logged before it fills the heap', () => {
  const { write, channel } = wasiOf('library');
  for (let count = 0; count < 20; count += 1) write(1, 'x'.repeat(1_000));
  expect(channel.logs().join('').length).toBeGreaterThanOrEqual(15_000);
});

test('an output written byte by byte up to the limit is whole; one byte more ends the run', () => {
  const { wasi, call, bytes, write } = wasiOf('command');
  write(1, 'a');
  bytes.writeUInt32LE(0, 0);
  bytes.writeUInt32LE(65_536, 4);
  bytes.fill(0x62, 8_192);
  bytes.writeUInt32LE(8_192, 0);
  bytes.writeUInt32LE(1_024, 4);
  for (let written = 1; written + 1_024 <= OUTPUT_BYTES_MAX; written += 1_024)
    call('fd_write', 1, 0, 1, 512);
  bytes.writeUInt32LE(1_023, 4);
  expect(call('fd_write', 1, 0, 1, 512)).toBe(ERRNO.success);
  expect(wasi.finish()).toHaveLength(OUTPUT_BYTES_MAX);
  expect(() => write(1, 'c')).toThrow('the limit is 8388608');
});

test('pointers outside of the memory are faults, and as many vectors as no program has are refused', () => {
  const { call, bytes } = wasiOf('command', 'in');
  expect(call('args_sizes_get', -4, 0)).toBe(ERRNO.fault);
  expect(call('args_sizes_get', 0, 65_534)).toBe(ERRNO.fault);
  expect(call('clock_time_get', 0, 0n, 65_530)).toBe(ERRNO.fault);
  expect(call('random_get', 65_000, 1_000)).toBe(ERRNO.fault);
  expect(call('fd_write', 1, 65_530, 1, 0)).toBe(ERRNO.fault);
  expect(call('fd_write', 1, 0, 1_025, 0)).toBe(ERRNO.inval);
  expect(call('fd_write', 1, 0, -1, 0)).toBe(ERRNO.inval);
  bytes.writeUInt32LE(65_000, 0);
  bytes.writeUInt32LE(10_000, 4);
  expect(call('fd_write', 1, 0, 1, 512)).toBe(ERRNO.fault);
});

test('case 95: clocks are told in nanoseconds, at a grain of a millisecond', () => {
  const { call, bytes } = wasiOf('command');
  expect(call('clock_res_get', 0, 0)).toBe(ERRNO.success);
  expect(bytes.readBigUInt64LE(0)).toBe(1_000_000n);
  call('clock_time_get', 0, 1n, 0);
  expect(bytes.readBigUInt64LE(0)).toBe(90_000_000n);
  call('clock_time_get', 1, 1n, 0);
  expect(bytes.readBigUInt64LE(0)).toBe(7_000_000n);
});

test('randomness fills what was asked for', () => {
  const { call, bytes } = wasiOf('command');
  expect(call('random_get', 100, 32)).toBe(ERRNO.success);
  expect(bytes.subarray(100, 132).some((byte) => byte !== 0)).toBe(true);
  expect(bytes.subarray(132, 200).every((byte) => byte === 0)).toBe(true);
});

test('leaving ends the run with its code, and pointers need a memory', () => {
  const { wasi, call } = wasiOf('command');
  expect(() => call('proc_exit', 3)).toThrow(new GuestExit(3));
  wasi.begin(new Uint8Array());
  expect(() => call('args_sizes_get', 0, 4)).toThrow('needs an exported memory');
});
