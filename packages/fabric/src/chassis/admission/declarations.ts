/** The sections that declare: types, imports, functions, tables, memory, globals, exports, start. */
import { readConstantExpression } from './instructions.ts';
import {
  EXPORTS_MAX,
  FUNCTIONS_MAX,
  GLOBALS_MAX,
  IMPORTS_MAX,
  MEMORIES_MAX,
  MEMORY_PAGES_OF_32_BITS,
  NAME_BYTES_MAX,
  NAMES_BYTES_MAX,
  PARAMETERS_MAX,
  RESULTS_MAX,
  TABLE_ELEMENTS_MAX,
  TABLES_MAX,
  TYPES_MAX,
} from './limits.ts';
import type { ByteReader } from './reader.ts';
import { atMost, type Limit, quoted, Refusal } from './refusal.ts';
import { KIND, type ModuleShape } from './shape.ts';
import { readReferenceType, readValueType, refusedType } from './types.ts';

const FUNCTION_TYPE = 0x60;

export const readTypes = (reader: ByteReader, shape: ModuleShape): void => {
  const offset = reader.at;
  const count = reader.u32();
  atMost({ most: TYPES_MAX, code: 'too-many-types', of: 'types' }, count, offset);
  for (let read = 0; read < count; read += 1) {
    const form = reader.byte();
    if (form !== FUNCTION_TYPE) throw refusedType(form, reader.at - 1);
    shape.types.push(reader.at);
    const parameters = readTypeList(reader, {
      most: PARAMETERS_MAX,
      code: 'too-many-parameters',
      of: 'parameters in one type',
    });
    const results = readTypeList(reader, {
      most: RESULTS_MAX,
      code: 'too-many-results',
      of: 'results in one type',
    });
    shape.arities.push({ parameters, results });
  }
};

export const readImports = (
  reader: ByteReader,
  shape: ModuleShape,
  limits: { readonly pagesMax: number },
): void => {
  const offset = reader.at;
  const count = reader.u32();
  atMost({ most: IMPORTS_MAX, code: 'too-many-imports', of: 'imports' }, count, offset);
  for (let read = 0; read < count; read += 1) {
    const at = reader.at;
    const module = readName(reader, shape);
    const name = readName(reader, shape);
    const kind = reader.byte();
    const type = readImported(reader, shape, { kind, ...limits });
    shape.imports.push({ module, name, kind, type, offset: at });
  }
};

export const readFunctions = (reader: ByteReader, shape: ModuleShape): void => {
  const offset = reader.at;
  const count = reader.u32();
  atMost({ most: FUNCTIONS_MAX, code: 'too-many-functions', of: 'functions' }, count, offset);
  for (let read = 0; read < count; read += 1) shape.functions.push(readTypeIndex(reader, shape));
};

export const readTables = (reader: ByteReader, shape: ModuleShape): void => {
  const count = reader.u32();
  for (let read = 0; read < count; read += 1) readTable(reader, shape);
};

export const readMemories = (
  reader: ByteReader,
  shape: ModuleShape,
  limits: { readonly pagesMax: number },
): void => {
  const count = reader.u32();
  for (let read = 0; read < count; read += 1) readMemory(reader, shape, limits);
};

export const readGlobals = (reader: ByteReader, shape: ModuleShape): void => {
  const count = reader.u32();
  for (let read = 0; read < count; read += 1) {
    readGlobalType(reader, shape);
    readConstantExpression(reader);
  }
};

export const readExports = (reader: ByteReader, shape: ModuleShape): void => {
  const offset = reader.at;
  const count = reader.u32();
  atMost({ most: EXPORTS_MAX, code: 'too-many-exports', of: 'exports' }, count, offset);
  for (let read = 0; read < count; read += 1) {
    const at = reader.at;
    const name = readName(reader, shape);
    const kind = reader.byte();
    if (kind > KIND.global) throw unknownKind(kind, reader.at - 1);
    const index = reader.u32();
    if (shape.exports.has(name))
      throw new Refusal('malformed', `Export ${quoted(name)} stands there twice.`, at);
    shape.exports.set(name, { kind, index });
  }
};

export const readStart = (reader: ByteReader, shape: ModuleShape): void => {
  shape.startOffset = reader.at;
  shape.startFunction = reader.u32();
};

