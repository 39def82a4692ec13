import { describe, expect, test } from 'vitest';
import {
  EMPTY_ROOT,
  Tree,
  consistencyProof,
  inclusionProof,
  leafHash,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
  type Hash,
} from './index.ts';
import { nodeSha256 as sha256 } from '../test/log-fixture.ts';
import { rangeRoot } from './proof.ts';

const node = (left: Hash, right: Hash): Hash => nodeHash(sha256, left, right);
const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((text) => leafHash(sha256, Buffer.from(text)));
if (A === undefined || B === undefined || C === undefined || D === undefined) throw new Error();
const AB = node(A, B);
const unread = (): Hash => {
  throw new Error('nothing is to be read');
};

// Each claim's hashes do lead to its root: only its sizes say that it is a lie.
describe('proofs whose hashes fit and whose sizes do not', () => {
  test('a path longer than the tree is high proves no leaf', () => {
    const claim = { leaf: B, index: 0, size: 1, root: AB, proof: [A] };
    expect(verifyInclusion(sha256, claim)).toBe(false);
    expect(verifyInclusion(sha256, { ...claim, index: 1, size: 2 })).toBe(true);
  });

  test('a path shorter than the tree is high proves no leaf', () => {
    const claim = { leaf: A, index: 0, size: 2, root: A, proof: [] };
    expect(verifyInclusion(sha256, claim)).toBe(false);
    expect(verifyInclusion(sha256, { ...claim, size: 1 })).toBe(true);
  });

  // From three leaves to four: the proof is leaf 2, leaf 3 and the node over leaves 0 and 1.
  const three = node(AB, C);
  const four = node(AB, node(C, D));
  const sound = {
    from: { size: 3, root: three },
    to: { size: 4, root: four },
    proof: [C, D, AB],
  };

  test('a path that goes on above the newer root proves no extension', () => {
    expect(verifyConsistency(sha256, sound)).toBe(true);
    const above = {
      from: { size: 3, root: node(D, three) },
      to: { size: 4, root: node(D, four) },
      proof: [...sound.proof, D],
    };
    expect(verifyConsistency(sha256, above)).toBe(false);
  });

  test('a path that ends below the newer root proves no extension', () => {
    expect(verifyConsistency(sha256, { ...sound, to: { size: 8, root: four } })).toBe(false);
  });

  test('a tree does not extend a larger one', () => {
    const root = node(B, A);
    const claim = { from: { size: 6, root }, to: { size: 5, root }, proof: [A, B] };
    expect(verifyConsistency(sha256, claim)).toBe(false);
  });

  test('a size that counts nothing is refused on either side', () => {
    const old = { size: 5.5, root: node(C, A) };
    const grown = { size: 6, root: node(C, node(A, B)) };
    const proof = [A, B, C];
    expect(verifyConsistency(sha256, { from: old, to: grown, proof })).toBe(false);
    expect(verifyConsistency(sha256, { from: { ...old, size: 5 }, to: grown, proof })).toBe(true);
    const half = { from: { ...old, size: 5 }, to: { ...grown, size: 6.5 }, proof };
    expect(verifyConsistency(sha256, half)).toBe(false);
  });
});

