/** Operations of SLO and reputation: what was promised, what was measured, and what follows from it. */
import { z } from 'zod';
import { Provider } from '../../contract.ts';
import { Permille, Permyriad, RunId, SwarmId, Timestamp } from '../../ids.ts';
import { REPUTATION_HISTORY_MAX } from '../../limits.ts';
import { ANYONE, defineOperation } from '../../operation.ts';
import { RunCause } from '../../runs.ts';
import { Count, Page } from '../../words.ts';

export const SloVerdict = z.enum(['met', 'missed', 'not-enough-data']);
export type SloVerdict = z.infer<typeof SloVerdict>;

/** One promise: latencies in ms, shares in ten-thousandths. */
export const SloObjective = z.strictObject({
  name: z.enum([
    'latencyP50Ms',
    'latencyP95Ms',
    'latencyP99Ms',
    'successPermyriadMin',
    'availabilityPermyriadMin',
  ]),
  wanted: Count,
  /** Absent where nothing was measured yet. */
  measured: Count.optional(),
  verdict: SloVerdict,
});
export type SloObjective = z.infer<typeof SloObjective>;

const Figures = {
  swarmId: SwarmId,
  /** Runs that count: the newest, none older than the window. */
  samples: Count,
  /** By nearest rank, the queue included, failures at their deadline. Absent without a sample. */
  p50Ms: Count.optional(),
  p95Ms: Count.optional(),
  p99Ms: Count.optional(),
  successPermyriad: Permyriad.optional(),
  /** Runners that could be had ÷ runners that were asked for. */
  availabilityPermyriad: Permyriad.optional(),
  /** 1 − mean(CPU, memory, calls: used ÷ allowed). */
  efficiencyPermyriad: Permyriad.optional(),
  /** Runs of the window that failed or were too slow. */
  violations: Count,
};

export const SloRow = z.strictObject({ ...Figures, reputationPermille: Permille });
export type SloRow = z.infer<typeof SloRow>;

export const standingOperations = [
  defineOperation({
    name: 'slo.show',
    summary: 'What the runs of a swarm were measured at, against what its contracts promise.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ swarmId: SwarmId }),
    output: z.strictObject({
      ...Figures,
      windowDays: Count,
      /** The strictest of its contracts\u2019 promises. */
      objectives: z.array(SloObjective),
    }),
    errors: ['swarm.not_found'],
  }),
  defineOperation({
    name: 'slo.list',
    summary: 'The figures of every swarm that has run something, and how many runs ended how.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ ...Page }),
    output: z.strictObject({
      runs: z.strictObject({
        open: Count,
        /** Since the log began, by cause; a cause of which there is none is absent. */
        ended: z.partialRecord(RunCause, Count),
      }),
      swarms: z.array(SloRow),
      next: z.string().optional(),
    }),
    errors: [],
  }),
  defineOperation({
    name: 'reputation.show',
    summary: 'The reputation of who answers for a swarm\u2019s modules, and what it is made of.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ swarmId: SwarmId }),
    output: z.strictObject({
      swarmId: SwarmId,
      /** Absent where no contract names one; of several the one with the least reputation. */
      provider: Provider.optional(),
      /** In ten-thousandths, as are all below: clamp(blend of prior and score + adjustment). */
      value: Permyriad,
      /** 0.5 × success + 0.3 × SLO + 0.2 × efficiency; absent without a sample. */
      score: Permyriad.optional(),
      /** Penalties that no gain has repaid: 0 down to −10,000. */
      adjustment: z.int().min(-10_000).max(0),
      prior: Permyriad,
      samples: Count,
      /** Whether it was measured; else it is what the swarm\u2019s profile says. */
      measured: z.boolean(),
      history: z
        .array(z.strictObject({ at: Timestamp, value: Permyriad, runId: RunId.optional() }))
        .max(REPUTATION_HISTORY_MAX),
    }),
    errors: ['swarm.not_found'],
  }),
] as const;
