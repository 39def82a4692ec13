import { binary, bombs, wasmOf } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';

import type { AdmitHeader, Verdict } from '../words.ts';
import { admitModule, ADMISSION_VERSION } from './admit.ts';

const { bytesOf, concat, moduleOf, runModule, section, types, functionType } = binary;

const HEADER: AdmitHeader = {
  sha256: '',
  abi: 'extism',
  entrypoints: ['run'],
  hostFunctions: [],
  allowStart: false,
};

const judge = (bytes: Uint8Array, header: Partial<AdmitHeader> = {}): Verdict =>
  admitModule(bytes, { ...HEADER, ...header });
const judgeWat = async (text: string, header: Partial<AdmitHeader> = {}): Promise<Verdict> =>
  judge(await wasmOf(text), header);

const RUN = '(func (export "run"))';

test('a verdict counts what it saw', async () => {
  expect(
    await judgeWat(
      `(module (import "extism:host/env" "alloc" (func (param i64) (result i64)))
         (memory (export "memory") 3) (func) ${RUN})`,
    ),
  ).toEqual({
    ok: true,
    memoryPages: 3,
    functions: 2,
    imports: ['extism:host/env.alloc'],
    exports: ['memory', 'run'],
  });
  expect(ADMISSION_VERSION).toBe(1);
});

describe('imports', () => {
  const importing = (
    module: string,
    name: string,
    signature: string,
    header: Partial<AdmitHeader> = {},
  ): Promise<Verdict> =>
    judgeWat(`(module (import "${module}" "${name}" (func ${signature})) ${RUN})`, header);

  test('case 48: an unknown import is refused, with the byte where it stands', async () => {
    expect(await importing('env', 'system', '(param i32) (result i32)')).toEqual({
      ok: false,
      code: 'unknown-import',
      reason: 'Import "env" "system" is nothing that extism modules are given.',
      offset: 22,
    });
  });

  test('case 48: names of prototypes are names like any other', async () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(await importing('extism:host/env', name, '')).toMatchObject({
        code: 'unknown-import',
      });
      expect(await importing(name, name, '')).toMatchObject({ code: 'unknown-import' });
    }
  });

  test('a known import of another signature is refused, with both', async () => {
    expect(await importing('extism:host/env', 'alloc', '(param i32) (result i32)')).toMatchObject({
      code: 'import-signature',
      reason: 'Import "extism:host/env" "alloc" is (i32 -> i32); it has to be (i64 -> i64).',
    });
  });

  test('case 52: http and log are linked only where the contract lists them', async () => {
    const request = ['extism:host/env', 'http_request', '(param i64 i64) (result i64)'] as const;
    expect(await importing(...request)).toMatchObject({ code: 'import-not-granted' });
    expect(await importing(...request, { hostFunctions: ['log'] })).toMatchObject({ ok: false });
    expect(await importing(...request, { hostFunctions: ['http'] })).toMatchObject({ ok: true });
    const log = ['extism:host/env', 'log_info', '(param i64)'] as const;
    expect(await importing(...log)).toMatchObject({ code: 'import-not-granted' });
    expect(await importing(...log, { hostFunctions: ['log'] })).toMatchObject({ ok: true });
  });

  test('call is ours, and only where it is listed', async () => {
    const call = ['infrafabric:host', 'call', '(param i64) (result i64)'] as const;
    expect(await importing(...call)).toMatchObject({ code: 'import-not-granted' });
    expect(await importing(...call, { hostFunctions: ['call'] })).toMatchObject({ ok: true });
  });

  test('case 45: all of WASI preview 1 is linked, because the runner answers ENOSYS', async () => {
    const open = [
      'wasi_snapshot_preview1',
      'path_open',
      '(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)',
    ] as const;
    expect(await importing(...open)).toMatchObject({ ok: true });
    expect(await importing(...open, { abi: 'wasi' })).toMatchObject({ ok: true });
    expect(
      await importing('wasi_snapshot_preview1', 'sock_connect', '(param i32) (result i32)'),
    ).toMatchObject({ code: 'unknown-import' });
    expect(await importing('wasi_unstable', 'fd_close', '(param i32) (result i32)')).toMatchObject({
      code: 'unknown-import',
    });
  });

  test("AssemblyScript's abort is linked, the kernel only for Extism modules", async () => {
    const abort = ['env', 'abort', '(param i32 i32 i32 i32)'] as const;
    for (const abi of ['extism', 'wasi'] as const)
      expect(await importing(...abort, { abi })).toMatchObject({ ok: true });
    expect(
      await importing('extism:host/env', 'alloc', '(param i64) (result i64)', { abi: 'wasi' }),
    ).toMatchObject({ code: 'unknown-import' });
  });

  test.each([
    ['memory', '(memory 1)'],
    ['table', '(table 1 funcref)'],
    ['global', '(global i32)'],
    ['variable', '(global (mut i64))'],
  ])('a %s is nothing to import', async (_kind, what) => {
    expect(
      await judgeWat(`(module (import "extism:host/env" "alloc" ${what}) ${RUN})`),
    ).toMatchObject({ code: 'import-kind' });
  });

  test('case 49: a name that a terminal would obey is quoted', async () => {
    const verdict = await importing('env', '\\1b]0;owned\\07\\"', '');
    expect(verdict.ok ? '' : verdict.reason).toBe(
      'Import "env" "\\u{1b}]0;owned\\u{7}\\u{22}" is nothing that extism modules are given.',
    );
    const long = await importing('env', 'x'.repeat(100), '');
    expect(long.ok ? '' : long.reason).toContain(`"${'x'.repeat(64)}"…`);
  });
});

