import { RealmId, type Grant } from '@infrafabric/protocol';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { openDataFolder } from './data-folder.ts';
import type { Principal } from './fabric.ts';
import type { LeadingFabric } from './open.ts';
import { openFolderFabric, type FolderFabricOptions } from './open-folder.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const MAIN = RealmId.parse('main');
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-folder-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const start = (more: Partial<FolderFabricOptions> = {}) =>
  openFolderFabric({ folder: join(folder, 'data'), realm: MAIN, version: '0.1.0', ...more });

const call = async <T = Record<string, unknown>>(
  fabric: LeadingFabric,
  op: string,
  input: unknown,
): Promise<T> => {
  const reply = await fabric.call(op, input, {
    principal: OPERATOR,
    idempotencyKey: `key-of-${op}-${JSON.stringify(input).length}`,
  });
  if (reply.kind !== 'ok') throw new Error(`${reply.code}: ${reply.detail}`);
  return reply.output as T;
};

test('a realm outlives its process: same keys, same log, same replies, tokens still good', async () => {
  const { fabric, data } = await start();
  await call(fabric, 'plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'a' }] } });
  const opened = await call<{ sessionId: string; token: string }>(fabric, 'sessions.open', {
    agent: 'ada',
  });
  const claim = { sessionId: opened.sessionId, taskId: 'p/a' };
  const grant = await call<Grant>(fabric, 'tasks.claim', claim);
  await fabric.close();

  const { fabric: later, data: again } = await start();
  expect(again).toMatchObject({
    origin: data.origin,
    vkey: data.vkey,
    operatorToken: data.operatorToken,
  });
  expect(data.origin).toMatch(/^[0-9a-f]{16}\.local\/ifab\/main$/);
  expect(later.authenticate(data.operatorToken)).toMatchObject({ kind: 'ok' });
  expect(later.authenticate(opened.token)).toMatchObject({
    kind: 'ok',
    principal: { name: 'ada' },
  });
  expect(await call<Grant>(later, 'tasks.claim', claim)).toEqual(grant);
  const { fencingToken } = grant;
  expect(await call(later, 'tasks.complete', { taskId: 'p/a', fencingToken })).toMatchObject({
    phase: 'done',
  });
  expect(await call(later, 'realm.status', {})).toMatchObject({ epoch: 2, durability: 'fsync' });
  await later.close();
});

test('a second leader is refused, and names nobody’s secrets', async () => {
  const { fabric } = await start();
  await expect(start()).rejects.toMatchObject({ code: 'log.locked' });
  await fabric.close();
});

test('a plan larger than an entry is spilled to a blob and read back at the next start', async () => {
  const { fabric } = await start();
  const tasks = Array.from({ length: 2_000 }, (_, i) => ({
    key: `t${i}`,
    title: 'a task with a title',
    description: 'ä'.repeat(50),
  }));
  await call(fabric, 'plans.submit', { plan: { id: 'p', tasks } });
  await fabric.close();
  const { fabric: later } = await start();
  expect(await call(later, 'realm.status', {})).toMatchObject({
    tasks: { total: 2_000, ready: 2_000 },
  });
  await later.close();
});

test('secrets are for their owner alone, and none of them is in the log', async () => {
  const { fabric, data } = await start();
  const { token } = await call<{ token: string }>(fabric, 'sessions.open', { agent: 'ada' });
  await fabric.close();
  expect(statSync(data.folder).mode & 0o777).toBe(0o700);
  const keys = join(data.folder, 'keys');
  expect(statSync(keys).mode & 0o777).toBe(0o700);
  const journal = join(data.folder, 'journal');
  const log = readdirSync(journal)
    .map((name) => readFileSync(join(journal, name), 'latin1'))
    .join('');
  expect(log).toContain('session.opened');
  const names = readdirSync(keys);
  expect(names.toSorted()).toEqual(['log.key', 'operator.token', 'realm.secret']);
  for (const name of names) {
    expect(statSync(join(keys, name)).mode & 0o777).toBe(0o600);
    expect(log).not.toContain(readFileSync(join(keys, name), 'utf8').trim());
  }
  expect(log).not.toContain(token);
});

test('a folder of another realm, or with a key that is not its own, is refused', () => {
  const data = openDataFolder(folder, { realm: MAIN });
  expect(() => openDataFolder(folder, { realm: RealmId.parse('other') })).toThrow(
    /holds realm main/,
  );
  const other = mkdtempSync(join(tmpdir(), 'ifab-folder-'));
  const { skey } = openDataFolder(other, { realm: MAIN });
  rmSync(other, { recursive: true });
  chmodSync(join(folder, 'keys', 'log.key'), 0o600);
  writeFileSync(join(folder, 'keys', 'log.key'), `${skey}\n`);
  expect(() => openDataFolder(folder, { realm: MAIN })).toThrow(
    /not the key that realm.json names/,
  );
  expect(data.skey).not.toBe(skey);
});

test('a blob whose bytes were changed is noticed; one that is there is not written again', async () => {
  const { blobs } = openDataFolder(folder, { realm: MAIN });
  const digest = await blobs.put(Buffer.from('hello'));
  expect(await blobs.put(Buffer.from('hello'))).toBe(digest);
  expect(Buffer.from((await blobs.get(digest)) ?? []).toString()).toBe('hello');
  const hex = digest.slice('sha256:'.length);
  writeFileSync(join(folder, 'blobs', hex.slice(0, 2), hex.slice(2)), 'jello');
  await expect(blobs.get(digest)).rejects.toMatchObject({ code: 'blob.mismatch' });
});
