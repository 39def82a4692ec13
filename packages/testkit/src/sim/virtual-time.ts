/**
 * Virtual time of a simulated world: one monotonic clock for all processes, a wall clock that each process reads with
 * its own error, and turns that end when the simulator says so. Nothing here waits for the system.
 */
import type { Clock } from '@infrafabric/fabric';

const WALL_START_MS = 1_800_000_000_000;

/**
 * Resolves when no promise of this turn has anything left to run: Node drains its microtasks before it takes the next
 * tick. Costs a tenth of a turn of the event loop, which is what makes a world cheap.
 */
export const microtasksDone = (): Promise<void> =>
  new Promise((resolve) => {
    process.nextTick(resolve);
  });

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** The clock of one process. `stopped`: SIGSTOP, nothing of it runs; `dead`: nothing of it ever runs again. */
export class ProcessClock implements Clock {
  phase: 'running' | 'stopped' | 'dead' = 'running';
  /** What an administrator or a time daemon did to the wall clock, ms. */
  wallErrorMs = 0;
  /** A planted error of the monotonic clock, ms. */
  readonly #lagMs: number;
  readonly #world: { readonly nowMs: number };
  readonly #timers = new Set<Timer>();
  #turnEnds: (() => void)[] = [];

  constructor(world: { readonly nowMs: number }, lagMs = 0) {
    this.#world = world;
    this.#lagMs = lagMs;
  }

  now(): number {
    return WALL_START_MS + Math.floor(this.#world.nowMs) + this.wallErrorMs;
  }

  monotonic(): number {
    return this.#world.nowMs - this.#lagMs;
  }

  setTimer(at: number, fn: () => void): () => void {
    const timer = { at: at + this.#lagMs, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  endOfTurn(fn: () => void): void {
    this.#turnEnds.push(fn);
  }

  /** Runs what waits for the end of this turn; says whether anything did. */
  endTurn(): boolean {
    if (this.phase !== 'running' || this.#turnEnds.length === 0) return false;
    const ending = this.#turnEnds;
    this.#turnEnds = [];
    for (const fn of ending) fn();
    return true;
  }

  /** When the next timer is due, or infinity. */
  get nextAt(): number {
    let at = Number.POSITIVE_INFINITY;
    if (this.phase === 'running') for (const timer of this.#timers) at = Math.min(at, timer.at);
    return at;
  }

  /** Fires what is due by now. */
  fire(): boolean {
    if (this.phase !== 'running') return false;
    const due = [...this.#timers].filter(({ at }) => at <= this.#world.nowMs);
    for (const timer of due.toSorted((a, b) => a.at - b.at)) {
      // One that fired earlier may have taken this one back.
      if (this.#timers.delete(timer)) timer.fn();
    }
    return due.length > 0;
  }
}
