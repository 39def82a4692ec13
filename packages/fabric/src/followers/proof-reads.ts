/**
 * Proofs, checkpoints, tiles and bundles, as C2SP has them. What is served is covered by the newest checkpoint, and a
 * proof is checked before it leaves: tiles are derived, and a disk may have changed them.
 */
import { Buffer } from 'node:buffer';
import {
  HASH_BYTES,
  TILE_WIDTH,
  formatProofFile,
  inclusionProof,
  nodesOfTiles,
  parseTilePath,
  tilePath,
  tilesForInclusion,
  verifyInclusion,
  type Hash,
  type TileId,
} from '@infrafabric/tlog';
import { reject, type Rejection } from '@infrafabric/protocol';

import type { Position } from '../ports/journal.ts';
import type { Checkpointer, PublishedCheckpoint } from './checkpointer.ts';
import { eachFrame, type EntryRange } from './frame-range.ts';
import { nodeSha256 } from './node-crypto.ts';
import type { FrameReader } from './pump.ts';
import type { TileStore } from './tile-store.ts';

export interface WitnessProof {
  readonly index: number;
  readonly leaf: Hash;
  readonly size: number;
  /** C2SP tlog-proof text. */
  readonly proof: string;
}

export interface ProofReadsOptions {
  readonly reader: FrameReader;
  readonly tiles: TileStore;
  readonly checkpointer: Checkpointer;
  /** The size that the leader said is durable. */
  readonly durable: () => Position;
  /** Tiles turned out wrong: they are made again. */
  readonly onWrongTiles: () => void;
}

export class ProofReads {
  readonly #options: ProofReadsOptions;
  /** The tile of leaves that was read last: rows come in order. */
  #leaves:
    | { readonly tile: number; readonly width: number; readonly bytes: Uint8Array }
    | undefined;

  constructor(options: ProofReadsOptions) {
    this.#options = options;
  }

  /** An inclusion proof of the entry under the newest checkpoint; signs one where none covers it yet. */
  async proof(index: number): Promise<WitnessProof | Rejection> {
    const { checkpointer, durable } = this.#options;
    if (index >= durable()) {
      return reject('witness.no_such_entry', `The log has ${durable()} entries.`, {
        size: durable(),
      });
    }
    if ((checkpointer.last?.size ?? 0) <= index) await checkpointer.covering(index + 1);
    // Two rounds: a publication under way may take away the open tiles of the checkpoint before it.
    for (let round = 0; round < 2; round += 1) {
      const { last } = checkpointer;
      if (last === undefined || last.size <= index) break;
      const proof = await this.#proofUnder(last, index);
      if (proof === 'wrong tiles') break;
      if (proof !== undefined) return proof;
    }
    return {
      ...reject('witness.unanchored', 'No checkpoint covers the entry yet.'),
      retryAfterMs: 1_000,
    };
  }

  /** The newest signed checkpoint. */
  checkpoint(): PublishedCheckpoint | Rejection {
    const { last } = this.#options.checkpointer;
    return last ?? reject('witness.unanchored', 'Nothing was signed yet.');
  }

  /** The bytes under `tile/…`; undefined where the newest checkpoint does not cover all of them. */
  async tile(path: string): Promise<Uint8Array | undefined> {
    const parsed = parseTilePath(path);
    const size = this.#options.checkpointer.last?.size ?? 0;
    if (parsed === undefined) return undefined;
    if (parsed.kind === 'bundle') {
      const first = parsed.index * TILE_WIDTH;
      const end = first + parsed.width;
      return end > size ? undefined : this.#bundle({ from: first, to: end });
    }
    const { level, index, width } = parsed.tile;
    const hashes = Math.floor(size / TILE_WIDTH ** level);
    if (index * TILE_WIDTH + width > hashes) return undefined;
    return this.#options.tiles.readPrefix(parsed.tile, size);
  }

  /** The leaf that the tree has at `index`; undefined behind the newest checkpoint. */
  async leafOf(index: number): Promise<Hash | undefined> {
    const size = this.#options.checkpointer.last?.size ?? 0;
    if (index >= size) return undefined;
    const tile = Math.floor(index / TILE_WIDTH);
    const width = Math.min(size - tile * TILE_WIDTH, TILE_WIDTH);
    const known = this.#leaves;
    const bytes =
      known?.tile === tile && known.width === width
        ? known.bytes
        : await this.#options.tiles.readPrefix({ level: 0, index: tile, width }, size);
    this.#leaves = bytes && { tile, width, bytes };
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    return bytes === undefined
      ? undefined
      : Buffer.from(bytes.subarray(at, at + HASH_BYTES)).toString('base64');
  }

  async #proofUnder(
    last: PublishedCheckpoint,
    index: number,
  ): Promise<WitnessProof | 'wrong tiles' | undefined> {
    const { tiles, onWrongTiles } = this.#options;
    const { size, root, note } = last;
    const byPath = new Map<string, Uint8Array>();
    const needed: readonly TileId[] = tilesForInclusion({ index, size });
    for (const tile of needed) {
      const bytes = await tiles.readPrefix(tile, this.#options.checkpointer.last?.size ?? size);
      if (bytes === undefined) return undefined;
      byPath.set(tilePath(tile), bytes);
    }
    const readNode = nodesOfTiles(nodeSha256, size, (tile) => byPath.get(tilePath(tile)));
    const hashes = inclusionProof(nodeSha256, { index, size }, readNode);
    const leaf = await this.leafOf(index);
    if (leaf === undefined) return undefined;
    if (!verifyInclusion(nodeSha256, { leaf, index, size, root, proof: hashes })) {
      this.#leaves = undefined;
      onWrongTiles();
      return 'wrong tiles';
    }
    return { index, leaf, size, proof: formatProofFile({ index, hashes, checkpoint: note }) };
  }

  async #bundle(range: EntryRange): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    await eachFrame(this.#options.reader, range, (frame) => {
      const from = Math.max(range.from - frame.first, 0);
      const last = Math.min(range.to - frame.first, frame.count) - 1;
      // A frame's body is bundle encoding already: lengths and entries, cut between entries.
      const start = (frame.bounds[2 * from] ?? 0) - 2;
      parts.push(frame.bytes.subarray(start, frame.bounds[2 * last + 1]));
      return 'more';
    });
    return Buffer.concat(parts);
  }
}
