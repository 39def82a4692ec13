/** Exit codes by remedy: what a script, or an agent, should do next. */
import type { Remedy } from '@infrafabric/protocol';

/** Done. */
export const EXIT_DONE = 0;
/** The command ran and its answer is no: a check failed, a proof does not verify. */
export const EXIT_NO = 1;
/** 128 + SIGINT, as shells say it. */
export const EXIT_INTERRUPTED = 130;

// The catalogue has the same table, but importing it would load every schema of the registry; a test holds them equal.
export const EXIT_OF_REMEDY: Readonly<Record<Remedy, number>> = {
  'fix-request': 2,
  'give-up': 3,
  'retry-later': 75,
  'report-bug': 70,
};
