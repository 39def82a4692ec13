import type { Crc32 } from './crc.ts';
import { hashWrite } from './bytes.ts';
import { FRAME_BYTES_MAX } from './frame.ts';
import { EMPTY_ROOT, HASH_BYTES, hashAt, type Hash, type Sha256 } from './hash.ts';
import { parseSegmentPath, segmentPath } from './layout.ts';
import type { SourceFile } from './log-source.ts';
import { TILE_WIDTH } from './tile.ts';
import { TileRow, type Tree } from './tree.ts';
import { JournalCheck, type Leaves } from './verify-journal.ts';

// One segment checked without those before it, so that several threads can share a log. All that
// depends on them (link, index, epoch and time of the first entry) is handed on to whoever puts
// the segments together. This only ever says that a segment is whole: one with a flaw, even with a
// torn tail, is left to the verifier that reads the log front to back and names what it found.

/** Entries of a segment, at most: what is handed on is held in memory, 40 bytes an entry. A segment
    of 64 MiB has fewer as long as entries have 64 bytes; a longer one is read front to back. */
const ENTRIES_MAX = 1_048_576;

/** Entries that room is made for at first. */
const ENTRIES_MIN = 4_096;

const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

/** A whole segment. Plain values and buffers, so that it can move between threads. */
export interface SegmentLeaves {
  readonly firstIndex: number;
  /** 0: nothing but zeros, and no other member says anything. */
  readonly count: number;
  /** What the first entry names as the leaf before it. */
  readonly firstLink: Hash;
  readonly lastLeaf: Hash;
  readonly firstEpoch: number;
  readonly lastEpoch: number;
  /** The leaves, 32 bytes each. */
  readonly leaves: Uint8Array<ArrayBuffer>;
  /** The node of height 8 over each whole tile of the log that lies in the segment. */
  readonly roots: Uint8Array<ArrayBuffer>;
  /** The time of each entry, ms since 1970. */
  readonly timesMs: Float64Array<ArrayBuffer>;
}

/** Checks one segment as V0 does; `undefined` where it is not whole. Throws what the source throws. */
export async function readSegmentLeaves(
  file: SourceFile,
  primitives: { readonly sha256: Sha256; readonly crc32: Crc32 },
): Promise<SegmentLeaves | undefined> {
  const firstIndex = parseSegmentPath(file.path);
  if (firstIndex === undefined) return undefined;
  const run = new LeafRun(firstIndex, primitives);
  for await (const chunk of file.chunks()) {
    for (let at = 0; at < chunk.length; at += FRAME_BYTES_MAX) {
      if (!run.push(chunk.subarray(at, at + FRAME_BYTES_MAX))) return undefined;
    }
  }
  return run.end();
}

/** Puts segments together: the order of index, link, epoch and time where two of them meet. */
export class Assembly {
  #link: Hash | undefined;
  #epoch = 0;
  #lastAtMs = 0;
  #size = 0;
  #part: SegmentLeaves | undefined;
  /** Leaves of the part that the tree has. */
  #taken = 0;

  /** `link`: the leaf that the first entry must name, where it is known. */
  constructor(link: Hash | undefined) {
    this.#link = link;
  }

