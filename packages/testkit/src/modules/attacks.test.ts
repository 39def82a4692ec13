import { expect, test } from 'vitest';

import { MODULE_ATTACKS } from './attacks.ts';

test('every case of the suite that is a module has one', () => {
  const cases = new Set(MODULE_ATTACKS.map((attack) => attack.case));
  // 11, 12, 39 and from 53 on most others are no modules, but what happens around one.
  const expected = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53,
    74, 77, 79, 95,
  ];
  expect([...cases]).toEqual(expected);
});

test('every attack has a name of its own', () => {
  const names = MODULE_ATTACKS.map(({ case: number, name }) => `${number}: ${name}`);
  expect(new Set(names).size).toBe(names.length);
});

test.each(MODULE_ATTACKS.filter(({ abi, expects }) => abi !== 'js' && expects !== 'refused'))(
  'case $case: $name: the engine takes it, so its end is the sandbox’s work',
  async ({ bytes }) => {
    expect(WebAssembly.validate(Buffer.from(await bytes()))).toBe(true);
  },
);

/** Those that would take what they can get where nothing limits them. */
const GROWING = new Set([13, 18]);

test.each(
  MODULE_ATTACKS.filter(
    ({ expects, case: number }) => expects === 'completed' && !GROWING.has(number),
  ),
)('case $case: $name: it finds nothing on a fresh instance', async ({ bytes, entrypoint }) => {
  const module = new WebAssembly.Module(Buffer.from(await bytes()));
  // What it imports is for the runner's own tests; here it is about what it computes.
  if (WebAssembly.Module.imports(module).length > 0) return;
  const run = new WebAssembly.Instance(module).exports[entrypoint];
  expect(typeof run === 'function' ? (run() ?? 0) : 'no function').toBe(0);
});
