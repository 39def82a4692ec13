/** How long a run may take, and how much of it is gone. */
const STARTED_MS = performance.now();

export interface Budget {
  /** Whether this share of the whole is gone. */
  spent(share: number): boolean;
  /** Wall time at which this share of the whole is gone, ms since 1970; threads have another start than this one. */
  endsAtMs(share: number): number;
}

/** `seconds` is infinite where nobody limits it. */
export const budgetOf = (seconds: number): Budget => {
  const wholeMs = seconds * 1_000;
  return {
    spent: (share) => performance.now() - STARTED_MS > wholeMs * share,
    endsAtMs: (share) => Date.now() - performance.now() + STARTED_MS + wholeMs * share,
  };
};

/** Seconds since a moment of `performance.now()`, or since the run began, to a tenth. */
export const secondsSince = (fromMs = STARTED_MS): number =>
  Math.round((performance.now() - fromMs) / 100) / 10;
