/**
 * The reputation of who answers for modules, in ten-thousandths: a fold over the runs of a window, so that who is idle
 * drifts back to the prior.
 *
 *   score      = 0.5 × success + 0.3 × slo + 0.2 × efficiency
 *   blended    = (20 × 0.7 + n × score) ÷ (20 + n)
 *   adjustment = 0; by every run − its penalty where it missed, + its gain where not, within [−1, 0]
 *   reputation = blended + adjustment, within [0, 1]
 *
 * A gain repays a penalty; it never lifts anybody above what was measured.
 */
import { REPUTATION_HISTORY_MAX, SLO_RUNS_MIN } from '@infrafabric/protocol';
import type { Sample } from './slo.ts';
import { WHOLE } from './slo.ts';

/** What is believed of who has shown nothing, and of how many runs that belief has the weight. */
export const PRIOR = 7_000;
const PRIOR_RUNS = SLO_RUNS_MIN;

/** Weights in tenths. */
const SUCCESS = 5;
const SLO = 3;
const EFFICIENCY = 2;
const WEIGHTS = SUCCESS + SLO + EFFICIENCY;

export interface Standing {
  readonly value: number;
  /** Absent without a sample. */
  readonly score: number | undefined;
  readonly adjustment: number;
}

/** O(samples): the adjustment is clamped at every step, so it cannot be taken back by one. */
export const standingOf = (samples: readonly Sample[]): Standing => {
  let succeeded = 0;
  let held = 0;
  let efficiency = 0;
  let adjustment = 0;
  for (const { ok, missed, efficiencyPermyriad, stepPermyriad } of samples) {
    if (ok) succeeded += 1;
    if (!missed) held += 1;
    efficiency += efficiencyPermyriad;
    adjustment = clamp(adjustment + stepPermyriad, -WHOLE, 0);
  }
  const n = samples.length;
  // n × score × 10, so that nothing is rounded before the end.
  const sum = (SUCCESS * succeeded + SLO * held) * WHOLE + EFFICIENCY * efficiency;
  const blended = Math.round((PRIOR_RUNS * PRIOR * WEIGHTS + sum) / (WEIGHTS * (PRIOR_RUNS + n)));
  return {
    value: clamp(blended + adjustment, 0, WHOLE),
    score: n === 0 ? undefined : Math.round(sum / (WEIGHTS * n)),
    adjustment,
  };
};

const clamp = (value: number, least: number, most: number): number =>
  Math.min(most, Math.max(least, value));

export interface PastValue {
  readonly at: number;
  readonly value: number;
  readonly runId?: string;
}

/** What is kept of a provider, under whatever swarm its modules work. */
export interface ReputationState {
  /** As the last event said. */
  readonly value: number;
  readonly samples: readonly Sample[];
  /** Newest last. */
  readonly history: readonly PastValue[];
}

export const NO_REPUTATION: ReputationState = { value: PRIOR, samples: [], history: [] };

export const remembered = (history: readonly PastValue[], value: PastValue): readonly PastValue[] =>
  history.at(-1)?.value === value.value
    ? history
    : [...history, value].slice(-REPUTATION_HISTORY_MAX);