describe('what is exported', () => {
  test('every entrypoint is there, and is a function without parameters', async () => {
    expect(await judgeWat('(module)')).toMatchObject({
      code: 'entrypoint-missing',
      reason: 'It exports no "run".',
    });
    expect(await judgeWat('(module (memory (export "run") 1))')).toMatchObject({
      code: 'entrypoint-kind',
    });
    expect(await judgeWat('(module (func (export "run") (param i32)))')).toMatchObject({
      code: 'entrypoint-signature',
      reason: 'Export "run" is (i32 ->); it has to be (-> i32) or (->).',
    });
    expect(await judgeWat('(module (func (export "run") (result i32) i32.const 0))')).toMatchObject(
      { ok: true },
    );
  });

  test('case 40: names of prototypes are entrypoints like any other', async () => {
    const text = '(module (func (export "__proto__")) (func (export "constructor")))';
    expect(await judgeWat(text, { entrypoints: ['__proto__', 'constructor'] })).toMatchObject({
      ok: true,
      exports: ['__proto__', 'constructor'],
    });
    expect(await judgeWat('(module)', { entrypoints: ['constructor'] })).toMatchObject({
      code: 'entrypoint-missing',
    });
  });

  test('an export that names no function at all is no entrypoint', () => {
    const bytes = moduleOf(types(functionType()), binary.exports(binary.exported('run', 7)));
    expect(judge(bytes)).toMatchObject({ code: 'entrypoint-kind' });
  });

  test('a json module has to have alloc and a memory, and may have dealloc', async () => {
    const parts = {
      alloc: '(func (export "alloc") (param i32) (result i32) unreachable)',
      dealloc: '(func (export "dealloc") (param i32 i32))',
      memory: '(memory (export "memory") 1)',
      run: '(func (export "run") (param i32 i32) (result i64) unreachable)',
    };
    const all = Object.values(parts);
    const json = { abi: 'json' as const };
    expect(await judgeWat(`(module ${all.join(' ')})`, json)).toMatchObject({ ok: true });
    const { alloc, memory, run } = parts;
    expect(await judgeWat(`(module ${alloc} ${memory} ${run})`, json)).toMatchObject({ ok: true });
    expect(
      await judgeWat(`(module ${alloc} ${memory} ${run} (func (export "dealloc")))`, json),
    ).toMatchObject({ code: 'entrypoint-signature' });
    for (const [name, code] of [
      ['alloc', 'entrypoint-missing'],
      ['memory', 'export-missing'],
      ['run', 'entrypoint-missing'],
    ] as const) {
      const without = all.filter((part) => part !== parts[name]).join(' ');
      expect(await judgeWat(`(module ${without})`, json)).toMatchObject({ code });
    }
  });
});

test('a start function is refused, and admitted where the contract says so', async () => {
  const text = `(module (func $s) (start $s) ${RUN})`;
  expect(await judgeWat(text)).toMatchObject({ code: 'start-function' });
  expect(await judgeWat(text, { allowStart: true })).toMatchObject({ ok: true });
});

