/**
 * Extends the Merkle tree by the entries of the journal and keeps its tiles.
 *
 * T3  A size that a signature was released for is reached again with the same root, or nothing is ever signed.
 * T4  Tiles are derived. Where one is missing or short they are all made again from the journal.
 */
import { Buffer } from 'node:buffer';
import {
  HASH_BYTES,
  TILE_WIDTH,
  Tree,
  partialTiles,
  type Hash,
  type TileId,
  type TreeOptions,
} from '@infrafabric/tlog';

import { Fault } from '../fault.ts';
import type { Position } from '../ports/journal.ts';
import type { CheckedFrame } from './checked-frame.ts';
import { nodeSha256 } from './node-crypto.ts';
import type { Signed } from './signed-state.ts';
import type { TileStore } from './tile-store.ts';

/** Newest level-0 tiles whose lengths are looked at when the follower starts: what a power cut can have taken. */
const TILES_CHECKED_MAX = 1_024;

export interface TreeFollowerOptions {
  readonly tiles: TileStore;
  readonly genesisLeaf: Hash;
  /** Sizes whose roots are known from signatures, ascending. */
  readonly known: readonly Signed[];
}

/** The tiles of one size: what a checkpoint of it needs on disk. */
export interface TreeEnd extends Signed {
  readonly partials: readonly { readonly tile: TileId; readonly bytes: Uint8Array }[];
}

interface PendingTile {
  readonly tile: TileId;
  readonly bytes: Uint8Array;
}

export class TreeFollower {
  readonly #options: TreeFollowerOptions;
  /** Full, and not on disk yet: a disk that is full now is tried again. */
  readonly #pending: PendingTile[];
  /** Still to be met, ascending. */
  readonly #known: Signed[];
  #tree: Tree;
  #leaf: Hash;

  private constructor(options: TreeFollowerOptions, from: TreeStart) {
    this.#options = options;
    this.#tree = from.tree;
    this.#leaf = from.leaf;
    this.#pending = from.pending;
    this.#known = options.known.filter(({ size }) => size > from.tree.size);
  }

  /** Goes on from the newest known size where its tiles are whole, else from the first entry. */
  static async open(options: TreeFollowerOptions): Promise<TreeFollower> {
    const { tiles, genesisLeaf, known } = options;
    const pending: PendingTile[] = [];
    const newest = known.at(-1);
    if (newest !== undefined && newest.size > 0 && (await areWhole(tiles, newest.size))) {
      const partials = await tiles.readPartials(newest.size);
      const leaf = await lastLeaf(tiles, newest.size);
      if (partials !== undefined && leaf !== undefined) {
        const tree = Tree.fromTiles(treeOptions(pending), newest.size, partials);
        if (tree.root() === newest.root) return new TreeFollower(options, { tree, leaf, pending });
      }
    }
    const tree = new Tree(treeOptions(pending));
    return new TreeFollower(options, { tree, leaf: genesisLeaf, pending });
  }

  get position(): Position {
    return this.#tree.size;
  }

  /** Leaf of the last entry: what the next one must name. */
  get leaf(): Hash {
    return this.#leaf;
  }

  /** Whether every size that was ever signed has been met again: before that nothing may be signed. */
  get isTrusted(): boolean {
    return this.#known.length === 0;
  }

  /** Makes everything again from the first entry; `signed` must come out again. For tiles that turned out wrong. */
  restart(signed: Signed | undefined): void {
    this.#pending.length = 0;
    this.#tree = new Tree(treeOptions(this.#pending));
    this.#leaf = this.#options.genesisLeaf;
    this.#known.splice(0, this.#known.length, ...(signed === undefined ? [] : [signed]));
  }

  /** Takes the entries of the frame that it does not have. Faults: `log.damaged` where a known root does not come out. */
  take(frame: CheckedFrame): void {
    this.writePending();
    const from = this.#tree.size - frame.first;
    const before = from === 0 ? frame.previousLeaf : frame.leaves[from - 1];
    if (before !== this.#leaf)
      throw wrongRoot(this.#tree.size, 'the journal has another leaf here');
    for (let i = from; i < frame.count; i += 1) {
      const leaf = frame.leaves[i];
      if (leaf === undefined) break;
      this.#tree.append(leaf);
      this.#leaf = leaf;
      if (this.#tree.size === this.#known[0]?.size) this.#meet();
    }
    this.writePending();
  }

  /** Writes the tiles that became full. Throws the system's error; what is not written stays pending. */
  writePending(): void {
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      this.#options.tiles.write(next.tile, next.bytes);
      this.#pending.shift();
    }
  }

  /** Where the tree ends now. */
  end(): TreeEnd {
    return {
      size: this.#tree.size,
      root: this.#tree.root(),
      partials: this.#tree.partialTiles(),
    };
  }

  #meet(): void {
    const [known] = this.#known.splice(0, 1);
    if (known !== undefined && known.root !== this.#tree.root()) {
      throw wrongRoot(known.size, 'a signed checkpoint has another root');
    }
    // Nothing may follow that would be signed: the open tiles of the newest signature are made again as well.
    if (this.isTrusted) this.#pending.push(...this.#tree.partialTiles());
  }
}

interface TreeStart {
  readonly tree: Tree;
  readonly leaf: Hash;
  readonly pending: PendingTile[];
}

const treeOptions = (pending: PendingTile[]): TreeOptions => ({
  sha256: nodeSha256,
  onTile: (tile, bytes) => {
    pending.push({ tile, bytes });
  },
});

/** All full tiles are there, and the newest of them are of full length. */
async function areWhole(tiles: TileStore, size: number): Promise<boolean> {
  if (tiles.missing(size).length > 0) return false;
  let hashes = size;
  for (let level = 0; hashes >= TILE_WIDTH; level += 1) {
    const full = Math.floor(hashes / TILE_WIDTH);
    for (let index = Math.max(0, full - TILES_CHECKED_MAX); index < full; index += 1) {
      const tile = { level, index, width: TILE_WIDTH };
      if ((await tiles.read(tile)) === undefined) return false;
    }
    hashes = full;
  }
  return true;
}

/** Leaf `size - 1` out of its tile. */
async function lastLeaf(tiles: TileStore, size: number): Promise<Hash | undefined> {
  const open = partialTiles(size).find(({ level }) => level === 0);
  const last = open ?? { level: 0, index: size / TILE_WIDTH - 1, width: TILE_WIDTH };
  const bytes = await tiles.read(last);
  return bytes === undefined ? undefined : Buffer.from(bytes.slice(-HASH_BYTES)).toString('base64');
}

const wrongRoot = (size: number, reason: string): Fault =>
  new Fault('log.damaged', { transient: false, detail: `at size ${size}: ${reason}` });
