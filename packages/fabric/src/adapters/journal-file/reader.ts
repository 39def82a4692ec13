import { Buffer } from 'node:buffer';

import { systemCode, type Disk } from '../../ports/disk.ts';
import {
  FRAME_BYTES_MAX,
  type Frame,
  type FrameLimit,
  type Position,
} from '../../ports/journal.ts';
import { nodeChecksums, type Checksums } from '../batch.ts';
import { nodeDisk } from '../disk-node.ts';
import { frameAt, type FoundFrame } from './frame.ts';
import { OpenFiles } from './open-files.ts';
import { damaged } from './recover.ts';
import { journalFolder, listSegments, segmentPath } from './segment.ts';
import { SparseIndex, type Mark } from './sparse-index.ts';

/** First read of a page; it grows to what the caller's limit allows. Lone entries are common, and a page is garbage after it. */
const PAGE_BYTES_MIN = 16_384;
const PAGE_BYTES_MAX = 1_048_576;

/** A jump over more entries than this asks the folder for a nearer segment first. */
const FAR_ENTRIES = 4_096;

/**
 * Frames of a journal's segments, for readers that do not lead: other threads, other processes. It writes nothing and
 * takes no lock.
 */
export interface JournalReader {
  /**
   * Verified frames holding entries at positions ≥ `after`, as `Journal.read`, up to the durable size `upTo` that the
   * leader told. Bytes behind it may be anything and are not looked at; so the caller must not guess it.
   * Faults: `log.damaged` where frames below `upTo` are missing or broken.
   */
  read(after: Position, limit: FrameLimit, upTo: Position): Promise<readonly Frame[]>;
  close(): void;
}

/** Opens the segments under `dataFolder` for reading. Throws the system's error where there are none. */
export function openJournalReader(
  dataFolder: string,
  ports: { readonly disk: Disk; readonly checksums: Checksums } = {
    disk: nodeDisk,
    checksums: nodeChecksums,
  },
): JournalReader {
  const folder = journalFolder(dataFolder);
  return new SegmentReader({ ...ports, folder, index: new SparseIndex() });
}

interface Place {
  position: Position;
  segment: Position;
  offset: number;
  /** Leaf of entry `position - 1`, where the frame before was read. */
  leaf: string | undefined;
  /** Whether the segment was opened again for this place. */
  reopened: boolean;
}

interface SegmentReaderOptions {
  readonly disk: Disk;
  readonly checksums: Checksums;
  readonly folder: string;
  /** Shared with whoever appends, so that a read starts near its place. */
  readonly index: SparseIndex;
}

/** Frames gathered for one answer, up to its limit. The first is taken however large it is: a reader must get on. */
class TakenFrames {
  readonly frames: Frame[] = [];
  readonly #after: Position;
  readonly #limit: FrameLimit;
  #bytes = 0;

  constructor(after: Position, limit: FrameLimit) {
    this.#after = after;
    this.#limit = limit;
  }

  get bytesLeft(): number {
    return this.#limit.bytes - this.#bytes;
  }

  get hasRoom(): boolean {
    return this.frames.length < this.#limit.frames && this.bytesLeft > 0;
  }

  get fitsAnother(): boolean {
    const last = this.frames.at(-1)?.entries.length ?? 0;
    return this.frames.length === 0 || last <= this.bytesLeft;
  }