describe('case 38: proposals that are not part of 2.0 are refused by name', () => {
  const REFUSED: readonly (readonly [string, Uint8Array, string])[] = [
    ['try', bytesOf(0x06, 0x40, 0x0b), 'exception handling'],
    ['throw', bytesOf(0x08, 0x00), 'exception handling'],
    ['throw_ref', bytesOf(0x0a), 'exception handling'],
    ['try_table', bytesOf(0x1f, 0x40, 0x00, 0x0b), 'exception handling'],
    ['return_call', bytesOf(0x12, 0x00), 'tail calls'],
    ['return_call_indirect', bytesOf(0x13, 0x00, 0x00), 'tail calls'],
    ['call_ref', bytesOf(0x14, 0x00), 'typed function references'],
    ['ref.as_non_null', bytesOf(0xd4), 'typed function references'],
    ['ref.eq', bytesOf(0xd3), 'garbage collection'],
    ['struct.new', bytesOf(0xfb, 0x00, 0x00), 'garbage collection'],
    ['cont.new', bytesOf(0xe0, 0x00), 'stack switching'],
    ['memory.atomic.notify', bytesOf(0xfe, 0x00, 0x02, 0x00), 'threads and atomics'],
    ['i8x16.relaxed_swizzle', bytesOf(0xfd, 0x80, 0x02), 'relaxed SIMD'],
    ['a load from the second memory', bytesOf(0x28, 0x42, 0x01, 0x00), 'several memories'],
    ['a block of a garbage collected type', bytesOf(0x02, 0x6e, 0x0b), 'garbage collection'],
    ['memory.grow of the second memory', bytesOf(0x40, 0x01), 'a memory other than the first'],
  ];
  test.each(REFUSED)('%s', (_name, instructions, feature) => {
    const verdict = judge(runModule(instructions));
    expect(verdict).toMatchObject({ ok: false, code: 'feature-refused' });
    expect(verdict.ok ? '' : verdict.reason).toContain(feature);
  });

  test.each([
    ['0x27', bytesOf(0x27)],
    ['0xff', bytesOf(0xff)],
    ['0xfc 0x13 (wide arithmetic)', bytesOf(0xfc, 0x13)],
    ['0xfd 0x9a, which is free', bytesOf(0xfd, 0x9a, 0x01)],
  ])('opcode %s is unknown', (_name, instructions) => {
    expect(judge(runModule(instructions))).toMatchObject({ code: 'unknown-opcode', offset: 32 });
  });

  test.each([
    ['struct', bytesOf(0x01, 0x5f, 0x00), 'feature-refused'],
    ['rec group', bytesOf(0x01, 0x4e, 0x00), 'feature-refused'],
    [
      'a reference that is never null',
      bytesOf(0x01, 0x60, 0x01, 0x64, 0x70, 0x00),
      'feature-refused',
    ],
    ['exnref', bytesOf(0x01, 0x60, 0x01, 0x69, 0x00), 'feature-refused'],
    ['nothing known', bytesOf(0x01, 0x60, 0x01, 0x11, 0x00), 'unknown-type'],
  ])('a type of %s', (_name, content, code) => {
    expect(judge(moduleOf(section(1, content)))).toMatchObject({ code });
  });

  test('tags, extended constants, shared globals', async () => {
    expect(judge(moduleOf(section(13, bytesOf(0x01, 0x00, 0x00))))).toMatchObject({
      code: 'feature-refused',
    });
    expect(
      await judgeWat(`(module (global i32 (i32.add (i32.const 1) (i32.const 2))) ${RUN})`),
    ).toMatchObject({ code: 'feature-refused' });
    expect(judge(moduleOf(section(6, bytesOf(0x01, 0x7f, 0x02, 0x41, 0x00, 0x0b))))).toMatchObject({
      code: 'feature-refused',
    });
  });
});

test('case 23: shared and 64-bit memories and tables are refused', async () => {
  expect(await judgeWat(`(module (memory 1 1 shared) ${RUN})`)).toMatchObject({
    code: 'shared-memory',
  });
  expect(await judgeWat(`(module (memory i64 1) ${RUN})`)).toMatchObject({ code: 'memory64' });
  expect(judge(moduleOf(section(4, bytesOf(0x01, 0x70, 0x04, 0x01))))).toMatchObject({
    code: 'memory64',
  });
  expect(judge(moduleOf(section(5, bytesOf(0x01, 0x08, 0x01))))).toMatchObject({
    code: 'malformed',
  });
});

