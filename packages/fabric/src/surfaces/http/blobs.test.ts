import { hash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { memoryBlobs } from '../../engine/blob-folder.ts';
import { QUOTA_BURST_BYTES } from '../../engine/limits.ts';
import { createMemoryRealm, openMemoryFabric } from '../../engine/open-memory.ts';
import { silentLog } from '../../engine/ports.ts';
import { startHttp } from './start-http.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function serve() {
  const realm = createMemoryRealm();
  const fabric = await openMemoryFabric(realm);
  const none = (): Promise<undefined> => Promise.resolve(undefined);
  const http = await startHttp({
    fabric,
    witness: { checkpoint: none, tile: none },
    blobs: memoryBlobs(),
    log: silentLog,
    port: 0,
  });
  ends.push(
    () => http.close(),
    () => fabric.close(),
  );
  const put = (token: string, bytes: Uint8Array<ArrayBuffer>): Promise<Response> =>
    fetch(`${http.url}/v1/blobs/sha256:${hash('sha256', bytes)}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: bytes,
    });
  return { fabric, realm, put };
}

test('a session that stored more than its share is told when to come back, an operator is not', async () => {
  const { fabric, realm, put } = await serve();
  const session = await fabric.call(
    'sessions.open',
    { agent: 'ada' },
    { principal: { cred: 'operator', name: 'operator', role: 'operator' } },
  );
  const { token } = (session.kind === 'ok' ? session.output : {}) as { token: string };
  const large = new Uint8Array(QUOTA_BURST_BYTES * 2).fill(7);
  const small = new Uint8Array([1, 2, 3]);
  expect((await put(token, large)).status).toBe(201);
  const refused = await put(token, small);
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(1);
  const problem = (await refused.json()) as { code: string; retryAfterMs: number };
  expect(problem.code).toBe('fabric.overloaded');
  expect(problem.retryAfterMs).toBeGreaterThan(1_000);
  for (const bytes of [large, small]) {
    expect((await put(realm.operatorToken, bytes)).status).toBe(201);
  }
});

test('of uploads that run at once each pays for itself when its length is known', async () => {
  const { fabric, put } = await serve();
  const session = await fabric.call(
    'sessions.open',
    { agent: 'ada' },
    { principal: { cred: 'operator', name: 'operator', role: 'operator' } },
  );
  const { token } = (session.kind === 'ok' ? session.output : {}) as { token: string };
  const uploads = Array.from({ length: 3 }, (_, i) =>
    put(token, new Uint8Array(QUOTA_BURST_BYTES * 2).fill(i)),
  );
  const statuses = (await Promise.all(uploads)).map(({ status }) => status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 503, 503]);
});
