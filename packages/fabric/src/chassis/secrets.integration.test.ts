import { startVaultServer } from '@infrafabric/testkit';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';

import type { SecretRef } from '../ports/secret-store.ts';
import { SecretsConfig } from './secrets-config.ts';
import { openSecretKeeper, openSecretStore, secretPlace } from './secrets.ts';

const NEVER = new AbortController().signal;
const KEY: SecretRef = { path: 'if/prod', field: 'token' };

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ifab-store-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const valueFrom = async (
  config: unknown,
  env: Record<string, string | undefined> = {},
): Promise<string> => {
  const store = openSecretStore(SecretsConfig.parse(config), { dataDir, env });
  try {
    return `${store.name}: ${(await store.resolve(KEY, NEVER)).bytes.toString()}`;
  } finally {
    await store.close();
  }
};

test('a file: what the keeper put is what the store gives, at the default place and at another', async () => {
  for (const config of [{ kind: 'file' }, { kind: 'file', file: 'a/b.age', keyFile: 'c/d.key' }]) {
    const keeper = openSecretKeeper(SecretsConfig.parse(config), { dataDir });
    await keeper?.put(KEY, Buffer.from('value'), NEVER);
    expect(await valueFrom(config)).toBe('file: value');
  }
});

test('variables: they are gone from the environment that was given', async () => {
  const env = { IFAB_SECRET_IF_PROD_TOKEN: 'value', PATH: '/bin' };
  expect(await valueFrom({ kind: 'env' }, env)).toBe('env: value');
  expect(env).toEqual({ PATH: '/bin' });
});

test('systemd: the folder that it names, or the configured one', async () => {
  writeFileSync(join(dataDir, 'if+prod+token'), 'value', { mode: 0o400 });
  expect(await valueFrom({ kind: 'systemd' }, { CREDENTIALS_DIRECTORY: dataDir })).toBe(
    'systemd-creds: value',
  );
  expect(await valueFrom({ kind: 'systemd', folder: '.' })).toBe('systemd-creds: value');
  await expect(valueFrom({ kind: 'systemd' })).rejects.toMatchObject({ code: 'config.invalid' });
});

test('Vault: by token and by AppRole, with files relative to the data folder', async () => {
  const server = await startVaultServer({ mount: 'team/kv' });
  onTestFinished(() => server.close());
  server.write(KEY.path, { token: 'value' });
  const { roleId, secretId } = server.makeRole();
  writeFileSync(join(dataDir, 'vault.token'), server.rootToken, { mode: 0o600 });
  writeFileSync(join(dataDir, 'secret.id'), secretId, { mode: 0o600 });
  for (const auth of [
    { kind: 'token', tokenFile: 'vault.token' },
    { kind: 'approle', roleId, secretIdFile: 'secret.id' },
  ]) {
    const config = { kind: 'vault', url: server.url, mount: 'team/kv', auth };
    expect(await valueFrom(config)).toBe('vault: value');
  }
});

test('Vault: certificates that cannot be read are a wrong configuration', async () => {
  const auth = { kind: 'token', tokenFile: 'vault.token' };
  const config = { kind: 'vault', url: 'https://127.0.0.1:1', auth, caFile: 'none.pem' };
  await expect(valueFrom(config)).rejects.toMatchObject({ code: 'config.invalid' });
});

test.each([
  [{ kind: 'file' }, 'secrets.age'],
  [{ kind: 'env' }, 'the variable IFAB_SECRET_IF_PROD_TOKEN'],
  [{ kind: 'systemd' }, 'the credential if+prod+token'],
  [
    { kind: 'vault', url: 'https://vault.example', auth: { kind: 'token', tokenFile: 't' } },
    'https://vault.example secret/data/if/prod, field token',
  ],
])('%j looks in %s', (config, place) => {
  expect(secretPlace(SecretsConfig.parse(config), KEY)).toBe(place);
});

test('only a file is changed by its keeper', () => {
  for (const kind of ['env', 'systemd']) {
    expect(openSecretKeeper(SecretsConfig.parse({ kind }), { dataDir })).toBeUndefined();
  }
});
