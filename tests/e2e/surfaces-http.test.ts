import { createHash } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { connect } from '@infrafabric/sdk';
import { afterEach, expect, test } from 'vitest';
import { bearer, send, serve } from './surfaces-fabric.ts';
import type { Served } from './surfaces-fabric.ts';

const opened: Served[] = [];
const start = async (options: Parameters<typeof serve>[0] = {}): Promise<Served> => {
  const served = await serve(options);
  opened.push(served);
  return served;
};
afterEach(async () => {
  await Promise.all(opened.splice(0).map((served) => served.close()));
});

const JSON_TYPE = { 'content-type': 'application/json' };
const SECURITY = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

const record = (served: Served, headers: Readonly<Record<string, string>>, operation = 'o') =>
  send(served.url, {
    path: '/v1/witness.record',
    headers: { ...bearer(served.operatorToken), ...JSON_TYPE, ...headers },
    body: JSON.stringify({ component: 'c', operation }),
  });

test('only health, checkpoint and tiles answer without a credential', async () => {
  const served = await start({
    witness: { checkpoint: async () => 'a note\n', tile: async () => new Uint8Array(32) },
  });
  for (const path of ['/healthz', '/checkpoint', '/tile/0/000.p/1']) {
    expect(await send(served.url, { method: 'GET', path })).toMatchObject({ status: 200 });
  }
  const closed = ['/readyz', '/metrics', '/openapi.json', '/v1/feed', '/tile/entries/000.p/1'];
  for (const path of closed) {
    const answer = await send(served.url, { method: 'GET', path });
    expect(answer, path).toMatchObject({ status: 401 });
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="infrafabric"');
    const headers = bearer(served.operatorToken);
    if (path === '/v1/feed') continue;
    expect(await send(served.url, { method: 'GET', path, headers }), path).toMatchObject({
      status: 200,
    });
  }
});

test('every answer, refusals too, carries the security headers, the trace and the request id', async () => {
  const served = await start();
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'x-request-id': 'r-1' };
  for (const answer of [
    await record(served, headers),
    await send(served.url, { path: '/v1/tasks.claim', headers }),
    await send(served.url, { method: 'GET', path: '/nowhere', headers }),
  ]) {
    expect(answer.headers).toMatchObject({
      ...SECURITY,
      'x-request-id': 'r-1',
      'cache-control': 'no-store',
    });
    expect(answer.headers['traceparent']).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
    if (answer.status >= 400) expect(JSON.parse(answer.text)).toMatchObject({ trace });
  }
  const forged = await record(served, { 'x-request-id': 'a b' });
  expect(forged.headers['x-request-id']).toBeUndefined();
});

test('an idempotency key gives the first reply again, and another input is refused', async () => {
  const served = await start();
  const key = { 'idempotency-key': 'intention-1' };
  const first = await record(served, key);
  expect(first.status).toBe(200);
  const size = served.size();
  expect(await record(served, key)).toMatchObject({ status: 200, text: first.text });
  expect(served.size()).toBe(size);
  const other = await record(served, key, 'other');
  expect(other.status).toBe(422);
  expect(JSON.parse(other.text)).toMatchObject({
    code: 'request.key_reused',
    remedy: 'fix-request',
  });
});

test('a name that nobody has is answered with the nearest one', async () => {
  const served = await start();
  const answer = await send(served.url, { path: '/v1/task.claim', headers: JSON_TYPE, body: '{}' });
  expect(answer.status).toBe(404);
  expect(JSON.parse(answer.text)).toMatchObject({
    code: 'request.unknown_operation',
    facts: { near: 'tasks.claim' },
  });
  const post = await send(served.url, { path: '/healthz' });
  expect(post).toMatchObject({ status: 405 });
  expect(post.headers['allow']).toBe('GET, HEAD');
});

test('a configured page may call, with its preflight; others may not', async () => {
  const origin = 'https://board.example';
  const served = await start({ allowedOrigins: [origin] });
  const preflight = await send(served.url, {
    method: 'OPTIONS',
    path: '/v1/tasks.claim',
    headers: { origin, 'access-control-request-method': 'POST' },
  });
  expect(preflight).toMatchObject({ status: 204 });
  expect(preflight.headers['access-control-allow-headers']).toContain('authorization');
  const answer = await record(served, { origin });
  expect(answer.headers['access-control-allow-origin']).toBe(origin);
  const evil = await record(served, { origin: 'https://evil.example' });
  expect(evil.status).toBe(403);
  expect(evil.headers['access-control-allow-origin']).toBeUndefined();
});

test('a blob is stored under its digest, and under no other', async () => {
  const served = await start();
  const body = Buffer.from('the log of a gate');
  const hex = createHash('sha256').update(body).digest('hex');
  const path = `/v1/blobs/sha256:${hex}`;
  const headers = bearer(served.operatorToken);
  expect(await send(served.url, { method: 'PUT', path, body })).toMatchObject({ status: 401 });
  const missing = await send(served.url, { method: 'GET', path, headers });
  expect(JSON.parse(missing.text)).toMatchObject({ code: 'blob.not_found', status: 404 });
  const put = await send(served.url, { method: 'PUT', path, headers, body });
  expect(put).toMatchObject({ status: 201 });
  expect(JSON.parse(put.text)).toEqual({ digest: `sha256:${hex}`, bytes: body.length });
  const got = await send(served.url, { method: 'GET', path, headers });
  expect(got).toMatchObject({ status: 200, text: 'the log of a gate' });
  expect(got.headers['content-disposition']).toBe('attachment');
  const wrong = `/v1/blobs/sha256:${'a'.repeat(64)}`;
  const mismatch = await send(served.url, { method: 'PUT', path: wrong, headers, body });
  expect(JSON.parse(mismatch.text)).toMatchObject({ code: 'blob.mismatch', status: 422 });
  const absent = await send(served.url, { method: 'GET', path: wrong, headers });
  expect(absent).toMatchObject({ status: 404 });
  const misnamed = await send(served.url, { method: 'GET', path: '/v1/blobs/md5:1', headers });
  expect(misnamed).toMatchObject({ status: 400 });
});

