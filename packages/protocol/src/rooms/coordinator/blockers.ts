/** Operations of blockers. */
import { z } from 'zod';
import {
  AgentName,
  BlockerId,
  CapabilityId,
  DurationMs,
  EscalationId,
  MicroUsd,
  SessionId,
  SwarmId,
  TaskId,
  Timestamp,
} from '../../ids.ts';
import { CAPABILITIES_MAX, ESCALATE_MS_MAX, ESCALATE_MS_MIN } from '../../limits.ts';
import { ANYONE, defineOperation, REALM } from '../../operation.ts';
import { RelationKind } from '../../profile.ts';
import { Count, HOLDER_ERRORS, Held, Page, Reason, Text } from '../../words.ts';
import { TaskPhase } from './words.ts';

export const BlockerKind = z.enum([
  'dependency',
  'integration',
  'capability',
  'access',
  'decision',
  'question',
  'other',
]);

/** One side of a blocker: what is needed, and who works on it. */
export const HelpRow = z.strictObject({
  taskId: TaskId,
  needs: z.array(CapabilityId),
  phase: TaskPhase,
  limitMicroUsd: MicroUsd,
  /** How its swarm stands to the blocked one’s. */
  relation: RelationKind.optional(),
  sessionId: SessionId.optional(),
});
export type HelpRow = z.infer<typeof HelpRow>;

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
  /** The help tasks, in the order in which the holder should take them in. */
  help: z.array(HelpRow),
  /** Unfinished tasks behind the blocked one. */
  blocks: Count,
  /** Declarations that it is lifted, and how many lift it. */
  declared: z.array(SessionId),
  quorum: Count,
  escalateAt: Timestamp,
  resolution: z.string().optional(),
});
export type BlockerRow = z.infer<typeof BlockerRow>;

export const blockerOperations = [
  defineOperation({
    name: 'blockers.raise',
    summary:
      'Say what a task waits for that its holder cannot provide; who can help is given a task of its own at once.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      ...Held,
      kind: BlockerKind,
      title: Reason,
      needs: z.array(CapabilityId).max(CAPABILITIES_MAX).optional(),
      /** The task whose completion would lift it; the blocker then resolves by itself. */
      waitsOn: TaskId.optional(),
      /** Gives the lease back too. */
      release: z.boolean().optional(),
      /** Helpers who must say that it is lifted; absent: all who were given a help task. */
      quorum: z.int().min(1).max(100).optional(),
      /** After this long without a resolution a person is told; absent: as the policy says. */
      escalateAfterMs: DurationMs.min(ESCALATE_MS_MIN).max(ESCALATE_MS_MAX).optional(),
    }),
    output: z.strictObject({
      blockerId: BlockerId,
      taskId: TaskId,
      phase: TaskPhase,
      /** Who was leased a help task in the same entry. */
      helpers: z.array(
        z.strictObject({
          taskId: TaskId,
          needs: z.array(CapabilityId),
          sessionId: SessionId,
          agent: AgentName,
          swarmId: SwarmId.optional(),
          relation: RelationKind.optional(),
          limitMicroUsd: MicroUsd,
        }),
      ),
      /** Help tasks that wait for somebody who has room. */
      open: z.array(TaskId),
      /** Needs that nobody has. */
      uncovered: z.array(CapabilityId),
      escalationId: EscalationId.optional(),
    }),
    errors: [...HOLDER_ERRORS, 'capability.unknown'],
  }),
  defineOperation({
    name: 'blockers.escalate',
    summary: 'Tell a person of a blocker that nobody resolved in time.',
    effect: 'write',
    callers: REALM,
    input: z.strictObject({ blockerId: BlockerId }),
    output: z.strictObject({ blockerId: BlockerId, escalationId: EscalationId }),
    errors: ['blocker.not_found', 'blocker.resolved'],
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
      'Say that a blocker is lifted and how: one who raised it or an operator decides, helpers by quorum.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      blockerId: BlockerId,
      sessionId: SessionId.optional(),
      resolution: Reason,
    }),
    output: z.strictObject({
      blockerId: BlockerId,
      taskId: TaskId,
      phase: TaskPhase,
      status: z.enum(['open', 'resolved']),
      declared: Count,
      quorum: Count,
    }),
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
