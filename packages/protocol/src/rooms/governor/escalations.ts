/** Operations of escalations: what a person must see, once. */
import { z } from 'zod';
import { EntryIndex, EscalationId, Timestamp } from '../../ids.ts';
import { ANYONE, defineOperation, OPERATORS } from '../../operation.ts';
import { Page, Text } from '../../words.ts';

export const EscalationKind = z.enum(['breaker', 'blocker', 'budget']);

export const EscalationRow = z.strictObject({
  escalationId: EscalationId,
  kind: EscalationKind,
  severity: z.enum(['warn', 'high']),
  /** The swarm, blocker or account that it is about. */
  subject: z.string(),
  summary: z.string(),
  raisedAt: Timestamp,
  index: EntryIndex,
  status: z.enum(['open', 'acknowledged']),
  acknowledgedBy: z.string().optional(),
  note: z.string().optional(),
});
export type EscalationRow = z.infer<typeof EscalationRow>;

export const escalationOperations = [
  defineOperation({
    name: 'escalations.list',
    summary: 'What a person must see: open ones first, the newest in front.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ status: z.enum(['open', 'acknowledged']).optional(), ...Page }),
    output: z.strictObject({ escalations: z.array(EscalationRow), next: z.string().optional() }),
    errors: [],
  }),
  defineOperation({
    name: 'escalations.acknowledge',
    summary: 'Say that a person has seen it; it is not sent again.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ escalationId: EscalationId, note: Text.optional() }),
    output: z.strictObject({ escalationId: EscalationId, status: z.enum(['acknowledged']) }),
    errors: ['escalation.not_found'],
  }),
] as const;
