/** The file that npm links as `ifab`: a checkout that was never built, and an installed package without sources. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const cli = join(import.meta.dirname, '..', '..', 'packages', 'cli');
const { bin }: { readonly bin: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(join(cli, 'package.json'), 'utf8'),
);
const ifab = join(cli, bin['ifab'] ?? 'no bin is named ifab');
const root = mkdtempSync(join(tmpdir(), 'ifab-bin-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const start = (file: string, words: readonly string[]): ChildProcess =>
  spawn(process.execPath, [file, ...words], {
    cwd: root,
    env: { HOME: root, XDG_STATE_HOME: join(root, 'state'), IFAB_LISTEN_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

function ended(
  child: ChildProcess,
): Promise<{ readonly code: number | null; readonly said: string }> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

test('both names are one file, and it runs the sources where nothing was built', async () => {
  expect(bin['infrafabric']).toBe(bin['ifab']);
  expect(await ended(start(ifab, ['--version']))).toMatchObject({ code: 0, said: '0.1.0\n' });
  const refused = await ended(start(ifab, ['taks']));
  expect(refused.code).toBe(2);
  expect(refused.said).toContain('task');
});

test('a signal reaches the fabric behind it, which ends as it should', async () => {
  const child = start(ifab, ['serve']);
  const end = ended(child);
  await Promise.race([
    new Promise((resolve) => child.stdout?.once('data', resolve)),
    end.then(({ said }) => expect.unreachable(said)),
  ]);
  child.kill('SIGTERM');
  expect((await end).code).toBe(0);
});

test('a kill -9 of the file that npm links ends the fabric behind it', async () => {
  const child = start(ifab, ['serve']);
  const end = ended(child);
  await Promise.race([
    new Promise((resolve) => child.stdout?.once('data', resolve)),
    end.then(({ said }) => expect.unreachable(said)),
  ]);
  child.kill('SIGKILL');
  // The program holds the pipes too: they close when it has ended.
  expect((await end).code).toBeNull();
});

test('an installed package has no sources: its build runs', async () => {
  mkdirSync(join(root, 'installed', 'bin'), { recursive: true });
  mkdirSync(join(root, 'installed', 'dist'));
  writeFileSync(join(root, 'installed', 'package.json'), '{"type":"module"}');
  writeFileSync(join(root, 'installed', 'dist', 'bin.js'), 'console.log("built");');
  const copy = join(root, 'installed', 'bin', 'ifab.mjs');
  copyFileSync(ifab, copy);
  expect(await ended(start(copy, []))).toEqual({ code: 0, said: 'built\n' });
});
