/**
 * A share of one core, as a token bucket: credit grows with the time, shrinks with the processor time used, and may
 * become a debt, so that what a late timer let through is paid back. Pure; the caller stops and continues the process.
 *
 * K1  Over any long time a runner uses no more than its share, whatever the timers do.
 */

/** Length of a cycle of running and standing still, ms. Longer: coarser for the guest; shorter: more signals. */
export const SHARE_PERIOD_MS = 100;

export interface Share {
  /** Processor time that may be used now, ms; a debt where it is negative. */
  readonly creditMs: number;
  readonly atMs: number;
  /** Processor time of the process at that moment, ms. */
  readonly cpuMs: number;
}

/**
 * Credit for one period, which is all that can be saved, ms. Running for rate × period uses that much and earns
 * rate² × period meanwhile: the difference is what it has to begin with.
 */
const periodsWorth = (rate: number): number => rate * (1 - rate) * SHARE_PERIOD_MS;

/** A period's credit to begin with. */
export const openShare = (atMs: number, cpuMs: number, percent: number): Share => ({
  creditMs: periodsWorth(percent / 100),
  atMs,
  cpuMs,
});

/** The bucket after what has happened since. A clock that stands still or jumps back gives nothing. */
export const settle = (before: Share, atMs: number, cpuMs: number, percent: number): Share => {
  const rate = percent / 100;
  const earned = Math.max(0, atMs - before.atMs) * rate;
  const used = Math.max(0, cpuMs - before.cpuMs);
  return {
    creditMs: Math.min(before.creditMs + earned - used, periodsWorth(rate)),
    atMs: Math.max(atMs, before.atMs),
    cpuMs: Math.max(cpuMs, before.cpuMs),
  };
};

/** How long a process without credit stands still until it has a period's worth again, ms; 0 where it has credit. */
export const stillMs = ({ creditMs }: Share, percent: number): number => {
  if (creditMs > 0) return 0;
  const rate = percent / 100;
  return (periodsWorth(rate) - creditMs) / rate;
};

/** How long a process with credit can run at most before it has to be looked at again, ms. */
export const runMs = ({ creditMs }: Share, percent: number): number => {
  const rate = percent / 100;
  return rate >= 1 ? Number.POSITIVE_INFINITY : Math.max(0, creditMs) / (1 - rate);
};
