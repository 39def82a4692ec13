import type { Position } from '../../ports/journal.ts';

/** A place where a frame starts. */
export interface Mark {
  /** The index of the frame's first entry. */
  readonly position: Position;
  /** The first index of the segment that holds it. */
  readonly segment: Position;
  readonly offset: number;
}

/** Entries between two marks: a read scans at most so many before it is where it must be. Fewer: more memory (3 numbers a mark). */
const MARK_ENTRIES = 256;

/** Where frames start, for one in about 256 entries. Derived: filled by recovery, by appends and by reads. */
export class SparseIndex {
  readonly #marks: Mark[] = [];

  /** Remembers the mark unless one that is near enough is known. */
  note(mark: Mark): void {
    const before = this.#lastAtOrBefore(mark.position);
    const previous = this.#marks[before];
    if (previous?.position === mark.position) {
      // An empty segment's start and the end of the one before are one position: the later segment has the frame.
      if (mark.segment > previous.segment) this.#marks[before] = mark;
      return;
    }
    const near =
      previous !== undefined &&
      previous.segment === mark.segment &&
      mark.position - previous.position < MARK_ENTRIES;
    if (!near) this.#marks.splice(before + 1, 0, mark);
  }

  /** The last mark at or before `position`. */
  find(position: Position): Mark | undefined {
    return this.#marks[this.#lastAtOrBefore(position)];
  }

  #lastAtOrBefore(position: Position): number {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle]?.position ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
