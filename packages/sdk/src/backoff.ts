/** First pause of a retry, ms. */
const PAUSE_MS = 25;
/**
 * Longest pause, ms. Longer: a leader that is back stays idle. Shorter: thousands of clients
 * knock together.
 */
const PAUSE_MS_MAX = 5_000;

/**
 * How long to pause before retry number `attempt` (0, 1, …), ms: exponential with full jitter, so
 * that clients which failed together do not come back together (Brooker, “Exponential Backoff And
 * Jitter”, AWS 2015). `atLeastMs` is what the fabric asked for; the jitter then lies on top of it.
 */
export function backoffMs(
  attempt: number,
  atLeastMs = 0,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** Math.min(attempt, 20));
  return atLeastMs + random() * ceiling;
}

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(reasonOf(signal));
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      if (signal !== undefined) reject(reasonOf(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** The reason of an aborted signal, as something that can be thrown. */
export function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
