import { expect, test } from 'vitest';
import { verdictIn } from './module-load.ts';

const refused = (code: string) => ({ ok: false, code, reason: 'why' }) as const;

test('a module that breaks the rules of every module has a verdict', () => {
  for (const code of ['malformed', 'too-many-functions', 'feature-refused', 'unknown-import'])
    expect(verdictIn(refused(code))).toEqual({ admitted: false, reason: `${code}: why` });
  expect(verdictIn({ ok: true, exports: [] })).toEqual({ admitted: true });
});

test.each([
  ['memory that a task narrowed', 'memory-too-large'],
  ['a host function that one contract does not list', 'import-not-granted'],
  ['a start function that one contract does not allow', 'start-function'],
  ['entrypoints that one contract names', 'entrypoint-missing'],
  ['what it names and is no function', 'entrypoint-kind'],
  ['what it names and takes something else', 'entrypoint-signature'],
  ['a host that was busy', 'module.refused'],
])('%s says nothing of the module, which others run as they may', (_, code) => {
  expect(verdictIn(refused(code))).toBeUndefined();
});

test('a module that could not be linked has no verdict', () => {
  expect(verdictIn({ ok: false, reason: 'no such function' })).toBeUndefined();
});
