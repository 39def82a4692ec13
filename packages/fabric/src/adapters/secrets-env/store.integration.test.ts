import { secretsIn, secretStoreConformance } from '@infrafabric/testkit';
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

import type { SecretRef } from '../../ports/secret-store.ts';
import { envSecrets, variableOf } from './store.ts';

const NEVER = new AbortController().signal;

secretStoreConformance(
  'env',
  async (entries) => ({
    store: envSecrets(
      Object.fromEntries(entries.map(({ ref, value }) => [variableOf(ref), value.toString()])),
    ),
    fixed: 'variables do not change while a process runs',
    hidden: [],
    dispose: async () => undefined,
  }),
  { textOnly: 'a variable holds text' },
);

describe('variables', () => {
  test.each<[string, SecretRef]>([
    ['IFAB_SECRET_IF_PROD_SIP_KEY_TOKEN', { path: 'if/prod/sip-key', field: 'token' }],
    ['IFAB_SECRET_X_Y_Z', { path: 'x/y', field: 'z' }],
    ['IFAB_SECRET_A_B_C_9_', { path: 'a.b', field: 'c_9_' }],
  ])('%s', (name, ref) => {
    expect(variableOf(ref)).toBe(name);
  });

  test('are all taken when the store opens, and the rest is left', async () => {
    const env = {
      IFAB_SECRET_A_B: 'one',
      IFAB_SECRET_C_D: 'two',
      IFAB_SECRET_E: '',
      IFAB_SECRETS: 'env',
      PATH: '/bin',
    };
    const store = envSecrets(env);
    expect(env).toEqual({ IFAB_SECRETS: 'env', PATH: '/bin' });
    expect((await store.resolve({ path: 'c', field: 'd' }, NEVER)).bytes.toString()).toBe('two');
    await expect(store.resolve({ path: 'e', field: 'x' }, NEVER)).rejects.toMatchObject({
      code: 'secret.not_found',
    });
  });

  test('are not in what a child inherits', () => {
    const env: Record<string, string | undefined> = {
      ...process.env,
      IFAB_SECRET_A_B: 'canary-91',
    };
    envSecrets(env);
    const { stdout } = spawnSync('env', { env, encoding: 'utf8' });
    expect(stdout).toContain('PATH=');
    expect(stdout).not.toContain('canary-91');
  });

  test('one that two references would read is the first one’s', async () => {
    const store = envSecrets({ IFAB_SECRET_A_B_C: 'canary-17' });
    expect((await store.resolve({ path: 'a/b', field: 'c' }, NEVER)).bytes.toString()).toBe(
      'canary-17',
    );
    const other: unknown = await store
      .resolve({ path: 'a-b', field: 'c' }, NEVER)
      .catch((cause: unknown) => cause);
    expect(other).toMatchObject({ code: 'secret.denied' });
    expect(secretsIn(other, ['canary-17'])).toEqual([]);
    expect((await store.resolve({ path: 'a/b', field: 'c' }, NEVER)).bytes.toString()).toBe(
      'canary-17',
    );
  });
});
