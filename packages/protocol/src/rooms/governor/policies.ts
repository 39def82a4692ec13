/** Operations of the realm's policy: its figures, its rules, and what it would say. */
import { z } from 'zod';
import { Digest, Timestamp } from '../../ids.ts';
import { ANYONE, defineOperation, OPERATORS } from '../../operation.ts';
import { PolicyAction, PolicySpec, ResourcePolicy } from '../../policy.ts';
import { Count, Reason } from '../../words.ts';

export const policyOperations = [
  defineOperation({
    name: 'policies.set',
    summary:
      'Take a policy in the place of the one in force; it governs from the next decision on.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ policy: PolicySpec, reason: Reason.optional() }),
    output: z.strictObject({ digest: Digest, rules: Count, changed: z.boolean() }),
    errors: ['policy.invalid', 'budget.too_low'],
  }),
  defineOperation({
    name: 'policies.show',
    summary: 'The policy in force: its figures, its rules, since when and by whom.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({}),
    output: z.strictObject({
      policy: PolicySpec,
      resource: ResourcePolicy,
      digest: Digest.optional(),
      setAt: Timestamp.optional(),
      setBy: z.string().optional(),
    }),
    errors: [],
  }),
  defineOperation({
    name: 'policies.explain',
    summary: 'What the policy in force says of an action, rule by rule.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({
      action: PolicyAction,
      /** What the conditions look at; what is left out is empty. */
      facts: z.record(z.string().max(100), z.unknown()).optional(),
    }),
    output: z.strictObject({
      verdict: z.enum(['permit', 'deny']),
      rule: z.string().optional(),
      reason: z.string(),
      rules: z.array(
        z.strictObject({
          id: z.string(),
          effect: z.enum(['permit', 'forbid']),
          said: z.enum(['applies', 'does-not', 'error']),
          reason: z.string(),
        }),
      ),
    }),
    errors: [],
  }),
] as const;
