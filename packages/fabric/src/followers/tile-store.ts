import { join } from 'node:path';
import {
  HASH_BYTES,
  TILE_WIDTH,
  isTileSized,
  partialTiles,
  tilePath,
  type TileId,
} from '@infrafabric/tlog';

import { systemCode } from '../ports/disk.ts';
import {
  listOrNothing,
  readWhole,
  removeIfThere,
  replaceFile,
  type FollowerDisk,
} from './follower-disk.ts';

/** Files in one folder of tiles: paths give three digits a level. */
const TILES_A_FOLDER = 1_000;

/**
 * The tiles of a realm on disk. They are derived: written without a sync, read with suspicion, made again where they
 * are missing or short.
 */
export class TileStore {
  readonly #disk: FollowerDisk;
  readonly #folder: string;

  constructor(disk: FollowerDisk, dataFolder: string) {
    this.#disk = disk;
    this.#folder = dataFolder;
  }

  /** Puts the tile in place in one step. Throws the system's error. */
  write(tile: TileId, bytes: Uint8Array): void {
    replaceFile(this.#disk, this.#pathOf(tile), bytes);
  }

  /** The tile's bytes; undefined where it is missing or has another length. */
  async read(tile: TileId): Promise<Uint8Array | undefined> {
    const bytes = await readWhole(this.#disk, this.#pathOf(tile));
    return bytes !== undefined && isTileSized(tile, bytes) ? bytes : undefined;
  }

  /** The first `tile.width` hashes from the full tile, or from the partial one of a tree of `size` leaves. */
  async readPrefix(tile: TileId, size: number): Promise<Uint8Array | undefined> {
    const exact = await this.read(tile);
    if (exact !== undefined) return exact;
    const open = partialTiles(size).find(
      ({ level, index }) => level === tile.level && index === tile.index,
    );
    const wider = open ?? { ...tile, width: TILE_WIDTH };
    if (wider.width < tile.width) return undefined;
    return (await this.read(wider))?.subarray(0, tile.width * HASH_BYTES);
  }

  /** The partial tiles of a tree of `size` leaves; undefined where one is missing or short. */
  async readPartials(
    size: number,
  ): Promise<readonly { readonly tile: TileId; readonly bytes: Uint8Array }[] | undefined> {
    const tiles: { readonly tile: TileId; readonly bytes: Uint8Array }[] = [];
    for (const tile of partialTiles(size)) {
      const bytes = await this.read(tile);
      if (bytes === undefined) return undefined;
      tiles.push({ tile, bytes });
    }
    return tiles;
  }

  /** Gives back the partial tiles of `old` leaves that those of `size` leaves have replaced. */
  dropPartials(span: { readonly old: number; readonly size: number }): void {
    const kept = new Set(partialTiles(span.size).map(tilePath));
    const keptFolders = new Set(partialTiles(span.size).map((tile) => this.#partialFolder(tile)));
    for (const tile of partialTiles(span.old)) {
      if (kept.has(tilePath(tile))) continue;
      removeIfThere(this.#disk, this.#pathOf(tile));
      const folder = this.#partialFolder(tile);
      if (!keptFolders.has(folder)) this.#removeEmpty(folder);
    }
  }

  /** The full tiles of a tree of `size` leaves whose files are not there. Reads folders, not files. */
  missing(size: number): readonly TileId[] {
    const missing: TileId[] = [];
    let hashes = size;
    for (let level = 0; hashes >= TILE_WIDTH; level += 1) {
      const full = Math.floor(hashes / TILE_WIDTH);
      for (let first = 0; first < full; first += TILES_A_FOLDER) {
        const last = Math.min(first + TILES_A_FOLDER, full);
        this.#missingIn({ level, first, last }, missing);
      }
      hashes = full;
    }
    return missing;
  }

  #missingIn(
    range: { readonly level: number; readonly first: number; readonly last: number },
    missing: TileId[],
  ): void {
    const { level, first, last } = range;
    const sample = this.#pathOf({ level, index: first, width: TILE_WIDTH });
    const folder = sample.slice(0, sample.lastIndexOf('/'));
    const names = new Set(listOrNothing(this.#disk, folder));
    for (let index = first; index < last; index += 1) {
      const name = String(index % TILES_A_FOLDER).padStart(3, '0');
      if (!names.has(name)) missing.push({ level, index, width: TILE_WIDTH });
    }
  }

  #removeEmpty(folder: string): void {
    try {
      this.#disk.removeFolder(folder);
    } catch (cause) {
      // Not empty: an earlier life left a partial tile of this place; it is served as well as any other.
      const code = systemCode(cause);
      if (code !== 'ENOTEMPTY' && code !== 'ENOENT' && code !== 'EEXIST') throw cause;
    }
  }

  #partialFolder(tile: TileId): string {
    const path = this.#pathOf(tile);
    return path.slice(0, path.lastIndexOf('/'));
  }

  #pathOf(tile: TileId): string {
    return join(this.#folder, tilePath(tile));
  }
}
