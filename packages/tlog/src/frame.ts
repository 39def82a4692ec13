import { assert } from './assert.ts';
import { byteAt, hashWrite, readU32, readU64, writeU32, writeU64 } from './bytes.ts';
import type { Crc32 } from './crc.ts';
import { hashAt, type Hash } from './hash.ts';

// A frame is one durable batch of entries. Big-endian header of 60 bytes:
//    0  "IFW1"             4  u32 body bytes      8  u32 count        12  u64 first index
//   20  u32 epoch         24  32 B previous leaf 56  u32 CRC-32 of header[0, 56) and body
// The body is count × (u16 length ‖ entry), which is also the encoding of a C2SP entry bundle, so
// a bundle is a copy of ranges. Each number is bounded before it is used.

export const FRAME_HEADER_BYTES = 60;

/** Header and body. Smaller: more syncs; larger: a longer p99. Fits the 1 MiB message of NATS and
    the 1.5 MiB request of etcd. */
export const FRAME_BYTES_MAX = 524_288;

/** Entries of one frame: bounds what a reader indexes before it has seen a CRC. */
export const FRAME_ENTRIES_MAX = 1_024;

/** Fixed by C2SP: bundles prefix an entry with a u16. */
export const ENTRY_BYTES_MAX = 65_535;

/** Bytes before each entry of a body. */
export const ENTRY_LENGTH_BYTES = 2;

const MAGIC = 0x49465731;
const CRC_OFFSET = 56;

export interface FrameHeader {
  readonly bodyBytes: number;
  readonly count: number;
  readonly firstIndex: number;
  readonly epoch: number;
  readonly previousLeaf: Hash;
}

export type FrameFlaw = 'short' | 'magic' | 'body_bytes' | 'count' | 'index' | 'crc' | 'lengths';

export type DecodedHeader =
  | { readonly kind: 'frame'; readonly header: FrameHeader; readonly endOffset: number }
  /** Four zero bytes where a magic would be: the unused rest of a segment, if all of it is zero. */
  | { readonly kind: 'zeros' }
  | { readonly kind: 'bad'; readonly reason: FrameFlaw };

/** Writes the header at `offset` with an empty CRC; `sealFrame` completes it once the body stands
    behind it. Defect: a field out of its bounds, or no room. */
export function encodeFrameHeader(target: Uint8Array, offset: number, header: FrameHeader): void {
  const { bodyBytes, count, firstIndex, epoch } = header;
  assert(offset + FRAME_HEADER_BYTES + bodyBytes <= target.length, 'frame does not fit its buffer');
  assert(flawOf(bodyBytes, count, firstIndex) === undefined, 'frame header out of bounds');
  assert(Number.isInteger(epoch) && epoch >= 0 && epoch <= 0xffffffff, 'epoch is no u32');
  writeU32(target, offset, MAGIC);
  writeU32(target, offset + 4, bodyBytes);
  writeU32(target, offset + 8, count);
  writeU64(target, offset + 12, firstIndex);
  writeU32(target, offset + 20, epoch);
  assert(hashWrite(header.previousLeaf, target, offset + 24), 'previous leaf is no digest');
  writeU32(target, offset + CRC_OFFSET, 0);
}

/** Computes and writes the CRC of the frame at `offset`; nothing in it may change afterwards. */
export function sealFrame(target: Uint8Array, offset: number, crc32: Crc32): void {
  writeU32(target, offset + CRC_OFFSET, frameCrc(target, offset, crc32));
}

/** Reads a header whose frame lies within `bytes[offset, end)`. `short` says that header or body
    end behind `end`: read more, or give up at the end of the file. The CRC is not looked at:
    `frameIsWhole` does. Never throws, whatever the bytes. */
