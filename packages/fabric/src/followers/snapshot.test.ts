import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { createWorld, evolve, restoreWorld, worldSections } from '@infrafabric/core';
import { MemoryLog } from '../adapters/journal-memory/log.ts';
import { openMemoryJournal } from '../adapters/journal-memory/journal.ts';
import { recordSample } from '../witness/sample-log.ts';
import { sampleLogKey } from '../witness/sample-realm.ts';
import { memoryDisk } from './memory-disk.ts';
import { loadNewestSnapshot, parseSnapshot, writeSnapshot, type Snapshot } from './snapshot.ts';
import { stateHash } from './state-hash.ts';

async function sampleSnapshot(index: number): Promise<Snapshot> {
  const key = sampleLogKey(1);
  const journal = openMemoryJournal({ log: new MemoryLog(key.genesisLeaf) });
  const blobs = {
    put: () => Promise.reject(new Error('no blobs')),
    get: () => Promise.resolve(undefined),
  };
  const recorder = await recordSample({
    journal,
    blobs: { ...blobs, put: async () => digest },
    origin: key.origin,
    entries: 300,
    seed: 3,
  });
  const sections = worldSections(recorder.world);
  return {
    index,
    leaf: journal.head().leaf,
    epoch: 1,
    atMs: 5,
    stateHash: stateHash(sections).digest,
    sections,
  };
}
const digest = 'sha256:0' as never;

test('a world comes back from its snapshot with the same hash', async () => {
  const disk = memoryDisk();
  const snapshot = await sampleSnapshot(299);
  await writeSnapshot(disk, '/realm', snapshot);
  const loaded = await loadNewestSnapshot(disk, '/realm', 300);
  expect(loaded).toEqual(snapshot);
  expect(stateHash(worldSections(restoreWorld(loaded?.sections ?? []))).digest).toBe(
    snapshot.stateHash,
  );
});

test('the newest two are kept, and one of entries that the log does not have is not taken', async () => {
  const disk = memoryDisk();
  const snapshot = await sampleSnapshot(10);
  for (const index of [10, 20, 30]) await writeSnapshot(disk, '/realm', { ...snapshot, index });
  expect(disk.list('/realm/snapshots')).toHaveLength(2);
  expect((await loadNewestSnapshot(disk, '/realm', 30))?.index).toBe(20);
  expect((await loadNewestSnapshot(disk, '/realm', 31))?.index).toBe(30);
  expect(await loadNewestSnapshot(disk, '/realm', 20)).toBeUndefined();
});

test('S1: any changed byte makes a snapshot one that is not there; the one before it is taken', async () => {
  const disk = memoryDisk();
  const snapshot = await sampleSnapshot(10);
  await writeSnapshot(disk, '/realm', snapshot);
  const path = '/realm/snapshots/0000000000000010.snap';
  const whole = Buffer.from(disk.contents().get(path) ?? []);
  expect(parseSnapshot(whole)).toBeDefined();
  for (let at = 0; at < whole.length; at += 97) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(parseSnapshot(changed)).toBeUndefined();
  }
  for (const bytes of [0, 1, 64, 65, 66, whole.length - 1])
    expect(parseSnapshot(whole.subarray(0, bytes))).toBeUndefined();
  await writeSnapshot(disk, '/realm', { ...snapshot, index: 20 });
  disk.open('/realm/snapshots/0000000000000020.snap', 'write').writeNow(Buffer.from('!'), 500);
  expect((await loadNewestSnapshot(disk, '/realm', 100))?.index).toBe(10);
});

test('S1: a snapshot whose digest was made again still needs sections that give its state hash', async () => {
  const disk = memoryDisk();
  const snapshot = await sampleSnapshot(10);
  await writeSnapshot(disk, '/realm', { ...snapshot, sections: snapshot.sections.slice(1) });
  expect(await loadNewestSnapshot(disk, '/realm', 100)).toBeUndefined();
});

test('the state hash names the room that differs', () => {
  const world = createWorld();
  const before = stateHash(worldSections(world));
  evolve(world, {
    index: 0,
    at: 1,
    epoch: 1,
    op: 'witness.record',
    args: {},
    principal: 'p',
    events: [],
  });
  const after = stateHash(worldSections(world));
  expect(after.digest).not.toBe(before.digest);
  expect(after.rooms.get('realm')).not.toBe(before.rooms.get('realm'));
  expect(after.rooms.get('coordinator')).toBe(before.rooms.get('coordinator'));
});
