/** Operations of blockers. */
import { z } from 'zod';
import { BlockerId, CapabilityId, SessionId, TaskId, Timestamp } from '../../ids.ts';
import { CAPABILITIES_MAX } from '../../limits.ts';
import { ANYONE, defineOperation } from '../../operation.ts';
import { HOLDER_ERRORS, Held, Page, Reason, TaskPhase, Text } from './words.ts';

export const BlockerKind = z.enum([
  'dependency',
  'integration',
  'capability',
  'access',
  'decision',
  'question',
  'other',
]);

export const BlockerRow = z.strictObject({
  blockerId: BlockerId,
  taskId: TaskId,
  kind: BlockerKind,
  title: z.string(),
  needs: z.array(CapabilityId),
  waitsOn: TaskId.optional(),
  status: z.enum(['open', 'resolved']),
  raisedBy: SessionId,
  raisedAt: Timestamp,
  helpers: z.array(SessionId),
  resolution: z.string().optional(),
});
export type BlockerRow = z.infer<typeof BlockerRow>;

export const blockerOperations = [
  defineOperation({
    name: 'blockers.raise',
    summary:
      'Say what a task waits for that its holder cannot provide; with `release`, give the lease back too.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      ...Held,
      kind: BlockerKind,
      title: Reason,
      needs: z.array(CapabilityId).max(CAPABILITIES_MAX).optional(),
      /** The task whose completion would lift it; the blocker then resolves by itself. */
      waitsOn: TaskId.optional(),
      release: z.boolean().optional(),
    }),
    output: z.strictObject({ blockerId: BlockerId, taskId: TaskId, phase: TaskPhase }),
    errors: HOLDER_ERRORS,
  }),
  defineOperation({
    name: 'blockers.join',
    summary: 'Say that a session helps with a blocker.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({ blockerId: BlockerId, sessionId: SessionId, note: Text.optional() }),
    output: z.strictObject({ blockerId: BlockerId, helpers: z.array(SessionId) }),
    errors: ['blocker.not_found', 'blocker.resolved', 'session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'blockers.resolve',
    summary:
      'Say how a blocker was lifted: by the session that raised it, one that helps, or an operator.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      blockerId: BlockerId,
      sessionId: SessionId.optional(),
      resolution: Reason,
    }),
    output: z.strictObject({ blockerId: BlockerId, taskId: TaskId, phase: TaskPhase }),
    errors: [
      'blocker.not_found',
      'blocker.resolved',
      'session.not_found',
      'session.ended',
      'auth.forbidden',
    ],
  }),
  defineOperation({
    name: 'blockers.list',
    summary: 'Blockers, who raised them and who helps.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ status: z.enum(['open', 'resolved']).optional(), ...Page }),
    output: z.strictObject({ blockers: z.array(BlockerRow), next: z.string().optional() }),
    errors: [],
  }),
] as const;
