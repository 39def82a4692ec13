import { assert } from './assert.ts';
import { EMPTY_ROOT, HASH_BYTES, hashAt, nodeHash, type Hash, type Sha256 } from './hash.ts';
import { consistencyProof, inclusionProof, type ReadNode } from './proof.ts';
import { TILE_HEIGHT, TILE_WIDTH, tilePath, type TileId } from './tile.ts';

// Proofs out of stored tiles. Which tiles a proof needs depends on sizes alone, so a reader first
// asks for the list, fetches all of them at once from disk or network, and then computes.

/** The tiles that an inclusion proof of leaf `index` in the tree of `size` leaves reads. */
export function tilesForInclusion(leaf: {
  readonly index: number;
  readonly size: number;
}): readonly TileId[] {
  return recorded(leaf.size, (readNode) => inclusionProof(() => EMPTY_ROOT, leaf, readNode));
}

/** The tiles that a consistency proof between two sizes reads. */
export function tilesForConsistency(span: {
  readonly from: number;
  readonly to: number;
}): readonly TileId[] {
  return recorded(span.to, (readNode) => consistencyProof(() => EMPTY_ROOT, span, readNode));
}

/** Reads nodes of the tree of `size` leaves out of its tiles. `tileOf` gives the bytes of a tile
    from the lists above. Wrong bytes make a wrong proof, which does not verify: they need no trust.
    Defect: a tile that is missing or of another width. */
export function nodesOfTiles(
  sha256: Sha256,
  size: number,
  tileOf: (tile: TileId) => Uint8Array | undefined,
): ReadNode {
  return (height, index) => {
    const span = 2 ** (height % TILE_HEIGHT);
    const tile = tileHolding({ height, index, size });
    const bytes = tileOf(tile);
    assert(bytes?.length === tile.width * HASH_BYTES, `tile ${tilePath(tile)} is not at hand`);
    const first = (index * span) % TILE_WIDTH;
    let row: Hash[] = [];
    for (let slot = first; slot < first + span; slot += 1)
      row.push(hashAt(bytes, slot * HASH_BYTES));
    while (row.length > 1) row = parents(sha256, row);
    return row.join('');
  };
}

/** The tile of the tree of `size` leaves under or in which the node at (height, index) lies. */
export function tileHolding(node: {
  readonly height: number;
  readonly index: number;
  readonly size: number;
}): TileId {
  const level = Math.floor(node.height / TILE_HEIGHT);
  const first = node.index * 2 ** (node.height % TILE_HEIGHT);
  const index = Math.floor(first / TILE_WIDTH);
  const hashes = Math.floor(node.size / TILE_WIDTH ** level);
  return { level, index, width: Math.min(hashes - index * TILE_WIDTH, TILE_WIDTH) };
}

/** The row above a row of 2^n hashes. */
function parents(sha256: Sha256, row: readonly Hash[]): Hash[] {
  const above: Hash[] = [];
  for (let i = 1; i < row.length; i += 2) {
    above.push(nodeHash(sha256, String(row[i - 1]), String(row[i])));
  }
  return above;
}

function recorded(size: number, prove: (readNode: ReadNode) => readonly Hash[]): readonly TileId[] {
  const tiles = new Map<string, TileId>();
  prove((height, index) => {
    const tile = tileHolding({ height, index, size });
    tiles.set(tilePath(tile), tile);
    return EMPTY_ROOT;
  });
  return [...tiles.values()];
}
