import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeSha256 } from '../test/log-fixture.ts';
import {
  EMPTY_ROOT,
  Tree,
  bundlePath,
  consistencyProof,
  decodeBundle,
  encodeBundle,
  genesisLeaf,
  inclusionProof,
  isHash,
  isTileSized,
  leafHash,
  leafHashInPlace,
  nodeHash,
  nodesOfTiles,
  parseTilePath,
  partialTiles,
  portableSha256,
  tilePath,
  tilesBetween,
  tilesForConsistency,
  tilesForInclusion,
  verifyConsistency,
  verifyInclusion,
  type Hash,
  type TileId,
} from './index.ts';
import { rangeRoot } from './proof.ts';

// The definitions of RFC 6962 §2.1, as directly as they can be written, over node:crypto.
const sha = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const mth = (leaves: readonly Buffer[]): Buffer => {
  if (leaves.length === 0) return sha();
  if (leaves.length === 1) return sha(Buffer.of(0), leaves[0] ?? Buffer.of());
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha(Buffer.of(1), mth(leaves.slice(0, k)), mth(leaves.slice(k)));
};
const rootOf = (leaves: readonly Buffer[]): Hash => mth(leaves).toString('base64');

// The eight leaves and roots of certificate-transparency's merkletree tests, RFC 6962's own.
const CT_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const CT_ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const LEAVES = Array.from({ length: 700 }, (_, i) => Buffer.from(`entry ${i}`));
const LEAF_HASHES = LEAVES.map((leaf) => leafHash(nodeSha256, leaf));
const readNode = (height: number, index: number): Hash =>
  rootOf(LEAVES.slice(index * 2 ** height, (index + 1) * 2 ** height));

describe('hashes', () => {
  test('the known roots of RFC 6962’s eight leaves come out, by both SHA-256', () => {
    for (const sha256 of [nodeSha256, portableSha256]) {
      const tree = new Tree({ sha256 });
      expect(tree.root()).toBe(EMPTY_ROOT);
      for (const [i, leaf] of CT_LEAVES.entries()) {
        tree.append(leafHash(sha256, Buffer.from(leaf, 'hex')));
        expect(Buffer.from(tree.root(), 'base64').toString('hex')).toBe(CT_ROOTS[i]);
      }
    }
  });

  test('a leaf hashed in place is the leaf hashed from a copy, and the borrowed byte is back', () => {
    const bytes = Buffer.from('xxentryxx');
    expect(leafHashInPlace(nodeSha256, bytes, 2, 7)).toBe(
      leafHash(nodeSha256, Buffer.from('entry')),
    );
    expect(bytes.toString()).toBe('xxentryxx');
    for (const [start, end] of [
      [0, 3],
      [5, 4],
      [2, 10],
    ] as const) {
      expect(() => leafHashInPlace(nodeSha256, bytes, start, end)).toThrow(/outside its buffer/);
    }
  });

  test('a node of something else than digests is a defect', () => {
    expect(() => nodeHash(nodeSha256, EMPTY_ROOT, 'x')).toThrow(/not a digest/);
    expect(() => nodeHash(nodeSha256, 'x', EMPTY_ROOT)).toThrow(/not a digest/);
    expect(isHash(EMPTY_ROOT)).toBe(true);
    expect(isHash(`${EMPTY_ROOT}=`)).toBe(false);
  });

  test('the genesis leaf binds origin and key', () => {
    const expected = sha(Buffer.from('ifab-log/1 genesis\nexample.org\nkey+1\n')).toString(
      'base64',
    );
    expect(genesisLeaf(nodeSha256, { origin: 'example.org', vkey: 'key+1' })).toBe(expected);
  });
});

