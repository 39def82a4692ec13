import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { HISTORY_FOLDER, decodeHistoryRecord, encodeHistoryRecord } from '@infrafabric/tlog';

import type { Disk, DiskFile } from '../ports/disk.ts';
import { listOrNothing, openOrNothing, readWhole, replaceFile } from './follower-disk.ts';

const DAY_CHARS = 'YYYY-MM-DD'.length;
const SUFFIX = '.notes';

/**
 * `checkpoints/<day>.notes`: every checkpoint that was published, so that anybody can check later that no size ever had
 * two roots. Appended without a sync: what a power cut takes is a record that the newest checkpoint covers.
 */
export class CheckpointHistory {
  readonly #disk: Disk;
  readonly #folder: string;
  #day = '';
  #file: DiskFile | undefined;
  #offset = 0;

  constructor(disk: Disk, dataFolder: string) {
    this.#disk = disk;
    this.#folder = join(dataFolder, HISTORY_FOLDER);
  }

  /**
   * Cuts an unfinished record off the newest file: only the last file may end in one. Answers the bytes cut; they held
   * no whole note. Throws the system's error.
   */
  async repair(): Promise<number> {
    const newest = listOrNothing(this.#disk, this.#folder)
      .filter((name) => name.endsWith(SUFFIX))
      .toSorted()
      .at(-1);
    if (newest === undefined) return 0;
    const path = join(this.#folder, newest);
    const bytes = (await readWhole(this.#disk, path)) ?? Buffer.alloc(0);
    let end = 0;
    // Ends: each record is at least five bytes long.
    for (;;) {
      const record = decodeHistoryRecord(bytes, end);
      if (record.kind === 'record') {
        end = record.endOffset;
        continue;
      }
      const isTorn = record.kind === 'short' || bytes.subarray(end).every((byte) => byte === 0);
      if (!isTorn || end === bytes.length) return 0;
      replaceFile(this.#disk, path, bytes.subarray(0, end));
      return bytes.length - end;
    }
  }

  /** Appends the note to the file of the day of `atMs` (ms since 1970, UTC). */
  append(note: string, atMs: number): void {
    const record = encodeHistoryRecord(Buffer.from(note));
    const file = this.#fileOf(atMs);
    file.writeNow(record, this.#offset);
    this.#offset += record.length;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#day = '';
  }

  #fileOf(atMs: number): DiskFile {
    const day = new Date(atMs).toISOString().slice(0, DAY_CHARS);
    // Files are read in the order of their names, so a clock that steps back over midnight stays in the newer one.
    if (this.#file !== undefined && day <= this.#day) return this.#file;
    this.close();
    this.#disk.makeFolder(this.#folder);
    const last = listOrNothing(this.#disk, this.#folder).toSorted().at(-1)?.slice(0, DAY_CHARS);
    this.#day = last !== undefined && last > day ? last : day;
    const path = join(this.#folder, this.#day + SUFFIX);
    const file = openOrNothing(this.#disk, path, 'write') ?? this.#disk.open(path, 'create');
    this.#offset = file.size();
    this.#file = file;
    return file;
  }
}
