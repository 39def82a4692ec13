import { expect, test } from 'vitest';
import { nodeLineOf, permissionFlags, v8Flags } from './flags.ts';

test('the flags of a runner are these, and no other (pinned: one more can cost five times the processor time)', () => {
  expect(v8Flags(256).join(' ')).toBe(
    '--wasm-max-mem-pages=4096 --wasm-max-table-size=100000 --max-wasm-functions=50000 ' +
      '--wasm-max-module-size=16777216 --wasm-max-committed-code-mb=64 --max-old-space-size=512 ' +
      '--stack-size=512 --disable-wasm-trap-handler --v8-pool-size=0 ' +
      '--disallow-code-generation-from-strings --disable-proto=delete --no-addons',
  );
});

test('case 13: the pages of a memory follow its limit', () => {
  expect(v8Flags(1)[0]).toBe('--wasm-max-mem-pages=16');
  expect(v8Flags(2048)[0]).toBe('--wasm-max-mem-pages=32768');
});

test('the heap is twice the memory, so that growing it page by page collects no garbage', () => {
  expect(v8Flags(1)).toContain('--max-old-space-size=64');
  expect(v8Flags(64)).toContain('--max-old-space-size=128');
});

test.each([
  ['v24.21.0', '--permission'],
  ['v22.23.3', '--permission'],
  ['v22.13.0', '--permission'],
  ['v22.12.0', '--experimental-permission'],
  ['v20.20.2', '--experimental-permission'],
  ['v23.4.0', '--experimental-permission'],
  ['v23.5.0', '--permission'],
])('%s knows the permission model as %s', (version, flag) => {
  const line = nodeLineOf(version);
  expect(line && permissionFlags(line, '/app/runner.mjs')).toEqual([
    flag,
    '--allow-fs-read=/app/runner.mjs',
  ]);
});

test('what is no version has no line', () => {
  for (const text of ['', 'v24', 'bad option: --permission', 'v99999.1.1'])
    expect(nodeLineOf(text)).toBeUndefined();
});
