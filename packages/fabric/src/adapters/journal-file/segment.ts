import { Buffer } from 'node:buffer';
import { join } from 'node:path';

import { systemCode, type Disk, type DiskFile } from '../../ports/disk.ts';
import type { Position } from '../../ports/journal.ts';

const MIB = 1_048_576;

/**
 * Bytes of the first, second, … segment; the last one repeats. Small first, so that a realm with ten tasks is not
 * 64 MiB. Smaller ones roll over more often (a rename and a folder sync each); larger ones take longer to zero, to
 * rewrite after a crash (0.4 s for 64 MiB) and to give back.
 */
export const SEGMENT_BYTES: readonly number[] = [MIB, 4 * MIB, 16 * MIB, 64 * MIB];

/** Zeros are written and synced this much at a time, so that a frame's sync never waits behind 64 MiB of them. */
const ZERO_CHUNK_BYTES = MIB;

const NAME = /^(\d{16})\.seg$/;
const INDEX_DIGITS = 16;

/** The segment that takes over when the current one is full. It gets its name when its first index is known. */
const NEXT_NAME = 'next.tmp';

export const journalFolder = (dataFolder: string): string => join(dataFolder, 'journal');

/** `<first index, 16 digits>.seg`: names sort as the log does. */
export const segmentName = (first: Position): string =>
  `${String(first).padStart(INDEX_DIGITS, '0')}.seg`;

export const segmentPath = (folder: string, first: Position): string =>
  join(folder, segmentName(first));

/** First indices of the segments in the folder, ascending. */
export function listSegments(disk: Disk, folder: string): readonly Position[] {
  return disk
    .list(folder)
    .flatMap((name) => {
      const digits = NAME.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    })
    .toSorted((a, b) => a - b);
}

/** Removes what an earlier life left half-made. None of it was ever part of the log. */
export function removeLeftovers(disk: Disk, folder: string): void {
  for (const name of disk.list(folder)) {
    if (name.endsWith('.tmp')) disk.remove(join(folder, name));
  }
}

/** A segment whose bytes are zeros on the medium; it has no place in the log yet. */
export interface SpareSegment {
  readonly file: DiskFile;
  readonly bytes: number;
}

/** Most bytes first: where the disk has no room for a large segment, a smaller one is better than none. */
export function sizesToTry(ladder: readonly number[], ordinal: number): readonly number[] {
  return ladder.slice(0, ordinal + 1).toReversed();
}

/**
 * Writes a zero-filled segment, synced. Zeros rather than fallocate: extents that were never written cost a journal
 * commit of the file system at each sync. Rejects with the system's error; ENOSPC when not even the
 * smallest fits, an AbortError when `signal` aborts.
 */
export async function makeSpare(
  disk: Disk,
  folder: string,
  sizes: readonly number[],
  signal: AbortSignal,
): Promise<SpareSegment> {
  let full: unknown;
  // At most one round for each rung of the ladder.
  for (const bytes of sizes) {
    try {
      return { file: await zeroFilled(disk, join(folder, NEXT_NAME), bytes, signal), bytes };
    } catch (cause) {
      if (!isFull(cause)) throw cause;
      full = cause;
    }
  }
  throw full;
}

/** Gives the spare its name in the log. Durable when it resolves: the folder is synced before the first frame. */
export async function nameSpare(disk: Disk, folder: string, first: Position): Promise<void> {
  disk.rename({ from: join(folder, NEXT_NAME), to: segmentPath(folder, first) });
  await disk.syncFolder(folder);
}

/** A disk without room, by its several names. */
export function isFull(cause: unknown): boolean {
  const code = systemCode(cause);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

async function zeroFilled(
  disk: Disk,
  path: string,
  bytes: number,
  signal: AbortSignal,
): Promise<DiskFile> {
  const file = disk.open(path, 'create');
  try {
    const zeros = Buffer.alloc(Math.min(ZERO_CHUNK_BYTES, bytes));
    for (let offset = 0; offset < bytes; offset += zeros.length) {
      signal.throwIfAborted();
      await file.write(zeros.subarray(0, Math.min(zeros.length, bytes - offset)), offset);
      await file.sync();
    }
    return file;
  } catch (cause) {
    file.close();
    disk.remove(path);
    throw cause;
  }
}

const REWRITE_NAME = 'rewrite.tmp';

interface UsedSegment {
  readonly first: Position;
  readonly file: DiskFile;
  readonly usedBytes: number;
  readonly bytes: number;
}

/**
 * Writes a segment anew: its first `usedBytes`, and zeros to the same length. After a failed sync the page cache may
 * hold what the disk does not, and reading it back proves nothing; what was written and synced whole is known. A new
 * file takes the old one's place, durably; where the disk has no room for it, the old one is written over with what
 * it holds. Answers the open file to go on with; the old one is still open where they differ.
 */
export async function rewriteSegment(
  disk: Disk,
  folder: string,
  segment: UsedSegment,
): Promise<DiskFile> {
  try {
    return await replaceSegment(disk, folder, segment);
  } catch (cause) {
    if (!isFull(cause)) throw cause;
  }
  removeLeftovers(disk, folder);
  await copySegment(segment, segment.file);
  return segment.file;
}

async function replaceSegment(disk: Disk, folder: string, segment: UsedSegment): Promise<DiskFile> {
  const path = join(folder, REWRITE_NAME);
  const copy = disk.open(path, 'create');
  try {
    await copySegment(segment, copy);
    disk.rename({ from: path, to: segmentPath(folder, segment.first) });
    await disk.syncFolder(folder);
    return copy;
  } catch (cause) {
    copy.close();
    throw cause;
  }
}

async function copySegment({ file, bytes, usedBytes }: UsedSegment, to: DiskFile): Promise<void> {
  const chunk = Buffer.allocUnsafe(Math.min(ZERO_CHUNK_BYTES, bytes));
  for (let offset = 0; offset < bytes; offset += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, bytes - offset));
    const used = Math.max(0, Math.min(part.length, usedBytes - offset));
    if (used > 0) await file.read(part.subarray(0, used), offset);
    part.fill(0, used);
    await to.write(part, offset);
  }
  await to.sync();
}
