/** Operations of breakers: what stops a swarm, and who lets it go on. */
import { z } from 'zod';
import { MicroUsd, SwarmId, TaskId, Timestamp } from '../../ids.ts';
import { ANYONE, defineOperation, OPERATORS } from '../../operation.ts';
import { Count, Page, Reason } from '../../words.ts';
import { BreakerState } from './swarms.ts';

export const BreakerRow = z.strictObject({
  swarmId: SwarmId,
  state: BreakerState,
  /** What tripped it last. */
  cause: z.enum(['budget', 'failures', 'failure-rate', 'no-progress', 'operator']).optional(),
  reason: z.string().optional(),
  since: Timestamp.optional(),
  by: z.string().optional(),
  /** Failures in a row, and what was spent since anything came of it. */
  failures: Count,
  spentSinceProgressMicroUsd: MicroUsd,
});
export type BreakerRow = z.infer<typeof BreakerRow>;

export const breakerOperations = [
  defineOperation({
    name: 'breakers.trip',
    summary: 'Stop a swarm: it gets no lease until an operator resets its breaker.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ swarmId: SwarmId, reason: Reason }),
    output: z.strictObject({
      swarmId: SwarmId,
      state: BreakerState,
      /** Leases that ended with it, where the policy says so. */
      released: z.array(TaskId),
    }),
    errors: ['swarm.not_found', 'breaker.open'],
  }),
  defineOperation({
    name: 'breakers.reset',
    summary:
      'Let a stopped swarm try again: one lease as a probe, and all of them once it succeeded.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({
      swarmId: SwarmId,
      reason: Reason,
      /** A new limit of the swarm\u2019s account. */
      limitMicroUsd: MicroUsd.optional(),
    }),
    output: z.strictObject({ swarmId: SwarmId, state: BreakerState, limitMicroUsd: MicroUsd }),
    errors: [
      'swarm.not_found',
      'breaker.closed',
      'budget.too_low',
      'budget.too_wide',
      'budget.exceeded',
      'policy.denied',
    ],
  }),
  defineOperation({
    name: 'breakers.list',
    summary: 'Breakers: closed, open or half-open, why, since when and by whom.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ state: BreakerState.optional(), ...Page }),
    output: z.strictObject({ breakers: z.array(BreakerRow), next: z.string().optional() }),
    errors: [],
  }),
] as const;
