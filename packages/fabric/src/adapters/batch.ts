import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  ENTRY_LENGTH_BYTES,
  leafHashInPlace,
  type Crc32,
  type Hash,
  type Sha256,
} from '@infrafabric/tlog';

import { BATCH_BYTES_MAX, FRAME_ENTRIES_MAX, type Batch, type Head } from '../ports/journal.ts';

/** What a frame is checked with. Injected: a simulator plants a checksum that finds nothing. */
export interface Checksums {
  readonly crc32: Crc32;
  readonly sha256: Sha256;
}

/** String results: a Buffer costs more than the digest. */
export const nodeChecksums: Checksums = {
  crc32: (bytes, seed) => crc32(bytes, seed),
  sha256: (bytes) => hash('sha256', bytes, 'base64'),
};

export const sameHead = (one: Head, other: Head): boolean =>
  one.size === other.size && one.leaf === other.leaf && one.epoch === other.epoch;

/** The head after `batch`. */
export const headAfter = (head: Head, batch: Batch): Head => ({
  size: head.size + batch.count,
  leaf: batch.lastLeaf,
  epoch: batch.epoch,
});

/**
 * Holds a batch to the port's contract before anything is written: a malformed one would be acknowledged now and
 * refused at the next start. One hash a frame, of the last entry; the others are the engine's.
 */
export function assertBatch(at: Head, batch: Batch, { sha256 }: Checksums): void {
  const { count, entries, epoch } = batch;
  assert.ok(epoch >= at.epoch, 'a batch of an epoch that has ended');
  assert.ok(count > 0 && count <= FRAME_ENTRIES_MAX, 'a batch without entries, or with too many');
  assert.ok(entries.length <= BATCH_BYTES_MAX, 'a batch larger than a frame');
  const start = lastEntryStart(entries, count);
  assert.ok(start !== undefined, 'the lengths of the entries do not add up to the batch');
  const leaf: Hash = leafHashInPlace(sha256, entries, start, entries.length);
  assert.equal(leaf, batch.lastLeaf, 'lastLeaf is not the leaf of the last entry');
}

/** Where the last of `count` entries starts; undefined where the lengths do not fill the bytes or an entry is empty. */
export function lastEntryStart(entries: Uint8Array, count: number): number | undefined {
  let start = 0;
  let end = 0;
  for (let i = 0; i < count; i += 1) {
    start = end + ENTRY_LENGTH_BYTES;
    if (start > entries.length) return undefined;
    const bytes = ((entries[end] ?? 0) << 8) | (entries[end + 1] ?? 0);
    end = start + bytes;
    if (bytes === 0) return undefined;
  }
  return end === entries.length ? start : undefined;
}