/** Reads what an import is; returns the index of its signature where it is a function. */
const readImported = (
  reader: ByteReader,
  shape: ModuleShape,
  { kind, pagesMax }: { readonly kind: number; readonly pagesMax: number },
): number => {
  switch (kind) {
    case KIND.function: {
      const type = readTypeIndex(reader, shape);
      shape.functions.push(type);
      shape.importedFunctions += 1;
      return type;
    }
    case KIND.table:
      readTable(reader, shape);
      return 0;
    case KIND.memory:
      readMemory(reader, shape, { pagesMax });
      return 0;
    case KIND.global:
      readGlobalType(reader, shape);
      return 0;
    default:
      throw unknownKind(kind, reader.at - 1);
  }
};

const readTable = (reader: ByteReader, shape: ModuleShape): void => {
  const offset = reader.at;
  shape.tables += 1;
  atMost({ most: TABLES_MAX, code: 'too-many-tables', of: 'tables' }, shape.tables, offset);
  readReferenceType(reader);
  const limits = readLimits(reader, 'A table');
  atMost(
    { most: TABLE_ELEMENTS_MAX, code: 'table-too-large', of: 'elements in a table' },
    limits.initial,
    limits.offset,
  );
};

const readMemory = (
  reader: ByteReader,
  shape: ModuleShape,
  { pagesMax }: { readonly pagesMax: number },
): void => {
  const offset = reader.at;
  shape.memories += 1;
  atMost({ most: MEMORIES_MAX, code: 'too-many-memories', of: 'memories' }, shape.memories, offset);
  const limits = readLimits(reader, 'The memory');
  if (limits.initial > MEMORY_PAGES_OF_32_BITS || (limits.most ?? 0) > MEMORY_PAGES_OF_32_BITS)
    throw new Refusal('malformed', 'The memory is larger than addresses are.', limits.offset);
  atMost(
    { most: pagesMax, code: 'memory-too-large', of: 'pages of memory' },
    limits.initial,
    limits.offset,
  );
  shape.memoryPages = limits.initial;
};

const readGlobalType = (reader: ByteReader, shape: ModuleShape): void => {
  const offset = reader.at;
  shape.globals += 1;
  atMost({ most: GLOBALS_MAX, code: 'too-many-globals', of: 'globals' }, shape.globals, offset);
  readValueType(reader);
  const mutability = reader.byte();
  if (mutability > 1) throw notShared(mutability, reader.at - 1);
};

const readTypeList = (reader: ByteReader, limit: Limit): number => {
  const offset = reader.at;
  const count = reader.u32();
  atMost(limit, count, offset);
  for (let read = 0; read < count; read += 1) readValueType(reader);
  return count;
};

const readName = (reader: ByteReader, shape: ModuleShape): string => {
  const offset = reader.at;
  const name = reader.name(NAME_BYTES_MAX);
  shape.nameBytes += reader.at - offset;
  atMost(
    { most: NAMES_BYTES_MAX, code: 'names-too-long', of: 'bytes of names' },
    shape.nameBytes,
    offset,
  );
  return name;
};

const readTypeIndex = (reader: ByteReader, shape: ModuleShape): number => {
  const offset = reader.at;
  const index = reader.u32();
  if (index >= shape.types.length)
    throw new Refusal('malformed', `Type ${index} is not declared.`, offset);
  return index;
};

interface LimitsSeen {
  readonly initial: number;
  readonly most: number | undefined;
  readonly offset: number;
}

/** Bits of the byte before limits: a maximum follows; shared between threads; counted in 64 bits. */
const HAS_MOST = 1;
const SHARED = 2;
const WIDE = 4;

const readLimits = (reader: ByteReader, what: string): LimitsSeen => {
  const flagsAt = reader.at;
  const flags = reader.byte();
  if (flags > (HAS_MOST | SHARED | WIDE))
    throw new Refusal('malformed', `${what} has limits of no known form.`, flagsAt);
  if ((flags & SHARED) !== 0)
    throw new Refusal('shared-memory', `${what} is shared between threads.`, flagsAt);
  if ((flags & WIDE) !== 0)
    throw new Refusal('memory64', `${what} has addresses of 64 bits.`, flagsAt);
  const offset = reader.at;
  const initial = reader.u32();
  return { initial, most: flags === HAS_MOST ? reader.u32() : undefined, offset };
};

/** Bit of a global's mutability that shares it between threads; everything above it is nothing. */
const notShared = (mutability: number, offset: number): Refusal =>
  mutability < 4
    ? new Refusal('feature-refused', 'It needs shared globals, which are not allowed.', offset)
    : new Refusal('malformed', 'A global is neither constant nor variable.', offset);

const unknownKind = (kind: number, offset: number): Refusal =>
  kind === KIND.tag
    ? new Refusal('feature-refused', 'It needs exception handling, which is not allowed.', offset)
    : new Refusal('malformed', `Kind ${kind} of an import or export is unknown.`, offset);
