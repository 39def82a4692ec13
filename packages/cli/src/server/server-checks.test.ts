/** What `ifab doctor` says of a fabric that answers, but not well. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { json, run } from '../../test/io.ts';
import { problem, serveAnswers, STATUS } from '../../test/wire.ts';
import type { Wire } from '../../test/wire.ts';
import { VERSION } from '../version.ts';
import { writeServeFile } from './serve-file.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-server-checks-'));
let wire: Wire | undefined;
afterEach(() => wire?.close());
afterAll(() => rmSync(root, { recursive: true }));

interface Said {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly state: string }[];
}
const serverCheck = async (status: object) => {
  wire = await serveAnswers({ 'realm.status': () => status });
  const env = { ...wire.env, HOME: root };
  const { code, stdout } = await run(['doctor', '--json'], { env, cwd: root });
  const { checks } = Object(json(stdout)) as Said;
  return { code, check: checks.find(({ name }) => name === 'server') };
};

test.each([
  ['the same release', { version: VERSION }, 'ok', undefined],
  [
    'another release',
    { version: '0.0.1' },
    'warn',
    `This ifab is ${VERSION}: restart the fabric with it.`,
  ],
  [
    'a full disk',
    { version: VERSION, readOnly: true },
    'failed',
    'Make room on its disk; it goes on by itself.',
  ],
])('%s', async (_name, more, state, mend) => {
  const { code, check } = await serverCheck({ ...STATUS, ...more });
  expect(check).toMatchObject({ state, found: expect.stringContaining('7 entries, answered in') });
  expect(Object(check)['mend']).toBe(mend);
  expect(code).toBe(state === 'failed' ? 1 : 0);
});

test('a credential that the fabric refuses fails with what to do about it', async () => {
  const { code, check } = await serverCheck(problem('auth.invalid', 'fix-request', 401));
  expect(code).toBe(1);
  expect(check).toMatchObject({ state: 'failed', mend: expect.stringContaining('IFAB_TOKEN') });
});

test('a leader that was killed leaves its note, and the note is not believed', async () => {
  const dataDir = mkdtempSync(join(root, 'dead-'));
  writeServeFile(dataDir, {
    pid: 4_194_305,
    url: 'http://127.0.0.1:1',
    realm: 'main',
    version: VERSION,
    startedAt: 'then',
  });
  const env = { HOME: root, IFAB_LISTEN_PORT: '0' };
  const { stdout } = await run(['doctor', '--data-dir', dataDir], { env, cwd: root });
  expect(stdout).toContain('process 4194305 has ended; start one: ifab serve');
});