describe('tree', () => {
  test('its root is the definition’s at every size, and it goes on from its partial tiles', () => {
    const tree = new Tree({ sha256: nodeSha256 });
    for (let size = 0; size <= 600; size += 1) {
      if (
        size <= 80 ||
        size % 61 === 0 ||
        (size > 253 && size < 259) ||
        (size > 510 && size < 515)
      ) {
        expect(tree.root()).toBe(rootOf(LEAVES.slice(0, size)));
        const resumed = Tree.fromTiles({ sha256: nodeSha256 }, size, tree.partialTiles());
        resumed.append(LEAF_HASHES[size] ?? '');
        expect(resumed.root()).toBe(rootOf(LEAVES.slice(0, size + 1)));
      }
      tree.append(LEAF_HASHES[size] ?? '');
    }
  });

  test('its tiles hold what C2SP says, full ones once each', () => {
    const full = new Map<string, Uint8Array>();
    const tree = new Tree({
      sha256: nodeSha256,
      onTile: (tile, bytes) => full.set(tilePath(tile), bytes),
    });
    for (const leaf of LEAF_HASHES) tree.append(leaf);
    expect([...full.keys()]).toEqual(['tile/0/000', 'tile/0/001']);
    const first = Buffer.concat(
      LEAF_HASHES.slice(0, 256).map((leaf) => Buffer.from(leaf, 'base64')),
    );
    expect(Buffer.from(full.get('tile/0/000') ?? [])).toEqual(first);
    const partial = tree.partialTiles();
    expect(partial.map(({ tile }) => tilePath(tile))).toEqual([
      'tile/0/002.p/188',
      'tile/1/000.p/2',
    ]);
    const above = Buffer.concat([mth(LEAVES.slice(0, 256)), mth(LEAVES.slice(256, 512))]);
    expect(Buffer.from(partial[1]?.bytes ?? [])).toEqual(above);
  });

  test('a tile of a third level comes out of 70,000 leaves as C2SP counts them', () => {
    const full: TileId[] = [];
    const tree = new Tree({ sha256: nodeSha256, onTile: (tile) => full.push(tile) });
    for (let i = 0; i < 70_000; i += 1) tree.append(EMPTY_ROOT);
    expect(full.filter(({ level }) => level === 0)).toHaveLength(273);
    expect(full.filter(({ level }) => level === 1)).toHaveLength(1);
    expect(partialTiles(70_000)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ]);
    expect(tree.size).toBe(70_000);
    const resumed = Tree.fromTiles({ sha256: nodeSha256 }, 70_000, tree.partialTiles());
    expect(resumed.root()).toBe(tree.root());
  });

  test('misuse is a defect', () => {
    const tree = new Tree({ sha256: nodeSha256 });
    expect(() => tree.append('no digest')).toThrow(/not a digest/);
    expect(() => Tree.fromTiles({ sha256: nodeSha256 }, 5, [])).toThrow(/not the tiles/);
    const broken = new Tree({ sha256: () => 'x' });
    broken.append(EMPTY_ROOT);
    broken.append(EMPTY_ROOT);
    expect(() => broken.root()).toThrow(/no digest/);
    for (let i = 3; i < 256; i += 1) broken.append(EMPTY_ROOT);
    const unread = new Tree({ sha256: () => 'x' });
    for (let i = 0; i < 255; i += 1) unread.append(EMPTY_ROOT);
    expect(() => unread.append(EMPTY_ROOT)).toThrow(/no digest/);
  });

  test('a root may be asked for at any size: tree and tiles are the same', () => {
    const leaves = Array.from({ length: 1_100 }, (_, i) =>
      leafHash(nodeSha256, Uint8Array.of(i, i >> 8)),
    );
    const grown = () => {
      const tiles: string[] = [];
      const tree = new Tree({
        sha256: nodeSha256,
        onTile: (tile, bytes) =>
          tiles.push(`${tilePath(tile)} ${Buffer.from(bytes).toString('hex')}`),
      });
      return { tree, tiles };
    };
    const roots: string[] = [];
    const eager = grown();
    for (const leaf of leaves) {
      eager.tree.append(leaf);
      roots.push(eager.tree.root());
    }
    for (const every of [1, 3, 255, 256, 257, 1_100]) {
      const lazy = grown();
      for (const [i, leaf] of leaves.entries()) {
        lazy.tree.append(leaf);
        if ((i + 1) % every === 0) expect(lazy.tree.root()).toBe(roots[i]);
      }
      expect(lazy.tree.partialTiles()).toEqual(eager.tree.partialTiles());
      expect(lazy.tiles).toEqual(eager.tiles);
    }
  });
});