// What the longer tests of all trees say, for trees so small that every lie can be told at once.
describe('all trees of up to nine leaves', () => {
  const leaves = Array.from({ length: 9 }, (_, i) => leafHash(sha256, Uint8Array.of(i)));
  const nodeAt = (height: number, index: number): Hash =>
    height === 0
      ? (leaves[index] ?? '')
      : node(nodeAt(height - 1, 2 * index), nodeAt(height - 1, 2 * index + 1));
  const heads = Array.from({ length: 10 }, (_, size) => ({
    size,
    root: size === 0 ? EMPTY_ROOT : rangeRoot(sha256, { lo: 0, hi: size }, nodeAt),
  }));
  const SIZES = heads.slice(1);

  test('a leaf is proved at its own index, of its own tree, by its whole proof', () => {
    for (const { size, root } of SIZES) {
      for (const [index, leaf] of leaves.slice(0, size).entries()) {
        const proof = inclusionProof(sha256, { index, size }, nodeAt);
        const claim = { leaf, index, size, root, proof };
        expect(verifyInclusion(sha256, claim)).toBe(true);
        for (const other of [size, size + 1, index + 1]) {
          expect(verifyInclusion(sha256, { ...claim, index: other })).toBe(false);
        }
        for (const [at] of proof.entries()) {
          const twisted = { ...claim, proof: proof.with(at, 'no digest') };
          expect(verifyInclusion(sha256, twisted)).toBe(false);
        }
        expect(verifyInclusion(sha256, { ...claim, leaf: 'no digest' })).toBe(false);
        expect(verifyInclusion(sha256, { ...claim, proof: [...proof, EMPTY_ROOT] })).toBe(false);
      }
    }
  });

  test('a tree extends what it began with, and nothing else', () => {
    for (const to of SIZES) {
      for (const from of SIZES.slice(0, to.size)) {
        const proof = consistencyProof(sha256, { from: from.size, to: to.size }, nodeAt);
        const claim = { from, to, proof };
        expect(verifyConsistency(sha256, claim)).toBe(true);
        const foreign = { from: { ...from, root: EMPTY_ROOT }, to: { ...to, root: EMPTY_ROOT } };
        expect(verifyConsistency(sha256, { ...claim, from: foreign.from })).toBe(false);
        expect(verifyConsistency(sha256, { ...claim, to: foreign.to })).toBe(false);
        expect(verifyConsistency(sha256, { ...claim, proof: [...proof, EMPTY_ROOT] })).toBe(false);
        if (from.size === to.size) continue;
        expect(verifyConsistency(sha256, { ...claim, proof: [] })).toBe(false);
        for (const [at] of proof.entries()) {
          const twisted = { ...claim, proof: proof.with(at, 'no digest') };
          expect(verifyConsistency(sha256, twisted)).toBe(false);
        }
      }
    }
    const [one, two] = SIZES;
    if (one === undefined || two === undefined) throw new Error('nine sizes');
    expect(verifyConsistency(sha256, { from: two, to: one, proof: [] })).toBe(false);
    const noRoot = { size: 2, root: 'no digest' };
    expect(verifyConsistency(sha256, { from: noRoot, to: two, proof: [EMPTY_ROOT] })).toBe(false);
  });
});

test('tiles of the second level are counted from 0, and stay what they were', () => {
  const tiles: { readonly name: string; readonly bytes: Uint8Array }[] = [];
  const tree = new Tree({
    sha256,
    onTile: ({ level, index, width }, bytes) => {
      if (level === 1) tiles.push({ name: `${index} of ${width}`, bytes });
    },
  });
  for (let i = 0; i < 65_536; i += 1) tree.append(A);
  const before = tiles[0]?.bytes.slice();
  for (let i = 0; i < 65_536; i += 1) tree.append(B);
  expect(tiles.map(({ name }) => name)).toEqual(['0 of 256', '1 of 256']);
  expect(tiles[0]?.bytes).toEqual(before);
  expect(tiles[1]?.bytes).not.toEqual(before);
});

test('no proof is made of what is not a count, and nothing is read for it', () => {
  for (const leaf of [
    { index: 0.5, size: 3 },
    { index: 0, size: 1.5 },
    { index: -1, size: 3 },
    { index: 3, size: 3 },
    { index: 0, size: 2 ** 53 },
  ]) {
    expect(() => inclusionProof(sha256, leaf, unread)).toThrow(/no such leaf/);
  }
  for (const span of [
    { from: 0.5, to: 3 },
    { from: 1, to: 2.5 },
    { from: -1, to: 3 },
    { from: 0, to: 3 },
    { from: 4, to: 3 },
    { from: 1, to: 2 ** 53 },
  ]) {
    expect(() => consistencyProof(sha256, span, unread)).toThrow(/no such span/);
  }
});
