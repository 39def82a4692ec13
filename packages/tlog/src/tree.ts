import { assert } from './assert.ts';
import { base64Encode, hashWrite } from './bytes.ts';
import { EMPTY_ROOT, HASH_BYTES, type Hash, type Sha256 } from './hash.ts';
import { TILE_HEIGHT, TILE_WIDTH, partialTiles, type TileId } from './tile.ts';

// The tree grows as a frontier: for each bit of the size, the root of the perfect subtree of that
// height at the right edge. Appending merges like a binary counter, one node hash a leaf on
// average; a root at any moment folds at most 53 hashes. Subtree roots at heights 0, 8, 16, … are
// also what C2SP tiles hold, so tiles come out as a by-product.
//
// Leaves wait in their tile until it is full or somebody asks for a root. A full tile is reduced
// row by row where it lies, which hashes the same nodes without moving their children together.
//
// All digests live as raw bytes in one arena, with the 65 bytes of the node that is being hashed
// at its start: no allocation but the digest string itself.

interface OpenTile {
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly words: Int32Array;
}

/** What a full tile is handed to; the bytes are a copy. */
export type OnTile = (tile: TileId, bytes: Uint8Array) => void;

export interface TreeOptions {
  readonly sha256: Sha256;
  /** Called while `append` runs, lowest level first, for each tile that became full. */
  readonly onTile?: OnTile;
}

/** The prefix stands at byte 3, so that all digests begin at a multiple of four and are moved as
    eight words: a third of what `copyWithin` and `set` cost at this size. */
const PREFIX = 3;
const LEFT = PREFIX + 1;
const RIGHT = LEFT + HASH_BYTES;
const FRONTIER = RIGHT + HASH_BYTES;
const WORDS = HASH_BYTES / 4;
/** 2^53 leaves are more than an index can name. */
const HEIGHT_MAX = 53;
const LEVELS = Math.ceil((HEIGHT_MAX + 1) / TILE_HEIGHT);
const TILE_BYTES = TILE_WIDTH * HASH_BYTES;
/** Where a row of hashes starts, with room for a prefix before it. */
const LEAVES = 4;

/** An append-only RFC 6962 tree that keeps its frontier and its open tiles: at most 58 KiB. */
export class Tree {
  readonly #sha256: Sha256;
  readonly #onTile: OnTile | undefined;
  readonly #arena = new Uint8Array(FRONTIER + (HEIGHT_MAX + 1) * HASH_BYTES);
  readonly #words = new Int32Array(this.#arena.buffer);
  readonly #node = this.#arena.subarray(PREFIX, FRONTIER);
  readonly #tiles: OpenTile[] = [];
  readonly #row = new TileRow();
  #size = 0;
  /** Leaves that the frontier holds; the rest, of the open tile alone, wait there. */
  #merged = 0;

  constructor({ sha256, onTile }: TreeOptions) {
    this.#sha256 = sha256;
    this.#onTile = onTile;
    this.#arena[PREFIX] = 0x01;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds the next leaf. Defect: `leaf` is no digest. */
  append(leaf: Hash): void {
    const index = this.#size;
    const slot = index % TILE_WIDTH;
    const { bytes } = this.#tileOf(0);
    assert(hashWrite(leaf, bytes, slot * HASH_BYTES), 'a leaf that is not a digest');
    this.#size = index + 1;
    if (slot === TILE_WIDTH - 1) this.#closeTile((index - slot) / TILE_WIDTH);
  }

  #closeTile(index: number): void {
    const { bytes } = this.#tileOf(0);
    this.#onTile?.({ level: 0, index, width: TILE_WIDTH }, bytes.slice());
    // Only where no root was asked for since the tile was begun.
    if (this.#merged === this.#size - TILE_WIDTH) {
      this.#arena.set(this.#row.reduce(this.#sha256, bytes), RIGHT);
      this.#carry(TILE_HEIGHT, index);
      this.#merged = this.#size;
    } else {
      this.#mergeWaiting();
    }
  }

