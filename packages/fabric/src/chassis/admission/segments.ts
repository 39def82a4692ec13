/** The sections that fill tables and memory. */
import { readConstantExpression } from './instructions.ts';
import { ELEMENTS_MAX, SEGMENTS_MAX } from './limits.ts';
import type { ByteReader } from './reader.ts';
import { atMost, Refusal } from './refusal.ts';
import type { ModuleShape } from './shape.ts';
import { readReferenceType } from './types.ts';

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
