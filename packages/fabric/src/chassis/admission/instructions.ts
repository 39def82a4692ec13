/** Reads instructions, one at a time, without a type checker: engines check types, and here only sizes and kinds count. */
import { BRANCH_TARGETS_MAX } from './limits.ts';
import {
  BULK,
  featureOf,
  IMMEDIATE,
  OPCODE,
  PLAIN,
  PREFIX_BULK,
  PREFIX_SIMD,
  SIMD,
} from './opcodes.ts';
import type { ByteReader } from './reader.ts';
import { atMost, Refusal } from './refusal.ts';
import { isValueType, readReferenceType, readValueType, refusedType } from './types.ts';

const EMPTY_BLOCK_TYPE = 0x40;
/** Bit of an alignment that says that the number of a memory follows (several memories). */
const MEMORY_INDEX_BIT = 0x40;

/**
 * Reads one instruction; the reader then stands behind its immediates.
 *
 * @returns the opcode; a prefixed one is its prefix, then eight bits of its number
 * @throws Refusal where the instruction is not allowed or its bytes are no instruction
 */
export const readInstruction = (reader: ByteReader): number => {
  const offset = reader.at;
  const opcode = reader.byte();
  if (opcode === PREFIX_BULK || opcode === PREFIX_SIMD) {
    const number = reader.u32();
    const table = opcode === PREFIX_BULK ? BULK : SIMD;
    const immediate = table[number] ?? IMMEDIATE.refused;
    if (immediate === IMMEDIATE.refused) throw refusedPrefixed(opcode, number, offset);
    if (immediate !== IMMEDIATE.none) readImmediate(reader, immediate);
    return opcode * 0x100 + number;
  }
  const immediate = PLAIN[opcode] ?? IMMEDIATE.refused;
  if (immediate === IMMEDIATE.none) return opcode;
  if (immediate === IMMEDIATE.refused) throw refusedOpcode(opcode, offset);
  readImmediate(reader, immediate);
  return opcode;
};

/** Opcodes of constant expressions, WebAssembly 2.0, §3.3.10; with the one vector. */
const CONSTANT: ReadonlySet<number> = new Set([
  OPCODE.globalGet,
  0x41,
  0x42,
  0x43,
  0x44,
  0xd0,
  0xd2,
  PREFIX_SIMD * 0x100 + 0x0c,
]);

/** Reads an initialiser or offset to the `end` behind it. */
export const readConstantExpression = (reader: ByteReader): void => {
  for (;;) {
    const offset = reader.at;
    const opcode = readInstruction(reader);
    if (opcode === OPCODE.end) return;
    if (!CONSTANT.has(opcode))
      throw new Refusal(
        'feature-refused',
        `Opcode 0x${opcode.toString(16)} in a constant expression is not allowed.`,
        offset,
      );
  }
};

const readImmediate = (reader: ByteReader, immediate: number): void => {
  switch (immediate) {
    case IMMEDIATE.index:
      reader.u32();
      return;
    case IMMEDIATE.memory:
      readMemoryArgument(reader);
      return;
    case IMMEDIATE.s32:
      reader.skipS32();
      return;
    case IMMEDIATE.block:
      readBlockType(reader);
      return;
    case IMMEDIATE.s64:
      reader.skipS64();
      return;
    case IMMEDIATE.twoIndices:
      reader.u32();
      reader.u32();
      return;
    case IMMEDIATE.branchTable:
      readBranchTable(reader);
      return;
    case IMMEDIATE.memoryAndLane:
      readMemoryArgument(reader);
      reader.skip(1);
      return;
    default:
      readRareImmediate(reader, immediate);
  }
};

const readRareImmediate = (reader: ByteReader, immediate: number): void => {
  switch (immediate) {
    case IMMEDIATE.bytes4:
      reader.skip(4);
      return;
    case IMMEDIATE.bytes8:
      reader.skip(8);
      return;
    case IMMEDIATE.bytes16:
      reader.skip(16);
      return;
    case IMMEDIATE.lane:
      reader.skip(1);
      return;
    case IMMEDIATE.memoryZero:
      readMemoryZero(reader);
      return;
    case IMMEDIATE.twoMemoryZeros:
      readMemoryZero(reader);
      readMemoryZero(reader);
      return;
    case IMMEDIATE.indexAndMemoryZero:
      reader.u32();
      readMemoryZero(reader);
      return;
    case IMMEDIATE.valueTypes:
      readSelectTypes(reader);
      return;
    case IMMEDIATE.referenceType:
      readReferenceType(reader);
      return;
    default:
      throw new Error(`opcode table names immediate ${immediate}, which nobody reads`);
  }
};

const readMemoryArgument = (reader: ByteReader): void => {
  const offset = reader.at;
  const alignment = reader.u32();
  if ((alignment & MEMORY_INDEX_BIT) !== 0)
    throw new Refusal(
      'feature-refused',
      'It needs several memories, which are not allowed.',
      offset,
    );
  if (alignment >= 32) throw new Refusal('malformed', 'An alignment is out of range.', offset);
  reader.u32();
};

const readMemoryZero = (reader: ByteReader): void => {
  if (reader.byte() !== 0)
    throw new Refusal(
      'feature-refused',
      'It names a memory other than the first, which is not allowed.',
      reader.at - 1,
    );
};

const readBlockType = (reader: ByteReader): void => {
  const type = reader.peek();
  if (type === EMPTY_BLOCK_TYPE || isValueType(type)) reader.skip(1);
  else if ((type & 0xc0) === 0x40) throw refusedType(type, reader.at);
  else reader.blockTypeIndex();
};

const readBranchTable = (reader: ByteReader): void => {
  const offset = reader.at;
  const targets = reader.u32();
  atMost(
    { most: BRANCH_TARGETS_MAX, code: 'br-table-too-large', of: 'targets in one br_table' },
    targets,
    offset,
  );
  for (let read = 0; read <= targets; read += 1) reader.u32();
};

const readSelectTypes = (reader: ByteReader): void => {
  const offset = reader.at;
  if (reader.u32() !== 1)
    throw new Refusal('malformed', 'A select has other than one result.', offset);
  readValueType(reader);
};

const refusedOpcode = (opcode: number, offset: number): Refusal => {
  const feature = featureOf(opcode);
  return feature === undefined
    ? new Refusal('unknown-opcode', `Opcode 0x${opcode.toString(16)} is unknown.`, offset)
    : new Refusal(
        'feature-refused',
        `Opcode 0x${opcode.toString(16)} needs ${feature}, which is not allowed.`,
        offset,
      );
};

const refusedPrefixed = (prefix: number, number: number, offset: number): Refusal => {
  const shown = `0x${prefix.toString(16)} 0x${number.toString(16)}`;
  return prefix === PREFIX_SIMD && number > 0xff
    ? new Refusal(
        'feature-refused',
        `Opcode ${shown} needs relaxed SIMD, which is not allowed.`,
        offset,
      )
    : new Refusal('unknown-opcode', `Opcode ${shown} is unknown.`, offset);
};