  #mergeWaiting(): void {
    if (this.#merged === this.#size) return;
    const { words } = this.#tileOf(0);
    for (; this.#merged < this.#size; this.#merged += 1) {
      moveWords(words, (this.#merged % TILE_WIDTH) * WORDS, this.#words, RIGHT / 4);
      this.#carry(0, this.#merged);
    }
  }

  /** Merges the carry on the right, node number `index` of its height, like a binary counter: each
      set bit is a left sibling to merge with. */
  #carry(from: number, index: number): void {
    let height = from;
    let rest = index;
    if (height > 0) this.#keepInTile(height / TILE_HEIGHT, rest);
    while (rest % 2 === 1) {
      this.#merge(height);
      height += 1;
      rest = (rest - 1) / 2;
      if (height % TILE_HEIGHT === 0) this.#keepInTile(height / TILE_HEIGHT, rest);
    }
    this.#move(RIGHT, frontierAt(height));
  }

  /** The root at the present size. */
  root(): Hash {
    if (this.#size === 0) return EMPTY_ROOT;
    this.#mergeWaiting();
    let root: Hash | undefined;
    let height = 0;
    for (let rest = this.#size; rest > 0; rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) {
        if (root === undefined) {
          this.#move(frontierAt(height), RIGHT);
          root = base64Encode(this.#arena.subarray(RIGHT, FRONTIER));
        } else {
          root = this.#merge(height);
        }
      }
      height += 1;
    }
    assert(root !== undefined, 'a size without bits');
    return root;
  }

  /** The partial tiles of the present size, lowest level first; the bytes are copies. */
  partialTiles(): readonly { readonly tile: TileId; readonly bytes: Uint8Array }[] {
    return partialTiles(this.#size).map((tile) => {
      const open = this.#tiles[tile.level];
      assert(open !== undefined, 'an open tile without bytes');
      return { tile, bytes: open.bytes.slice(0, tile.width * HASH_BYTES) };
    });
  }

  /** A tree of `size` leaves from its partial tiles, as `partialTiles` gave them: how a follower
      goes on where it stopped. The caller compares `root` with a root it trusts. Defect: not the
      tiles of `size`. */
  static fromTiles(
    options: TreeOptions,
    size: number,
    tiles: readonly { readonly tile: TileId; readonly bytes: Uint8Array }[],
  ): Tree {
    const tree = new Tree(options);
    for (const expected of partialTiles(size)) {
      const open = tiles.find(({ tile }) => tile.level === expected.level);
      assert(open?.bytes.length === expected.width * HASH_BYTES, 'not the tiles of this size');
      tree.#tileOf(expected.level).bytes.set(open.bytes);
      tree.#restoreLevel(expected);
    }
    tree.#size = size;
    tree.#merged = size;
    return tree;
  }

  /** Frontier heights [8L, 8L + 8) from the hashes of the partial tile of level L. */
  #restoreLevel({ level, width }: TileId): void {
    const { words } = this.#tileOf(level);
    for (let i = 0; i < width; i += 1) {
      moveWords(words, i * WORDS, this.#words, RIGHT / 4);
      let height = level * TILE_HEIGHT;
      for (let rest = i; rest % 2 === 1; rest = (rest - 1) / 2) {
        this.#merge(height);
        height += 1;
      }
      this.#move(RIGHT, frontierAt(height));
    }
  }

  /** Replaces the carry by the node over the frontier's hash at `height` and it. */
  #merge(height: number): Hash {
    this.#move(frontierAt(height), LEFT);
    const node = this.#sha256(this.#node);
    assert(hashWrite(node, this.#arena, RIGHT), 'sha256 gave no digest');
    return node;
  }

  /** Puts the carry, hash number `index` of its level, into the level's tile. */
  #keepInTile(level: number, index: number): void {
    const slot = index % TILE_WIDTH;
    const { bytes, words } = this.#tileOf(level);
    moveWords(this.#words, RIGHT / 4, words, slot * WORDS);
    if (slot < TILE_WIDTH - 1 || this.#onTile === undefined) return;
    this.#onTile({ level, index: (index - slot) / TILE_WIDTH, width: TILE_WIDTH }, bytes.slice());
  }

  #move(from: number, to: number): void {
    moveWords(this.#words, from / 4, this.#words, to / 4);
  }

  #tileOf(level: number): OpenTile {
    assert(level < LEVELS, 'a level above 2^53 leaves');
    const open = this.#tiles[level];
    if (open !== undefined) return open;
    const bytes = new Uint8Array(TILE_BYTES);
    const made = { bytes, words: new Int32Array(bytes.buffer) };
    this.#tiles[level] = made;
    return made;
  }
}

/** Reduces the 256 hashes of a tile to the node over them, in memory of its own. */
class TileRow {
  /** The prefix of each node stands in the last byte of the hash before it, which is the child of
      a node that was hashed already; the first has byte 3. */
  readonly #bytes = new Uint8Array(LEAVES + TILE_BYTES);
  readonly #nodes: readonly Uint8Array[] = Array.from({ length: TILE_WIDTH / 2 }, (_, i) =>
    this.#bytes.subarray(LEAVES - 1 + 2 * i * HASH_BYTES, LEAVES + 2 * (i + 1) * HASH_BYTES),
  );

  /** The node over `tile`, as a view that the next call overwrites. */
  reduce(sha256: Sha256, tile: Uint8Array): Uint8Array {
    const bytes = this.#bytes;
    bytes.set(tile, LEAVES);
    for (let width = TILE_WIDTH / 2; width >= 1; width /= 2) {
      for (let i = 0; i < width; i += 1) {
        const node = this.#nodes[i];
        assert(node !== undefined, 'a node outside its row');
        node[0] = 0x01;
        const isWhole = hashWrite(sha256(node), bytes, LEAVES + i * HASH_BYTES);
        assert(isWhole, 'sha256 gave no digest');
      }
    }
    return bytes.subarray(LEAVES, LEAVES + HASH_BYTES);
  }
}

/** Moves one digest between word offsets. */
function moveWords(source: Int32Array, from: number, target: Int32Array, to: number): void {
  for (let i = 0; i < WORDS; i += 1) target[to + i] = Number(source[from + i]);
}

function frontierAt(height: number): number {
  return FRONTIER + height * HASH_BYTES;
}
