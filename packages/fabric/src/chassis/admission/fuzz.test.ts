import { binary, bombs, wasmOf } from '@infrafabric/testkit';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';

import type { AdmitHeader, Verdict } from '../words.ts';
import { admitModule } from './admit.ts';

const HEADER: AdmitHeader = {
  sha256: '',
  abi: 'extism',
  entrypoints: [],
  hostFunctions: ['log', 'http', 'call'],
  allowStart: true,
};

/** A refusal with one of these says that no engine takes the bytes either. */
const NO_MODULE = new Set([
  'not-a-module',
  'truncated',
  'bad-integer',
  'bad-utf8',
  'bad-section',
  'malformed',
]);

const judge = (bytes: Uint8Array): Verdict => admitModule(bytes, HEADER);

/** Where the engine takes a module, admission may refuse it, but must not call it broken: this is what it then said. */
const wronglyBroken = (bytes: Uint8Array): Verdict | undefined => {
  const verdict = judge(bytes);
  if (verdict.ok || !NO_MODULE.has(verdict.code)) return undefined;
  return WebAssembly.validate(Buffer.from(bytes)) ? verdict : undefined;
};

const seeds: Uint8Array[] = [];

beforeAll(async () => {
  seeds.push(
    await wasmOf(`(module
      (import "extism:host/env" "alloc" (func $a (param i64) (result i64)))
      (memory (export "memory") 1 10) (table 4 funcref) (global $g (mut i64) (i64.const -5))
      (func $f (param i32) (result i32) (local i64 f64)
        (block $b (loop $l (br_if $b (i32.eqz (local.get 0)))
          (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_table $l $b (local.get 0))))
        (i32.store offset=4 (i32.const 0) (i32.const 1000000)) (local.get 0))
      (func (export "run") (drop (call $f (i32.const 3))) (memory.fill (i32.const 0) (i32.const 0) (i32.const 9)))
      (elem (i32.const 0) func $f) (data (i32.const 0) "some bytes") (data "passive"))`),
    bombs.manyExports(4),
    bombs.manyImports(3),
    bombs.manyGlobals(3),
    bombs.manyElements({ segments: 2, entriesEach: 2 }),
    bombs.manyDataSegments({ segments: 2, bytesEach: 3 }),
    bombs.manyTables({ tables: 2, elementsEach: 3 }),
    bombs.nestedBlocks(4, 'if', 3),
    bombs.branchTableBomb(5),
    bombs.customSection(10),
  );
});

test('the seeds themselves are admitted', () => {
  for (const seed of seeds) expect(judge(seed)).toMatchObject({ ok: true });
});

// Property: any bytes at all end with a verdict. Method: random bytes, alone and behind a module's head.
test('random bytes always end with a verdict', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, headed) => {
      expect(wronglyBroken(headed ? binary.concat(binary.PREAMBLE, bytes) : bytes)).toBeUndefined();
    }),
    { numRuns: 3_000 },
  );
});

// Property: as above. Method: sections of real numbers with random contents reach further than random bytes.
test('random sections always end with a verdict', () => {
  const section = fc.tuple(fc.integer({ min: 0, max: 14 }), fc.uint8Array({ maxLength: 40 }));
  fc.assert(
    fc.property(fc.array(section, { maxLength: 6 }), (sections) => {
      expect(
        wronglyBroken(
          binary.moduleOf(...sections.map(([id, content]) => binary.section(id, content))),
        ),
      ).toBeUndefined();
    }),
    { numRuns: 3_000 },
  );
});

// Property: a function that the engine takes is never called broken. Method: random instructions from the whole range.
test('random bodies always end with a verdict', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (instructions) => {
      expect(wronglyBroken(binary.runModule(instructions))).toBeUndefined();
    }),
    { numRuns: 5_000 },
  );
});

// Property: damage never makes a module that the engine takes and admission calls broken. Method: change, cut, insert
// and remove bytes of modules that have every section.
test('damaged modules always end with a verdict', () => {
  const change = fc.record({
    at: fc.nat(1_000),
    kind: fc.constantFrom('set', 'cut', 'insert', 'remove'),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  fc.assert(
    fc.property(fc.nat(9), fc.array(change, { minLength: 1, maxLength: 4 }), (which, changes) => {
      let bytes = [...(seeds[which] ?? [])];
      for (const { at, kind, byte } of changes) {
        const place = at % bytes.length;
        if (kind === 'set') bytes[place] = byte;
        else if (kind === 'cut') bytes = bytes.slice(0, place + 1);
        else bytes.splice(place, kind === 'remove' ? 1 : 0, ...(kind === 'insert' ? [byte] : []));
        if (bytes.length === 0) break;
      }
      expect(wronglyBroken(Uint8Array.from(bytes))).toBeUndefined();
    }),
    { numRuns: 10_000 },
  );
});
