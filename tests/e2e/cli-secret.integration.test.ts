/** `ifab secret` as people use it: a real process, a pipe, a terminal. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const bin = join(import.meta.dirname, '..', '..', 'packages', 'cli', 'src', 'bin.ts');
const root = mkdtempSync(join(tmpdir(), 'ifab-secret-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const dataDir = join(root, 'data');
const env = { PATH: process.env['PATH'] ?? '', HOME: root, IFAB_DATA_DIR: dataDir, TERM: 'xterm' };
const ifab = join(root, 'ifab');
writeFileSync(ifab, `#!/bin/sh\nexec "${process.execPath}" --conditions=source "${bin}" "$@"\n`);
chmodSync(ifab, 0o755);

const run = (words: readonly string[], input: string | Buffer = '') => {
  const { status, stdout, stderr } = spawnSync(ifab, words, { env, input, encoding: 'utf8' });
  return { status, stdout, stderr };
};

test('a value comes through a pipe, byte for byte, and age opens the file', () => {
  const value = Buffer.from([0, 255, 10, 13, 10]);
  const set = run(['secret', 'set', 'vault://a/b#bytes', '--exact', '--json'], value);
  expect(set).toEqual({
    status: 0,
    stdout: '{"ref":"vault://a/b#bytes","bytes":5,"version":"1"}\n',
    stderr: '',
  });
  const files = ['-d', '-i', join(dataDir, 'keys', 'secrets.key'), join(dataDir, 'secrets.age')];
  const age = spawnSync('age', files, { encoding: 'utf8' });
  // Not everywhere: scripts/setup.ts installs it.
  if (age.error !== undefined) return;
  expect(JSON.parse(age.stdout)).toMatchObject({
    secrets: { 'a/b': { bytes: { value: value.toString('base64') } } },
  });
});

/** Types at a pseudo-terminal that the command has to itself, once it has asked. */
const typeAt = (command: string, keys: string) =>
  new Promise<{ readonly code: number | null; readonly shown: string }>((resolve) => {
    const record = join(root, 'typescript');
    const child = spawn('script', ['-qefc', command, record], {
      env: { ...env, SHELL: '/bin/sh' },
    });
    let shown = '';
    child.stdout.on('data', (text: Buffer) => {
      const before = shown.includes('shown): ');
      shown += text.toString();
      if (!before && shown.includes('shown): ')) child.stdin.write(keys);
    });
    child.on('close', (code) => resolve({ code, shown: shown + readFileSync(record, 'utf8') }));
  });

const hasScript = spawnSync('script', ['--version']).status === 0;

// Of util-linux; without it there is no terminal to type at.
test.skipIf(!hasScript)('a person types it, and the terminal shows nothing of it', async () => {
  const ref = "'vault://a/b#typed'";
  const { code, shown } = await typeAt(`${ifab} secret set ${ref}; stty -a`, 'canarx\u007fy-q_q\r');
  expect(code).toBe(0);
  expect(shown).toContain('Value (it is not shown): ');
  expect(shown).toContain('set vault://a/b#typed');
  expect(shown).not.toMatch(/canar|q_q/);
  // The terminal echoes again.
  expect(shown).toMatch(/ echo /);
  expect(run(['secret', 'check', 'vault://a/b#typed', '--json']).stdout).toContain('"bytes":10');
});

// Of util-linux; without it there is no terminal to type at.
test.skipIf(!hasScript)('Ctrl-C at the question sets nothing', async () => {
  const { code } = await typeAt(`${ifab} secret set 'vault://a/b#none'`, 'can\u0003');
  expect(code).toBe(130);
  expect(run(['secret', 'check', 'vault://a/b#none', '--json'])).toMatchObject({
    status: 2,
    stdout: '',
  });
});