describe('case 36: integers are as short as they may be', () => {
  test.each([
    ['an index of six bytes', bytesOf(0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)],
    ['an index above 32 bits', bytesOf(0x10, 0x80, 0x80, 0x80, 0x80, 0x10)],
    ['i32.const of six bytes', bytesOf(0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)],
    ['i32.const with stray bits', bytesOf(0x41, 0x80, 0x80, 0x80, 0x80, 0x10)],
    ['i32.const with half a sign', bytesOf(0x41, 0xff, 0xff, 0xff, 0xff, 0x4f)],
    [
      'i64.const of eleven bytes',
      concat(bytesOf(0x42), binary.repeat(bytesOf(0x80), 10), bytesOf(0)),
    ],
    [
      'i64.const with stray bits',
      concat(bytesOf(0x42), binary.repeat(bytesOf(0xff), 9), bytesOf(0x01)),
    ],
    ['a block type above 33 bits', bytesOf(0x02, 0x80, 0x80, 0x80, 0x80, 0x10, 0x0b)],
  ])('%s', (_name, instructions) => {
    const bytes = runModule(instructions);
    expect(WebAssembly.validate(Buffer.from(bytes))).toBe(false);
    expect(judge(bytes)).toMatchObject({ code: 'bad-integer' });
  });

  test.each([
    ['i32.const −1 in five bytes', bytesOf(0x41, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x1a)],
    ['i32.const 0 in five bytes', bytesOf(0x41, 0x80, 0x80, 0x80, 0x80, 0x00, 0x1a)],
    [
      'i64.const −1 in ten bytes',
      concat(bytesOf(0x42), binary.repeat(bytesOf(0xff), 9), bytesOf(0x7f, 0x1a)),
    ],
    ['call 0 in five bytes', bytesOf(0x10, 0x80, 0x80, 0x80, 0x80, 0x00)],
    ['a block type in five bytes', bytesOf(0x02, 0x80, 0x80, 0x80, 0x80, 0x00, 0x0b)],
  ])('%s is allowed', (_name, instructions) => {
    const bytes = runModule(instructions);
    expect(WebAssembly.validate(Buffer.from(bytes))).toBe(true);
    expect(judge(bytes)).toMatchObject({ ok: true });
  });
});

describe('case 37: sections', () => {
  const type = types(functionType());
  test('stand once, in order', () => {
    expect(judge(moduleOf(type, type))).toMatchObject({ code: 'bad-section', offset: 14 });
    expect(judge(moduleOf(section(3, bytesOf(0)), type))).toMatchObject({ code: 'bad-section' });
  });

  test('end where they say', () => {
    expect(judge(moduleOf(section(1, bytesOf(0x00, 0x00))))).toMatchObject({ code: 'bad-section' });
    expect(judge(moduleOf(section(1, bytesOf(0x01, 0x60, 0x05))))).toMatchObject({
      code: 'truncated',
    });
    expect(judge(moduleOf(section(14, bytesOf())))).toMatchObject({ code: 'unknown-section' });
  });

  test('agree in their counts', () => {
    expect(judge(moduleOf(type, section(3, bytesOf(0x01, 0x00))))).toMatchObject({
      code: 'malformed',
      reason: '1 functions are declared; 0 have a body.',
    });
    expect(judge(moduleOf(section(12, bytesOf(0x01))))).toMatchObject({ code: 'malformed' });
    expect(judge(moduleOf(type, section(3, bytesOf(0x01, 0x01))))).toMatchObject({
      code: 'malformed',
    });
  });

  test('a body ends where it says', () => {
    const longer = runModule(bytesOf(0x0b, 0x01));
    expect(judge(longer)).toMatchObject({ code: 'malformed' });
    expect(judge(runModule(bytesOf(0x02, 0x40)))).toMatchObject({ code: 'truncated' });
  });
});

test.each([
  ['nothing', bytesOf(), 'not-a-module'],
  ['a script', new TextEncoder().encode('export default 1;'), 'not-a-module'],
  ['version 2', bytesOf(0x00, 0x61, 0x73, 0x6d, 0x02, 0x00, 0x00, 0x00), 'not-a-module'],
  ['a component', bytesOf(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00), 'not-a-module'],
])('%s is no module', (_name, bytes, code) => {
  expect(judge(bytes)).toMatchObject({ code });
});

