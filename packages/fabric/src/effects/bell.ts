import type { Clock } from '../engine/clock.ts';

/** Wakes one loop that waits for something to do. A ring that nobody waits for is not kept: look first, then wait. */
export class Bell {
  readonly #clock: Clock;
  #wake: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#wake();
  }

  /** Resolves at the next ring, when `signal` aborts, or when the monotonic clock reaches `until`: without it, no timer runs. */
  wait(signal: AbortSignal, until?: number): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      let cancel = (): void => undefined;
      const wake = (): void => {
        this.#wake = () => undefined;
        cancel();
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
      if (until !== undefined) cancel = this.#clock.setTimer(until, wake);
    });
  }
}
