import { Buffer } from 'node:buffer';
import {
  FRAME_HEADER_BYTES,
  decodeFrameHeader,
  encodeFrameHeader,
  frameIsWhole,
  leafHashInPlace,
  sealFrame,
  type FrameFlaw,
} from '@infrafabric/tlog';

import type { Batch, Frame, Head } from '../../ports/journal.ts';
import { lastEntryStart, type Checksums } from '../batch.ts';

/** Writes `batch` as the frame that follows `head` into `target`; answers its bytes. `target` has room for a frame. */
export function writeFrame(target: Buffer, head: Head, batch: Batch, checksums: Checksums): number {
  const { entries, count, epoch } = batch;
  encodeFrameHeader(target, 0, {
    bodyBytes: entries.length,
    count,
    firstIndex: head.size,
    epoch,
    previousLeaf: head.leaf,
  });
  target.set(entries, FRAME_HEADER_BYTES);
  sealFrame(target, 0, checksums.crc32);
  return FRAME_HEADER_BYTES + entries.length;
}

export type FoundFrame =
  | {
      readonly kind: 'frame';
      /** Its entries are a view over the bytes that were scanned. */
      readonly frame: Frame;
      /** The head if this frame is the last one. */
      readonly after: Head;
      readonly endOffset: number;
    }
  /** Four zero bytes: where frames end, if zeros are all that follows. */
  | { readonly kind: 'zeros' }
  /** The bytes end inside the frame: read more of the file, or give up at its end. */
  | { readonly kind: 'short' }
  | { readonly kind: 'bad'; readonly flaw: FrameFlaw };

/** The frame at `offset`, whole by its CRC and lengths. Whether it continues the log is for the caller to say. */
export function frameAt(
  bytes: Buffer,
  offset: number,
  end: number,
  checksums: Checksums,
): FoundFrame {
  const decoded = decodeFrameHeader(bytes, offset, end);
  if (decoded.kind === 'zeros') return decoded;
  if (decoded.kind === 'bad') {
    return decoded.reason === 'short' ? { kind: 'short' } : { kind: 'bad', flaw: decoded.reason };
  }
  const { header, endOffset } = decoded;
  if (!frameIsWhole(bytes, offset, checksums.crc32)) return { kind: 'bad', flaw: 'crc' };
  const bodyOffset = offset + FRAME_HEADER_BYTES;
  const entries = bytes.subarray(bodyOffset, endOffset);
  const lastStart = lastEntryStart(entries, header.count);
  if (lastStart === undefined) return { kind: 'bad', flaw: 'lengths' };
  const { firstIndex: first, count, epoch, previousLeaf } = header;
  const leaf = leafHashInPlace(checksums.sha256, bytes, bodyOffset + lastStart, endOffset);
  return {
    kind: 'frame',
    frame: { first, count, epoch, previousLeaf, entries },
    after: { size: first + count, leaf, epoch },
    endOffset,
  };
}

const MAGIC = Buffer.from('IFW1', 'latin1');

/**
 * The offset of a whole frame of index ≥ `first` at any byte of `bytes[offset, end)`, or undefined. Entries are text
 * without control characters and a header is not, so what an agent wrote cannot look like a frame.
 */
export function findFrame(
  bytes: Buffer,
  range: { readonly offset: number; readonly end: number },
  first: number,
  checksums: Checksums,
): number | undefined {
  let at = bytes.indexOf(MAGIC, range.offset);
  // Ends: each round starts behind the magic of the one before.
  while (at !== -1 && at < range.end) {
    const found = frameAt(bytes, at, range.end, checksums);
    if (found.kind === 'frame' && found.frame.first >= first) return at;
    at = bytes.indexOf(MAGIC, at + MAGIC.length);
  }
  return undefined;
}

/** Bytes that a batch takes on disk. */
export const frameBytes = (batch: Batch): number => FRAME_HEADER_BYTES + batch.entries.length;
