import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { evolve, worldSections } from '@infrafabric/core';

import { nodeChecksums } from '../adapters/batch.ts';
import { openJournalReader } from '../adapters/journal-file/reader.ts';
import { writeSampleRealm } from '../witness/sample-realm.ts';
import { blobReader } from './blob-files.ts';
import { checkFrame, entriesOf } from './checked-frame.ts';
import { memoryDisk } from './memory-disk.ts';
import { startSnapshot } from './start-snapshot.ts';
import { stateHash } from './state-hash.ts';

test('a start from a snapshot that the log vouches for, and the rest folded, gives the state of the whole log', async () => {
  const disk = memoryDisk();
  const realm = await writeSampleRealm('/realm', {
    entries: 2_000,
    seed: 21,
    disk,
    indexPath: ':memory:',
  });
  const start = await startSnapshot('/realm', realm.size, disk);
  if (start === undefined) throw new Error('no snapshot');
  const { head: at, world } = start;
  // The newest snapshot is of the end, and no entry states its hash: the one before it is taken.
  expect(at.size).toBeGreaterThan(1_000);
  expect(at.size).toBeLessThan(realm.size);
  const reader = openJournalReader('/realm', { disk, checksums: nodeChecksums });
  let head = { ...at, atMs: 0 };
  while (head.size < realm.size) {
    for (const frame of await reader.read(head.size, { bytes: 1e6, frames: 100 }, realm.size)) {
      const checked = checkFrame(frame, head);
      for (const entry of await entriesOf(checked, 0, blobReader(disk, '/realm')))
        evolve(world, entry);
      head = checked.after;
    }
  }
  expect(stateHash(worldSections(world)).digest).toBe(realm.hashed?.hash);
});

test('a snapshot of another log, or one that nothing states, is not started from', async () => {
  const disk = memoryDisk();
  const realm = await writeSampleRealm('/realm', {
    entries: 1_000,
    seed: 21,
    disk,
    indexPath: ':memory:',
  });
  const other = memoryDisk();
  await writeSampleRealm('/realm', {
    entries: 1_000,
    seed: 22,
    keySeed: 21,
    disk: other,
    indexPath: ':memory:',
  });
  const swapped = new Map([...disk.contents()].filter(([path]) => !path.includes('/snapshots/')));
  for (const [path, bytes] of other.contents())
    if (path.includes('/snapshots/')) swapped.set(path, Buffer.from(bytes));
  expect(await startSnapshot('/realm', realm.size, memoryDisk(swapped))).toBeUndefined();
  expect(await startSnapshot('/realm', 10, disk)).toBeUndefined();
});
