/** When an attempt that failed is made again. */
import type { Random } from '../engine/ports.ts';

/** The first pause, ms; it doubles. Less: a receiver that restarts is asked in vain. More: a hiccup delays an alert. */
export const RETRY_MS = 1_000;
/** The longest pause, ms. Less: a receiver that is down is knocked at. More: an alert comes late when it is back. */
export const RETRY_MS_MAX = 300_000;
/**
 * Attempts of one notice: with these pauses, about fifty minutes. Fewer: a receiver's update loses alerts. More: a person is told
 * of what happened hours ago as if it were now.
 */
export const ATTEMPTS_MAX = 20;
/** One attempt, ms, whatever the adapter's own limit is. */
export const DELIVERY_MS_MAX = 60_000;
/** Stopping waits this long for what is under way, ms; what is not delivered then is delivered after the next start. */
export const STOP_MS_MAX = 1_000;

/**
 * The pause after the n-th failure in a row, ms: between three quarters and all of RETRY_MS × 2ⁿ⁻¹ (at most RETRY_MS_MAX),
 * so that notifiers which failed together do not come back together.
 */
export const backOffMs = (failures: number, random: Random): number => {
  const wholeMs = Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_MS_MAX);
  const [high = 0, low = 0] = random.bytes(2);
  return Math.round((wholeMs * (3 + (high * 256 + low) / 65_535)) / 4);
};