test('full tiles may be kept for ever, partial ones for minutes, checkpoints are asked for again', async () => {
  const asked: string[] = [];
  const tile = async (path: string): Promise<Uint8Array | undefined> => {
    asked.push(path);
    return path.includes('x999') ? undefined : new Uint8Array(32);
  };
  const served = await start({ witness: { checkpoint: async () => 'a note\n', tile } });
  const cacheOf = async (path: string) =>
    (await send(served.url, { method: 'GET', path, headers: bearer(served.operatorToken) }))
      .headers['cache-control'];
  expect(await cacheOf('/tile/0/000')).toBe('public, max-age=31536000, immutable');
  expect(await cacheOf('/tile/0/001.p/17')).toBe('public, max-age=300');
  expect(await cacheOf('/tile/entries/000')).toBe('private, max-age=31536000, immutable');
  expect(await cacheOf('/checkpoint')).toBe('no-cache');
  const hostile = [
    '/tile/0/x999/000',
    '/tile/0/..%2f..%2fetc',
    '/tile/0/%00',
    '/tile/9/000',
    '/tile/0/0',
  ];
  for (const path of hostile) {
    const answer = await send(served.url, { method: 'GET', path });
    expect(answer.status, path).toBe(404);
  }
  expect(
    asked.filter((path) => !/^tile\/(\d|entries)\/(x\d{3}\/)*\d{3}(\.p\/\d+)?$/.test(path)),
  ).toEqual([]);
});

test('metrics count calls by outcome and show what the leader says of itself', async () => {
  const served = await start();
  await record(served, {});
  await send(served.url, {
    path: '/v1/tasks.show',
    headers: { ...bearer(served.operatorToken), ...JSON_TYPE },
    body: '{}',
  });
  const headers = bearer(served.operatorToken);
  const { text, headers: answered } = await send(served.url, {
    method: 'GET',
    path: '/metrics',
    headers,
  });
  expect(answered['content-type']).toContain('version=0.0.4');
  expect(text).toContain('ifab_calls_total{surface="http",operation="witness.record",code="ok"} 1');
  expect(text).toContain(
    'ifab_calls_total{surface="http",operation="tasks.show",code="request.invalid"} 1',
  );
  expect(text).toContain(`ifab_log_entries ${served.size()}`);
  expect(text).toMatch(/^ifab_call_seconds_count\{surface="http",operation="witness.record"\} 1$/m);
  expect(text).toMatch(/^ifab_event_loop_lag_seconds [\d.e-]+$/m);
});

test('what breaks is told as internal, and the cause stays in the log', async () => {
  const served = await start({
    witness: {
      checkpoint: () => Promise.reject(new Error('secret path /srv/keys')),
      tile: async () => undefined,
    },
  });
  const answer = await send(served.url, { method: 'GET', path: '/checkpoint' });
  expect(JSON.parse(answer.text)).toMatchObject({
    status: 500,
    code: 'internal',
    remedy: 'report-bug',
  });
  expect(answer.text).not.toContain('secret');
  expect(served.lines.some(({ event }) => event === 'http.failed')).toBe(true);
});

test('closing answers what is under way, refuses what comes, and leaves nothing open', async () => {
  const served = await serve();
  const client = await connect({ url: served.url, token: served.operatorToken, transport: 'http' });
  const { sessionId } = await client.call('sessions.open', { agent: 'ada' });
  const waiting = send(served.url, {
    path: '/v1/tasks.next',
    headers: { ...bearer(served.operatorToken), ...JSON_TYPE },
    body: JSON.stringify({ sessionId, waitMs: 25_000 }),
  });
  // The wait is under way when the log line of its session's ticket could be asked for.
  await expect.poll(async () => (await client.call('realm.status', {})).sessions.waiting).toBe(1);
  const startedAt = performance.now();
  await served.http.close();
  // The wait alone would take 25 s.
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(await waiting).toMatchObject({ status: 200, text: '{"grants":[]}' });
  await expect(send(served.url, { method: 'GET', path: '/healthz' })).rejects.toThrow(
    'ECONNREFUSED',
  );
  client.close();
  await served.fabric.close();
});

test('a caller that dribbles its head is cut', async () => {
  const served = await start();
  const socket = connectTcp(Number(new URL(served.url).port), '127.0.0.1');
  const heads = setInterval(() => socket.write('x-slow: 1\r\n'), 100);
  socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n');
  const startedAt = performance.now();
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(heads);
  expect(performance.now() - startedAt).toBeLessThan(45_000);
  expect(text).toMatch(/^HTTP\/1\.1 4(08|31) /);
});
