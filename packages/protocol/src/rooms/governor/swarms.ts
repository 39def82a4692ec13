/** Operations of swarms, what they can do, and who would be chosen for a task. */
import { z } from 'zod';
import {
  CapabilityId,
  MicroUsd,
  Permille,
  SessionId,
  SwarmId,
  TaskId,
  Timestamp,
} from '../../ids.ts';
import { REASON_CHARS_MAX } from '../../limits.ts';
import { ANYONE, defineOperation, OPERATORS } from '../../operation.ts';
import { SwarmProfile } from '../../profile.ts';
import { Count, Page } from '../../words.ts';

export const BreakerState = z.enum(['closed', 'open', 'half-open']);
export type BreakerState = z.infer<typeof BreakerState>;

export const SwarmRow = z.strictObject({
  ...SwarmProfile.shape,
  breaker: BreakerState,
  sessions: Count,
  limitMicroUsd: MicroUsd,
  reservedMicroUsd: MicroUsd,
  spentMicroUsd: MicroUsd,
  overrunMicroUsd: MicroUsd,
  availableMicroUsd: MicroUsd,
  registeredAt: Timestamp,
});
export type SwarmRow = z.infer<typeof SwarmRow>;

export const CandidateRow = z.strictObject({
  swarmId: SwarmId,
  /** Share of the task's needs that the swarm has. */
  matchPermille: Permille,
  missing: z.array(CapabilityId),
  reputationPermille: Permille,
  /** What the task is expected to cost with it, and the most that its lease would reserve. */
  expectedMicroUsd: MicroUsd,
  reserveMicroUsd: MicroUsd,
  availableMicroUsd: MicroUsd,
  /** match × reputation ÷ expected cost in dollars, with six decimals. */
  score: z.number(),
  openSessions: Count,
  verdict: z.enum(['chosen', 'qualified', 'refused']),
  /** Why it was or was not chosen. */
  reason: z.string(),
});
export type CandidateRow = z.infer<typeof CandidateRow>;

export const swarmOperations = [
  defineOperation({
    name: 'swarms.register',
    summary:
      'Take a swarm with its capabilities, price, reputation and budget; the same profile again changes nothing.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ profile: SwarmProfile }),
    output: z.strictObject({ swarmId: SwarmId, changed: z.boolean(), limitMicroUsd: MicroUsd }),
    errors: [
      'capability.unknown',
      'budget.too_low',
      'budget.too_wide',
      'policy.denied',
      'swarm.too_many',
    ],
  }),
  defineOperation({
    name: 'swarms.list',
    summary: 'Swarms with their profile, money and breaker.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ breaker: BreakerState.optional(), ...Page }),
    output: z.strictObject({ swarms: z.array(SwarmRow), next: z.string().optional() }),
    errors: [],
  }),
  defineOperation({
    name: 'swarms.show',
    summary: 'One swarm: profile, money, breaker and why, sessions.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ swarmId: SwarmId }),
    output: z.strictObject({
      ...SwarmRow.shape,
      breakerReason: z.string().optional(),
      failures: Count,
      spentSinceProgressMicroUsd: MicroUsd,
      sessionIds: z.array(SessionId),
    }),
    errors: ['swarm.not_found'],
  }),
  defineOperation({
    name: 'capabilities.define',
    summary: 'Add a capability to those that the fabric knows from the start.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({
      id: CapabilityId,
      description: z.string().min(1).max(REASON_CHARS_MAX),
    }),
    output: z.strictObject({ id: CapabilityId, changed: z.boolean() }),
    errors: ['capability.exists', 'request.invalid'],
  }),
  defineOperation({
    name: 'capabilities.list',
    summary:
      'The capabilities that swarms may have, built in and defined, with their descriptions.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ ...Page }),
    output: z.strictObject({
      capabilities: z.array(
        z.strictObject({
          id: CapabilityId,
          description: z.string(),
          builtIn: z.boolean(),
          swarms: Count,
        }),
      ),
      next: z.string().optional(),
    }),
    errors: [],
  }),
  defineOperation({
    name: 'match.explain',
    summary: 'Which swarm would be chosen for a task: every candidate with its numbers and why.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ taskId: TaskId, ...Page }),
    output: z.strictObject({
      taskId: TaskId,
      needs: z.array(CapabilityId),
      minMatchPermille: Permille,
      chosen: SwarmId.optional(),
      candidates: z.array(CandidateRow),
      next: z.string().optional(),
    }),
    errors: ['task.not_found'],
  }),
] as const;
