import { createHash } from 'node:crypto';
import {
  checkpointText,
  formatVkey,
  leafHash,
  nodeHash,
  noteSigner,
  portableEd25519,
  portableSha256,
  publicKeyOf,
  signNote,
  TILE_WIDTH,
  tilesBetween,
  tilePath,
} from '@infrafabric/tlog';
import type { Hash } from '@infrafabric/tlog';
import { expect, test } from 'vitest';
import { createCheckpointKeeper, memoryCheckpointStore } from './verify.ts';
import type { LogReads } from './verify.ts';

const ORIGIN = 'test.local/ifab/main';
const primitives = { sha256: portableSha256, ed25519: portableEd25519 };
const seed = new Uint8Array(createHash('sha256').update('a test key').digest());
const key = publicKeyOf(primitives, { name: ORIGIN, use: 'note', seed });
const signer = noteSigner(primitives, key, seed);
const vkey = formatVkey(key);

/** A log in memory, by the definition of RFC 6962 §2.1 and not by the code under test. */
function createLog(leaves: readonly Hash[], signAs = signer, origin = ORIGIN) {
  const rootOf = (hashes: readonly Hash[]): Hash => {
    const [only = ''] = hashes;
    if (hashes.length <= 1) return only;
    let split = 1;
    while (split * 2 < hashes.length) split *= 2;
    return nodeHash(portableSha256, rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
  };
  const tiles = new Map<string, Uint8Array>();
  for (const tile of tilesBetween({ from: 0, to: leaves.length })) {
    const span = TILE_WIDTH ** tile.level;
    const hashes = Array.from({ length: tile.width }, (_, i) => {
      const at = (tile.index * TILE_WIDTH + i) * span;
      return Buffer.from(rootOf(leaves.slice(at, at + span)), 'base64');
    });
    tiles.set(tilePath(tile), Buffer.concat(hashes));
  }
  const note = signNote(checkpointText({ origin, size: leaves.length, root: rootOf(leaves) }), [
    signAs,
  ]);
  const reads: LogReads = {
    checkpoint: async () => note,
    tile: async (path) => tiles.get(path),
  };
  return { reads, tiles, note };
}

const leaves = Array.from({ length: 1_200 }, (_, i) =>
  leafHash(portableSha256, new TextEncoder().encode(`entry ${i}`)),
);

function keeperOf(log: { reads: LogReads }, store = memoryCheckpointStore()) {
  const current = { log };
  const reads: LogReads = {
    checkpoint: () => current.log.reads.checkpoint(),
    tile: (path) => current.log.reads.tile(path),
  };
  const keeper = createCheckpointKeeper({ reads, origin: ORIGIN, vkey, store });
  return { keeper, store, show: (next: { reads: LogReads }) => (current.log = next) };
}

test.each([1, 2, 3, 255, 256, 257, 511, 512, 700, 1_199])(
  'V3: from %i entries to 1,200 the checkpoint is taken and kept',
  async (size) => {
    const { keeper, store, show } = keeperOf(createLog(leaves.slice(0, size)));
    expect(await keeper.refresh()).toMatchObject({ size });
    show(createLog(leaves));
    expect(await keeper.refresh()).toMatchObject({ size: 1_200 });
    expect(await store.get(ORIGIN)).toMatchObject({ size: 1_200 });
    expect(await keeper.refresh()).toMatchObject({ size: 1_200 });
  },
);

test('V2: a log that shrank is refused, and what was kept stays', async () => {
  const { keeper, store, show } = keeperOf(createLog(leaves));
  await keeper.refresh();
  show(createLog(leaves.slice(0, 1_000)));
  await expect(keeper.refresh()).rejects.toMatchObject({ reason: 'rollback' });
  expect(await store.get(ORIGIN)).toMatchObject({ size: 1_200 });
});

test('V2: two roots of one size are a fork', async () => {
  const { keeper, show } = keeperOf(createLog(leaves));
  await keeper.refresh();
  show(createLog(leaves.with(7, leaves[8] ?? '')));
  await expect(keeper.refresh()).rejects.toMatchObject({ reason: 'fork' });
});

test('V3: a larger log with another past is refused', async () => {
  const { keeper, show } = keeperOf(createLog(leaves.slice(0, 700)));
  await keeper.refresh();
  show(createLog(leaves.with(7, leaves[8] ?? '')));
  await expect(keeper.refresh()).rejects.toMatchObject({ reason: 'inconsistent' });
});

test('V3: tiles that do not fit the signed root, or are missing, are refused', async () => {
  const log = createLog(leaves);
  const { keeper, show } = keeperOf(createLog(leaves.slice(0, 700)));
  await keeper.refresh();
  show({
    reads: {
      ...log.reads,
      tile: async (path) => log.tiles.get(path)?.map((byte, at) => (at === 9 ? byte ^ 1 : byte)),
    },
  });
  await expect(keeper.refresh()).rejects.toMatchObject({ reason: 'inconsistent' });
  show({ reads: { ...log.reads, tile: async () => undefined } });
  await expect(keeper.refresh()).rejects.toMatchObject({ reason: 'missing' });
  show(log);
  expect(await keeper.refresh()).toMatchObject({ size: 1_200 });
});

test('V1: another key, another origin and no checkpoint are refused', async () => {
  const otherSeed = seed.map((byte) => byte ^ 1);
  const otherKey = publicKeyOf(primitives, { name: ORIGIN, use: 'note', seed: otherSeed });
  const forged = createLog(leaves, noteSigner(primitives, otherKey, otherSeed));
  await expect(keeperOf(forged).keeper.refresh()).rejects.toMatchObject({ reason: 'signature' });
  const foreign = createLog(leaves, signer, 'other.local/ifab/main');
  await expect(keeperOf(foreign).keeper.refresh()).rejects.toMatchObject({ reason: 'origin' });
  const silent = { reads: { checkpoint: async () => undefined, tile: async () => undefined } };
  await expect(keeperOf(silent).keeper.refresh()).rejects.toMatchObject({ reason: 'missing' });
  const badKey = { reads: forged.reads, origin: ORIGIN, vkey: 'x', store: memoryCheckpointStore() };
  expect(() => createCheckpointKeeper(badKey)).toThrow('no vkey');
});

test('a log that grew past a partial tile is read by the full one', async () => {
  const { keeper, show } = keeperOf(createLog(leaves.slice(0, 300)));
  await keeper.refresh();
  // The signed size is 500: its partial tile of level 0 is gone since the full one is there.
  const signed = createLog(leaves.slice(0, 500));
  const grown = createLog(leaves);
  const tile = async (path: string) =>
    grown.tiles.get(path) ?? (path.startsWith('tile/0/') ? undefined : signed.tiles.get(path));
  show({ reads: { checkpoint: () => signed.reads.checkpoint(), tile } });
  expect(await keeper.refresh()).toMatchObject({ size: 500 });
});