describe('proofs', () => {
  test('every inclusion proof of every tree up to 70 leaves verifies, and no other claim does', () => {
    for (let size = 1; size <= 70; size += 1) {
      const root = rootOf(LEAVES.slice(0, size));
      for (let index = 0; index < size; index += 1) {
        const proof = inclusionProof(nodeSha256, { index, size }, readNode);
        const claim = { leaf: LEAF_HASHES[index] ?? '', index, size, root, proof };
        expect(verifyInclusion(nodeSha256, claim)).toBe(true);
        const lies = [
          { ...claim, index: index + 1 },
          { ...claim, leaf: EMPTY_ROOT },
          { ...claim, root: EMPTY_ROOT },
          { ...claim, proof: [...proof, EMPTY_ROOT] },
          { ...claim, proof: [EMPTY_ROOT, ...proof] },
          ...(proof.length > 0
            ? [
                { ...claim, proof: proof.slice(1) },
                { ...claim, proof: proof.slice(0, -1) },
                { ...claim, proof: proof.with(0, EMPTY_ROOT) },
                { ...claim, proof: proof.toSpliced(-1, 1, 'not a digest') },
              ]
            : []),
        ];
        for (const lie of lies) expect(verifyInclusion(nodeSha256, lie)).toBe(false);
      }
    }
  });

  test('every consistency proof between trees up to 70 leaves verifies, and no other claim does', () => {
    const roots = Array.from({ length: 72 }, (_, size) => rootOf(LEAVES.slice(0, size)));
    for (let to = 1; to <= 70; to += 1) {
      for (let from = 1; from <= to; from += 1) {
        const proof = consistencyProof(nodeSha256, { from, to }, readNode);
        const claim = {
          from: { size: from, root: roots[from] ?? '' },
          to: { size: to, root: roots[to] ?? '' },
          proof,
        };
        expect(verifyConsistency(nodeSha256, claim)).toBe(true);
        const lies = [
          { ...claim, from: { size: from, root: EMPTY_ROOT } },
          { ...claim, to: { size: to, root: EMPTY_ROOT } },
          { ...claim, proof: [...proof, EMPTY_ROOT] },
          { ...claim, from: claim.to, to: claim.from, proof: from === to ? [EMPTY_ROOT] : proof },
          ...(proof.length > 0
            ? [
                { ...claim, proof: proof.slice(1) },
                { ...claim, proof: proof.slice(0, -1) },
                { ...claim, proof: [] },
                { ...claim, proof: proof.with(0, EMPTY_ROOT) },
                { ...claim, proof: proof.toSpliced(-1, 1, '?') },
              ]
            : []),
        ];
        for (const lie of lies) expect(verifyConsistency(nodeSha256, lie)).toBe(false);
      }
    }
  });

  test('the empty tree is extended by all trees, with nothing to show', () => {
    const to = { size: 3, root: EMPTY_ROOT };
    const from = { size: 0, root: EMPTY_ROOT };
    expect(verifyConsistency(nodeSha256, { from, to, proof: [] })).toBe(true);
    expect(verifyConsistency(nodeSha256, { from, to, proof: [EMPTY_ROOT] })).toBe(false);
  });

  test('hostile numbers and lengths are refused, never thrown', () => {
    const long = new Array<Hash>(65).fill(EMPTY_ROOT);
    const numbers = [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY];
    for (const bad of numbers) {
      const leaf = { leaf: EMPTY_ROOT, index: 0, size: 1, root: EMPTY_ROOT, proof: [] };
      expect(verifyInclusion(nodeSha256, { ...leaf, index: bad })).toBe(false);
      expect(verifyInclusion(nodeSha256, { ...leaf, size: bad })).toBe(false);
      const good = { size: 1, root: EMPTY_ROOT };
      const wrong = { size: bad, root: EMPTY_ROOT };
      expect(verifyConsistency(nodeSha256, { from: wrong, to: good, proof: [] })).toBe(false);
      expect(verifyConsistency(nodeSha256, { from: good, to: wrong, proof: [] })).toBe(false);
    }
    const huge = {
      leaf: EMPTY_ROOT,
      index: 2 ** 52,
      size: 2 ** 53 - 1,
      root: EMPTY_ROOT,
      proof: long,
    };
    expect(verifyInclusion(nodeSha256, huge)).toBe(false);
    const from = { size: 5, root: EMPTY_ROOT };
    const to = { size: 2 ** 53 - 1, root: EMPTY_ROOT };
    expect(verifyConsistency(nodeSha256, { from, to, proof: long })).toBe(false);
    expect(() => inclusionProof(nodeSha256, { index: 3, size: 3 }, readNode)).toThrow(
      /no such leaf/,
    );
    expect(() => consistencyProof(nodeSha256, { from: 0, to: 3 }, readNode)).toThrow(
      /no such span/,
    );
  });

  test('indices above 2^32 are proved as those below', () => {
    // All leaves alike: a perfect subtree's root depends on its height alone, so 2^40 of them fit.
    const perfect = [LEAF_HASHES[0] ?? ''];
    for (let height = 0; height < 52; height += 1) {
      perfect.push(nodeHash(nodeSha256, perfect[height] ?? '', perfect[height] ?? ''));
    }
    const alike = (height: number): Hash => perfect[height] ?? '';
    const size = 2 ** 40 + 3;
    const root = rangeRoot(nodeSha256, { lo: 0, hi: size }, alike);
    for (const index of [0, 2 ** 33 + 5, 2 ** 40 - 1, 2 ** 40, 2 ** 40 + 2]) {
      const proof = inclusionProof(nodeSha256, { index, size }, alike);
      const claim = { leaf: alike(0), index, size, root, proof };
      expect(verifyInclusion(nodeSha256, claim)).toBe(true);
      expect(verifyInclusion(nodeSha256, { ...claim, size: 2 ** 40 })).toBe(false);
    }
    for (const from of [1, 2 ** 32, 2 ** 32 + 1, 2 ** 39 + 7, 2 ** 40, size - 1]) {
      const proof = consistencyProof(nodeSha256, { from, to: size }, alike);
      const old = { size: from, root: rangeRoot(nodeSha256, { lo: 0, hi: from }, alike) };
      expect(verifyConsistency(nodeSha256, { from: old, to: { size, root }, proof })).toBe(true);
    }
  });
});