export function decodeFrameHeader(
  bytes: Uint8Array,
  offset: number,
  end: number = bytes.length,
): DecodedHeader {
  if (end - offset < 4) return bad('short');
  const magic = readU32(bytes, offset);
  if (magic === 0) return { kind: 'zeros' };
  if (magic !== MAGIC) return bad('magic');
  if (end - offset < FRAME_HEADER_BYTES) return bad('short');
  const bodyBytes = readU32(bytes, offset + 4);
  const count = readU32(bytes, offset + 8);
  const firstIndex = readU64(bytes, offset + 12);
  const flaw = flawOf(bodyBytes, count, firstIndex);
  if (flaw !== undefined) return bad(flaw);
  const endOffset = offset + FRAME_HEADER_BYTES + bodyBytes;
  if (endOffset > end) return bad('short');
  const epoch = readU32(bytes, offset + 20);
  const previousLeaf = hashAt(bytes, offset + 24);
  return {
    kind: 'frame',
    header: { bodyBytes, count, firstIndex, epoch, previousLeaf },
    endOffset,
  };
}

/** Whether the CRC of the frame at `offset` fits; `decodeFrameHeader` has accepted its bounds. */
export function frameIsWhole(bytes: Uint8Array, offset: number, crc32: Crc32): boolean {
  return readU32(bytes, offset + CRC_OFFSET) === frameCrc(bytes, offset, crc32);
}

/** The entries of a decoded frame as [start, end) pairs, flat; `undefined` when the lengths do not
    add up to the body or an entry is empty. */
export function entryRanges(
  bytes: Uint8Array,
  offset: number,
  header: FrameHeader,
): Uint32Array | undefined {
  const ranges = new Uint32Array(header.count * 2);
  const endOffset = offset + FRAME_HEADER_BYTES + header.bodyBytes;
  let at = offset + FRAME_HEADER_BYTES;
  for (let i = 0; i < ranges.length; i += 2) {
    const start = at + ENTRY_LENGTH_BYTES;
    const length = (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1);
    if (start >= endOffset || length === 0 || start + length > endOffset) return undefined;
    at = start + length;
    ranges[i] = start;
    ranges[i + 1] = at;
  }
  return at === endOffset ? ranges : undefined;
}

/** A whole frame of `entries`, sealed. For tests, copies and adapters that do not build in place.
    Defect: no entries, too many, or one that is empty or too long. */
export function encodeFrame(
  head: Omit<FrameHeader, 'bodyBytes' | 'count'>,
  entries: readonly Uint8Array[],
  crc32: Crc32,
): Uint8Array {
  const bodyBytes = entries.reduce((sum, entry) => sum + ENTRY_LENGTH_BYTES + entry.length, 0);
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + bodyBytes);
  encodeFrameHeader(bytes, 0, { ...head, bodyBytes, count: entries.length });
  let at = FRAME_HEADER_BYTES;
  for (const entry of entries) at = writeEntry(bytes, at, entry);
  sealFrame(bytes, 0, crc32);
  return bytes;
}

/** Writes u16 length ‖ entry at `offset` and returns the offset behind it. */
export function writeEntry(target: Uint8Array, offset: number, entry: Uint8Array): number {
  assert(entry.length > 0 && entry.length <= ENTRY_BYTES_MAX, 'entry is empty or too long');
  target[offset] = entry.length >> 8;
  target[offset + 1] = entry.length;
  target.set(entry, offset + ENTRY_LENGTH_BYTES);
  return offset + ENTRY_LENGTH_BYTES + entry.length;
}

function frameCrc(bytes: Uint8Array, offset: number, crc32: Crc32): number {
  const body = offset + FRAME_HEADER_BYTES;
  const seed = crc32(bytes.subarray(offset, offset + CRC_OFFSET));
  return crc32(bytes.subarray(body, body + readU32(bytes, offset + 4)), seed);
}

function flawOf(bodyBytes: number, count: number, firstIndex: number): FrameFlaw | undefined {
  if (bodyBytes > FRAME_BYTES_MAX - FRAME_HEADER_BYTES) return 'body_bytes';
  if (count === 0 || count > FRAME_ENTRIES_MAX) return 'count';
  if (bodyBytes < count * (ENTRY_LENGTH_BYTES + 1)) return 'count';
  return Number.isSafeInteger(firstIndex + count) ? undefined : 'index';
}

function bad(reason: FrameFlaw): DecodedHeader {
  return { kind: 'bad', reason };
}
