/** Operations of plans and phases. */
import { z } from 'zod';
import { Digest, MicroUsd, PhaseKey, PlanId, TaskId, TaskKey, Timestamp } from '../../ids.ts';
import { PLAN_TASKS_PER_CALL_MAX } from '../../limits.ts';
import { ANYONE, defineOperation, OPERATORS, RUNNERS } from '../../operation.ts';
import { PlanSpec, TaskSpec } from '../../plan.ts';
import { Count, Page, Reason } from '../../words.ts';
import { GateResult } from './words.ts';

const PlanCounts = z.strictObject({
  total: Count,
  waiting: Count,
  ready: Count,
  leased: Count,
  blocked: Count,
  submitted: Count,
  parked: Count,
  done: Count,
  cancelled: Count,
});

export const PlanRow = z.strictObject({
  planId: PlanId,
  title: z.string(),
  status: z.enum(['active', 'paused', 'cancelled', 'done']),
  counts: PlanCounts,
  submittedAt: Timestamp,
  digest: Digest,
});
export type PlanRow = z.infer<typeof PlanRow>;

export const PhaseRow = z.strictObject({
  id: PhaseKey,
  title: z.string(),
  status: z.enum(['closed', 'open', 'passed']),
  autonomous: z.boolean(),
  tasksLeft: Count,
  approvals: z.array(z.string()),
  approvalsNeeded: Count,
  checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean().nullable() })),
  after: z.array(PhaseKey),
});
export type PhaseRow = z.infer<typeof PhaseRow>;

export const planOperations = [
  defineOperation({
    name: 'plans.submit',
    summary:
      'Take a plan: its phases, its tasks and what depends on what. The same plan twice changes nothing.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({
      plan: PlanSpec,
      /** The most that the plan may cost, as a person confirmed it; wanted above the policy\u2019s limit. */
      confirmMicroUsd: MicroUsd.optional(),
    }),
    output: z.strictObject({ planId: PlanId, tasks: Count, ready: Count, changed: z.boolean() }),
    errors: [
      'plan.exists',
      'plan.cycle',
      'plan.unknown_dependency',
      'plan.duplicate_task',
      'plan.unknown_phase',
      'plan.duplicate_phase',
      'budget.unconfirmed',
      'budget.too_wide',
      'policy.denied',
    ],
  }),
  defineOperation({
    name: 'plans.edit',
    summary: 'Add tasks, add or drop dependencies, and change priorities of a plan that runs.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({
      planId: PlanId,
      add: z.array(TaskSpec).max(PLAN_TASKS_PER_CALL_MAX).optional(),
      addDependencies: z
        .array(z.strictObject({ task: TaskKey, dependsOn: z.union([TaskId, TaskKey]) }))
        .max(PLAN_TASKS_PER_CALL_MAX)
        .optional(),
      dropDependencies: z
        .array(z.strictObject({ task: TaskKey, dependsOn: z.union([TaskId, TaskKey]) }))
        .max(PLAN_TASKS_PER_CALL_MAX)
        .optional(),
      priorities: z
        .array(z.strictObject({ task: TaskKey, priority: z.int().min(0).max(4) }))
        .max(PLAN_TASKS_PER_CALL_MAX)
        .optional(),
      /** The most that the added tasks may cost, as a person confirmed it. */
      confirmMicroUsd: MicroUsd.optional(),
    }),
    output: z.strictObject({ planId: PlanId, tasks: Count, ready: Count, changed: z.boolean() }),
    errors: [
      'plan.not_found',
      'plan.ended',
      'plan.cycle',
      'plan.unknown_dependency',
      'plan.duplicate_task',
      'plan.unknown_phase',
      'task.not_found',
      'budget.unconfirmed',
    ],
  }),
  defineOperation({
    name: 'plans.pause',
    summary: 'Hand out no more of a plan; leases that live go on.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ planId: PlanId, reason: Reason.optional() }),
    output: z.strictObject({ planId: PlanId, status: z.string() }),
    errors: ['plan.not_found', 'plan.ended'],
  }),
  defineOperation({
    name: 'plans.resume',
    summary: 'Hand out a paused plan again.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ planId: PlanId }),
    output: z.strictObject({ planId: PlanId, status: z.string() }),
    errors: ['plan.not_found', 'plan.ended'],
  }),
  defineOperation({
    name: 'plans.cancel',
    summary: 'End a plan: every unfinished task is cancelled and every lease of it ends.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ planId: PlanId, reason: Reason }),
    output: z.strictObject({ planId: PlanId, status: z.string(), cancelled: Count }),
    errors: ['plan.not_found', 'plan.ended'],
  }),
  defineOperation({
    name: 'plans.list',
    summary: 'The plans and how far they are.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ ...Page }),
    output: z.strictObject({ plans: z.array(PlanRow), next: z.string().optional() }),
    errors: [],
  }),
  defineOperation({
    name: 'plans.show',
    summary: 'One plan: progress, phases with their gates, longest unfinished chain.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ planId: PlanId }),
    output: z.strictObject({
      ...PlanRow.shape,
      phases: z.array(PhaseRow),
      dependencies: Count,
      longestChain: Count,
      unfinishedChain: Count,
    }),
    errors: ['plan.not_found'],
  }),
  defineOperation({
    name: 'phases.approve',
    summary:
      'Approve what a phase waits for: its opening when it is autonomous, its gate otherwise.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ planId: PlanId, phase: PhaseKey, reason: Reason.optional() }),
    output: z.strictObject({
      planId: PlanId,
      phase: PhaseKey,
      status: z.enum(['closed', 'open', 'passed']),
    }),
    errors: ['plan.not_found', 'phase.not_found', 'phase.not_waiting', 'plan.ended'],
  }),
  defineOperation({
    name: 'phases.check',
    summary: 'Record what a check of a phase\u2019s gate gave when the fabric ran it.',
    effect: 'write',
    callers: RUNNERS,
    input: z.strictObject({ planId: PlanId, phase: PhaseKey, result: GateResult }),
    output: z.strictObject({
      planId: PlanId,
      phase: PhaseKey,
      status: z.enum(['closed', 'open', 'passed']),
    }),
    errors: ['plan.not_found', 'phase.not_found', 'phase.not_waiting', 'plan.ended'],
  }),
] as const;
