/** Guests that mean no harm, or whose harm is what they ask for; those that attack by what they are stand in ../modules. */
import { wasmOf } from '../modules/wat.ts';
import type { Ground, Module } from './ground.ts';

const known = new Map<string, Promise<Uint8Array>>();
const assembled = (source: string): Promise<Uint8Array> => {
  const before = known.get(source);
  if (before !== undefined) return before;
  const bytes = wasmOf(source);
  known.set(source, bytes);
  return bytes;
};

/** A module of the Extism ABI: imports, then fields, then the entrypoints. */
const extism = (fields: string): string => `(module
  (import "extism:host/env" "input_offset" (func $input (result i64)))
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u8" (func $input_byte (param i64) (result i32)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store_byte (param i64 i32)))
  (import "extism:host/env" "store_u64" (func $store_word (param i64 i64)))
  (import "extism:host/env" "load_u8" (func $load_byte (param i64) (result i32)))
  (import "extism:host/env" "output_set" (func $output (param i64 i64)))
  ${fields})`;

/** Gives a number back, eight bytes little endian. */
const GIVE = `(func $give (param $value i64) (local $at i64)
    (local.set $at (call $alloc (i64.const 8)))
    (call $store_word (local.get $at) (local.get $value))
    (call $output (local.get $at) (i64.const 8)))`;

const guest = async (source: string, more: Partial<Module> = {}): Promise<Module> => ({
  bytes: await assembled(source),
  abi: 'extism',
  ...more,
});

/** Gives its input back. */
export const echoGuest = (): Promise<Module> =>
  guest(
    extism(`(func (export "run") (result i32)
      (call $output (call $input) (call $input_length)) (i32.const 0))`),
  );

/** Sums the squares up to 1000: what a neighbour computes. */
const neighbourGuest = (): Promise<Module> =>
  guest(
    extism(`${GIVE} (func (export "run") (result i32) (local $at i64) (local $sum i64)
      (loop $next
        (local.set $at (i64.add (local.get $at) (i64.const 1)))
        (local.set $sum (i64.add (local.get $sum) (i64.mul (local.get $at) (local.get $at))))
        (br_if $next (i64.lt_u (local.get $at) (i64.const 1000))))
      (call $give (local.get $sum)) (i32.const 0))`),
  );
const NEIGHBOUR_SUM = 333_833_500n;

/** Spins for ever; `turn` counts its loop turns of input bytes × 65,536 and ends. */
export const spinGuest = (): Promise<Module> =>
  guest(
    extism(`${GIVE} (func (export "run") (result i32) (loop $l (br $l)) (i32.const 0))
      (func (export "turn") (result i32) (local $left i64)
        (local.set $left (i64.mul (i64.extend_i32_u (call $input_byte (i64.const 0))) (i64.const 16777216)))
        (loop $l
          (local.set $left (i64.sub (local.get $left) (i64.const 1)))
          (br_if $l (i64.gt_s (local.get $left) (i64.const 0))))
        (call $give (local.get $left)) (i32.const 0))`),
    { entrypoints: ['run', 'turn'] },
  );

/** Asks the host for nothing, so often, and gives the number of answers. */
export const floodGuest = (times: number): Promise<Module> =>
  guest(
    extism(`(import "infrafabric:host" "call" (func $call (param i64) (result i64)))
      ${GIVE} (func (export "run") (result i32) (local $done i64) (local $ask i64)
        (local.set $ask (call $input))
        (loop $l
          (drop (call $call (local.get $ask)))
          (local.set $done (i64.add (local.get $done) (i64.const 1)))
          (br_if $l (i64.lt_u (local.get $done) (i64.const ${times}))))
        (call $give (local.get $done)) (i32.const 0))`),
    { hostFunctions: ['call'] },
  );

/** Sends its input, a request of the Extism ABI, and gives the body of the reply; then calls home with it. */
export const relayGuest = (): Promise<Module> =>
  guest(
    extism(`(import "extism:host/env" "http_request" (func $http (param i64 i64) (result i64)))
      (import "infrafabric:host" "call" (func $call (param i64) (result i64)))
      (func (export "run") (result i32) (local $body i64)
        (local.set $body (call $http (call $input) (i64.const 0)))
        (drop (call $call (local.get $body)))
        (call $output (local.get $body) (call $length (local.get $body))) (i32.const 0))`),
    { hostFunctions: ['http', 'call'] },
  );

