/** Modules that cost an engine more than they weigh. Each takes its size, so that tests stand on both sides of a limit. */
import {
  body,
  type Bytes,
  bytesOf,
  code,
  concat,
  exported,
  exports,
  functions,
  functionType,
  joined,
  localsOf,
  moduleOf,
  repeat,
  runModule,
  section,
  text,
  types,
  u32,
  vector,
} from './binary.ts';

const NOP = 0x01;
const BLOCK = bytesOf(0x02, 0x40);
const LOOP = bytesOf(0x03, 0x40);
const END = bytesOf(0x0b);
const RUN = exports(exported('run', 0));

/** `count` functions without parameters that do nothing, the first exported as `run`. */
export const manyFunctions = (count: number): Bytes =>
  moduleOf(
    types(functionType()),
    section(3, u32(count), new Uint8Array(count)),
    RUN,
    section(10, u32(count), repeat(body(new Uint8Array()), count)),
  );

/** One function whose body, counted as the code section counts it, has `bodyBytes` bytes. */
export const largeFunction = (bodyBytes: number): Bytes =>
  runModule(new Uint8Array(bodyBytes - 2).fill(NOP));

/** Loops one after another, each of which merges all locals. */
export const phiBomb = ({ loops, locals }: { readonly loops: number; readonly locals: number }) =>
  // local.get 0, i32.const 1, i32.add, local.set 0 makes the loop's merge worth making.
  runModule(
    repeat(concat(LOOP, bytesOf(0x20, 0x00, 0x41, 0x01, 0x6a, 0x21, 0x00), END), loops),
    localsOf(locals),
  );

/** So many operands left lying, then blocks above them, each of which a compiler has to merge with all of them. */
export const highBlocks = ({
  blocks,
  operands,
}: {
  readonly blocks: number;
  readonly operands: number;
}): Bytes =>
  runModule(
    concat(
      repeat(bytesOf(0x41, 0x00), operands),
      repeat(concat(BLOCK, END), blocks),
      repeat(bytesOf(0x1a), operands),
    ),
  );

/** Calls of a function with so many results, which are left lying. */
export const manyResults = ({
  results,
  calls,
}: {
  readonly results: number;
  readonly calls: number;
}): Bytes =>
  moduleOf(
    types(
      functionType(),
      functionType(
        [],
        Array.from({ length: results }, () => 0x7f),
      ),
    ),
    functions(0, 1),
    RUN,
    code(
      body(concat(repeat(bytesOf(0x10, 0x01), calls), bytesOf(0x00))),
      body(repeat(bytesOf(0x41, 0x00), results)),
    ),
  );

/** One `br_table` with so many targets. */
export const branchTableBomb = (targets: number): Bytes =>
  runModule(
    concat(BLOCK, bytesOf(0x41, 0x00, 0x0e), u32(targets), new Uint8Array(targets + 1), END),
  );

/** Blocks inside each other: `block`, `loop` or `if`. */
export const nestedBlocks = (
  depth: number,
  kind: 'block' | 'loop' | 'if' = 'block',
  locals = 0,
): Bytes => {
  const opening = { block: BLOCK, loop: LOOP, if: bytesOf(0x41, 0x00, 0x04, 0x40) }[kind];
  return runModule(
    concat(repeat(opening, depth), repeat(END, depth)),
    locals === 0 ? undefined : localsOf(locals),
  );
};

/** `count` functions with so many locals each; the first calls them all. */
export const manyLocals = ({
  functions: count,
  locals,
}: {
  readonly functions: number;
  readonly locals: number;
}): Bytes => {
  const calls = Array.from({ length: count - 1 }, (_, at) => concat(bytesOf(0x10), u32(at + 1)));
  return moduleOf(
    types(functionType()),
    section(3, u32(count), new Uint8Array(count)),
    RUN,
    section(
      10,
      u32(count),
      body(joined(calls)),
      repeat(body(new Uint8Array(), localsOf(locals)), count - 1),
    ),
  );
};

export const manyTypes = (count: number): Bytes =>
  moduleOf(
    section(1, u32(count), repeat(functionType(), count)),
    functions(0),
    RUN,
    code(body(new Uint8Array())),
  );

/** WASI's `sched_yield`, so often. */
export const manyImports = (count: number): Bytes =>
  moduleOf(
    types(functionType([], [0x7f]), functionType()),
    section(
      2,
      u32(count),
      repeat(
        concat(text('wasi_snapshot_preview1'), text('sched_yield'), bytesOf(0x00, 0x00)),
        count,
      ),
    ),
    functions(1),
    exports(exported('run', count)),
    code(body(new Uint8Array())),
  );

/** One function under so many names, of which `run` is the first. */
export const manyExports = (count: number): Bytes =>
  moduleOf(
    types(functionType()),
    functions(0),
    section(
      7,
      u32(count),
      exported('run', 0),
      joined(Array.from({ length: count - 1 }, (_, at) => exported(`x${at}`, 0))),
    ),
    code(body(new Uint8Array())),
  );

/** Variables of 32 bits, all zero. */
export const manyGlobals = (count: number): Bytes =>
  moduleOf(
    types(functionType()),
    functions(0),
    section(6, u32(count), repeat(bytesOf(0x7f, 0x01, 0x41, 0x00, 0x0b), count)),
    RUN,
    code(body(new Uint8Array())),
  );

/** Passive data segments. */
export const manyDataSegments = ({
  segments,
  bytesEach,
}: {
  readonly segments: number;
  readonly bytesEach: number;
}): Bytes =>
  moduleOf(
    types(functionType()),
    functions(0),
    section(5, bytesOf(0x01, 0x00, 0x01)),
    RUN,
    section(12, u32(segments)),
    code(body(new Uint8Array())),
    section(
      11,
      u32(segments),
      repeat(concat(bytesOf(0x01), u32(bytesEach), new Uint8Array(bytesEach)), segments),
    ),
  );

/** Passive element segments of function 0. */
export const manyElements = ({
  segments,
  entriesEach,
}: {
  readonly segments: number;
  readonly entriesEach: number;
}): Bytes =>
  moduleOf(
    types(functionType()),
    functions(0),
    RUN,
    section(
      9,
      u32(segments),
      repeat(concat(bytesOf(0x01, 0x00), u32(entriesEach), new Uint8Array(entriesEach)), segments),
    ),
    code(body(new Uint8Array())),
  );

/** A custom section whose content, name included, has so many bytes. */
export const customSection = (bytes: number): Bytes =>
  moduleOf(
    types(functionType()),
    functions(0),
    RUN,
    code(body(new Uint8Array())),
    section(0, text('x'), new Uint8Array(bytes - 2)),
  );

/** Tables of functions that begin with so many elements each. */
export const manyTables = ({
  tables,
  elementsEach,
}: {
  readonly tables: number;
  readonly elementsEach: number;
}): Bytes =>
  moduleOf(
    types(functionType()),
    functions(0),
    section(4, u32(tables), repeat(concat(bytesOf(0x70, 0x00), u32(elementsEach)), tables)),
    RUN,
    code(body(new Uint8Array())),
  );

/** Memories, each of which begins with so many pages. */
export const manyMemories = ({
  memories,
  pagesEach,
}: {
  readonly memories: number;
  readonly pagesEach: number;
}): Bytes =>
  moduleOf(
    types(functionType()),
    functions(0),
    section(
      5,
      vector(Array.from({ length: memories }, () => concat(bytesOf(0x00), u32(pagesEach)))),
    ),
    RUN,
    code(body(new Uint8Array())),
  );
