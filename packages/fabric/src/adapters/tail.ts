import type { Frame, FrameLimit, Position } from '../ports/journal.ts';

/** One pull of a tail: large enough that a follower behind reads like a disk, small enough to hold in memory many times. */
const PULL: FrameLimit = { bytes: 1_048_576, frames: 256 };

/** Wakes the readers of a journal after an append. Holds nothing for them: whoever is woken reads from the journal. */
export class WakeUps {
  readonly #waiting = new Set<() => void>();
  #calls = 0;

  /** How often `wakeAll` was called: taken before a read, it tells whether something came during it. */
  get calls(): number {
    return this.#calls;
  }

  wakeAll(): void {
    this.#calls += 1;
    // Each waiter removes itself; a set may shrink while it is walked.
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next `wakeAll` after call number `seen`, or when `signal` aborts. */
  after(seen: number, signal: AbortSignal): Promise<void> {
    if (seen !== this.#calls || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

interface Tailed {
  read(after: Position, limit: FrameLimit): Promise<readonly Frame[]>;
  readonly open: boolean;
}

/** `Journal.tail` over `read` and wake-ups. Pulled: nothing is read before it is asked for, nothing is polled. */
export async function* tailFrames(
  journal: Tailed,
  wakeUps: WakeUps,
  after: Position,
  signal: AbortSignal,
): AsyncGenerator<Frame, void, undefined> {
  let position = after;
  while (!signal.aborted && journal.open) {
    const { calls } = wakeUps;
    const frames = await journal.read(position, PULL);
    for (const frame of frames) {
      if (signal.aborted) return;
      position = frame.first + frame.count;
      yield frame;
    }
    if (frames.length === 0) await wakeUps.after(calls, signal);
  }
}
