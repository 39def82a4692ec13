import { MODULE_BYTES_MAX as CONTRACT_MODULE_BYTES_MAX } from '@infrafabric/protocol';
import { binary, bombs } from '@infrafabric/testkit';
import { expect, test } from 'vitest';

import type { AdmitHeader, Verdict } from '../words.ts';
import { admitModule } from './admit.ts';
import { MODULE_BYTES_MAX } from './limits.ts';

const { bytesOf, concat, exported, exports, functions, functionType, localsOf } = binary;
const { moduleOf, repeat, runModule, section, types, u32 } = binary;

const HEADER: AdmitHeader = {
  sha256: '',
  abi: 'extism',
  entrypoints: ['run'],
  hostFunctions: ['log', 'http', 'call'],
  allowStart: false,
};

const judge = (bytes: Uint8Array, header: Partial<AdmitHeader> = {}): Verdict =>
  admitModule(bytes, { ...HEADER, ...header });
const END = bytesOf(0x0b);

/** What each limit counts, as a module that has exactly so many. The figures are the limits, written out. */
const CAPS: readonly {
  readonly name: string;
  readonly most: number;
  readonly code: string;
  readonly of: (count: number) => Uint8Array;
}[] = [
  { name: 'case 24: functions', most: 50_000, code: 'too-many-functions', of: bombs.manyFunctions },
  {
    name: 'case 25: bytes of a function',
    most: 131_072,
    code: 'body-too-large',
    of: bombs.largeFunction,
  },
  {
    name: 'case 26: locals summed over blocks',
    most: 2_000_000,
    code: 'too-many-merges',
    of: (count) => bombs.phiBomb({ loops: Math.ceil(count / 5_000), locals: 5_000 }),
  },
  {
    name: 'case 26: operands summed over blocks',
    most: 2_000_000,
    code: 'too-many-merges',
    of: (count) => bombs.highBlocks({ blocks: Math.ceil(count / 4_000), operands: 4_000 }),
  },
  {
    name: 'case 26: operands at once',
    most: 10_000,
    code: 'stack-too-high',
    of: (operands) => bombs.highBlocks({ blocks: 1, operands }),
  },
  {
    name: 'case 26: operands at once, by results of calls',
    most: 10_000,
    code: 'stack-too-high',
    of: (results) => bombs.manyResults({ results: 10, calls: Math.ceil(results / 10) }),
  },
  {
    name: 'case 27: targets of a br_table',
    most: 10_000,
    code: 'br-table-too-large',
    of: bombs.branchTableBomb,
  },
  {
    name: 'case 28: blocks inside each other',
    most: 1_024,
    code: 'nesting-too-deep',
    of: bombs.nestedBlocks,
  },
  {
    name: 'case 28: loops inside each other',
    most: 1_024,
    code: 'nesting-too-deep',
    of: (depth) => bombs.nestedBlocks(depth, 'loop'),
  },
  {
    name: 'case 28: conditions inside each other',
    most: 1_024,
    code: 'nesting-too-deep',
    of: (depth) => bombs.nestedBlocks(depth, 'if'),
  },
  {
    name: 'case 29: locals of a function',
    most: 5_000,
    code: 'too-many-locals',
    of: (locals) => bombs.manyLocals({ functions: 3, locals }),
  },
  {
    name: 'case 29: locals of a function, in groups',
    most: 5_000,
    code: 'too-many-locals',
    of: (locals) =>
      runModule(bytesOf(), concat(u32(3), u32(locals - 2), bytesOf(0x7f, 0x01, 0x7e, 0x01, 0x7b))),
  },
  { name: 'case 30: types', most: 10_000, code: 'too-many-types', of: bombs.manyTypes },
  {
    name: 'case 30: results of a type',
    most: 64,
    code: 'too-many-results',
    of: (results) => bombs.manyResults({ results, calls: 1 }),
  },
  {
    name: 'case 30: parameters of a type',
    most: 255,
    code: 'too-many-parameters',
    of: (count) =>
      moduleOf(
        types(functionType(), functionType(Array.from({ length: count }, () => 0x7f))),
        functions(0),
        exports(exported('run', 0)),
        binary.code(binary.body(bytesOf())),
      ),
  },
  { name: 'case 31: imports', most: 1_000, code: 'too-many-imports', of: bombs.manyImports },
  { name: 'case 32: exports', most: 1_000, code: 'too-many-exports', of: bombs.manyExports },
  { name: 'case 33: globals', most: 10_000, code: 'too-many-globals', of: bombs.manyGlobals },
  {
    name: 'case 34: data segments',
    most: 10_000,
    code: 'too-many-segments',
    of: (segments) => bombs.manyDataSegments({ segments, bytesEach: 4 }),
  },
  {
    name: 'case 34: element segments',
    most: 10_000,
    code: 'too-many-segments',
    of: (segments) => bombs.manyElements({ segments, entriesEach: 1 }),
  },
  {
    name: 'case 34: entries of element segments',
    most: 100_000,
    code: 'too-many-elements',
    of: (entries) => bombs.manyElements({ segments: 1, entriesEach: entries }),
  },
  {
    name: 'case 35: bytes of custom sections',
    most: 8_388_608,
    code: 'custom-too-large',
    of: bombs.customSection,
  },
  {
    name: 'case 35: custom sections',
    most: 1_000,
    code: 'too-many-custom-sections',
    of: (count) => concat(runModule(bytesOf()), repeat(bytesOf(0x00, 0x01, 0x00), count)),
  },
  {
    name: 'case 16: elements of a table',
    most: 100_000,
    code: 'table-too-large',
    of: (elementsEach) => bombs.manyTables({ tables: 1, elementsEach }),
  },
  {
    name: 'case 17: tables',
    most: 10,
    code: 'too-many-tables',
    of: (tables) => bombs.manyTables({ tables, elementsEach: 1 }),
  },
  {
    name: 'case 14: pages of memory',
    most: 32_768,
    code: 'memory-too-large',
    of: (pagesEach) => bombs.manyMemories({ memories: 1, pagesEach }),
  },
  {
    name: 'case 23: memories',
    most: 1,
    code: 'too-many-memories',
    of: (memories) => bombs.manyMemories({ memories, pagesEach: 1 }),
  },
  {
    name: 'bytes of a name',
    most: 1_024,
    code: 'name-too-long',
    of: (bytes) =>
      moduleOf(
        types(functionType()),
        functions(0),
        exports(exported('run', 0), exported('x'.repeat(bytes), 0)),
        binary.code(binary.body(bytesOf())),
      ),
  },
];

