import { Buffer } from 'node:buffer';

import { FRAME_HEADER_BYTES } from '@infrafabric/tlog';

import { Fault } from '../../fault.ts';
import type { Disk, DiskFile } from '../../ports/disk.ts';
import type { Position } from '../../ports/journal.ts';
import type { OpenSegment } from './recover.ts';
import {
  isFull,
  makeSpare,
  nameSpare,
  removeLeftovers,
  sizesToTry,
  type SpareSegment,
} from './segment.ts';

/** A segment this full has its successor prepared. Later: appends wait for zeros under load. Earlier: more disk held back. */
const PREPARE_AT_SHARE = 0.25;

/** How often a full disk is asked again for room. Sooner: a try costs up to a segment of zeros. Later: a slower return. */
const REFUSED_RETRY_MS = 250;

/**
 * The next segment. `none`: not needed yet. `making`: zeros are being written in the background. `spare`: on disk,
 * without a name. `full`: the disk had no room for it, so only the reserve is left (F4). `failed`: the disk refused
 * otherwise; the append that needs the segment says so.
 */
type Next =
  | { readonly phase: 'none' }
  | { readonly phase: 'making'; readonly done: Promise<void> }
  | { readonly phase: 'spare'; readonly spare: SpareSegment }
  | { readonly phase: 'full'; readonly cause: unknown; readonly failedAtMs: number }
  | { readonly phase: 'failed'; readonly cause: unknown; readonly failedAtMs: number };

export interface SegmentWriterOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly ladder: readonly number[];
  readonly nowMs: () => number;
}

interface Current {
  readonly first: Position;
  readonly file: DiskFile;
  readonly bytes: number;
}

/** Writes frames one behind the other and rolls over to the next segment, which it prepares ahead. */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #segments: number;
  #current: Current;
  #offset: number;
  #next: Next = { phase: 'none' };
  readonly #closing = new AbortController();

  private constructor(options: SegmentWriterOptions, segments: number, last: OpenSegment) {
    this.#options = options;
    this.#segments = segments;
    this.#current = last;
    this.#offset = last.usedBytes;
    this.#prepareWhenDue();
  }

  /** Goes on in `last`, or makes the first segment. */
  static async open(
    options: SegmentWriterOptions & {
      readonly last: OpenSegment | undefined;
      readonly segments: number;
      readonly first: Position;
    },
  ): Promise<SegmentWriter> {
    const { disk, folder, ladder, last, segments, first } = options;
    if (last !== undefined) return new SegmentWriter(options, segments, last);
    const spare = await makeSpare(
      disk,
      folder,
      sizesToTry(ladder, 0),
      new AbortController().signal,
    );
    await nameSpare(disk, folder, first);
    return new SegmentWriter(options, 1, { ...spare, first, usedBytes: 0 });
  }

  /** First index of the segment that the next frame goes to. */
  get first(): Position {
    return this.#current.first;
  }

  /** Where in that segment it goes. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether a frame of `bytes` may be written now. On a full disk the rest of the segment is for those who may use the reserve. */
  hasRoom(bytes: number, { reserve }: { readonly reserve?: boolean }): boolean {
    const fits = this.#offset + bytes <= this.#current.bytes;
    return fits && (this.#next.phase !== 'full' || reserve === true);
  }

  /** Makes the next segment the current one where the frame needs it. Faults: `log.full`; else the system's error. */
  async makeRoom(bytes: number, first: Position): Promise<void> {
    await this.#prepared();
    const next = this.#next;
    if (next.phase !== 'spare') throw noSpare(next);
    if (this.#offset + bytes <= this.#current.bytes) return;
    await nameSpare(this.#options.disk, this.#options.folder, first);
    this.#current.file.close();
    this.#current = { ...next.spare, first };
    this.#segments += 1;
    this.#offset = 0;
    this.#next = { phase: 'none' };
  }

  /**
   * Writes a frame at `offset`; `advance` makes it part of the segment. After a failure its header is zeros again, on
   * the medium: what the caller was told is not in the log must not be found by recovery. Throws the system's error,
   * or `log.outcome_unknown` where the disk does not even take the zeros.
   */
  writeFrame(frame: Uint8Array): void {
    const { file } = this.#current;
    try {
      file.writeNow(frame, this.#offset);
    } catch (cause) {
      this.#wipe(cause);
      throw cause;
    }
  }

  advance(bytes: number): void {
    this.#offset += bytes;
    this.#prepareWhenDue();
  }

  sync(): Promise<void> {
    return this.#current.file.sync();
  }

  syncNow(): void {
    this.#current.file.syncNow();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#next.phase === 'making') await this.#next.done;
    if (this.#next.phase === 'spare') this.#next.spare.file.close();
    this.#current.file.close();
    removeLeftovers(this.#options.disk, this.#options.folder);
  }

  #wipe(cause: unknown): void {
    const { file } = this.#current;
    try {
      file.writeNow(Buffer.alloc(FRAME_HEADER_BYTES), this.#offset);
      file.syncNow();
    } catch {
      const detail = 'a frame was written in part and could not be taken back';
      throw new Fault('log.outcome_unknown', { transient: false, detail, cause });
    }
  }

  #prepareWhenDue(): void {
    const due = this.#offset >= this.#current.bytes * PREPARE_AT_SHARE;
    if (due && this.#next.phase === 'none') this.#prepare();
  }

  #prepare(): void {
    const { disk, folder, ladder, nowMs } = this.#options;
    const sizes = sizesToTry(ladder, Math.min(this.#segments, ladder.length - 1));
    const making = async (): Promise<void> => {
      try {
        const spare = await makeSpare(disk, folder, sizes, this.#closing.signal);
        this.#next = { phase: 'spare', spare };
      } catch (cause) {
        const phase = isFull(cause) ? 'full' : 'failed';
        this.#next = { phase, cause, failedAtMs: nowMs() };
      }
    };
    // It reaches its first await before it returns, so the phase below is not overwritten by a settled one.
    const done = making();
    this.#next = { phase: 'making', done };
  }

  /** Waits until the next segment is there. A disk that refused is asked again, not more often than it makes sense. */
  async #prepared(): Promise<void> {
    const before = this.#next;
    const refused = before.phase === 'full' || before.phase === 'failed';
    const due = !refused || this.#options.nowMs() - before.failedAtMs >= REFUSED_RETRY_MS;
    if (before.phase === 'none' || (refused && due)) this.#prepare();
    if (this.#next.phase === 'making') await this.#next.done;
  }
}

/** What the append that needed the next segment is told. */
function noSpare(next: Next): unknown {
  if (next.phase === 'failed') return next.cause;
  if (next.phase === 'full') {
    const detail = 'the disk has no room for another segment';
    return new Fault('log.full', { transient: true, detail, cause: next.cause });
  }
  const detail = `there is no next segment, it is: ${next.phase}`;
  return new Fault('log.unavailable', { transient: true, detail });
}
