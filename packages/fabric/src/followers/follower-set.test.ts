import { Buffer } from 'node:buffer';
import { afterEach, describe, expect, test } from 'vitest';
import {
  openCheckpoint,
  noteVerifier,
  parseVkey,
  checkProofFile,
  leafHash,
  decodeBundle,
} from '@infrafabric/tlog';

import { MemoryLog } from '../adapters/journal-memory/log.ts';
import { openMemoryJournal } from '../adapters/journal-memory/journal.ts';
import { ManualClock } from '../engine/clock.ts';
import type { BlobStore } from '../engine/ports.ts';
import { recordSample } from '../witness/sample-log.ts';
import { sampleLogKey } from '../witness/sample-realm.ts';
import { createHash } from 'node:crypto';
import { digestFrom } from '@infrafabric/protocol';
import { FollowerSet, type FollowerSetOptions } from './follower-set.ts';
import { memoryDisk, type MemoryDisk } from './memory-disk.ts';
import { nodePrimitives, nodeSha256 } from './node-crypto.ts';
import { isMatch } from './index-terms.ts';
import { entriesOf, checkFrame } from './checked-frame.ts';
import type { LogEntry } from './log-entry.ts';

const key = sampleLogKey(1);

interface Bench {
  readonly options: FollowerSetOptions;
  readonly disk: MemoryDisk;
  readonly clock: ManualClock;
  readonly faults: unknown[];
  readonly hashes: { index: number; hash: string }[];
  readonly size: number;
}

const memoryBlobs = (): BlobStore => {
  const blobs = new Map<string, Uint8Array>();
  return {
    put: (bytes) => {
      const digest = digestFrom(createHash('sha256').update(bytes).digest('hex'));
      blobs.set(digest, Uint8Array.from(bytes));
      return Promise.resolve(digest);
    },
    get: (digest) => Promise.resolve(blobs.get(digest)),
  };
};

async function bench(entries: number, more: Partial<FollowerSetOptions> = {}): Promise<Bench> {
  const journal = openMemoryJournal({ log: new MemoryLog(key.genesisLeaf) });
  const blobs = memoryBlobs();
  await recordSample({ journal, blobs, origin: key.origin, entries, seed: 5, frameEntries: 7 });
  const disk = memoryDisk();
  const clock = new ManualClock();
  const faults: unknown[] = [];
  const hashes: { index: number; hash: string }[] = [];
  const options: FollowerSetOptions = {
    disk,
    clock,
    dataFolder: '/realm',
    indexPath: ':memory:',
    ...key,
    reader: {
      read: async (after, limit, upTo) =>
        (await journal.read(after, limit)).filter(({ first }) => first < upTo),
      close: () => undefined,
    },
    readBlob: (digest) => blobs.get(digest as never),
    onStateHash: (state) => hashes.push(state),
    onFault: (_name, cause) => faults.push(cause),
    ...more,
  };
  return { options, disk, clock, faults, hashes, size: journal.head().size };
}

const open: FollowerSet[] = [];
const opened = async (bench_: Bench, size: number): Promise<FollowerSet> => {
  const set = await FollowerSet.open(bench_.options, size);
  open.push(set);
  return set;
};
afterEach(async () => {
  for (const set of open.splice(0)) await set.close();
});

/** Lets everything that is ready happen. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 60; i += 1)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
};

/** Signing happens on the thread pool: waits until it is done, in turns of the event loop. */
const until = async (condition: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 100_000 && !condition(); turn += 1)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  expect(condition()).toBe(true);
};

const checkpointFile = (disk: MemoryDisk): string | undefined => {
  const bytes = disk.contents().get('/realm/checkpoint');
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
};

const verifiers = () => {
  const parsed = parseVkey(nodeSha256, key.vkey);
  if (parsed === undefined) throw new Error('no key');
  return [noteVerifier(nodePrimitives, parsed)];
};

const sizeOf = (note: string | undefined): number => {
  const read = openCheckpoint(note ?? '', { origin: key.origin, verifiers: verifiers() });
  if (read.kind !== 'opened') throw new Error(read.reason);
  return read.checkpoint.size;
};