test.each(CAPS)('$name: $most pass, one more is refused', ({ most, code, of }) => {
  expect(judge(of(most))).toMatchObject({ ok: true });
  const refused = judge(of(most + 1));
  expect(refused).toMatchObject({ ok: false, code });
  expect(refused.ok ? '' : refused.reason).toMatch(/^[\x20-\x7e…]+\.$/);
  expect(refused.ok ? undefined : refused.offset).toBeTypeOf('number');
});

test.each(CAPS)('$name: what passes is valid to the engine too', ({ most, of }) => {
  expect(WebAssembly.validate(Buffer.from(of(most)))).toBe(true);
});

test('case 15: the pages that a memory may begin with are those of the header', () => {
  const bytes = bombs.manyMemories({ memories: 1, pagesEach: 4_096 });
  expect(judge(bytes, { memoryPagesMax: 4_096 })).toMatchObject({ ok: true, memoryPages: 4_096 });
  expect(judge(bytes, { memoryPagesMax: 4_095 })).toEqual({
    ok: false,
    code: 'memory-too-large',
    reason: 'It has 4096 pages of memory; 4095 are the most.',
    offset: 22,
  });
});

test('a module has as many bytes as the contract allows, and not one more', () => {
  expect(MODULE_BYTES_MAX).toBe(CONTRACT_MODULE_BYTES_MAX);
  const small = bombs.manyDataSegments({ segments: 1, bytesEach: 0 });
  const bytes = bombs.manyDataSegments({
    segments: 1,
    // Three length fields grow from one byte to four.
    bytesEach: 16 * 1024 * 1024 - small.length - 6,
  });
  expect(bytes.length).toBe(16 * 1024 * 1024);
  expect(judge(bytes)).toMatchObject({ ok: true });
  expect(judge(concat(bytes, bytesOf(0x00)))).toMatchObject({ code: 'module-too-large' });
});

test('case 32: names together have a limit of their own, because a verdict lists them', () => {
  const named = (count: number): Uint8Array =>
    moduleOf(
      types(functionType([], [0x7f]), functionType()),
      section(
        2,
        u32(count),
        ...Array.from({ length: count }, () =>
          concat(binary.text('m'.repeat(1_024)), binary.text('n'.repeat(1_024)), bytesOf(0, 0)),
        ),
      ),
    );
  expect(judge(named(513))).toMatchObject({ code: 'names-too-long' });
  expect(judge(named(511))).toMatchObject({ code: 'unknown-import' });
});

test('case 28: a bomb of 1 M blocks is refused without walking through it', () => {
  const bytes = bombs.nestedBlocks(1_000_000);
  const startedAt = performance.now();
  expect(judge(bytes)).toMatchObject({ ok: false });
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test('a count that the bytes do not hold is refused before anything is made of it', () => {
  // Four billion locals in eleven bytes, a section of 4 GiB, ten thousand types of nothing.
  expect(judge(runModule(bytesOf(), localsOf(0xffff_ffff)))).toMatchObject({
    code: 'too-many-locals',
  });
  expect(judge(moduleOf(concat(bytesOf(0x01), u32(0xffff_ffff))))).toMatchObject({
    code: 'truncated',
  });
  expect(judge(moduleOf(section(1, u32(10_000))))).toMatchObject({ code: 'truncated' });
  expect(judge(moduleOf(section(1, bytesOf(0x01), END)))).toMatchObject({ code: 'unknown-type' });
});
