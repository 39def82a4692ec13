import { assert } from './assert.ts';
import { byteAt } from './bytes.ts';
import { ENTRY_BYTES_MAX, ENTRY_LENGTH_BYTES, writeEntry } from './frame.ts';
import { HASH_BYTES } from './hash.ts';

// C2SP tlog-tiles: tile n of level l holds the roots of up to 256 consecutive perfect subtrees of
// height 8 l. A full tile never changes; a partial one has the width that the tree size gives it.

/** Levels of the tree that one tile spans. */
export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 256;

/** Levels 0 to 6 are what indices below 2^53 can reach; C2SP allows up to 63. */
const TILE_PATH = /^tile\/([0-6]|entries)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/;

export interface TileId {
  readonly level: number;
  readonly index: number;
  /** 1–256 hashes; below 256 the tile is partial. */
  readonly width: number;
}

/** `tile/<L>/<N>[.p/<W>]`, relative to the log's folder or URL. */
export function tilePath(tile: TileId): string {
  return `tile/${tile.level}/${numberPath(tile.index)}${widthSuffix(tile.width)}`;
}

/** `tile/entries/<N>[.p/<W>]`. */
export function bundlePath(bundle: { readonly index: number; readonly width: number }): string {
  return `tile/entries/${numberPath(bundle.index)}${widthSuffix(bundle.width)}`;
}

export type TilePath =
  | { readonly kind: 'tile'; readonly tile: TileId }
  | { readonly kind: 'bundle'; readonly index: number; readonly width: number };

/** Reads either path back; `undefined` for everything that the two functions above do not write. */
export function parseTilePath(path: string): TilePath | undefined {
  const match = TILE_PATH.exec(path);
  if (match === null) return undefined;
  const [, level = '', groups = '', partial = '256'] = match;
  const index = Number(groups.replaceAll(/[x/]/g, ''));
  const width = Number(partial);
  if (!Number.isSafeInteger(index) || width < 1 || width > TILE_WIDTH) return undefined;
  const parsed: TilePath =
    level === 'entries'
      ? { kind: 'bundle', index, width }
      : { kind: 'tile', tile: { level: Number(level), index, width } };
  // One path a tile: `x000/001` and `.p/256` are other spellings of what already has a name.
  const proper = parsed.kind === 'bundle' ? bundlePath(parsed) : tilePath(parsed.tile);
  return proper === path ? parsed : undefined;
}

/** The partial tiles of a tree of `size` leaves, lowest level first: on level l there are
    ⌊size ÷ 256^l⌋ hashes, and what is left over 256 of them is partial. */
export function partialTiles(size: number): readonly TileId[] {
  const tiles: TileId[] = [];
  let hashes = size;
  for (let level = 0; hashes > 0; level += 1) {
    const width = hashes % TILE_WIDTH;
    const index = (hashes - width) / TILE_WIDTH;
    if (width > 0) tiles.push({ level, index, width });
    hashes = index;
  }
  return tiles;
}

/** All tiles that a tree gains when it grows from `from` to `to` leaves, partial ones of `to`
    included: what a follower has to write for a checkpoint. */
export function tilesBetween(span: { readonly from: number; readonly to: number }): TileId[] {
  const tiles: TileId[] = [];
  let before = span.from;
  let after = span.to;
  for (let level = 0; after > 0; level += 1) {
    for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < after; index += 1) {
      const width = Math.min(after - index * TILE_WIDTH, TILE_WIDTH);
      if (index * TILE_WIDTH + width > before) tiles.push({ level, index, width });
    }
    before = Math.floor(before / TILE_WIDTH);
    after = Math.floor(after / TILE_WIDTH);
  }
  return tiles;
}

/** Whether `bytes` can be this tile: 32 bytes a hash. */
export function isTileSized(tile: TileId, bytes: Uint8Array): boolean {
  return bytes.length === tile.width * HASH_BYTES;
}

/** An entry bundle: u16 length ‖ entry, up to 256 times. Defect: an entry is empty or too long. */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  assert(entries.length <= TILE_WIDTH, 'more entries than a bundle holds');
  const bytes = new Uint8Array(
    entries.reduce((sum, entry) => sum + ENTRY_LENGTH_BYTES + entry.length, 0),
  );
  let at = 0;
  for (const entry of entries) at = writeEntry(bytes, at, entry);
  return bytes;
}

/** The entries of a bundle of `width`, as views; `undefined` when the bytes are not exactly that. */
export function decodeBundle(bytes: Uint8Array, width: number): readonly Uint8Array[] | undefined {
  if (bytes.length > TILE_WIDTH * (ENTRY_BYTES_MAX + ENTRY_LENGTH_BYTES)) return undefined;
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length && entries.length < width) {
    const start = at + ENTRY_LENGTH_BYTES;
    const end = start + ((byteAt(bytes, at) << 8) | byteAt(bytes, at + 1));
    if (end > bytes.length) return undefined;
    entries.push(bytes.subarray(start, end));
    at = end;
  }
  return at === bytes.length && entries.length === width ? entries : undefined;
}

/** Three digits a path element, all but the last marked with an x: no folder grows too wide and
    no file has a folder's name. */
function numberPath(index: number): string {
  assert(Number.isSafeInteger(index) && index >= 0, 'a tile index is a count');
  let rest = Math.floor(index / 1000);
  let path = String(index % 1000).padStart(3, '0');
  for (; rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
  }
  return path;
}

function widthSuffix(width: number): string {
  assert(Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH, 'a tile holds 1–256');
  return width === TILE_WIDTH ? '' : `.p/${width}`;
}