describe('checkpoints', () => {
  test('T6: an entry is covered a second after it came, and nothing is signed where nothing is new', async () => {
    const b = await bench(500);
    const set = await opened(b, 0);
    set.told(100);
    await settle();
    expect(checkpointFile(b.disk)).toBeUndefined();
    b.clock.advance(999);
    await settle();
    expect(checkpointFile(b.disk)).toBeUndefined();
    b.clock.advance(1);
    await until(() => set.lag().signed === set.lag().tree);
    expect(sizeOf(checkpointFile(b.disk))).toBe(set.lag().tree);
    const writes = b.disk.contents().get('/realm/checkpoints/2023-11-14.notes')?.length;
    b.clock.advance(60_000);
    await settle();
    expect(b.disk.contents().get('/realm/checkpoints/2023-11-14.notes')?.length).toBe(writes);
    expect(b.clock.timers).toBe(0);
  });

  test('T6: 4,096 entries do not wait for the second, but never two signatures within 20 ms', async () => {
    const b = await bench(9_000);
    const set = await opened(b, 0);
    set.told(4_200);
    await until(() => set.lag().tree >= 4_200);
    b.clock.advance(20);
    await until(() => set.lag().signed >= 4_096);
    const first = sizeOf(checkpointFile(b.disk));
    set.told(b.size);
    await until(() => set.lag().tree === b.size);
    b.clock.advance(19);
    await settle();
    expect(sizeOf(checkpointFile(b.disk))).toBe(first);
    b.clock.advance(1);
    await until(() => set.lag().signed === b.size);
    expect(sizeOf(checkpointFile(b.disk))).toBe(b.size);
    expect(b.faults).toEqual([]);
  });

  test('only the partial tiles of the newest checkpoint are kept', async () => {
    const b = await bench(700);
    const set = await opened(b, 0);
    for (const size of [100, 300, 400, b.size]) {
      set.told(size);
      await until(() => set.lag().tree >= size);
      b.clock.advance(1_000);
      await until(() => set.lag().signed === set.lag().tree);
      await settle();
    }
    const tiles = [...b.disk.contents().keys()].filter((path) => path.startsWith('/realm/tile'));
    const width = b.size % 256;
    expect(tiles.toSorted()).toEqual(
      [
        ...Array.from({ length: Math.floor(b.size / 256) }, (_, i) => `/realm/tile/0/00${i}`),
        `/realm/tile/0/00${Math.floor(b.size / 256)}.p/${width}`,
        `/realm/tile/1/000.p/${Math.floor(b.size / 256)}`,
      ].toSorted(),
    );
  });

  test('a disk without room is tried again after a second; nothing is signed meanwhile', async () => {
    const b = await bench(100);
    let full = true;
    const disk = {
      ...b.disk,
      rename: (move: { readonly from: string; readonly to: string }) => {
        if (full && move.to.endsWith('/checkpoint'))
          throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        b.disk.rename(move);
      },
    };
    const set = await opened({ ...b, options: { ...b.options, disk } }, 0);
    set.told(b.size);
    await until(() => set.lag().tree === b.size);
    b.clock.advance(1_000);
    await until(() => b.faults.length === 1);
    await settle();
    expect(checkpointFile(b.disk)).toBeUndefined();
    full = false;
    b.clock.advance(1_000);
    await until(() => set.lag().signed === b.size);
    expect(sizeOf(checkpointFile(b.disk))).toBe(b.size);
  });
});

