import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
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
const FILE = '/realm/snapshots/0000000000000010.snap';
const DIGEST_BYTES = 65;

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

/** The file of a snapshot whose head or body somebody changed, with a digest that fits. */
function forged(
  whole: Buffer,
  change: (head: Record<string, unknown>) => unknown,
  more = Buffer.alloc(0),
): Buffer {
  const text = whole.subarray(0, -DIGEST_BYTES);
  const magicEnd = text.indexOf('\n') + 1;
  const headEnd = text.indexOf('\n', magicEnd);
  const head = JSON.parse(text.toString('utf8', magicEnd, headEnd)) as Record<string, unknown>;
  const changed = change(head);
  const body = Buffer.concat([
    text.subarray(0, magicEnd),
    Buffer.from(typeof changed === 'string' ? changed : JSON.stringify(changed)),
    text.subarray(headEnd),
    more,
  ]);
  const sum = createHash('sha256').update(body).digest('hex');
  return Buffer.concat([body, Buffer.from(`${sum}\n`)]);
}

describe('S1, S2: a snapshot whose digest fits is still not there where', () => {
  test.each<[string, (head: Record<string, unknown>) => unknown]>([
    ['its head is no JSON', () => '{'],
    ['its head is a list', () => []],
    ['other decisions folded it', (head) => ({ ...head, decider: 'another' })],
    ['its leaf is no hash', (head) => ({ ...head, leaf: 'x' })],
    ['its leaf is a number', (head) => ({ ...head, leaf: 5 })],
    ['it has no index', ({ index: _index, ...head }) => head],
    ['its epoch is a text', (head) => ({ ...head, epoch: '1' })],
    ['it has no time', ({ atMs: _atMs, ...head }) => head],
    ['it names no state', ({ stateHash: _hash, ...head }) => head],
    ['it lists no sections', ({ sections: _sections, ...head }) => head],
    ['a section is no list', (head) => ({ ...head, sections: ['realm'] })],
    ['a section has no name', (head) => ({ ...head, sections: [[1, 'text', 1]] })],
    ['a section has no length', (head) => ({ ...head, sections: [['realm', 'text']] })],
    ['a section ends behind it', (head) => ({ ...head, sections: [['realm', 'text', 1e9]] })],
    ['sections leave bytes over', (head) => ({ ...head, sections: [] })],
  ])('%s', async (_what, change) => {
    const disk = memoryDisk();
    await writeSnapshot(disk, '/realm', await sampleSnapshot(10));
    const whole = Buffer.from(disk.contents().get(FILE) ?? []);
    expect(parseSnapshot(forged(whole, (head) => head))).toBeDefined();
    expect(parseSnapshot(forged(whole, change))).toBeUndefined();
  });

  test('bytes follow its sections, or it is of another form', async () => {
    const disk = memoryDisk();
    await writeSnapshot(disk, '/realm', await sampleSnapshot(10));
    const whole = Buffer.from(disk.contents().get(FILE) ?? []);
    expect(parseSnapshot(forged(whole, (head) => head, Buffer.from('!')))).toBeUndefined();
    const body = Buffer.from(whole.subarray(0, -DIGEST_BYTES).toString('latin1'), 'latin1');
    body.write('ifab-snapshot/2');
    const sum = createHash('sha256').update(body).digest('hex');
    expect(parseSnapshot(Buffer.concat([body, Buffer.from(`${sum}\n`)]))).toBeUndefined();
  });
});

test('a file under the name of another index is passed over, and so is what is no snapshot', async () => {
  const disk = memoryDisk();
  const snapshot = await sampleSnapshot(10);
  await writeSnapshot(disk, '/realm', snapshot);
  const whole = Buffer.from(disk.contents().get(FILE) ?? []);
  disk.open('/realm/snapshots/0000000000000020.snap', 'create').writeNow(whole, 0);
  disk.open('/realm/snapshots/notes.txt', 'create').writeNow(Buffer.from('x'), 0);
  expect(disk.list('/realm/snapshots')).toHaveLength(3);
  expect((await loadNewestSnapshot(disk, '/realm', 100))?.index).toBe(10);
});
