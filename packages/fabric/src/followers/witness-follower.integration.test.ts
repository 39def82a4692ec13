import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import {
  OPERATIONS,
  RealmId,
  TraceId,
  type OperationName,
  type OutputOf,
} from '@infrafabric/protocol';
import { checkProofFile, noteVerifier, parseVkey } from '@infrafabric/tlog';

import { ManualClock, systemClock } from '../engine/clock.ts';
import { openFolderFabric, type FolderFabric } from '../engine/open-folder.ts';
import { MemoryLog } from '../adapters/journal-memory/log.ts';
import { openFabric } from '../engine/open.ts';
import { createMemoryRealm, memoryOptions } from '../engine/open-memory.ts';
import { sampleLogKey } from '../witness/sample-realm.ts';
import { silentLog } from '../engine/ports.ts';
import type { Journal } from '../ports/journal.ts';
import { verifyFolder } from '../witness/verify.ts';
import { nodePrimitives, nodeSha256 } from './node-crypto.ts';
import { startSnapshot } from './start-snapshot.ts';
import { makeWitness, type WitnessFollower } from './witness-follower.ts';

const folders: string[] = [];
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'ifab-followers-'));
  folders.push(folder);
  return folder;
};

interface Led extends FolderFabric {
  readonly witness: WitnessFollower;
  readonly logged: unknown[];
}

async function lead(folder: string): Promise<Led> {
  const logged: unknown[] = [];
  const log = {
    ...silentLog,
    error: (fields: unknown) => logged.push(fields),
    warn: (fields: unknown) => logged.push(fields),
  };
  const realm = RealmId.parse('main');
  const led = await openFolderFabric({
    folder,
    realm,
    version: '0.0.1',
    durability: 'os',
    log,
  });
  opened.push(led.fabric);
  return { ...led, logged };
}

const operator = { cred: 'operator', name: 'operator', role: 'operator' } as const;
const call = async <Name extends OperationName>(
  led: Pick<FolderFabric, 'fabric'>,
  op: Name,
  input: unknown,
): Promise<{ output: OutputOf<Name>; index: number | undefined }> => {
  expect(OPERATIONS.map(({ name }) => name)).toContain(op);
  const reply = await led.fabric.call(op, input, {
    principal: operator,
    trace: TraceId.parse('ab'.repeat(16)),
  });
  if (reply.kind !== 'ok') throw new Error(`${op}: ${reply.code} ${reply.detail}`);
  return { output: reply.output as OutputOf<Name>, index: reply.index };
};

test('a led realm answers for what it has just written: query, proof, checkpoint, tiles; a verifier agrees', async () => {
  const folder = newFolder();
  const led = await lead(folder);
  for (let i = 0; i < 20; i += 1) {
    await call(led, 'witness.record', {
      component: 'ci',
      operation: 'run',
      severity: i === 7 ? 'high' : 'info',
      params: { i },
    });
  }
  const { output: found } = await call(led, 'witness.query', { severity: 'high' });
  expect(found.entries).toHaveLength(1);
  const [high] = found.entries;
  if (high === undefined) throw new Error('no entry');
  expect(high).toMatchObject({
    operation: 'ci.run',
    principal: 'operator',
    trace: 'ab'.repeat(16),
  });
  expect(found.indexedTo).toBe(21);
  const { output: proof } = await call(led, 'witness.proof', { index: high.index });
  const { output: checkpoint } = await call(led, 'witness.checkpoint', {});
  expect(checkpoint.key).toBe(led.data.vkey);
  const key = parseVkey(nodeSha256, checkpoint.key);
  if (key === undefined) throw new Error('no key');
  expect(
    checkProofFile(nodeSha256, {
      text: proof.proof,
      leaf: high.leaf,
      origin: led.data.origin,
      verifiers: [noteVerifier(nodePrimitives, key)],
    }),
  ).toMatchObject({ kind: 'included', index: high.index });
  expect(await led.witness.tile(`tile/0/000.p/${checkpoint.size}`)).toHaveLength(
    32 * checkpoint.size,
  );
  const unknown = await led.fabric.call('witness.proof', { index: 999 }, { principal: operator });
  expect(unknown).toMatchObject({ kind: 'reject', code: 'witness.no_such_entry' });
  await led.fabric.close();
  expect(led.logged).toEqual([]);
  const report = await verifyFolder(folder, {
    levels: [0, 1, 5],
    log: { origin: led.data.origin, vkeys: [led.data.vkey] },
  });
  expect(report).toMatchObject({ ok: true, log: { anchored: 'ANCHORED' } });
  expect(report.log.checkpoint?.size).toBeGreaterThanOrEqual(21);
});

test('an idle new realm has no thread; its first entries start one, and its end signs what there is', async () => {
  const folder = newFolder();
  const led = await lead(folder);
  expect(existsSync(join(folder, 'index.sqlite'))).toBe(false);
  await led.fabric.close();
  expect(existsSync(join(folder, 'checkpoint'))).toBe(true);
  const again = await lead(folder);
  const { output } = await call(again, 'witness.query', { operation: 'realm.open' });
  expect(output.entries).toHaveLength(2);
});

