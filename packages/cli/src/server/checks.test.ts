/** What `ifab doctor` says of broken folders and machines; a healthy one is looked at end to end. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { json, run } from '../../test/io.ts';
import { folderChecks } from './folder-checks.ts';
import { clockCheck, nodeCheck } from './host-checks.ts';
import { isAlive, readServeFile, removeServeFile, writeServeFile } from './serve-file.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-checks-'));
afterAll(() => rmSync(root, { recursive: true }));

const NOBODY = 4_194_305;

test('an old Node and a clock of another century fail, with what mends them', () => {
  expect(nodeCheck('22.12.0')).toMatchObject({ state: 'failed', mend: expect.any(String) });
  expect(nodeCheck('22.13.0')).toMatchObject({ state: 'ok' });
  expect(nodeCheck('24.0.0')).toMatchObject({ state: 'ok' });
  expect(clockCheck(0)).toMatchObject({ state: 'failed', mend: expect.any(String) });
  expect(clockCheck(Date.UTC(2026, 10, 21))).toMatchObject({ state: 'ok' });
});

test('keys that others can read fail, with the command that mends it', () => {
  const folder = join(root, 'open');
  mkdirSync(join(folder, 'keys'), { recursive: true });
  writeFileSync(join(folder, 'keys', 'operator.token'), 'secret');
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'keys', 'operator.token'), 0o644);
  const failed = folderChecks(folder).filter(({ state }) => state === 'failed');
  expect(failed.map(({ mend }) => mend)).toEqual([
    `Keys lie in it: chmod 700 ${folder}`,
    `Others can read it: chmod 600 ${join(folder, 'keys', 'operator.token')}`,
  ]);
});

test.each([
  [{ pid: NOBODY, startedAt: 'then' }, 'died'],
  [{ pid: process.pid, startedAt: 'then' }, `process ${process.pid} leads`],
  [{ pid: NOBODY, startedAt: 'then', closedAt: 'later' }, 'stopped in order later'],
])('the lock’s note %j is read', (note, found) => {
  const folder = mkdtempSync(join(root, 'lock-'));
  writeFileSync(join(folder, 'LOCK.json'), JSON.stringify(note));
  const check = folderChecks(folder).find(({ name }) => name === 'lock');
  expect(check).toMatchObject({ state: 'ok', found: expect.stringContaining(found) });
});

test('a torn note of the lock is no failure', () => {
  const folder = mkdtempSync(join(root, 'torn-'));
  writeFileSync(join(folder, 'LOCK.json'), '{"pid":');
  expect(folderChecks(folder).find(({ name }) => name === 'lock')).toMatchObject({ state: 'warn' });
});

test('serve.json is removed by whoever wrote it, and half of one is none', () => {
  const folder = mkdtempSync(join(root, 'serve-'));
  const file = {
    pid: process.pid,
    url: 'http://127.0.0.1:1',
    realm: 'main',
    version: '1',
    startedAt: 'now',
  };
  expect(readServeFile(folder)).toBeUndefined();
  writeServeFile(folder, file);
  expect(readServeFile(folder)).toEqual(file);
  removeServeFile(folder, NOBODY);
  expect(readServeFile(folder)).toEqual(file);
  removeServeFile(folder, process.pid);
  expect(readServeFile(folder)).toBeUndefined();
  writeFileSync(join(folder, 'serve.json'), '{"pid":1');
  expect(readServeFile(folder)).toBeUndefined();
  expect([isAlive({ pid: process.pid }), isAlive({ pid: NOBODY })]).toEqual([true, false]);
});

test('doctor fails on a configuration that does not fit, and exits 1', async () => {
  const folder = mkdtempSync(join(root, 'bad-'));
  writeFileSync(join(folder, 'ifab.json'), '{"listenPrt":1}');
  const env = { HOME: folder };
  const { code, stdout } = await run(['doctor', '--json'], { env, cwd: folder });
  expect(code).toBe(1);
  expect(json(stdout)).toMatchObject({ ok: false });
  expect(stdout).toContain('listenPrt');
});

test('doctor names proxies that would take loopback, variables of no setting, and a port that is taken', async () => {
  const folder = mkdtempSync(join(root, 'odd-'));
  const env = {
    HOME: folder,
    HTTP_PROXY: 'http://proxy',
    IFAB_LISTEN_HOST: '192.0.2.1',
    IFAB_LISTNE: '1',
  };
  const { code, stdout } = await run(['doctor'], { env, cwd: folder });
  expect(code).toBe(1);
  expect(stdout).toContain('NO_PROXY');
  expect(stdout).toContain('IFAB_LISTNE');
  expect(stdout).toContain('192.0.2.1:7070 cannot be taken');
});
