import { assert } from './assert.ts';
import { isHash, nodeHash, type Hash, type Sha256 } from './hash.ts';

// Inclusion and consistency proofs. They are made by the recursive definitions of RFC 6962 §2.1.1
// and §2.1.2 and checked by the iterative ones of RFC 9162 §2.1.3.2 and §2.1.4.2: two different
// algorithms, so that a mistake in one does not agree with itself. Indices pass 2^32, so bits are
// taken by arithmetic, never by shifts.

/** The root of the perfect subtree of 2^height leaves that starts at leaf index × 2^height. */
export type ReadNode = (height: number, index: number) => Hash;

/** 2^53 leaves make a path of 53, and a consistency proof one more. Bounds hostile input. */
export const PROOF_HASHES_MAX = 64;

/** The path from leaf `index` to the root of the first `size` leaves, leaf's sibling first.
    Defect: `index` is not below `size`. */
export function inclusionProof(
  sha256: Sha256,
  leaf: { readonly index: number; readonly size: number },
  readNode: ReadNode,
): readonly Hash[] {
  assert(isCount(leaf.size) && isCount(leaf.index) && leaf.index < leaf.size, 'no such leaf');
  const path: Hash[] = [];
  let lo = 0;
  let hi = leaf.size;
  while (hi - lo > 1) {
    const middle = lo + splitOf(hi - lo);
    if (leaf.index < middle) {
      path.push(rangeRoot(sha256, { lo: middle, hi }, readNode));
      hi = middle;
    } else {
      path.push(rangeRoot(sha256, { lo, hi: middle }, readNode));
      lo = middle;
    }
  }
  return path.toReversed();
}

/** Proves that the tree of `to` leaves begins with the tree of `from`. Empty when they are equal.
    Defect: not 0 < from ≤ to (nothing need be proved of the empty tree). */
export function consistencyProof(
  sha256: Sha256,
  span: { readonly from: number; readonly to: number },
  readNode: ReadNode,
): readonly Hash[] {
  const { from, to } = span;
  assert(isCount(from) && isCount(to) && from > 0 && from <= to, 'no such span');
  const proof: Hash[] = [];
  let lo = 0;
  let hi = to;
  while (from < hi) {
    const middle = lo + splitOf(hi - lo);
    if (from <= middle) {
      proof.push(rangeRoot(sha256, { lo: middle, hi }, readNode));
      hi = middle;
    } else {
      proof.push(rangeRoot(sha256, { lo, hi: middle }, readNode));
      lo = middle;
    }
  }
  // The old root itself is known to the verifier; another subtree at its edge is not.
  if (lo > 0) proof.push(rangeRoot(sha256, { lo, hi: from }, readNode));
  return proof.toReversed();
}

/** Whether `proof` shows `leaf` at `index` of the tree of `size` leaves under `root`.
    RFC 9162 §2.1.3.2. Never throws. */
export function verifyInclusion(
  sha256: Sha256,
  claim: {
    readonly leaf: Hash;
    readonly index: number;
    readonly size: number;
    readonly root: Hash;
    readonly proof: readonly Hash[];
  },
): boolean {
  const { index, size, proof } = claim;
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  return areHashes([claim.leaf, ...proof]) && inclusionRoot(sha256, claim) === claim.root;
}

/** The root that a proof leads to; `undefined` where its length does not fit the tree. */
function inclusionRoot(
  sha256: Sha256,
  { leaf, index, size, proof }: Omit<Parameters<typeof verifyInclusion>[1], 'root'>,
): Hash | undefined {
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sha256, sibling, hash);
      // A right edge without a sibling rises until it is somebody's right child.
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = half(last);
      }
    } else {
      hash = nodeHash(sha256, hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 ? hash : undefined;
}

/** Whether `proof` shows that the tree `to` extends the tree `from`. The empty tree is extended by
    all, with an empty proof. RFC 9162 §2.1.4.2. Never throws. */
export function verifyConsistency(
  sha256: Sha256,
  claim: {
    readonly from: { readonly size: number; readonly root: Hash };
    readonly to: { readonly size: number; readonly root: Hash };
    readonly proof: readonly Hash[];
  },
): boolean {
  const { from, to, proof } = claim;
  if (!isCount(from.size) || !isCount(to.size) || from.size > to.size) return false;
  if (from.size === to.size) return proof.length === 0 && from.root === to.root;
  if (from.size === 0) return proof.length === 0;
  if (proof.length === 0 || !areHashes([from.root, ...proof])) return false;
  return consistentPath(sha256, claim);
}

function consistentPath(sha256: Sha256, claim: Parameters<typeof verifyConsistency>[1]): boolean {
  const { from, to } = claim;
  const path = isPowerOfTwo(from.size) ? [from.root, ...claim.proof] : claim.proof;
  let node = from.size - 1;
  let last = to.size - 1;
  while (node % 2 === 1) {
    node = half(node);
    last = half(last);
  }
  const [seed = '', ...siblings] = path;
  let oldRoot = seed;
  let newRoot = seed;
  for (const sibling of siblings) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      oldRoot = nodeHash(sha256, sibling, oldRoot);
      newRoot = nodeHash(sha256, sibling, newRoot);
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = half(last);
      }
    } else {
      newRoot = nodeHash(sha256, newRoot, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && oldRoot === from.root && newRoot === to.root;
}

/** MTH(D[lo:hi]): splits until each part is a perfect subtree that `readNode` knows. */
export function rangeRoot(
  sha256: Sha256,
  range: { readonly lo: number; readonly hi: number },
  readNode: ReadNode,
): Hash {
  const { lo, hi } = range;
  const width = hi - lo;
  if (isPowerOfTwo(width) && lo % width === 0) return readNode(Math.log2(width), lo / width);
  const middle = lo + splitOf(width);
  return nodeHash(
    sha256,
    rangeRoot(sha256, { lo, hi: middle }, readNode),
    rangeRoot(sha256, { lo: middle, hi }, readNode),
  );
}

/** The largest power of two below `width` (width > 1). */
function splitOf(width: number): number {
  let split = 1;
  while (split * 2 < width) split *= 2;
  return split;
}

function isPowerOfTwo(value: number): boolean {
  return splitOf(value) * 2 === value || value === 1;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function areHashes(texts: readonly string[]): boolean {
  return texts.length <= PROOF_HASHES_MAX && texts.every(isHash);
}
