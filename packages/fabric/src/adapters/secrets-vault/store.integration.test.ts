import {
  secretsIn,
  secretStoreConformance,
  startVaultServer,
  type VaultServer,
  type VaultServerOptions,
} from '@infrafabric/testkit';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nodeVault from 'node-vault';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';

import type { SecretRef, SecretStore } from '../../ports/secret-store.ts';
import { vaultSecrets, type VaultOptions } from './store.ts';

const NEVER = new AbortController().signal;
const KEY: SecretRef = { path: 'if/prod/sip-key', field: 'token' };
const CANARY = 'canary-7b41c0';
const TIMEOUT_MS = 5_000;

const root = mkdtempSync(join(tmpdir(), 'ifab-vault-'));
afterAll(() => rmSync(root, { recursive: true }));
let files = 0;
const fileWith = (text: string, mode = 0o600): string => {
  files += 1;
  const path = join(root, `file-${files}`);
  writeFileSync(path, text, { mode });
  return path;
};

const serve = async (options: VaultServerOptions = {}): Promise<VaultServer> => {
  const server = await startVaultServer(options);
  onTestFinished(() => server.close());
  return server;
};

const open = (options: VaultOptions): SecretStore => {
  const store = vaultSecrets(options);
  onTestFinished(() => store.close());
  return store;
};

const byToken = (server: VaultServer, token: string, more: Partial<VaultOptions> = {}) =>
  open({
    url: new URL(server.url),
    timeoutMs: TIMEOUT_MS,
    mount: 'secret',
    auth: { kind: 'token', tokenFile: fileWith(`${token}\n`) },
    ...more,
  });

const valueOf = async (store: SecretStore, ref = KEY): Promise<string> =>
  (await store.resolve(ref, NEVER)).bytes.toString();

const faultOf = async (store: SecretStore, ref = KEY): Promise<unknown> =>
  store.resolve(ref, NEVER).then(
    () => expect.unreachable('the secret came'),
    (cause: unknown) => cause,
  );

secretStoreConformance(
  'vault',
  async (entries) => {
    const server = await startVaultServer();
    const token = server.makeToken({ reads: ['if', 'x', 'constructor'] });
    const fields = new Map<string, Record<string, string>>();
    const put = async ({ ref, value }: { ref: SecretRef; value: Buffer }): Promise<void> => {
      const all = { ...fields.get(ref.path), [ref.field]: value.toString() };
      fields.set(ref.path, all);
      server.write(ref.path, all);
    };
    for (const entry of entries) await put(entry);
    const store = vaultSecrets({
      url: new URL(server.url),
      timeoutMs: TIMEOUT_MS,
      mount: 'secret',
      auth: { kind: 'token', tokenFile: fileWith(token) },
    });
    return {
      store,
      put,
      deny: async () => server.revoke(token),
      breakDown: () => server.close(),
      stall: async () => server.misbehave({ kind: 'silence' }),
      hidden: [token, server.rootToken],
      dispose: async () => {
        await store.close();
        await server.close();
      },
    };
  },
  { textOnly: 'values of the key-value engine are JSON strings' },
);

