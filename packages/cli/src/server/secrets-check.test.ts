/** What `ifab doctor` says of secrets; their files are real ones. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSecretKeeper, SecretsConfig } from '@infrafabric/fabric';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { secretsCheck } from './secrets-check.ts';

const NEVER = new AbortController().signal;
const FILE = SecretsConfig.parse({ kind: 'file' });

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ifab-doctor-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const check = (secrets = FILE) => secretsCheck({ secrets, dataDir }, NEVER);
const set = async (field: string): Promise<unknown> =>
  openSecretKeeper(FILE, { dataDir })?.put({ path: 'a', field }, Buffer.from('canary'), NEVER);

test('no secrets are no fault, and the first one’s command is named', async () => {
  expect(await check()).toMatchObject({
    state: 'ok',
    found: expect.stringContaining('ifab secret set'),
  });
});

test('secrets that their key opens are counted', async () => {
  await set('b');
  await set('c');
  expect(await check()).toEqual({
    name: 'secrets',
    state: 'ok',
    found: 'secrets.age holds 2, and its key opens it',
  });
});

test('a key that others may read, that is lost, or of another file fails, with what mends it', async () => {
  await set('b');
  const key = join(dataDir, 'keys', 'secrets.key');
  const text = readFileSync(key, 'utf8');
  chmodSync(key, 0o644);
  expect(await check()).toMatchObject({
    state: 'failed',
    mend: expect.stringContaining('chmod 600'),
  });
  rmSync(key);
  expect(await check()).toMatchObject({ state: 'failed', mend: expect.stringContaining('backup') });
  await openSecretKeeper(SecretsConfig.parse({ kind: 'file', file: 'other.age' }), {
    dataDir,
  })?.put({ path: 'a', field: 'b' }, Buffer.from('other'), NEVER);
  expect(await check()).toMatchObject({ state: 'failed', mend: expect.stringContaining('backup') });
  writeFileSync(key, text, { mode: 0o600 });
  expect(await check()).toMatchObject({ state: 'ok' });
});

test.each(['env', 'systemd'])(
  'of another store (%s) is said where it is, and nothing is taken',
  async (kind) => {
    expect(await check(SecretsConfig.parse({ kind }))).toMatchObject({
      state: 'ok',
      found: expect.stringContaining('ifab secret check REF'),
    });
  },
);
