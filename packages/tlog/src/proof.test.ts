import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
  type Hash,
  type Sha256,
} from './index.ts';

const sha256: Sha256 = (bytes) => hash('sha256', bytes, 'base64');
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
