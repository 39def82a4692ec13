import { Fault } from '../../fault.ts';
import type { DiskFile } from '../../ports/disk.ts';
import type { Position } from '../../ports/journal.ts';

/** Idle files kept open. A follower reads one segment; readers at several places need a few. */
const IDLE_FILES_MAX = 8;

interface OpenFile {
  readonly file: DiskFile;
  users: number;
  /** To be closed by the last user. */
  forgotten: boolean;
}

/**
 * Files of segments that were read lately. A file is never closed under a read: the system could give its descriptor
 * to another file, and the read would answer that one's bytes.
 */
export class OpenFiles {
  /** In the order of use; the first idle one is closed when there are too many. */
  readonly #files = new Map<Position, OpenFile>();
  readonly #open: (segment: Position) => DiskFile;
  #closed = false;

  constructor(open: (segment: Position) => DiskFile) {
    this.#open = open;
  }

  async use<T>(segment: Position, read: (file: DiskFile) => Promise<T>): Promise<T> {
    if (this.#closed) {
      throw new Fault('log.unavailable', { transient: false, detail: 'the reader is closed' });
    }
    const known = this.#files.get(segment);
    const open = known ?? { file: this.#open(segment), users: 0, forgotten: false };
    this.#files.delete(segment);
    this.#files.set(segment, open);
    open.users += 1;
    try {
      return await read(open.file);
    } finally {
      open.users -= 1;
      if (open.forgotten && open.users === 0) open.file.close();
      this.#closeIdle();
    }
  }

  /** The next use opens the segment again. */
  forget(segment: Position): void {
    const open = this.#files.get(segment);
    if (open === undefined) return;
    this.#files.delete(segment);
    open.forgotten = true;
    if (open.users === 0) open.file.close();
  }

  close(): void {
    this.#closed = true;
    for (const segment of this.#files.keys()) this.forget(segment);
  }

  #closeIdle(): void {
    for (const [segment, { users }] of this.#files) {
      if (this.#files.size <= IDLE_FILES_MAX) return;
      if (users === 0) this.forget(segment);
    }
  }
}