describe('a foreign client, node-vault', () => {
  test('writes, reads, lists and deletes at the server that the adapter is tested with', async () => {
    const server = await serve();
    const client = nodeVault({
      endpoint: server.url,
      token: server.rootToken,
      noCustomHTTPVerbs: true,
    });
    expect(await client.health()).toMatchObject({ sealed: false });
    const first = await client.write('secret/data/if/prod/sip-key', { data: { token: 'one' } });
    expect(first.data.version).toBe(1);
    await client.write('secret/data/if/prod/sip-key', {
      data: { token: 'two' },
      options: { cas: 1 },
    });
    await expect(
      client.write('secret/data/if/prod/sip-key', {
        data: { token: 'three' },
        options: { cas: 1 },
      }),
    ).rejects.toThrow('check-and-set');
    const read = await client.read('secret/data/if/prod/sip-key');
    expect(read.data).toMatchObject({ data: { token: 'two' }, metadata: { version: 2 } });
    const old = await client.read('secret/data/if/prod/sip-key?version=1');
    expect(old.data.data).toEqual({ token: 'one' });
    await client.write('secret/data/if/dev', { data: { a: 'b' } });
    // By GET with a query: Node's own server does not know the verb LIST.
    expect((await client.list('secret/metadata/if')).data.keys).toEqual(['dev', 'prod/']);
    await client.update('secret/data/if/dev', { data: { c: 'd' } });
    expect((await client.read('secret/data/if/dev')).data.data).toEqual({ a: 'b', c: 'd' });
    await client.delete('secret/data/if/dev');
    await expect(client.read('secret/data/if/dev')).rejects.toMatchObject({
      response: { statusCode: 404, body: { data: { data: null, metadata: { destroyed: false } } } },
    });
    await client.delete('secret/metadata/if/dev');
    await expect(client.read('secret/metadata/if/dev')).rejects.toMatchObject({
      response: { statusCode: 404, body: { errors: [] } },
    });
  });

  test('writes what the adapter reads, and is denied what the adapter is denied', async () => {
    const server = await serve();
    const client = nodeVault({ endpoint: server.url, token: server.rootToken });
    const value = 'é😀 <&> "\\/\n\t\u0001\u2028 end';
    await client.write('secret/data/if/prod/sip-key', { data: { token: value, other: 'x' } });
    await client.write('secret/data/if/prod/none', { data: { token: 'y' } });
    const token = server.makeToken({ reads: ['if/prod/sip-key'] });
    const store = byToken(server, token);
    expect(await store.resolve(KEY, NEVER)).toEqual({ bytes: Buffer.from(value), version: '1' });
    await client.write('secret/data/if/prod/sip-key', { data: { token: 'next' } });
    expect(await store.resolve(KEY, NEVER)).toEqual({ bytes: Buffer.from('next'), version: '2' });
    expect(await faultOf(store, { path: 'if/prod/none', field: 'token' })).toMatchObject({
      code: 'secret.denied',
    });
    const limited = nodeVault({ endpoint: server.url, token });
    await expect(limited.read('secret/data/if/prod/none')).rejects.toThrow('permission denied');
  });

  test('signs in by AppRole, and so does the adapter', async () => {
    const server = await serve();
    const { roleId, secretId } = server.makeRole({ leaseS: 60 });
    const client = nodeVault({ endpoint: server.url });
    const signedIn = await client.approleLogin({ role_id: roleId, secret_id: secretId });
    expect(signedIn.auth).toMatchObject({ lease_duration: 60, renewable: true });
    await client.write('secret/data/if/prod/sip-key', { data: { token: CANARY } });
    expect((await client.tokenRenewSelf()).auth.client_token).toBe(signedIn.auth.client_token);
    const auth = {
      kind: 'approle',
      mount: 'approle',
      roleId,
      secretIdFile: fileWith(secretId),
    } as const;
    expect(await valueOf(byToken(server, '', { auth }))).toBe(CANARY);
  });
});

describe('what is asked', () => {
  test('is one GET with the token and the namespace, below the mount', async () => {
    const server = await serve({ mount: 'team/kv', namespace: 'ops/eu' });
    server.write(KEY.path, { token: CANARY });
    const store = byToken(server, server.rootToken, { mount: 'team/kv', namespace: 'ops/eu' });
    expect(await valueOf(store)).toBe(CANARY);
    expect(server.seen).toMatchObject([
      {
        method: 'GET',
        path: '/v1/team/kv/data/if/prod/sip-key',
        headers: {
          'x-vault-token': server.rootToken,
          'x-vault-namespace': 'ops/eu',
          'x-vault-request': 'true',
        },
      },
    ]);
  });

  test('goes to the namespace that was configured, and to no other', async () => {
    const server = await serve({ namespace: 'ops' });
    server.write(KEY.path, { token: CANARY });
    expect(await valueOf(byToken(server, server.rootToken, { namespace: 'ops' }))).toBe(CANARY);
    expect(await faultOf(byToken(server, server.rootToken))).toMatchObject({
      code: 'secret.not_found',
    });
  });

  test('carries the token that is in the file now', async () => {
    const server = await serve();
    server.write(KEY.path, { token: CANARY });
    const tokenFile = fileWith('hvs.old');
    const store = byToken(server, '', { auth: { kind: 'token', tokenFile } });
    expect(await faultOf(store)).toMatchObject({ code: 'secret.denied' });
    writeFileSync(tokenFile, server.rootToken);
    expect(await valueOf(store)).toBe(CANARY);
  });

  const tokens: readonly (readonly [string, string, number | undefined, string])[] = [
    ['open to others', 'hvs.x', 0o644, 'secret.denied'],
    ['empty', '\n', 0o600, 'secret.invalid'],
    ['of two lines', 'hvs.a\nX-Evil: b', 0o600, 'secret.invalid'],
    ['missing', '', undefined, 'secret.unavailable'],
  ];
  test.each(tokens)('is nothing where the file of the token is %s', async (_, text, mode, code) => {
    const server = await serve();
    const tokenFile = fileWith(text);
    if (mode === undefined) rmSync(tokenFile);
    else chmodSync(tokenFile, mode);
    expect(
      await faultOf(byToken(server, '', { auth: { kind: 'token', tokenFile } })),
    ).toMatchObject({ code });
    expect(server.seen).toEqual([]);
  });
});

