/** Time as the watchdog needs it: monotonic, and by hand in tests. */
export interface Timer {
  cancel(): void;
}

export interface MonotonicClock {
  /** Milliseconds since some moment; never goes back. */
  nowMs(): number;
  after(ms: number, callback: () => void): Timer;
}

export const monotonicClock: MonotonicClock = {
  nowMs: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