describe('restarts', () => {
  const grown = async (b: Bench, size: number): Promise<void> => {
    const set = await FollowerSet.open(b.options, 0);
    set.told(size);
    await set.snapshot();
    await set.close();
  };

  test('a follower goes on where it stopped and signs the same tree as one that never stopped', async () => {
    const b = await bench(2_000);
    const whole = await bench(2_000);
    await grown(b, 777);
    const again = await FollowerSet.open(b.options, b.size);
    await again.close();
    await grown(whole, whole.size);
    expect(checkpointFile(b.disk)).toBe(checkpointFile(whole.disk));
    expect(b.faults).toEqual([]);
  });

  test.each([
    ['a full tile', '/realm/tile/0/001'],
    ['a tile of a higher level', '/realm/tile/1/000.p/7'],
    ['the checkpoint', '/realm/checkpoint'],
    ['the snapshot', '/realm/snapshots/0000000000001999.snap'],
    ['the history', '/realm/checkpoints/2023-11-14.notes'],
  ])('T4: %s that is missing or cut short is made again', async (_what, path) => {
    for (const damage of ['missing', 'short'] as const) {
      const b = await bench(1_995);
      await grown(b, b.size);
      const before = b.disk.contents();
      expect([...before.keys()]).toContain(
        path.replace('1999', String(b.size - 1).padStart(4, '0')),
      );
      const at = path.replace('1999', String(b.size - 1).padStart(4, '0'));
      b.disk.remove(at);
      if (damage === 'short') b.disk.open(at, 'create');
      const set = await FollowerSet.open(b.options, b.size);
      await set.snapshot();
      await set.close();
      expect(checkpointFile(b.disk)).toBe(
        Buffer.from(before.get('/realm/checkpoint') ?? []).toString(),
      );
      for (const [file, bytes] of before) {
        if (file.startsWith('/realm/tile')) expect(b.disk.contents().get(file)).toEqual(bytes);
      }
      expect(b.faults).toEqual([]);
    }
  });

  test('a log shorter than what was signed is refused', async () => {
    const b = await bench(500);
    await grown(b, b.size);
    await expect(FollowerSet.open(b.options, b.size - 1)).rejects.toMatchObject({
      code: 'log.damaged',
    });
  });

  test('a checkpoint under another key, or none at all, is refused', async () => {
    const b = await bench(100);
    await grown(b, b.size);
    b.disk.open('/realm/checkpoint', 'create').writeNow(Buffer.from('hello\n'), 0);
    await expect(FollowerSet.open(b.options, b.size)).rejects.toMatchObject({
      code: 'log.damaged',
    });
  });

  test('T3: another log of the same length never gets a signature', async () => {
    const b = await bench(1_000);
    await grown(b, b.size);
    for (const entries of [1_000, 1_300]) {
      const journal = openMemoryJournal({ log: new MemoryLog(key.genesisLeaf) });
      await recordSample({
        journal,
        blobs: memoryBlobs(),
        origin: key.origin,
        entries,
        seed: 6,
        frameEntries: 7,
      });
      const reader = { read: journal.read.bind(journal), close: () => undefined };
      const opening = FollowerSet.open({ ...b.options, reader }, journal.head().size);
      await expect(opening).rejects.toMatchObject({ code: 'log.damaged' });
      expect(sizeOf(checkpointFile(b.disk))).toBe(b.size);
    }
    // The same where the tiles are gone and the tree starts from nothing.
    const journal = openMemoryJournal({ log: new MemoryLog(key.genesisLeaf) });
    await recordSample({
      journal,
      blobs: memoryBlobs(),
      origin: key.origin,
      entries: 1_300,
      seed: 6,
      frameEntries: 7,
    });
    b.disk.remove('/realm/tile/0/001');
    const reader = { read: journal.read.bind(journal), close: () => undefined };
    const set = await FollowerSet.open({ ...b.options, reader }, journal.head().size);
    await settle();
    b.clock.advance(60_000);
    await set.close();
    expect(b.faults.length).toBeGreaterThan(0);
    expect(sizeOf(checkpointFile(b.disk))).toBe(b.size);
  });

  test('every entry is folded into a snapshot on the way, and its hash handed over', async () => {
    const b = await bench(1_000, { snapshotEveryEntries: 300 });
    const set = await opened(b, 0);
    for (let size = 100; size < b.size; size += 100) {
      set.told(size);
      await until(() => set.lag().fold >= size);
    }
    await settle();
    const sizes = [0, ...b.hashes.map(({ index }) => index + 1)];
    expect(sizes.length).toBeGreaterThanOrEqual(3);
    for (const [i, size] of sizes.slice(1).entries()) {
      expect(size - (sizes[i] ?? 0)).toBeGreaterThanOrEqual(300);
      expect(size - (sizes[i] ?? 0)).toBeLessThan(410);
    }
    expect(b.faults).toEqual([]);
  });
});