describe('answers', () => {
  test('deleted and destroyed versions are not found, and say which', async () => {
    const server = await serve();
    const client = nodeVault({ endpoint: server.url, token: server.rootToken });
    const store = byToken(server, server.rootToken);
    await client.write('secret/data/if/prod/sip-key', { data: { token: CANARY } });
    await client.delete('secret/data/if/prod/sip-key');
    expect(await faultOf(store)).toMatchObject({
      code: 'secret.not_found',
      detail: expect.stringContaining('deleted'),
    });
    await client.write('secret/undelete/if/prod/sip-key', { versions: [1] });
    expect(await valueOf(store)).toBe(CANARY);
    await client.write('secret/destroy/if/prod/sip-key', { versions: [1] });
    expect(await faultOf(store)).toMatchObject({
      code: 'secret.not_found',
      detail: expect.stringContaining('destroyed'),
    });
  });

  test('a sealed server is unavailable for now, and answers once it is unsealed', async () => {
    const server = await serve();
    server.write(KEY.path, { token: CANARY });
    const store = byToken(server, server.rootToken);
    server.seal(true);
    expect(await faultOf(store)).toMatchObject({ code: 'secret.unavailable', transient: true });
    server.seal(false);
    expect(await valueOf(store)).toBe(CANARY);
  });

  const entry = (data: unknown, metadata: unknown = { version: 1 }): string =>
    JSON.stringify({ data: { data, metadata } });
  const hostile: readonly (readonly [string, number, string, object])[] = [
    ['a redirect', 307, CANARY, { code: 'secret.unavailable', transient: false }],
    ['a standby', 429, CANARY, { code: 'secret.unavailable', transient: true }],
    ['a stale replica', 412, CANARY, { code: 'secret.unavailable', transient: true }],
    ['a crash', 500, CANARY, { code: 'secret.unavailable', transient: true }],
    ['a proxy', 502, `<html>${CANARY}</html>`, { code: 'secret.unavailable', transient: true }],
    ['another API', 405, CANARY, { code: 'secret.invalid' }],
    ['a request that is not taken', 400, CANARY, { code: 'secret.invalid' }],
    ['a 404 that is no JSON', 404, CANARY, { code: 'secret.not_found' }],
    ['no content', 204, '', { code: 'secret.unavailable' }],
    ['nothing', 200, '', { code: 'secret.invalid' }],
    ['no JSON', 200, `{"data":"${CANARY}`, { code: 'secret.invalid' }],
    ['a list', 200, `["${CANARY}"]`, { code: 'secret.invalid' }],
    [
      'version 1 of the engine',
      200,
      JSON.stringify({ data: { token: CANARY } }),
      { code: 'secret.invalid' },
    ],
    ['a number in place of the value', 200, entry({ token: 123_456 }), { code: 'secret.invalid' }],
    [
      'an object in place of the value',
      200,
      entry({ token: { x: CANARY } }),
      { code: 'secret.invalid' },
    ],
    [
      'the value twice',
      200,
      `{"data":{"data":{"token":"a","token":"${CANARY}"},"metadata":{"version":1}}}`,
      { code: 'secret.invalid' },
    ],
    ['no version', 200, entry({ token: CANARY }, {}), { code: 'secret.invalid' }],
    [
      'a version that is text',
      200,
      entry({ token: CANARY }, { version: CANARY }),
      { code: 'secret.invalid' },
    ],
    ['deep nesting', 200, '['.repeat(100_000), { code: 'secret.invalid' }],
    [
      'more than is read',
      200,
      entry({ token: CANARY.repeat(300_000) }),
      { code: 'secret.invalid' },
    ],
  ];
  test.each(hostile)(
    '%s is a fault that tells nothing of it',
    async (_, status, body, expected) => {
      const server = await serve();
      const store = byToken(server, server.rootToken);
      server.misbehave({
        kind: 'answer',
        status,
        body,
        headers: { location: `https://127.0.0.1:1/${CANARY}` },
      });
      const cause = await faultOf(store);
      expect(cause).toMatchObject({ name: 'Fault', ...expected });
      expect(secretsIn(cause, [CANARY, server.rootToken])).toEqual([]);
      expect(server.seen).toHaveLength(1);
    },
  );

  test('a server that says nothing is given up in time', async () => {
    const server = await serve();
    server.misbehave({ kind: 'silence' });
    const startedAt = performance.now();
    expect(await faultOf(byToken(server, server.rootToken, { timeoutMs: 80 }))).toMatchObject({
      code: 'secret.unavailable',
      transient: true,
      detail: expect.stringContaining('80 ms'),
    });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test('a server that ends its answer in the middle, or drips it, is given up in time', async () => {
    const half = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"data":');
      if (isDripping) return;
      socket.end();
    });
    let isDripping = false;
    await new Promise<void>((resolve) => half.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      half.close();
    });
    const address = half.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const store = open({
      url: new URL(`http://127.0.0.1:${port}`),
      timeoutMs: 300,
      mount: 'secret',
      auth: { kind: 'token', tokenFile: fileWith('hvs.x') },
    });
    expect(await faultOf(store)).toMatchObject({ code: 'secret.unavailable', transient: true });
    isDripping = true;
    expect(await faultOf(store)).toMatchObject({ code: 'secret.unavailable', transient: true });
  });

  test('a connection that ended while it was kept is made again', async () => {
    const server = await serve();
    server.write(KEY.path, { token: CANARY });
    const store = byToken(server, server.rootToken);
    expect(await valueOf(store)).toBe(CANARY);
    server.misbehave({ kind: 'reset' });
    const cause = await faultOf(store);
    expect(cause).toMatchObject({ code: 'secret.unavailable', transient: true });
    // Once on the kept connection, once on a new one.
    expect(server.seen).toHaveLength(3);
    server.misbehave(undefined);
    expect(await valueOf(store)).toBe(CANARY);
  });
});

