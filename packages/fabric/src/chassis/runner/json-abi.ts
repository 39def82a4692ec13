/**
 * The small ABI of modules that know no PDK: `memory`, `alloc(bytes: i32) → i32`, optionally
 * `dealloc(pointer: i32, bytes: i32)`, and entrypoints `(pointer: i32, bytes: i32) → i64`. JSON in UTF-8 goes in at
 * the pointer; the result is `pointer << 32 | bytes` of the JSON that comes out. No memory here reaches 2 GiB, so the
 * sign of the result is free: a negative one (bit 63 set) says that the module failed, and the rest is its message.
 *
 * The input's block belongs to the module from then on; the output's is given back with `dealloc` where that exists.
 */
import { plainText } from '../plain-text.ts';
import { GuestTrap } from './guest.ts';
import type { RunEnd } from './guest.ts';
import { functionOf, memoryOf } from './instance.ts';

const POINTER_BITS = 32n;
const FAILED_BIT = 1n << 63n;
const WORD = 0xffff_ffffn;

const decoder = new TextDecoder();

export const callJson = (
  instance: WebAssembly.Instance,
  entrypoint: string,
  input: Uint8Array,
): RunEnd => {
  const memory = memoryOf(instance);
  const alloc = functionOf(instance, 'alloc');
  const run = functionOf(instance, entrypoint);
  if (memory === undefined || alloc === undefined)
    throw new GuestTrap('the json ABI needs the exports memory and alloc');
  if (run === undefined) throw new GuestTrap(`there is no function ${plainText(entrypoint)}`);

  const at = Number(alloc(input.length)) >>> 0;
  if (at + input.length > memory.buffer.byteLength)
    throw new GuestTrap(`alloc gave ${at}, which has no room for ${input.length} bytes`);
  new Uint8Array(memory.buffer, at, input.length).set(input);

  const packed = run(at, input.length);
  if (typeof packed !== 'bigint') throw new GuestTrap('an entrypoint of the json ABI returns i64');
  const bits = BigInt.asUintN(64, packed);
  const pointer = Number((bits & ~FAILED_BIT) >> POINTER_BITS);
  const bytes = Number(bits & WORD);
  if (pointer + bytes > memory.buffer.byteLength)
    throw new GuestTrap(`the result at ${pointer} of ${bytes} bytes is outside of the memory`);
  // A copy: `dealloc` may write over it.
  const output = new Uint8Array(memory.buffer, pointer, bytes).slice();
  functionOf(instance, 'dealloc')?.(pointer, bytes);
  if ((bits & FAILED_BIT) === 0n) return { kind: 'ok', output };
  return { kind: 'failed', message: decoder.decode(output) };
};
