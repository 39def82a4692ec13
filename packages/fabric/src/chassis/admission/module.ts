/** A module from its first byte to its last: the sections, their order, and that the counts of them agree. */
import { readBodies } from './bodies.ts';
import {
  readExports,
  readFunctions,
  readGlobals,
  readImports,
  readMemories,
  readStart,
  readTables,
  readTypes,
} from './declarations.ts';
import { readDataCount, readDataSegments, readElements } from './segments.ts';
import { CUSTOM_BYTES_MAX, CUSTOM_SECTIONS_MAX, NAME_BYTES_MAX } from './limits.ts';
import { ByteReader } from './reader.ts';
import { atMost, Refusal } from './refusal.ts';
import { emptyShape, type ModuleShape } from './shape.ts';

export interface ModuleLimits {
  /** Pages of 64 KiB that the memory may begin with. */
  readonly pagesMax: number;
}

type ReadSection = (reader: ByteReader, shape: ModuleShape, limits: ModuleLimits) => void;

export const SECTION = { custom: 0, global: 6, export: 7, code: 10 } as const;
const TAGS = 13;

interface Section {
  readonly name: string;
  /** Its place: sections are ordered by it, not by their numbers (§5.5.2). */
  readonly place: number;
  readonly read: ReadSection;
}

const SECTIONS: ReadonlyMap<number, Section> = new Map([
  [1, { name: 'type', place: 1, read: readTypes }],
  [2, { name: 'import', place: 2, read: readImports }],
  [3, { name: 'function', place: 3, read: readFunctions }],
  [4, { name: 'table', place: 4, read: readTables }],
  [5, { name: 'memory', place: 5, read: readMemories }],
  [SECTION.global, { name: 'global', place: 6, read: readGlobals }],
  [SECTION.export, { name: 'export', place: 7, read: readExports }],
  [8, { name: 'start', place: 8, read: readStart }],
  [9, { name: 'element', place: 9, read: readElements }],
  [12, { name: 'data count', place: 10, read: readDataCount }],
  [SECTION.code, { name: 'code', place: 11, read: readBodies }],
  [11, { name: 'data', place: 12, read: readDataSegments }],
]);

/** Where a section stands among the others; undefined for custom and unknown ones, which stand anywhere or nowhere. */
export const placeOfSection = (id: number): number | undefined => SECTIONS.get(id)?.place;

/** `\0asm`, then version 1. */
const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00] as const;
export const PREAMBLE_BYTES = PREAMBLE.length;

/**
 * Reads a module to its end, in time linear in its bytes.
 *
 * @throws Refusal at the first thing that is not allowed
 */
export const readModule = (bytes: Uint8Array, limits: ModuleLimits): ModuleShape => {
  const reader = new ByteReader(bytes);
  const shape = emptyShape();
  readPreamble(reader);
  let place = 0;
  while (reader.at < bytes.length) {
    const idAt = reader.at;
    const id = reader.byte();
    const size = reader.u32();
    if (size > bytes.length - reader.at) throw reader.truncated();
    reader.end = reader.at + size;
    if (id === SECTION.custom) readCustom(reader, shape);
    else place = readKnown({ reader, shape, limits, id, idAt, after: place });
    reader.end = bytes.length;
  }
  countsAgree(shape, bytes.length);
  return shape;
};

const readPreamble = (reader: ByteReader): void => {
  for (const [at, expected] of PREAMBLE.entries()) {
    if (reader.bytes[at] !== expected)
      throw new Refusal('not-a-module', 'It is no WebAssembly module of version 1.', at);
  }
  reader.at = PREAMBLE.length;
};

/** Reads a section with a meaning. Returns its place. */
const readKnown = (at: {
  readonly reader: ByteReader;
  readonly shape: ModuleShape;
  readonly limits: ModuleLimits;
  readonly id: number;
  readonly idAt: number;
  readonly after: number;
}): number => {
  const section = SECTIONS.get(at.id);
  if (section === undefined)
    throw at.id === TAGS
      ? new Refusal(
          'feature-refused',
          'It needs exception handling, which is not allowed.',
          at.idAt,
        )
      : new Refusal('unknown-section', `Section ${at.id} is unknown.`, at.idAt);
  if (section.place <= at.after)
    throw new Refusal(
      'bad-section',
      `Section ${section.name} stands there twice or too late.`,
      at.idAt,
    );
  section.read(at.reader, at.shape, at.limits);
  if (at.reader.at !== at.reader.end)
    throw new Refusal(
      'bad-section',
      `Section ${section.name} goes on behind its end.`,
      at.reader.at,
    );
  return section.place;
};

const readCustom = (reader: ByteReader, shape: ModuleShape): void => {
  const offset = reader.at;
  shape.customSections += 1;
  shape.customBytes += reader.end - reader.at;
  atMost(
    { most: CUSTOM_SECTIONS_MAX, code: 'too-many-custom-sections', of: 'custom sections' },
    shape.customSections,
    offset,
  );
  atMost(
    { most: CUSTOM_BYTES_MAX, code: 'custom-too-large', of: 'bytes of custom sections' },
    shape.customBytes,
    offset,
  );
  reader.name(NAME_BYTES_MAX);
  reader.at = reader.end;
};

const countsAgree = (shape: ModuleShape, offset: number): void => {
  const declared = shape.functions.length - shape.importedFunctions;
  if (declared !== shape.bodies)
    throw new Refusal(
      'malformed',
      `${declared} functions are declared; ${shape.bodies} have a body.`,
      offset,
    );
  if (shape.dataCount !== undefined && shape.dataCount !== shape.dataSegments)
    throw new Refusal(
      'malformed',
      `${shape.dataCount} data segments are counted; ${shape.dataSegments} are there.`,
      offset,
    );
};
