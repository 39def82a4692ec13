/**
 * The instructions that are allowed, by the shape of what follows their opcode: WebAssembly 2.0 (its MVP, sign
 * extension, saturating conversions, multiple values, bulk memory, reference types, fixed-width SIMD). What is not in
 * these tables is refused (specification, §5.4 and appendix A.7).
 */

/** What follows an opcode. Numbers, because the tables are bytes. */
export const IMMEDIATE = {
  refused: 0,
  none: 1,
  /** One index or count of 32 bits. */
  index: 2,
  twoIndices: 3,
  block: 4,
  branchTable: 5,
  memory: 6,
  memoryAndLane: 7,
  s32: 8,
  s64: 9,
  bytes4: 10,
  bytes8: 11,
  bytes16: 12,
  lane: 13,
  /** A byte that names the only memory. */
  memoryZero: 14,
  twoMemoryZeros: 15,
  indexAndMemoryZero: 16,
  valueTypes: 17,
  referenceType: 18,
} as const;

export const PREFIX_BULK = 0xfc;
export const PREFIX_SIMD = 0xfd;

/** Opcodes that somebody asks for by name. A prefixed one is its prefix, then eight bits of its number. */
export const OPCODE = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  call: 0x10,
  callIndirect: 0x11,
  globalGet: 0x23,
  globalSet: 0x24,
  memoryGrow: 0x40,
  memoryInit: 0xfc08,
  memoryCopy: 0xfc0a,
  memoryFill: 0xfc0b,
  tableInit: 0xfc0c,
  tableCopy: 0xfc0e,
  tableGrow: 0xfc0f,
  tableFill: 0xfc11,
} as const;

type Row = readonly [first: number, last: number, immediate: number];

const tableOf = (rows: readonly Row[]): Uint8Array => {
  const table = new Uint8Array(256);
  for (const [first, last, immediate] of rows) table.fill(immediate, first, last + 1);
  return table;
};

const {
  none,
  index,
  twoIndices,
  block,
  branchTable,
  memory,
  memoryAndLane,
  memoryZero,
  bytes16,
  lane,
} = IMMEDIATE;

export const PLAIN: Uint8Array = tableOf([
  [0x00, 0x01, none], // unreachable, nop
  [0x02, 0x04, block], // block, loop, if
  [0x05, 0x05, none], // else
  [0x0b, 0x0b, none], // end
  [0x0c, 0x0d, index], // br, br_if
  [0x0e, 0x0e, branchTable],
  [0x0f, 0x0f, none], // return
  [0x10, 0x10, index], // call
  [0x11, 0x11, twoIndices], // call_indirect
  [0x1a, 0x1b, none], // drop, select
  [0x1c, 0x1c, IMMEDIATE.valueTypes], // select t
  [0x20, 0x26, index], // local.*, global.*, table.get, table.set
  [0x28, 0x3e, memory], // loads and stores
  [0x3f, 0x40, memoryZero], // memory.size, memory.grow
  [0x41, 0x41, IMMEDIATE.s32],
  [0x42, 0x42, IMMEDIATE.s64],
  [0x43, 0x43, IMMEDIATE.bytes4],
  [0x44, 0x44, IMMEDIATE.bytes8],
  [0x45, 0xc4, none], // numbers, with the sign extensions from 0xc0 on
  [0xd0, 0xd0, IMMEDIATE.referenceType], // ref.null
  [0xd1, 0xd1, none], // ref.is_null
  [0xd2, 0xd2, index], // ref.func
]);

/** Behind 0xfc. */
export const BULK: Uint8Array = tableOf([
  [0x00, 0x07, none], // saturating conversions
  [0x08, 0x08, IMMEDIATE.indexAndMemoryZero], // memory.init
  [0x09, 0x09, index], // data.drop
  [0x0a, 0x0a, IMMEDIATE.twoMemoryZeros], // memory.copy
  [0x0b, 0x0b, memoryZero], // memory.fill
  [0x0c, 0x0c, twoIndices], // table.init
  [0x0d, 0x0d, index], // elem.drop
  [0x0e, 0x0e, twoIndices], // table.copy
  [0x0f, 0x11, index], // table.grow, table.size, table.fill
]);

/** Numbers behind 0xfd that the specification left free. */
const SIMD_FREE: readonly number[] = [
  0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2,
  0xd3, 0xd4, 0xe2, 0xee,
];

/** Behind 0xfd. From 0x100 on the relaxed ones begin, whose results differ between machines. */
export const SIMD: Uint8Array = tableOf([
  [0x00, 0x0b, memory], // loads and the store
  [0x0c, 0x0d, bytes16], // v128.const, i8x16.shuffle
  [0x0e, 0x14, none], // swizzle, splats
  [0x15, 0x22, lane], // lanes out and in
  [0x23, 0x53, none], // comparisons, bits
  [0x54, 0x5b, memoryAndLane],
  [0x5c, 0x5d, memory], // loads that fill with zeros
  [0x5e, 0xff, none],
  ...SIMD_FREE.map((number): Row => [number, number, IMMEDIATE.refused]),
]);

const FEATURES: readonly (readonly [first: number, last: number, feature: string])[] = [
  [0x06, 0x0a, 'exception handling'],
  [0x12, 0x13, 'tail calls'],
  [0x14, 0x15, 'typed function references'],
  [0x18, 0x19, 'exception handling'],
  [0x1f, 0x1f, 'exception handling'],
  [0xd3, 0xd3, 'garbage collection'],
  [0xd4, 0xd6, 'typed function references'],
  [0xe0, 0xe6, 'stack switching'],
  [0xfb, 0xfb, 'garbage collection'],
  [0xfe, 0xfe, 'threads and atomics'],
];

/** The proposal that an opcode belongs to, where it is a known one that is not allowed. */
export const featureOf = (opcode: number): string | undefined =>
  FEATURES.find(([first, last]) => opcode >= first && opcode <= last)?.[2];
