/** By how much each instruction raises or lowers the operand stack (specification, appendix on instructions). */
import { OPCODE, PREFIX_BULK } from './opcodes.ts';

type Row = readonly [first: number, last: number, effect: number];

const tableOf = (rows: readonly Row[]): Int8Array => {
  const table = new Int8Array(256);
  for (const [first, last, effect] of rows) table.fill(effect, first, last + 1);
  return table;
};

/** What is in no row leaves the height as it is. Blocks and calls depend on types and are in none. */
const PLAIN = tableOf([
  [0x0d, 0x0e, -1], // br_if, br_table
  [0x11, 0x11, -1], // call_indirect, beyond its signature
  [0x1a, 0x1a, -1], // drop
  [0x1b, 0x1c, -2], // select
  [0x20, 0x20, 1], // local.get
  [0x21, 0x21, -1], // local.set
  [0x23, 0x23, 1], // global.get
  [0x24, 0x24, -1], // global.set
  [0x26, 0x26, -2], // table.set
  [0x36, 0x3e, -2], // stores
  [0x3f, 0x3f, 1], // memory.size
  [0x41, 0x44, 1], // constants
  [0x46, 0x4f, -1], // i32 comparisons
  [0x51, 0x66, -1], // i64, f32 and f64 comparisons
  [0x6a, 0x78, -1], // i32 of two operands
  [0x7c, 0x8a, -1], // i64
  [0x92, 0x98, -1], // f32
  [0xa0, 0xa6, -1], // f64
  [0xd0, 0xd0, 1], // ref.null
  [0xd2, 0xd2, 1], // ref.func
]);

const BULK = tableOf([
  [0x08, 0x08, -3], // memory.init
  [0x0a, 0x0c, -3], // memory.copy, memory.fill, table.init
  [0x0e, 0x0e, -3], // table.copy
  [0x0f, 0x0f, -1], // table.grow
  [0x10, 0x10, 1], // table.size
  [0x11, 0x11, -3], // table.fill
]);

const SIMD = tableOf([
  [0x0b, 0x0b, -2], // v128.store
  [0x0c, 0x0c, 1], // v128.const
  [0x0d, 0x0e, -1], // shuffle, swizzle
  [0x17, 0x17, -1], // lanes in
  [0x1a, 0x1a, -1],
  [0x1c, 0x1c, -1],
  [0x1e, 0x1e, -1],
  [0x20, 0x20, -1],
  [0x22, 0x22, -1],
  [0x23, 0x4c, -1], // comparisons
  [0x4e, 0x51, -1], // and, andnot, or, xor
  [0x52, 0x52, -2], // bitselect
  [0x54, 0x57, -1], // loads of a lane
  [0x58, 0x5b, -2], // stores of a lane
  [0x65, 0x66, -1], // i8x16, from here on: narrowing, shifts, arithmetic
  [0x6b, 0x73, -1],
  [0x76, 0x79, -1],
  [0x7b, 0x7b, -1],
  [0x82, 0x82, -1], // i16x8
  [0x85, 0x86, -1],
  [0x8b, 0x93, -1],
  [0x95, 0x99, -1],
  [0x9b, 0x9f, -1],
  [0xab, 0xae, -1], // i32x4
  [0xb1, 0xb1, -1],
  [0xb5, 0xbf, -1],
  [0xcb, 0xce, -1], // i64x2
  [0xd1, 0xd1, -1],
  [0xd5, 0xdf, -1],
  [0xe4, 0xeb, -1], // f32x4
  [0xf0, 0xf7, -1], // f64x2
]);

/** The effect of an instruction, beside those that depend on a type. */
export const effectOf = (opcode: number): number => {
  if (opcode < 0x100) return PLAIN[opcode] ?? 0;
  const table = opcode >> 8 === PREFIX_BULK ? BULK : SIMD;
  return table[opcode & 0xff] ?? 0;
};

/** `br`, `br_table`, `return`, `unreachable`: what stands behind them until the block's end is never run. */
export const endsPath = (opcode: number): boolean =>
  opcode === 0x0c || opcode === 0x0e || opcode === 0x0f || opcode === OPCODE.unreachable;
