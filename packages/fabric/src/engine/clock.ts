/**
 * Time as an argument. Wall time stamps entries; deadlines are counted on the monotonic clock, which no administrator,
 * time daemon or leap second moves.
 */
export interface Clock {
  /** Wall time: whole ms since 1970. May jump, in both directions. */
  now(): number;
  /** Ms since any fixed moment; never decreases, may be fractional. */
  monotonic(): number;
  /** Calls `fn` once when `monotonic()` has reached `at`, not before; the answer cancels. Keeps no process alive. */
  setTimer(at: number, fn: () => void): () => void;
  /** Calls `fn` when the events that are ready now have been handled: the end of this turn. */
  endOfTurn(fn: () => void): void;
}

/** `setTimeout` takes 2³¹ − 1 ms at most; a later deadline is armed again on the way. */
const TIMER_MS_MAX = 2_147_483_647;

export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  setTimer: (at, fn) => {
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      // Rounded up: a timer that fires early would find nothing due and arm itself again.
      const waitMs = Math.max(Math.ceil(at - performance.now()), 0);
      timer = setTimeout(
        () => {
          if (performance.now() >= at) fn();
          else arm();
        },
        Math.min(waitMs, TIMER_MS_MAX),
      );
      timer.unref();
    };
    arm();
    return () => {
      clearTimeout(timer);
    };
  },
  endOfTurn: (fn) => {
    setImmediate(fn);
  },
};

interface ManualTimer {
  readonly at: number;
  readonly fn: () => void;
}

/** A clock that stands until it is moved. For tests and the simulator. */
export class ManualClock implements Clock {
  #wall: number;
  #monotonic = 0;
  readonly #timers = new Set<ManualTimer>();

  constructor(wallMs = 1_700_000_000_000) {
    this.#wall = wallMs;
  }

  /** Timers armed now: an idle engine has none. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimer(at: number, fn: () => void): () => void {
    const timer = { at, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  endOfTurn(fn: () => void): void {
    setImmediate(fn);
  }

  /** Moves both clocks on and fires what is due, in order of its time. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    const wallStart = this.#wall - this.#monotonic;
    for (let next = this.#nextTimer(end); next !== undefined; next = this.#nextTimer(end)) {
      this.#timers.delete(next);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      this.#wall = wallStart + this.#monotonic;
      next.fn();
    }
    this.#monotonic = end;
    this.#wall = wallStart + end;
  }

  /** Moves both clocks on and fires nothing: a process that was stopped. */
  freeze(ms: number): void {
    this.#monotonic += ms;
    this.#wall += ms;
  }

  /** Sets the wall clock alone, as an administrator does. */
  stepWall(ms: number): void {
    this.#wall += ms;
  }

  #nextTimer(end: number): ManualTimer | undefined {
    let first: ManualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}
