/** The sections that fill: elements, code, data. */
import { readConstantExpression, readInstruction } from './instructions.ts';
import {
  BODY_BYTES_MAX,
  ELEMENTS_MAX,
  FUNCTIONS_MAX,
  LOCALS_MAX,
  MERGED_LOCALS_MAX,
  NESTING_MAX,
  SEGMENTS_MAX,
} from './limits.ts';
import { OPCODE } from './opcodes.ts';
import type { ByteReader } from './reader.ts';
import { atMost, Refusal } from './refusal.ts';
import type { ModuleShape } from './shape.ts';
import { readReferenceType, readValueType } from './types.ts';

/** Bits of an element segment's flags (§5.5.12). */
const ELEMENT = { notActive: 1, indexOrDeclarative: 2, expressions: 4, most: 7 } as const;

export const readElements = (reader: ByteReader, shape: ModuleShape): void => {
  const segments = readSegmentCount(reader, shape);
  for (let read = 0; read < segments; read += 1) {
    const flags = reader.u32();
    if (flags > ELEMENT.most)
      throw new Refusal('malformed', 'An element segment is of no known form.', reader.at - 1);
    const active = (flags & ELEMENT.notActive) === 0;
    if (active && (flags & ELEMENT.indexOrDeclarative) !== 0) reader.u32();
    if (active) readConstantExpression(reader);
    const expressions = (flags & ELEMENT.expressions) !== 0;
    const plain = (flags & (ELEMENT.notActive | ELEMENT.indexOrDeclarative)) === 0;
    if (!plain) readElementKind(reader, { expressions });
    readElementEntries(reader, shape, { expressions });
  }
};

export const readDataCount = (reader: ByteReader, shape: ModuleShape): void => {
  shape.dataCount = reader.u32();
};

/** A body's end is known before it is read, so the reader's own end is moved to it. */
export const readBodies = (reader: ByteReader, shape: ModuleShape): void => {
  const offset = reader.at;
  shape.bodies = reader.u32();
  atMost(
    { most: FUNCTIONS_MAX, code: 'too-many-functions', of: 'function bodies' },
    shape.bodies,
    offset,
  );
  const sectionEnd = reader.end;
  for (let read = 0; read < shape.bodies; read += 1) {
    const sizeAt = reader.at;
    const size = reader.u32();
    atMost(
      { most: BODY_BYTES_MAX, code: 'body-too-large', of: 'bytes in one function' },
      size,
      sizeAt,
    );
    if (size > sectionEnd - reader.at) throw reader.truncated();
    reader.end = reader.at + size;
    const locals = readLocals(reader);
    const blocks = readBlocks(reader);
    atMost(
      {
        most: MERGED_LOCALS_MAX,
        code: 'too-many-merges',
        of: 'blocks times locals in one function',
      },
      blocks * locals,
      sizeAt,
    );
    reader.end = sectionEnd;
  }
};

export const readDataSegments = (reader: ByteReader, shape: ModuleShape): void => {
  const segments = readSegmentCount(reader, shape);
  shape.dataSegments = segments;
  for (let read = 0; read < segments; read += 1) {
    const flags = reader.u32();
    // 0 is active, 1 passive, 2 active with the number of a memory.
    if (flags > 2)
      throw new Refusal('malformed', 'A data segment is of no known form.', reader.at - 1);
    if (flags === 2 && reader.u32() !== 0)
      throw new Refusal(
        'feature-refused',
        'It names a memory other than the first, which is not allowed.',
        reader.at - 1,
      );
    if (flags !== 1) readConstantExpression(reader);
    reader.skip(reader.u32());
  }
};

/**
 * Reads the local variables of a body.
 *
 * @returns how many there are, parameters not counted
 */
export const readLocals = (reader: ByteReader): number => {
  const offset = reader.at;
  const groups = reader.u32();
  let locals = 0;
  for (let read = 0; read < groups; read += 1) {
    locals += reader.u32();
    atMost(
      { most: LOCALS_MAX, code: 'too-many-locals', of: 'locals in one function' },
      locals,
      offset,
    );
    readValueType(reader);
  }
  return locals;
};

/**
 * Reads instructions until the block that a body is ends, which must be where its bytes end.
 *
 * @returns how many blocks there are in it
 */
const readBlocks = (reader: ByteReader): number => {
  let depth = 0;
  let blocks = 0;
  for (;;) {
    const opcode = readInstruction(reader);
    if (opcode === OPCODE.end) {
      if (depth === 0) break;
      depth -= 1;
    } else if (opcode >= OPCODE.block && opcode <= OPCODE.if) {
      blocks += 1;
      depth += 1;
      if (depth > NESTING_MAX)
        atMost(
          { most: NESTING_MAX, code: 'nesting-too-deep', of: 'blocks inside each other' },
          depth,
          reader.at,
        );
    }
  }
  if (reader.at !== reader.end)
    throw new Refusal('malformed', 'A function goes on behind its end.', reader.at);
  return blocks;
};

const readSegmentCount = (reader: ByteReader, shape: ModuleShape): number => {
  const offset = reader.at;
  const count = reader.u32();
  shape.segments += count;
  atMost({ most: SEGMENTS_MAX, code: 'too-many-segments', of: 'segments' }, shape.segments, offset);
  return count;
};

const readElementKind = (
  reader: ByteReader,
  { expressions }: { readonly expressions: boolean },
): void => {
  if (expressions) readReferenceType(reader);
  else if (reader.byte() !== 0)
    throw new Refusal('malformed', 'An element segment holds no functions.', reader.at - 1);
};

const readElementEntries = (
  reader: ByteReader,
  shape: ModuleShape,
  { expressions }: { readonly expressions: boolean },
): void => {
  const offset = reader.at;
  const entries = reader.u32();
  shape.elements += entries;
  atMost(
    { most: ELEMENTS_MAX, code: 'too-many-elements', of: 'entries of element segments' },
    shape.elements,
    offset,
  );
  for (let read = 0; read < entries; read += 1) {
    if (expressions) readConstantExpression(reader);
    else reader.u32();
  }
};
