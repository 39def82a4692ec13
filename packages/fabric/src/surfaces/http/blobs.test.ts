import { hash } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { served, sessionToken } from '../../../test/served.ts';
import { QUOTA_BURST_BYTES } from '../../engine/limits.ts';

async function serve() {
  const { realm, fabric, url, end } = await served();
  onTestFinished(end);
  const put = (token: string, bytes: Uint8Array<ArrayBuffer>): Promise<Response> =>
    fetch(`${url}/v1/blobs/sha256:${hash('sha256', bytes)}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: bytes,
    });
  return { fabric, realm, put };
}

test('a session that stored more than its share is told when to come back, an operator is not', async () => {
  const { fabric, realm, put } = await serve();
  const token = await sessionToken(fabric, 'ada');
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
  const token = await sessionToken(fabric, 'ada');
  const uploads = Array.from({ length: 3 }, (_, i) =>
    put(token, new Uint8Array(QUOTA_BURST_BYTES * 2).fill(i)),
  );
  const statuses = (await Promise.all(uploads)).map(({ status }) => status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 503, 503]);
});
