import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';

import type { Batch, Frame, FrameLimit, Head, Position } from '../../ports/journal.ts';
import { headAfter, sameHead } from '../batch.ts';
import { WakeUps } from '../tail.ts';

interface Stored {
  readonly frame: Frame;
  readonly after: Head;
  /** Acknowledged by a medium that lied; gone at the next opening. */
  readonly durable: boolean;
}

interface Late {
  readonly at: Head;
  readonly batch: Batch;
}

/**
 * What outlives a journal that was opened over it: the frames. Several journals may be opened over one log, as two
 * leaders over one stream; the expected head decides between them.
 */
export class MemoryLog {
  readonly wakeUps = new WakeUps();
  readonly #genesis: Head;
  readonly #stored: Stored[] = [];
  readonly #late: Late[] = [];

  constructor(genesisLeaf: string) {
    this.#genesis = { size: 0, leaf: genesisLeaf, epoch: 0 };
  }

  get head(): Head {
    return this.#stored.at(-1)?.after ?? this.#genesis;
  }

  /** Adds the batch as one frame if the log ends at `at`; says whether it did. Copies the bytes. */
  add(at: Head, batch: Batch, medium: 'honest' | 'lying' = 'honest'): boolean {
    if (!sameHead(at, this.head)) return false;
    const frame: Frame = {
      first: at.size,
      count: batch.count,
      epoch: batch.epoch,
      previousLeaf: at.leaf,
      entries: Buffer.from(batch.entries),
    };
    this.#stored.push({ frame, after: headAfter(at, batch), durable: medium === 'honest' });
    this.wakeUps.wakeAll();
    return true;
  }

  /** Keeps a copy of a batch that is under way and that nobody waits for any more. */
  postpone(at: Head, batch: Batch): void {
    this.#late.push({ at, batch: { ...batch, entries: Buffer.from(batch.entries) } });
  }

  /** What was under way arrives, oldest first; what no longer fits is refused. Answers how many arrived. */
  deliverLate(): number {
    return this.#late.splice(0).filter(({ at, batch }) => this.add(at, batch)).length;
  }

  /** The medium shows what it kept: everything before the first frame that it only pretended to have. */
  forgetLost(): void {
    const lost = this.#stored.findIndex(({ durable }) => !durable);
    if (lost !== -1) this.#stored.length = lost;
  }

  /** Rolls the medium back to its first `frames` frames, as a restored backup does. */
  rollBack(frames: number): void {
    assert.ok(frames >= 0 && frames <= this.#stored.length, 'a rollback to frames that never were');
    this.#stored.length = frames;
  }

  read(after: Position, limit: FrameLimit): readonly Frame[] {
    const frames: Frame[] = [];
    let bytes = 0;
    for (let i = this.#indexOf(after); i < this.#stored.length; i += 1) {
      const frame = this.#stored[i]?.frame;
      if (frame === undefined || frames.length >= limit.frames) break;
      // The first frame is given even where it is larger than the limit: a reader must get on.
      if (frames.length > 0 && bytes + frame.entries.length > limit.bytes) break;
      bytes += frame.entries.length;
      frames.push(frame);
    }
    return frames;
  }

  /** The first frame that ends behind `after`, by bisection. */
  #indexOf(after: Position): number {
    let low = 0;
    let high = this.#stored.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#stored[middle]?.after.size ?? 0) > after) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
