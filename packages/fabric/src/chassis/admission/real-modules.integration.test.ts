/** Modules that compilers made: admission reads them to their end, and never calls one broken that the engine takes. */
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { admitModule } from './admit.ts';
import { readModule } from './module.ts';
import { MEMORY_PAGES_OF_32_BITS } from './limits.ts';

const require = createRequire(import.meta.url);
const fileOf = (name: string): Uint8Array => readFileSync(require.resolve(name));

test.each([
  ['@jitl/quickjs-wasmfile-release-sync/wasm', 1_321],
  ['source-map/lib/mappings.wasm', 67],
])('%s is read to its end', (name, functions) => {
  const bytes = fileOf(name);
  const shape = readModule(bytes, { pagesMax: MEMORY_PAGES_OF_32_BITS });
  expect(shape.bodies).toBe(functions);
  expect(shape.functions.length - shape.importedFunctions).toBe(functions);
});

test('a module cut at any place is refused, unless what is left is a module', () => {
  const bytes = fileOf('source-map/lib/mappings.wasm');
  // Every byte of the head, where all sections but the code begin, then steps of a prime.
  for (let at = 0; at < bytes.length; at += at < 2_000 ? 1 : 97) {
    const rest = bytes.slice(0, at);
    const verdict = admitModule(rest, {
      sha256: '',
      abi: 'wasi',
      entrypoints: [],
      hostFunctions: [],
      allowStart: true,
    });
    expect(verdict.ok && !WebAssembly.validate(rest)).toBe(false);
  }
});

const FOLDER = process.env['IFAB_WASM_SPEC_FOLDER'];
/** Refusals that say that no engine takes the bytes either. */
const NO_MODULE = new Set([
  'not-a-module',
  'truncated',
  'bad-integer',
  'bad-utf8',
  'bad-section',
  'malformed',
]);

/**
 * The binaries of WebAssembly/testsuite (as `wast2json` makes them) or any other folder of modules, valid or not.
 * Admission may refuse what is valid, by its rules; it may not call it broken.
 */
test('the modules of IFAB_WASM_SPEC_FOLDER are judged as the engine judges them', (context) => {
  if (FOLDER === undefined) {
    process.stderr.write('specification modules not run: set IFAB_WASM_SPEC_FOLDER\n');
    context.skip('not run: set IFAB_WASM_SPEC_FOLDER');
    return;
  }
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  for (const path of globSync('**/*.wasm', { cwd: FOLDER })) {
    const bytes = new Uint8Array(readFileSync(join(FOLDER, path)));
    const verdict = admitModule(bytes, {
      sha256: '',
      abi: 'extism',
      entrypoints: [],
      hostFunctions: ['log', 'http', 'call'],
      allowStart: true,
    });
    const valid = WebAssembly.validate(bytes);
    const code = verdict.ok ? 'admitted' : verdict.code;
    const key = `${code}, ${valid ? 'valid' : 'invalid'}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (valid && NO_MODULE.has(code)) wrong.push(`${path}: ${verdict.ok ? '' : verdict.reason}`);
  }
  for (const [key, count] of counts) process.stderr.write(`${String(count).padStart(6)} ${key}\n`);
  expect(counts.size, `no .wasm in ${FOLDER}`).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});
