import { expect, test } from 'vitest';
import { fileFindings, rootFindings } from './tidy.ts';

const workspace = {
  scripts: ['test', 'demo'],
  exists: (path: string) => path === 'scripts/demo.ts',
};
const messages = (path: string, text: string): readonly string[] =>
  fileFindings(path, text, workspace).map(({ line, message }) => `${line} ${message}`);

/** Each rule: a path, a text that breaks it at line 1, and one as near as can be that does not. */
const cases: readonly (readonly [string, string, string, string])[] = [
  [
    'environment',
    'packages/fabric/src/a.ts',
    'const a = process.env.HOME;',
    'const a = process.pid;',
  ],
  ['randomness', 'packages/core/src/a.ts', 'const a = Math.random();', 'const a = Math.max(1, 2);'],
  ['note', 'packages/core/src/a.ts', '// TODO: later', '// TODO #12: later'],
  ['path', 'docs/a.md', 'see /home/ada/notes', 'see `/metrics` and packages/home/a'],
  ['registry', 'package-lock.json', '"https://registry.npmjs.org/a"', '"sha512-abc"'],
  ['only', 'packages/core/src/a.test.ts', "test.only('a', f);", "test('only', f);"],
  ['skip', 'tests/a.test.ts', "test.skip('a', f);", "test.skip('a', f); // needs XFS"],
  ['noun', 'packages/core/src/a.ts', 'export class LeaseManager {', 'export class LeaseTable {'],
  ['constant', 'packages/core/src/a.ts', 'const TASK_INFO = 1;', 'const TASK_INFORMED_MS = 1;'],
  ['verb', 'packages/core/src/a.ts', 'function handleClaim() {', 'function handles() {'],
  ['prefix', 'packages/core/src/a.ts', 'export interface IJournal {', 'export interface Index {'],
  ['script', 'README.md', 'then `npm run prove`', 'then `npm run demo` and npm test'],
  ['script file', 'README.md', 'scripts/lost.ts', 'scripts/demo.ts'],
];

test.each(cases)('tidy finds a broken rule and nothing else: %s', (_, path, bad, good) => {
  expect(messages(path, bad)).toEqual([expect.stringMatching(/^1 /)]);
  expect(messages(path, good)).toEqual([]);
});

test('a comment above a skipped test is its reason', () => {
  expect(messages('tests/a.test.ts', "// Needs a loop mount.\ntest.skip('a', f);")).toEqual([]);
});

test('the environment may be read in config.ts, in scripts and in tests', () => {
  const line = 'const a = process.env.CI;';
  for (const path of ['packages/fabric/src/config.ts', 'scripts/a.ts', 'tests/e2e/a.test.ts']) {
    expect(messages(path, line)).toEqual([]);
  }
});

test('a file is named for what it holds', () => {
  expect(messages('packages/fabric/src/lease-utils.ts', '')).toHaveLength(1);
  expect(messages('packages/fabric/src/database.ts', '')).toEqual([]);
  expect(messages('scripts/run.sh', '')).toHaveLength(1);
});

test('the root has sixteen visible entries at most; hidden and generated ones do not count', () => {
  const sixteen = Array.from({ length: 16 }, (_, index) => `entry-${index}`);
  expect(rootFindings([...sixteen, '.git', 'node_modules', 'coverage'])).toEqual([]);
  expect(rootFindings([...sixteen, 'PLAN.md'])).toHaveLength(1);
});