describe('AppRole', () => {
  const withRole = async (rules: Parameters<VaultServer['makeRole']>[0]) => {
    let nowMs = 1_000_000;
    const now = (): number => nowMs;
    const server = await serve({ now });
    server.write(KEY.path, { token: CANARY });
    const { roleId, secretId } = server.makeRole(rules);
    const secretIdFile = fileWith(`${secretId}\n`);
    const auth = { kind: 'approle', mount: 'approle', roleId, secretIdFile } as const;
    const store = byToken(server, '', { auth, now });
    const calls = (): readonly string[] =>
      server.seen.splice(0).map(({ path }) => path.replace('/v1/', ''));
    return {
      server,
      store,
      secretIdFile,
      secretId,
      calls,
      advance: (ms: number) => {
        nowMs += ms;
      },
    };
  };
  const LOGIN = 'auth/approle/login';
  const RENEW = 'auth/token/renew-self';
  const READ = 'secret/data/if/prod/sip-key';

  test('one login serves all who ask at once, and those who come later', async () => {
    const { store, calls } = await withRole({ leaseS: 60 });
    await Promise.all(Array.from({ length: 12 }, () => valueOf(store)));
    await valueOf(store);
    expect(calls().filter((path) => path === LOGIN)).toHaveLength(1);
  });

  test('a token is renewed late in its lease, and replaced when its life ends', async () => {
    const { store, calls, advance } = await withRole({ leaseS: 60, lifeS: 100 });
    await valueOf(store);
    advance(39_000);
    await valueOf(store);
    expect(calls()).toEqual([LOGIN, READ, READ]);
    advance(2_000);
    await valueOf(store);
    expect(calls()).toEqual([RENEW, READ]);
    // Another lease would end at the hundredth second: what is left of it is shorter than one is worth.
    advance(52_000);
    await valueOf(store);
    expect(calls()).toEqual([RENEW, LOGIN, READ]);
  });

  test('a token that expired, or cannot be renewed, is replaced by a login', async () => {
    const { store, calls, advance } = await withRole({ leaseS: 60, renewable: false });
    await valueOf(store);
    advance(61_000);
    await valueOf(store);
    advance(41_000);
    await valueOf(store);
    expect(calls()).toEqual([LOGIN, READ, LOGIN, READ, LOGIN, READ]);
  });

  test('a token without an end is kept', async () => {
    const { store, calls, advance } = await withRole({});
    await valueOf(store);
    advance(10_000_000);
    await valueOf(store);
    expect(calls()).toEqual([LOGIN, READ, READ]);
  });

  test('a revoked token is replaced once; a right that is missing brings no login each time', async () => {
    const { server, store, calls, advance } = await withRole({ reads: [KEY.path] });
    await valueOf(store);
    const token = server.seen.at(-1)?.headers['x-vault-token'];
    server.revoke(String(token));
    advance(31_000);
    expect(await valueOf(store)).toBe(CANARY);
    expect(calls()).toEqual([LOGIN, READ, READ, LOGIN, READ]);
    const other = { path: 'if/prod/other', field: 'x' };
    for (let i = 0; i < 3; i += 1) {
      expect(await faultOf(store, other)).toMatchObject({ code: 'secret.denied' });
    }
    expect(calls()).toEqual(Array.from({ length: 3 }, () => 'secret/data/if/prod/other'));
  });

  test('a secret id that is not taken is denied and in no fault, and a new one in the file is taken', async () => {
    const { server, store, secretIdFile, secretId } = await withRole({});
    writeFileSync(secretIdFile, 'canary-secret-id');
    const cause = await faultOf(store);
    expect(cause).toMatchObject({ code: 'secret.denied' });
    expect(secretsIn(cause, ['canary-secret-id', server.rootToken])).toEqual([]);
    writeFileSync(secretIdFile, secretId);
    expect(await valueOf(store)).toBe(CANARY);
  });

  test.each([
    ['no token', { auth: { client_token: '', lease_duration: 1, renewable: true } }],
    [
      'a token that would break a header',
      { auth: { client_token: 'a\r\nb', lease_duration: 1, renewable: true } },
    ],
    ['no lease', { auth: { client_token: CANARY, renewable: true } }],
    ['no auth', { auth: null }],
  ])('a login that answers with %s is invalid', async (_, body) => {
    const { server, store } = await withRole({});
    server.misbehave({ kind: 'answer', status: 200, body: JSON.stringify(body) });
    const cause = await faultOf(store);
    expect(cause).toMatchObject({ code: 'secret.invalid' });
    expect(secretsIn(cause, [CANARY])).toEqual([]);
  });

  test('who gives up while a login is under way leaves it to the others; closing ends it for all', async () => {
    const { server, store } = await withRole({});
    server.misbehave({ kind: 'silence' });
    const stop = new AbortController();
    const reason = new Error('enough');
    const [one, other] = [store.resolve(KEY, stop.signal), faultOf(store)];
    stop.abort(reason);
    await expect(one).rejects.toBe(reason);
    await store.close();
    expect(await other).toMatchObject({ code: 'secret.unavailable' });
    expect(server.seen.filter(({ path }) => path.endsWith(LOGIN)).length).toBeLessThan(2);
  });
});