  /** The time of the last entry that the tree has, in ms since 1970. */
  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  /** Whether `part` comes after what was taken; it is then what `append` takes from. */
  follows(part: SegmentLeaves): boolean {
    this.#part = part;
    this.#taken = 0;
    if (part.count === 0) return true;
    const isNext =
      part.firstIndex === this.#size &&
      part.firstLink === (this.#link ?? part.firstLink) &&
      part.firstEpoch >= this.#epoch &&
      (part.timesMs[0] ?? -1) >= this.#lastAtMs;
    this.#link = part.lastLeaf;
    this.#epoch = part.lastEpoch;
    this.#size += part.count;
    return isNext;
  }

  /** Gives the part's leaves to `tree`, whole tiles at once, until it has `stopSize` of them
      (`more`; call again with a greater one) or all (`end`). */
  append(tree: Tree, stopSize: number): 'more' | 'end' {
    const part = this.#part;
    if (part === undefined) return 'end';
    while (this.#taken < part.count) {
      const left = Math.min(part.count - this.#taken, stopSize - tree.size);
      const at = this.#taken * HASH_BYTES;
      if (tree.size % TILE_WIDTH === 0 && left >= TILE_WIDTH) {
        const tile = tree.size / TILE_WIDTH - Math.ceil(part.firstIndex / TILE_WIDTH);
        const root = part.roots.subarray(tile * HASH_BYTES, (tile + 1) * HASH_BYTES);
        tree.appendTile(part.leaves.subarray(at, at + TILE_BYTES), root);
        this.#taken += TILE_WIDTH;
      } else {
        tree.append(hashAt(part.leaves, at));
        this.#taken += 1;
      }
      this.#lastAtMs = part.timesMs[this.#taken - 1] ?? 0;
      if (tree.size === stopSize) return 'more';
    }
    return 'end';
  }
}

class LeafRun implements Leaves {
  readonly #firstIndex: number;
  readonly #sha256: Sha256;
  readonly #check: JournalCheck;
  readonly #row = new TileRow();
  #leaves = new Uint8Array(ENTRIES_MIN * HASH_BYTES);
  #timesMs = new Float64Array(ENTRIES_MIN);
  #count = 0;
  #firstLink: Hash = EMPTY_ROOT;
  #firstEpoch = 0;
  #lastLeaf: Hash = EMPTY_ROOT;

  constructor(firstIndex: number, primitives: { readonly sha256: Sha256; readonly crc32: Crc32 }) {
    this.#firstIndex = firstIndex;
    this.#sha256 = primitives.sha256;
    this.#check = new JournalCheck(this, primitives, { previousLeaf: undefined });
    this.#check.openSegment(segmentPath(firstIndex));
  }

  get size(): number {
    return this.#firstIndex + this.#count;
  }

  append(leaf: Hash): void {
    if (this.#count === 0) {
      this.#firstLink = this.#check.link;
      this.#firstEpoch = this.#check.epoch;
    }
    if (this.#count === this.#timesMs.length) this.#grow();
    hashWrite(leaf, this.#leaves, this.#count * HASH_BYTES);
    this.#timesMs[this.#count] = this.#check.lastAtMs;
    this.#lastLeaf = leaf;
    this.#count += 1;
  }

  /** `false` where the segment is not whole, or too long to be held. */
  push(piece: Uint8Array): boolean {
    this.#check.push(piece);
    return (
      this.#check.advance(Number.POSITIVE_INFINITY) === 'more' &&
      this.#check.tear === undefined &&
      this.#count <= ENTRIES_MAX
    );
  }

  end(): SegmentLeaves | undefined {
    if (this.#check.closeSegment() !== 'more' || this.#check.tear !== undefined) return undefined;
    return {
      firstIndex: this.#firstIndex,
      count: this.#count,
      firstLink: this.#firstLink,
      lastLeaf: this.#lastLeaf,
      firstEpoch: this.#firstEpoch,
      lastEpoch: this.#check.epoch,
      leaves: this.#leaves.slice(0, this.#count * HASH_BYTES),
      roots: this.#roots(),
      timesMs: this.#timesMs.slice(0, this.#count),
    };
  }

  #roots(): Uint8Array<ArrayBuffer> {
    const firstTile = Math.ceil(this.#firstIndex / TILE_WIDTH);
    const tiles = Math.max(0, Math.floor(this.size / TILE_WIDTH) - firstTile);
    const roots = new Uint8Array(tiles * HASH_BYTES);
    const start = (firstTile * TILE_WIDTH - this.#firstIndex) * HASH_BYTES;
    for (let i = 0; i < tiles; i += 1) {
      const tile = this.#leaves.subarray(start + i * TILE_BYTES, start + (i + 1) * TILE_BYTES);
      roots.set(this.#row.reduce(this.#sha256, tile), i * HASH_BYTES);
    }
    return roots;
  }

  #grow(): void {
    const leaves = new Uint8Array(2 * this.#leaves.length);
    const timesMs = new Float64Array(2 * this.#timesMs.length);
    leaves.set(this.#leaves);
    timesMs.set(this.#timesMs);
    this.#leaves = leaves;
    this.#timesMs = timesMs;
  }
}
