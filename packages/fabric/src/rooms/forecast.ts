/** Where spending leads: a rate over a span, and when what is available is gone at it. Arithmetic without a world. */

const HOUR_MS = 3_600_000;
/** Shortest span that a rate is made of. Shorter: the first call of a plan would be an enormous rate. */
const MEASURED_MS_MIN = 60_000;
/** Further away than this nothing is foreseen: ten years. */
const FORESEEN_MS_MAX = 10 * 365 * 24 * HOUR_MS;

export interface Burn {
  /** Spent within the window, micro-dollars. */
  readonly microUsd: number;
  readonly records: number;
  /** When anything was spent first, window or not, ms since 1970; absent: never. */
  readonly firstAt?: number;
}

export interface Outlook {
  /** What the rate was measured over, ms. */
  readonly measuredMs: number;
  readonly microUsdPerHour: number;
  /** Ms since 1970; absent: not foreseen at this rate. */
  readonly exhaustedAt?: number;
}

export interface OutlookFacts {
  /** Ms since 1970. */
  readonly now: number;
  readonly windowMs: number;
  readonly burn: Burn;
  readonly availableMicroUsd: number;
}

/**
 * The rate is what was spent in the window over the window, or over the time since the first record where that is
 * shorter: a plan that began ten minutes ago has no hour to be measured by.
 */
export const outlookOf = ({ now, windowMs, burn, availableMicroUsd }: OutlookFacts): Outlook => {
  const sinceFirstMs = now - (burn.firstAt ?? Number.NEGATIVE_INFINITY);
  const measuredMs = Math.min(windowMs, Math.max(MEASURED_MS_MIN, sinceFirstMs));
  const microUsdPerHour = perHour(burn.microUsd, measuredMs);
  if (burn.microUsd === 0) return { measuredMs, microUsdPerHour };
  const leftMs = Math.floor(availableMicroUsd / (burn.microUsd / measuredMs));
  return leftMs > FORESEEN_MS_MAX
    ? { measuredMs, microUsdPerHour }
    : { measuredMs, microUsdPerHour, exhaustedAt: now + leftMs };
};

/** Whole micro-dollars an hour, rounded down. In two parts: the product of all would leave the exact integers. */
const perHour = (microUsd: number, spanMs: number): number => {
  const rest = microUsd % spanMs;
  const whole = ((microUsd - rest) / spanMs) * HOUR_MS;
  return Math.min(Number.MAX_SAFE_INTEGER, whole + Math.floor((rest * HOUR_MS) / spanMs));
};