  /** False: the answer is full, and the frame is not in it. */
  take(frame: Frame): boolean {
    if (frame.first + frame.count <= this.#after) return true;
    const { length } = this.frames;
    if (length > 0 && (length >= this.#limit.frames || frame.entries.length > this.bytesLeft))
      return false;
    this.frames.push(frame);
    this.#bytes += frame.entries.length;
    return true;
  }
}

export class SegmentReader implements JournalReader {
  readonly #options: SegmentReaderOptions;
  readonly #files: OpenFiles;

  constructor(options: SegmentReaderOptions) {
    this.#options = options;
    this.#files = new OpenFiles((first) =>
      options.disk.open(segmentPath(options.folder, first), 'read'),
    );
  }

  async read(after: Position, limit: FrameLimit, upTo: Position): Promise<readonly Frame[]> {
    if (after >= upTo) return [];
    const taken = new TakenFrames(after, limit);
    const place: Place = { ...this.#markFor(after), leaf: undefined, reopened: false };
    // Each round reads one page: of this segment, or of the next where this one has ended.
    while (place.position < upTo && taken.hasRoom) {
      for (const frame of await this.#page(place, taken.bytesLeft, upTo)) {
        if (!taken.take(frame)) return taken.frames;
      }
      // Another frame like the last one would not fit: a page for the rest would be read in vain, and once more.
      if (!taken.fitsAnother) return taken.frames;
    }
    return taken.frames;
  }

  close(): void {
    this.#files.close();
  }

  /** The nearest known frame at or before `after`. */
  #markFor(after: Position): Mark {
    const { disk, folder, index } = this.#options;
    const near = index.find(after);
    if (near !== undefined && after - near.position <= FAR_ENTRIES) return near;
    for (const first of listSegments(disk, folder)) {
      index.note({ position: first, segment: first, offset: 0 });
    }
    const mark = index.find(after);
    if (mark === undefined) throw damaged(segmentPath(folder, 0), 0, 'the segment is missing');
    return mark;
  }

  /** The frames of one page from `place` on; moves `place` behind them. Empty only where a segment has ended. */
  async #page(place: Place, bytesWanted: number, upTo: Position): Promise<readonly Frame[]> {
    let pageBytes = Math.max(PAGE_BYTES_MIN, Math.min(bytesWanted, PAGE_BYTES_MAX));
    // Two rounds at most: a frame larger than the page is read with a page that any frame fits.
    for (;;) {
      const page = Buffer.allocUnsafe(pageBytes);
      const filled = await this.#files.use(place.segment, (file) => file.read(page, place.offset));
      const { frames, stop } = this.#framesOf(page.subarray(0, filled), place, upTo);
      if (frames.length > 0) return frames;
      if (stop.kind === 'short' && filled === pageBytes && pageBytes < FRAME_BYTES_MAX) {
        pageBytes = FRAME_BYTES_MAX;
        continue;
      }
      await this.#nextSegment(place, stop);
      return [];
    }
  }

  /** Frames below `upTo`. What stands behind may be half-written, so it is not looked at. */
  #framesOf(
    page: Buffer,
    place: Place,
    upTo: Position,
  ): { readonly frames: readonly Frame[]; readonly stop: FoundFrame } {
    const { checksums, folder, index } = this.#options;
    const frames: Frame[] = [];
    let at = 0;
    for (;;) {
      const found = frameAt(page, at, page.length, checksums);
      if (found.kind !== 'frame') return { frames, stop: found };
      const { frame, after, endOffset } = found;
      const leafFits = place.leaf === undefined || place.leaf === frame.previousLeaf;
      if (frame.first !== place.position || !leafFits) {
        const path = segmentPath(folder, place.segment);
        throw damaged(path, place.offset, 'does not continue the log');
      }
      index.note({ position: frame.first, segment: place.segment, offset: place.offset });
      frames.push(frame);
      place.position = after.size;
      place.leaf = after.leaf;
      place.offset += endOffset - at;
      at = endOffset;
      if (place.position >= upTo) return { frames, stop: found };
    }
  }

  /** There are durable frames at `place.position`, and this segment has no more: the next one begins there. */
  async #nextSegment(place: Place, stop: FoundFrame): Promise<void> {
    const path = segmentPath(this.#options.folder, place.segment);
    const missing = damaged(path, place.offset, `no frame for entry ${place.position}`);
    const ended = stop.kind === 'zeros' || stop.kind === 'short';
    if (ended && place.segment !== place.position && (await this.#opens(place.position))) {
      place.segment = place.position;
      place.offset = 0;
      return;
    }
    // A new leader may have rewritten the segment (recovery, R4): the open file is then the one before.
    if (place.reopened) throw missing;
    place.reopened = true;
    this.#files.forget(place.segment);
  }

  async #opens(segment: Position): Promise<boolean> {
    try {
      return await this.#files.use(segment, () => Promise.resolve(true));
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return false;
      throw cause;
    }
  }
}