describe('tiles', () => {
  test('proofs out of tiles are the proofs out of leaves, and read no other tile', () => {
    const store = new Map<string, Uint8Array>();
    const tree = new Tree({
      sha256: nodeSha256,
      onTile: (tile, bytes) => store.set(tilePath(tile), bytes),
    });
    const size = 650;
    for (const leaf of LEAF_HASHES.slice(0, size)) tree.append(leaf);
    for (const { tile, bytes } of tree.partialTiles()) store.set(tilePath(tile), bytes);
    const only = (tiles: readonly TileId[]) => {
      const paths = new Set(tiles.map(tilePath));
      return nodesOfTiles(nodeSha256, size, (tile) =>
        paths.has(tilePath(tile)) ? store.get(tilePath(tile)) : undefined,
      );
    };
    for (const index of [0, 1, 255, 256, 511, 512, 600, 649]) {
      const nodes = only(tilesForInclusion({ index, size }));
      const proof = inclusionProof(nodeSha256, { index, size }, nodes);
      expect(proof).toEqual(inclusionProof(nodeSha256, { index, size }, readNode));
    }
    for (const from of [1, 2, 255, 256, 257, 512, 640, 649, 650]) {
      const span = { from, to: size };
      const proof = consistencyProof(nodeSha256, span, only(tilesForConsistency(span)));
      expect(proof).toEqual(consistencyProof(nodeSha256, span, readNode));
    }
    expect(() => nodesOfTiles(nodeSha256, size, () => undefined)(0, 0)).toThrow(/not at hand/);
    expect(() => nodesOfTiles(nodeSha256, size, () => new Uint8Array(32))(0, 0)).toThrow(
      /not at hand/,
    );
  });

  test('paths are C2SP’s and read back', () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067');
    expect(tilePath({ level: 3, index: 7, width: 5 })).toBe('tile/3/007.p/5');
    expect(bundlePath({ index: 1_000, width: 256 })).toBe('tile/entries/x001/000');
    fc.assert(
      fc.property(
        fc.nat(6),
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          const tile = { level, index, width };
          expect(parseTilePath(tilePath(tile))).toEqual({ kind: 'tile', tile });
          expect(parseTilePath(bundlePath(tile))).toEqual({ kind: 'bundle', index, width });
        },
      ),
    );
  });

  test('other spellings and nonsense are no paths', () => {
    for (const path of [
      '',
      'tile/0/1',
      'tile/7/001',
      'tile/00/001',
      'tile/0/x000/001',
      'tile/0/001.p/256',
      'tile/0/001.p/0',
      'tile/0/001.p/01',
      'tile/0/001.p/999',
      'tile/0/x999/x999/x999/x999/x999/999',
      'tile/0/001/002',
      '../tile/0/001',
      'tile/0/001\n',
    ]) {
      expect(parseTilePath(path), path).toBeUndefined();
    }
    expect(() => tilePath({ level: 0, index: -1, width: 1 })).toThrow(/a count/);
    expect(() => tilePath({ level: 0, index: 0.5, width: 1 })).toThrow(/a count/);
    for (const width of [0, 257, 1.5]) {
      expect(() => tilePath({ level: 0, index: 0, width })).toThrow(/1–256/);
    }
  });

  test('a growing tree gains exactly the tiles that were not there', () => {
    fc.assert(
      fc.property(fc.nat(70_000), fc.nat(1_000), (from, more) => {
        const to = from + more;
        const paths = (size: number) => new Set(tilesBetween({ from: 0, to: size }).map(tilePath));
        const before = paths(from);
        const gained = tilesBetween({ from, to }).map(tilePath);
        expect(gained).toEqual([...paths(to)].filter((path) => !before.has(path)));
        for (const tile of partialTiles(to)) expect(paths(to)).toContain(tilePath(tile));
      }),
      { numRuns: 60 },
    );
    expect(isTileSized({ level: 0, index: 0, width: 2 }, new Uint8Array(64))).toBe(true);
    expect(isTileSized({ level: 0, index: 0, width: 2 }, new Uint8Array(32))).toBe(false);
  });

  test('bundles come back, and only whole', () => {
    const entries = LEAVES.slice(0, 256);
    const bytes = encodeBundle(entries);
    expect(decodeBundle(bytes, 256)?.map((entry) => Buffer.from(entry))).toEqual(entries);
    expect(decodeBundle(bytes, 255)).toBeUndefined();
    expect(decodeBundle(bytes.subarray(0, -1), 256)).toBeUndefined();
    expect(decodeBundle(Buffer.concat([bytes, Buffer.of(0)]), 256)).toBeUndefined();
    expect(decodeBundle(new Uint8Array(256 * 65_537 + 1), 256)).toBeUndefined();
    expect(() => encodeBundle(LEAVES.slice(0, 257))).toThrow(/more entries/);
    expect(() => encodeBundle([new Uint8Array()])).toThrow(/empty or too long/);
    expect(() => encodeBundle([new Uint8Array(65_536)])).toThrow(/empty or too long/);
  });
});
