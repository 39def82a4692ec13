import { secretStoreConformance } from '@infrafabric/testkit';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { SecretRef } from '../../ports/secret-store.ts';
import { credentialName, systemdSecrets } from './store.ts';

const NEVER = new AbortController().signal;
const KEY: SecretRef = { path: 'if/prod/sip-key', field: 'token' };

let placed = 0;

/** As systemd does: a file of its own, then the name. Nobody rotates twice within a tick of the disk's clock, as tests do. */
const place = (folder: string, ref: SecretRef, value: Buffer): void => {
  const path = join(folder, credentialName(ref));
  writeFileSync(`${path}.new`, value, { mode: 0o400 });
  placed += 1;
  utimesSync(`${path}.new`, placed, placed);
  renameSync(`${path}.new`, path);
};

secretStoreConformance('systemd-creds', async (entries) => {
  const folder = mkdtempSync(join(tmpdir(), 'ifab-credentials-'));
  for (const { ref, value } of entries) place(folder, ref, value);
  return {
    store: systemdSecrets(folder),
    put: async ({ ref, value }) => place(folder, ref, value),
    deny: async () => chmodSync(join(folder, 'if+prod+sip-kamailio-key+token'), 0o444),
    breakDown: async () => {
      const path = join(folder, 'if+prod+sip-kamailio-key+token');
      rmSync(path);
      symlinkSync(path, path);
    },
    hidden: [],
    dispose: async () => rmSync(folder, { recursive: true }),
  };
});

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-credentials-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('names', () => {
  test('no two references have one file', () => {
    const names = [
      { path: 'a/b', field: 'c' },
      { path: 'a', field: 'b.c' },
      { path: 'a-b', field: 'c' },
      { path: 'a.b', field: 'c' },
      { path: 'A/b', field: 'c' },
    ].map(credentialName);
    expect(names).toEqual(['a+b+c', 'a+b.c', 'a-b+c', 'a.b+c', 'A+b+c']);
  });

  test('one that is too long for a file is refused', async () => {
    const ref = { path: 'x'.repeat(250), field: 'token' };
    await expect(systemdSecrets(folder).resolve(ref, NEVER)).rejects.toMatchObject({
      code: 'secret.invalid',
    });
  });
});

describe('the folder', () => {
  test('rights of the group, as an access list of systemd shows them, are taken; writing ones are not', async () => {
    place(folder, KEY, Buffer.from('value'));
    const path = join(folder, credentialName(KEY));
    chmodSync(path, 0o440);
    expect((await systemdSecrets(folder).resolve(KEY, NEVER)).bytes.toString()).toBe('value');
    for (const mode of [0o420, 0o404, 0o402]) {
      chmodSync(path, mode);
      await expect(systemdSecrets(folder).resolve(KEY, NEVER)).rejects.toMatchObject({
        code: 'secret.denied',
      });
    }
  });

  test('a pipe or a folder in place of a credential is refused at once', async () => {
    execFileSync('mkfifo', ['-m', '600', join(folder, credentialName(KEY))]);
    mkdirSync(join(folder, 'a+b'), { mode: 0o700 });
    for (const ref of [KEY, { path: 'a', field: 'b' }]) {
      await expect(systemdSecrets(folder).resolve(ref, NEVER)).rejects.toMatchObject({
        code: 'secret.invalid',
      });
    }
  });

  test('a folder that is not there holds nothing', async () => {
    await expect(systemdSecrets(join(folder, 'none')).resolve(KEY, NEVER)).rejects.toMatchObject({
      code: 'secret.not_found',
    });
  });

  test('a signal that aborts during the read gets its reason', async () => {
    place(folder, KEY, Buffer.from('value'));
    const stop = new AbortController();
    const answer = systemdSecrets(folder).resolve(KEY, stop.signal);
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(answer).rejects.toBe(reason);
  });
});

const hasCreds = spawnSync('systemd-creds', ['--version']).status === 0;

// systemd's own tool says whether our names are names of credentials. It is on Debian, not in most
// containers: scripts/setup.ts installs it, so in CI its absence is a failure.
describe.skipIf(!hasCreds && process.env['CI'] === undefined)('systemd-creds', () => {
  test('reads the files that we read, by the same names', async () => {
    const value = Buffer.from([0, 1, 2, 0xff, 10]);
    place(folder, KEY, value);
    const read = execFileSync('systemd-creds', ['cat', credentialName(KEY)], {
      env: { ...process.env, CREDENTIALS_DIRECTORY: folder },
    });
    expect(read).toEqual(value);
    expect((await systemdSecrets(folder).resolve(KEY, NEVER)).bytes).toEqual(value);
  });
});
