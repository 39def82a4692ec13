import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { elfOf, resultsOf, SCRATCH, type RawCall } from './elf.ts';
import { errorName, filterCalls } from './raw-calls.ts';

const run = (calls: readonly RawCall[]) => {
  const path = join(mkdtempSync(join(tmpdir(), 'ifab-elf-')), 'program');
  writeFileSync(path, elfOf(calls), { mode: 0o755 });
  const { stdout, status, signal } = spawnSync(path, { input: 'g' });
  rmSync(join(path, '..'), { recursive: true, force: true });
  return { results: resultsOf(stdout), status, signal };
};
const x64 = (number: number, ...args: RawCall['arguments']): RawCall => ({
  abi: 'x64',
  number,
  arguments: args,
});
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The programs are machine code of this architecture. */
const isElsewhere = process.platform !== 'linux' || process.arch !== 'x64';

// Elsewhere there is nothing that could run them.
test.skipIf(isElsewhere)('E2: a program says what each of its calls answered', () => {
  const { results, status } = run([
    x64(39),
    x64(2, text('/proc/self/status'), 0, 0),
    x64(0, 3, SCRATCH, 64),
    x64(2, text('/no/such/file'), 0, 0),
    x64(186),
  ]);
  expect(status).toBe(0);
  expect(results).toHaveLength(5);
  expect(results.slice(1, 3)).toEqual([3, 64]);
  expect(errorName(results[3] ?? 0)).toBe('ENOENT');
  // getpid and gettid of a process of one thread.
  expect(results[0]).toBe(results[4]);
});

// As above.
test.skipIf(isElsewhere)('a call of i386 is answered where its ABI is allowed', () => {
  const { results } = run([
    x64(39),
    { abi: 'i386', number: 20, arguments: [] },
    { abi: 'i386', number: 5, arguments: [text('/no/such/file'), 0, 0] },
  ]);
  expect(results[1]).toBe(results[0]);
  expect(errorName(results[2] ?? 0)).toBe('ENOENT');
});

// As above.
test.skipIf(isElsewhere)(
  'case 91: with the filter installed i386 ends the program, and its own calls are denied',
  () => {
    const denied = run([...filterCalls('x64'), x64(41, 2, 1, 0), x64(39)]);
    expect(denied.results.slice(0, 2)).toEqual([0, 0]);
    expect(errorName(denied.results[2] ?? 0)).toBe('EPERM');
    expect(denied.results[3]).toBeGreaterThan(0);
    const killed = run([...filterCalls('x64'), { abi: 'i386', number: 20, arguments: [] }]);
    expect(killed.results).toHaveLength(2);
    expect(killed.signal).toBe('SIGSYS');
  },
);

// As above.
test.skipIf(isElsewhere)(
  'a call that forks answers in its parent, and its child says nothing',
  () => {
    const { results } = run([{ ...x64(57), forks: true }, x64(39)]);
    expect(results).toHaveLength(2);
    expect(results[0]).toBeGreaterThan(0);
  },
);