test('a query index that was damaged between two lives is made again', async () => {
  const folder = newFolder();
  const led = await lead(folder);
  await call(led, 'witness.record', { component: 'ci', operation: 'run' });
  await call(led, 'witness.query', {});
  await led.fabric.close();
  writeFileSync(join(folder, 'index.sqlite'), 'this is no database'.repeat(1_000));
  const again = await lead(folder);
  const { output } = await call(again, 'witness.query', { operation: 'ci.run' });
  expect(output.entries).toHaveLength(1);
});

test('followers that refuse their folder are reported, answers go on, and the realm still ends', async () => {
  const folder = newFolder();
  const led = await lead(folder);
  await call(led, 'witness.record', { component: 'ci', operation: 'run' });
  await call(led, 'witness.query', {});
  await led.fabric.close();
  rmSync(join(folder, 'tile'), { recursive: true, force: true });
  writeFileSync(join(folder, 'tile'), 'no folder');
  const again = await lead(folder);
  await call(again, 'witness.record', { component: 'ci', operation: 'run' });
  const query = await again.fabric.call('witness.query', {}, { principal: operator });
  expect(query).toMatchObject({ kind: 'reject' });
  const names = () => again.fabric.figures().followers.map(({ name }) => name);
  await expect.poll(names).toEqual(['thread']);
  await again.fabric.close();
  expect(again.logged).toContainEqual(
    expect.objectContaining({ event: 'follower.failed', name: 'opening' }),
  );
});

/** A memory realm whose witness reads the journal through `read`; time stands until it is moved. */
async function leadInMemory(read: (journal: Journal) => Journal['read']) {
  const key = sampleLogKey(3);
  const realm = { ...createMemoryRealm(), log: new MemoryLog(key.genesisLeaf) };
  const clock = new ManualClock();
  const warned: unknown[] = [];
  const fabric = await openFabric({
    ...memoryOptions(realm),
    origin: key.origin,
    genesisLeaf: key.genesisLeaf,
    clock,
    log: { ...silentLog, warn: (fields) => warned.push(fields) },
    followers: (context) => {
      const journal: Journal = Object.create(context.journal, {
        read: { value: read(context.journal) },
      });
      return [makeWitness({ ...context, journal }, { logKey: key.logKey, clock })];
    },
  });
  opened.push(fabric);
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i += 1) {
      clock.advance(1_000);
      for (let turn = 0; turn < 10; turn += 1) await new Promise((next) => setImmediate(next));
    }
  };
  await call({ fabric }, 'witness.record', { component: 'ci', operation: 'run' });
  await pass(0);
  return { fabric, warned, pass };
}

test('followers that stopped for good stay behind, also in a realm where nothing happens any more', async () => {
  const { fabric, warned, pass } = await leadInMemory(() => () => Promise.resolve([]));
  expect(fabric.ready().reasons).toEqual([]);
  await pass(8);
  const behind = (ms: number) =>
    ['tree', 'fold', 'index'].map((name) => `follower ${name} is ${ms} ms behind`);
  expect(fabric.ready()).toEqual({ ready: true, reasons: behind(8_000) });
  expect(warned).toMatchObject(
    ['tree', 'fold', 'index'].map((name) => ({ event: 'follower.behind', name, behindMs: 6_000 })),
  );
  await pass(20);
  expect(fabric.ready().reasons).toEqual(behind(28_000));
  expect(warned).toHaveLength(3);
});

test('followers in step stay so long after the last entry', async () => {
  const { fabric, pass } = await leadInMemory(
    (journal) => (after, limit) => journal.read(after, limit),
  );
  await pass(8);
  expect(fabric.ready().reasons).toEqual([]);
  const [tree] = fabric.figures().followers;
  expect(tree).toMatchObject({ name: 'tree', position: 2, behindMs: 0 });
});

test('a realm whose record of what was signed is not whole is not led', async () => {
  const folder = newFolder();
  const led = await lead(folder);
  await call(led, 'witness.record', { component: 'ci', operation: 'run' });
  await call(led, 'witness.query', {});
  await led.fabric.close();
  writeFileSync(join(folder, 'state', 'signed'), 'x'.repeat(1_024));
  await expect(lead(folder)).rejects.toMatchObject({ code: 'log.damaged' });
});

test('a snapshot that the log does not state a hash for is not started from', async () => {
  const folder = newFolder();
  const led = await lead(folder);
  await call(led, 'sessions.open', { agent: 'ada' });
  const size = 2;
  await led.fabric.close();
  expect(await startSnapshot(folder, size)).toBeUndefined();
});

test('over a journal in memory the same reads are answered, by followers in the same thread', async () => {
  const key = sampleLogKey(3);
  const realm = { ...createMemoryRealm(), log: new MemoryLog(key.genesisLeaf) };
  const logged: unknown[] = [];
  const fabric = await openFabric({
    ...memoryOptions(realm),
    origin: key.origin,
    genesisLeaf: key.genesisLeaf,
    log: { ...silentLog, error: (fields) => logged.push(fields) },
    followers: (context) => [makeWitness(context, { logKey: key.logKey, clock: systemClock })],
  });
  opened.push(fabric);
  const led = { fabric };
  for (let i = 0; i < 3; i += 1)
    await call(led, 'witness.record', { component: 'ci', operation: 'run' });
  const { output } = await call(led, 'witness.query', { operation: 'ci.run' });
  expect(output.entries).toHaveLength(3);
  const { output: proof } = await call(led, 'witness.proof', { index: 3 });
  expect(proof.size).toBe(4);
  await fabric.close();
  expect(logged).toEqual([]);
});
