/** Time as an argument of the broker. */
export interface BrokerClock {
  /** Wall time, ms since 1970. May jump, in both directions. */
  now(): number;
  /** Ms since any fixed moment; stands still while the machine sleeps. */
  monotonic(): number;
  /** Calls `fn` once when `monotonic()` has reached `at`; the answer cancels. */
  setTimer(at: number, fn: () => void): () => void;
}

export const systemClock: BrokerClock = {
  now: Date.now,
  monotonic: () => performance.now(),
  setTimer: (at, fn) => {
    // Rounded up: a timer that fires early would find nothing due.
    const timer = setTimeout(fn, Math.max(Math.ceil(at - performance.now()), 0));
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves after `ms`, or when the signal aborts; whoever waits looks at the signal. */
export const pause = (clock: BrokerClock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.setTimer(clock.monotonic() + ms, end);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