test('case 40: a name that is not UTF-8 is refused, a byte order mark is part of a name', () => {
  const named = (...name: number[]): Uint8Array =>
    moduleOf(
      types(functionType()),
      binary.functions(0),
      binary.exports(
        binary.exported('run', 0),
        concat(bytesOf(name.length, ...name), bytesOf(0x00, 0x00)),
      ),
      binary.code(binary.body(bytesOf())),
    );
  for (const name of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]])
    expect(judge(named(...name))).toMatchObject({ code: 'bad-utf8' });
  expect(judge(named(0xef, 0xbb, 0xbf, 0x61))).toMatchObject({ exports: ['run', '\ufeffa'] });
  expect(judge(named(0x72, 0x75, 0x6e))).toMatchObject({ code: 'malformed' });
  const custom = concat(runModule(bytesOf()), section(0, bytesOf(0x01, 0xff)));
  expect(judge(custom)).toMatchObject({ code: 'bad-utf8' });
});

test('all kinds of segments and their offsets are read', async () => {
  const text = `(module
    (memory 1) (table $t 4 funcref) (table $x 4 externref) (type $v (func))
    (global $g (mut i64) (i64.const -5)) (global f64 (f64.const 1.5)) (global f32 (f32.const 2))
    (global v128 (v128.const i32x4 1 2 3 4)) (global funcref (ref.func $f)) (global externref (ref.null extern))
    (func $f) ${RUN}
    (elem (i32.const 0) func $f) (elem (table $t) (i32.const 0) func $f) (elem func $f) (elem declare func $f)
    (elem (table $t) (i32.const 1) funcref (ref.func $f) (ref.null func))
    (elem (i32.const 1) funcref (ref.func $f)) (elem funcref (ref.func $f)) (elem declare funcref (ref.func $f))
    (data (i32.const 0) "active") (data "passive") (data (memory 0) (i32.const 8) "named"))`;
  expect(await judgeWat(text)).toMatchObject({ ok: true, functions: 2 });
  expect(judge(bombs.manyElements({ segments: 1, entriesEach: 0 }))).toMatchObject({ ok: true });
});

test('instructions with every kind of immediate are read', async () => {
  const text = `(module (memory 1) (table 2 funcref) (data "x") (elem func 0) (type $p (func (param i32) (result i32)))
    (func (export "run") (local i32 v128 funcref)
      (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 0)))
      (drop (v128.load8_lane 3 (i32.const 0) (local.get 1))) (drop (i8x16.extract_lane_s 15 (local.get 1)))
      (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (local.get 1) (local.get 1)))
      (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop 0)
      (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)) (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))
      (table.init 0 (i32.const 0) (i32.const 0) (i32.const 0)) (elem.drop 0)
      (table.copy (i32.const 0) (i32.const 0) (i32.const 0)) (drop (table.grow (ref.null func) (i32.const 0)))
      (table.fill (i32.const 0) (ref.null func) (i32.const 0)) (drop (table.size))
      (drop (memory.grow (i32.const 0))) (drop (memory.size)) (drop (i32.trunc_sat_f64_s (f64.const 1)))
      (drop (call_indirect (type $p) (i32.const 1) (i32.const 0))) (drop (i64.load offset=8 align=4 (i32.const 0)))
      (drop (i32.const 5) (block (param i32) (result i32) nop)) (drop (f32.const 1)) (drop (ref.is_null (local.get 2)))
      (block (br_table 0 0 (i32.const 0)))))`;
  expect(await judgeWat(text)).toMatchObject({ ok: true });
});

test('a script is UTF-8 of at most a mebibyte, and nothing more is asked of it', () => {
  const js = { abi: 'js' as const };
  expect(judge(new TextEncoder().encode('throw "ü"; while (true);'), js)).toEqual({
    ok: true,
    memoryPages: 0,
    functions: 0,
    imports: [],
    exports: [],
  });
  expect(judge(bytesOf(0x22, 0xff, 0x22), js)).toMatchObject({ code: 'bad-utf8' });
  expect(judge(new Uint8Array(1_048_576).fill(0x20), js)).toMatchObject({ ok: true });
  expect(judge(new Uint8Array(1_048_577).fill(0x20), js)).toMatchObject({
    code: 'script-too-large',
  });
});