describe('reads', () => {
  const allEntries = async (b: Bench): Promise<LogEntry[]> => {
    const entries: LogEntry[] = [];
    let head = { size: 0, leaf: key.genesisLeaf, epoch: 0, atMs: 0 };
    while (head.size < b.size) {
      for (const frame of await b.options.reader.read(
        head.size,
        { bytes: 1e6, frames: 100 },
        b.size,
      )) {
        const checked = checkFrame(frame, head);
        entries.push(...(await entriesOf(checked, 0, b.options.readBlob)));
        head = checked.after;
      }
    }
    return entries;
  };

  test('a query answers exactly the entries that a look at all of them finds, in both directions, over pages', async () => {
    const b = await bench(1_500);
    const set = await opened(b, b.size);
    await set.snapshot();
    const entries = await allEntries(b);
    const some = entries.find(({ op }) => op === 'tasks.complete');
    const queries = [
      { operation: 'tasks.complete' },
      { principal: 'agent-3' },
      { sessionId: some?.session },
      { trace: some?.trace },
      { severity: 'warn' as const },
      { severity: 'high' as const },
      { severity: 'info' as const },
      { code: 'lease.stale' },
      { planId: 'plan-0' },
      { taskId: 'plan-0/t3' },
      { principal: 'agent-1', operation: 'tasks.claim' },
      {},
      { operation: 'linter.finding' },
      { principal: 'nobody' },
      { from: 100, to: 120 },
      { since: entries[300]?.at, until: entries[400]?.at },
      { operation: 'tasks.claim', from: 700 },
    ];
    for (const query of queries) {
      const {
        from = 0,
        to = 1e9,
        since = 0,
        until: last = Infinity,
      } = query as { from?: number; to?: number; since?: number; until?: number };
      const expected = entries
        .filter(
          (entry) =>
            entry.index >= from &&
            entry.index <= to &&
            entry.at >= since &&
            entry.at <= last &&
            isMatch(entry, query),
        )
        .map(({ index }) => index);
      for (const newest of [false, true]) {
        const found: number[] = [];
        let at: number | undefined;
        for (let round = 0; round < 200; round += 1) {
          const answer = await set.queries.query({
            ...query,
            newest,
            limit: 37,
            ...(at === undefined ? {} : newest ? { to: at } : { from: at }),
          });
          found.push(...answer.entries.map(({ index }) => index));
          expect(answer.indexedTo).toBe(b.size);
          at = answer.next;
          if (at === undefined) break;
        }
        expect(found, JSON.stringify(query)).toEqual(newest ? expected.toReversed() : expected);
      }
    }
  });

  test('a proof is made for any entry, signing first where it must, and a reader who has only the key accepts it', async () => {
    const b = await bench(600);
    const set = await opened(b, b.size);
    await set.snapshot();
    for (const index of [0, 1, 255, 256, 300, b.size - 1]) {
      const proof = await set.proofs.proof(index);
      if ('kind' in proof) throw new Error(proof.code);
      const claim = {
        text: proof.proof,
        leaf: proof.leaf,
        origin: key.origin,
        verifiers: verifiers(),
      };
      expect(checkProofFile(nodeSha256, claim)).toMatchObject({ kind: 'included', index });
      expect(checkProofFile(nodeSha256, { ...claim, leaf: key.genesisLeaf }).kind).toBe('refused');
    }
    expect(await set.proofs.proof(b.size)).toMatchObject({
      kind: 'reject',
      code: 'witness.no_such_entry',
    });
  });

  test('tiles and bundles are those of the tree, of any width up to the checkpoint, and nothing beyond it', async () => {
    const b = await bench(600);
    const set = await opened(b, b.size);
    await set.snapshot();
    await set.proofs.proof(b.size - 1);
    const leaves = await set.proofs.tile('tile/0/001');
    const bundle = await set.proofs.tile('tile/entries/001');
    const entries = decodeBundle(bundle ?? new Uint8Array(), 256) ?? [];
    expect(entries).toHaveLength(256);
    for (const [i, entry] of entries.entries()) {
      expect(leafHash(nodeSha256, entry)).toBe(
        Buffer.from(leaves?.subarray(i * 32, i * 32 + 32) ?? []).toString('base64'),
      );
    }
    for (const width of [1, 9, 87]) {
      expect(await set.proofs.tile(`tile/0/002.p/${width}`)).toHaveLength(width * 32);
      expect(
        decodeBundle(
          (await set.proofs.tile(`tile/entries/002.p/${width}`)) ?? new Uint8Array(),
          width,
        ),
      ).toHaveLength(width);
    }
    for (const path of [
      'tile/0/003',
      'tile/0/002',
      'tile/entries/002',
      'tile/2/000',
      'tile/0/002.p/255',
      'tile/../LOCK',
      'checkpoint',
      'tile/1/000.p/3',
    ]) {
      expect(await set.proofs.tile(path), path).toBeUndefined();
    }
  });

  test('R1: a tile that was changed on disk makes neither a row nor a proof', async () => {
    const b = await bench(600);
    const set = await opened(b, b.size);
    await set.snapshot();
    await set.proofs.proof(b.size - 1);
    b.disk.open('/realm/tile/0/000', 'write').writeNow(Buffer.from([1, 2, 3]), 32 * 5);
    await expect(set.queries.query({ from: 5, to: 5 })).rejects.toMatchObject({
      code: 'witness.tampered',
    });
    expect(await set.proofs.proof(5)).toMatchObject({ kind: 'reject', code: 'witness.unanchored' });
    expect(b.faults).toHaveLength(1);
    set.told(b.size);
    for (let i = 0; i < 10; i += 1) await settle();
  });
});
