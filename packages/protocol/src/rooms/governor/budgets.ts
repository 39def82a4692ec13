/** Operations of accounts: limits, what is reserved and spent, and what a plan may cost. */
import { z } from 'zod';
import { AccountId, MicroUsd, PhaseKey, PlanId } from '../../ids.ts';
import { ANYONE, defineOperation, OPERATORS } from '../../operation.ts';
import { PlanSpec } from '../../plan.ts';
import { Count, Page, Reason } from '../../words.ts';

export const AccountRow = z.strictObject({
  account: AccountId,
  /** The account above it. */
  parent: AccountId.optional(),
  limitMicroUsd: MicroUsd,
  /** Whether the limit is its own or that of the account above. */
  inherited: z.boolean(),
  reservedMicroUsd: MicroUsd,
  spentMicroUsd: MicroUsd,
  /** Spent without cover: it was reported when no account could pay for it. */
  overrunMicroUsd: MicroUsd,
  availableMicroUsd: MicroUsd,
  /** The last alert: 50, 80 or 100 % of the limit; 0 where none was given. */
  alertPercent: z.int().min(0).max(100),
});
export type AccountRow = z.infer<typeof AccountRow>;

const PlanCost = {
  tasks: Count,
  /** Sum of the most that one attempt of each unfinished task may cost. */
  worstMicroUsd: MicroUsd,
  /** Sum of what their estimates say. */
  expectedMicroUsd: MicroUsd,
  /** Tasks that say neither what they cost nor how long they take. */
  unpriced: Count,
  phases: z.array(
    z.strictObject({ phase: PhaseKey.optional(), tasks: Count, worstMicroUsd: MicroUsd }),
  ),
  confirmAboveMicroUsd: MicroUsd,
  /** Whether `plans.submit` would want a confirmation. */
  needsConfirmation: z.boolean(),
};

export const budgetOperations = [
  defineOperation({
    name: 'budgets.set',
    summary: 'Limit what an account may spend; never below what it has spent and reserved.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({
      account: AccountId,
      limitMicroUsd: MicroUsd,
      reason: Reason.optional(),
    }),
    output: AccountRow,
    errors: ['budget.too_low', 'budget.too_wide', 'budget.not_found', 'policy.denied'],
  }),
  defineOperation({
    name: 'budgets.list',
    summary: 'Accounts with their limits and what is reserved, spent and left.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({
      /** Only accounts of this kind. */
      kind: z.enum(['realm', 'plan', 'task', 'swarm', 'session']).optional(),
      ...Page,
    }),
    output: z.strictObject({ accounts: z.array(AccountRow), next: z.string().optional() }),
    errors: [],
  }),
  defineOperation({
    name: 'plans.preview',
    summary: 'What a plan may cost before its first claim: of a plan that runs, or of one at hand.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ planId: PlanId.optional(), plan: PlanSpec.optional() }),
    output: z.strictObject({ planId: PlanId, ...PlanCost }),
    errors: ['plan.not_found', 'request.invalid'],
  }),
] as const;
