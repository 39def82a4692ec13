/** A whole language, metered: QuickJS computes what it computes. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import found from '@jitl/quickjs-wasmfile-release-sync';
import { newQuickJSWASMModuleFromVariant, newVariant } from 'quickjs-emscripten-core';
import type { QuickJSSyncVariant } from 'quickjs-emscripten-core';
import { expect, test } from 'vitest';

import { meterModule } from './meter.ts';

const require = createRequire(import.meta.url);
const quickJs = new Uint8Array(
  readFileSync(require.resolve('@jitl/quickjs-wasmfile-release-sync/wasm')),
);

const PROGRAM = `
  const words = 'the quick brown fox jumps over the lazy dog'.split(' ');
  const counts = new Map();
  for (let turn = 0; turn < 200; turn += 1)
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + word.length * turn);
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  JSON.stringify({ sorted, found: /(o+|u)[a-z]*/g[Symbol.match](words.join('-')), pi: Math.PI.toFixed(12) });
`;

/** Its types say that it is a module around the variant; what node imports is the variant. */
const isVariant = (imported: unknown): imported is QuickJSSyncVariant =>
  typeof imported === 'object' && imported !== null && 'importFFI' in imported;

const evaluate = async (bytes: Uint8Array): Promise<string> => {
  const wasmModule = new WebAssembly.Module(Buffer.from(bytes));
  const variant: unknown = found;
  if (!isVariant(variant)) throw new TypeError('the package holds no engine');
  const engine = await newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmModule }));
  const context = engine.newContext();
  const result = context.evalCode(PROGRAM);
  const text = context.getString(context.unwrapResult(result));
  result.dispose();
  context.dispose();
  return text;
};

test('a metered QuickJS computes the same', async () => {
  const { bytes } = meterModule(quickJs, { fuel: 2 ** 50 });
  expect(WebAssembly.validate(bytes)).toBe(true);
  expect(await evaluate(bytes)).toBe(await evaluate(quickJs));
});

test('with fuel for its beginning only, it ends in a trap', async () => {
  const { bytes } = meterModule(quickJs, { fuel: 100_000 });
  await expect(evaluate(bytes)).rejects.toThrow('unreachable');
});