describe('TLS', () => {
  const key = join(root, 'tls.key');
  const cert = join(root, 'tls.crt');
  const makeCertificate = (name: string): { key: string; cert: string } => {
    const words =
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name}` +
      ` -addext subjectAltName=${name === '127.0.0.1' ? 'IP' : 'DNS'}:${name} -keyout ${key} -out ${cert}`;
    execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  };

  test('a certificate is trusted where it is configured, and only for its name', async () => {
    const tls = makeCertificate('127.0.0.1');
    const server = await serve({ tls });
    server.write(KEY.path, { token: CANARY });
    expect(await valueOf(byToken(server, server.rootToken, { ca: Buffer.from(tls.cert) }))).toBe(
      CANARY,
    );
    const untrusted = await faultOf(byToken(server, server.rootToken));
    expect(untrusted).toMatchObject({
      code: 'secret.unavailable',
      detail: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
    });
    expect(server.seen).toHaveLength(1);
    const other = makeCertificate('vault.example.org');
    const elsewhere = await serve({ tls: other });
    // What somebody once set for another program of theirs: no reason to give a token to whoever answers.
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    const cause = await faultOf(byToken(elsewhere, 'hvs.x', { ca: Buffer.from(other.cert) }));
    expect(cause).toMatchObject({
      code: 'secret.unavailable',
      detail: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
    expect(elsewhere.seen).toEqual([]);
  });
});