/** Keeps its input in memory and calls home, so that somebody can look at the memory. */
export const holdGuest = (): Promise<Module> =>
  guest(
    extism(`(memory 1)
      (import "infrafabric:host" "call" (func $call (param i64) (result i64)))
      (func (export "run") (result i32) (local $at i64)
        (block $end (loop $l
          (br_if $end (i64.ge_u (local.get $at) (call $input_length)))
          (i32.store8 (i32.wrap_i64 (local.get $at)) (call $input_byte (local.get $at)))
          (local.set $at (i64.add (local.get $at) (i64.const 1)))
          (br $l)))
        (drop (call $call (call $input))) (i32.const 0))`).replace(
      // Imports stand before anything else.
      /\(memory 1\)\s*(\(import [^\n]*)/,
      '$1 (memory 1)',
    ),
    { hostFunctions: ['call'] },
  );

/** Counts its runs in a global, in memory, in a table and in a variable of the PDK; gives the four counts. */
export const countingGuest = (): Promise<Module> =>
  guest(
    extism(`(import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
      (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
      (memory 1) (table $t 1 10 externref) (global $runs (mut i64) (i64.const 0)) ${GIVE}
      (func (export "run") (result i32) (local $name i64) (local $value i64) (local $kept i64)
        (global.set $runs (i64.add (global.get $runs) (i64.const 1)))
        (i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 1)))
        (drop (table.grow $t (ref.null extern) (i32.const 1)))
        (local.set $name (call $alloc (i64.const 1)))
        (call $store_byte (local.get $name) (i32.const 110))
        (local.set $kept (call $length (call $var_get (local.get $name))))
        (local.set $value (call $alloc (i64.add (local.get $kept) (i64.const 1))))
        (call $var_set (local.get $name) (local.get $value))
        (call $give (i64.add (i64.add (i64.mul (global.get $runs) (i64.const 1000000))
            (i64.mul (i64.load (i32.const 8)) (i64.const 10000)))
          (i64.add (i64.mul (i64.extend_i32_u (table.size $t)) (i64.const 100)) (local.get $kept))))
        (i32.const 0))`),
  );

/** Fills its memory with a pattern, or gives the number of bytes in it that are not zero. */
export const memoryGuest = (pages: number): Promise<Module> =>
  guest(
    extism(`(memory ${pages}) ${GIVE}
      (func (export "fill") (result i32)
        (memory.fill (i32.const 0) (i32.const 0xa5) (i32.const ${pages * 65_536})) (i32.const 0))
      (func (export "run") (result i32) (local $at i32) (local $found i64)
        (loop $l
          (if (i64.ne (i64.load (local.get $at)) (i64.const 0))
            (then (local.set $found (i64.add (local.get $found) (i64.const 1)))))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br_if $l (i32.lt_u (local.get $at) (i32.const ${pages * 65_536}))))
        (call $give (local.get $found)) (i32.const 0))`),
    { entrypoints: ['run', 'fill'] },
  );

export const trapGuest = (): Promise<Module> =>
  guest(extism(`(func (export "run") (result i32) unreachable)`));

/** The number that a guest gave with eight bytes. */
export const numberOf = (output: Uint8Array): bigint =>
  output.length === 8 ? new DataView(output.buffer, output.byteOffset).getBigInt64(0, true) : -1n;

/**
 * Another swarm runs something on a runner of its own: undefined where its result is right, else what was wrong.
 */
export const rightNeighbour = async (ground: Ground): Promise<string | undefined> => {
  const runner = await ground.runner({ tenant: ground.tenant('neighbour') });
  const loaded = await ground.load(runner, await neighbourGuest());
  if (!loaded.ok) return `not loaded: ${loaded.reason}`;
  const { report } = await ground.play(runner);
  if (report.cause !== 'completed') return `${report.cause}: ${report.detail}`;
  const sum = numberOf(report.output);
  return sum === NEIGHBOUR_SUM ? undefined : `it computed ${sum}`;
};
