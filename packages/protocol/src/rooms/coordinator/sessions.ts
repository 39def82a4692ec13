/** Operations of sessions. */
import { z } from 'zod';
import {
  AgentName,
  CapabilityId,
  DurationMs,
  MicroUsd,
  SessionId,
  SwarmId,
  TaskId,
  Timestamp,
} from '../../ids.ts';
import { CAPABILITIES_MAX, SESSION_LEASES_MAX, TITLE_CHARS_MAX } from '../../limits.ts';
import { ANYONE, defineOperation, OPERATORS, REALM } from '../../operation.ts';
import { Page, Reason, Text } from '../../words.ts';
import { EvidenceKind, Liveness } from './words.ts';

export const SessionRow = z.strictObject({
  sessionId: SessionId,
  agent: AgentName,
  role: z.enum(['worker', 'runner']),
  swarm: SwarmId.optional(),
  status: z.enum(['open', 'closed']),
  liveness: Liveness,
  /** Why the liveness is what it is. */
  reason: z.string(),
  lastEvidenceAt: Timestamp,
  lastEvidence: EvidenceKind,
  openedAt: Timestamp,
  capabilities: z.array(CapabilityId),
  leases: z.array(TaskId),
});
export type SessionRow = z.infer<typeof SessionRow>;

const Opened = z.strictObject({
  sessionId: SessionId,
  /** Bearer token of this session alone; short-lived and revocable. */
  token: z.string(),
  tokenExpiresAt: Timestamp,
  heartbeatMs: DurationMs,
});

export const sessionOperations = [
  defineOperation({
    name: 'sessions.open',
    summary: 'Start a session of an agent and get its own token.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({
      agent: AgentName,
      role: z.enum(['worker', 'runner']).optional(),
      swarm: SwarmId.optional(),
      capabilities: z.array(CapabilityId).max(CAPABILITIES_MAX).optional(),
      leasesMax: z.int().min(1).max(SESSION_LEASES_MAX).optional(),
      label: z.string().max(TITLE_CHARS_MAX).optional(),
      /** What the session may spend; absent: what its swarm may. */
      limitMicroUsd: MicroUsd.optional(),
    }),
    output: Opened,
    errors: ['session.too_many', 'budget.too_wide'],
  }),
  defineOperation({
    name: 'sessions.heartbeat',
    summary:
      'Say that a session lives; past half of its token\u2019s life the answer brings a new token.',
    effect: 'soft',
    callers: ANYONE,
    input: z.strictObject({
      sessionId: SessionId,
      evidence: EvidenceKind.optional(),
      note: Text.optional(),
    }),
    output: z.strictObject({
      sessionId: SessionId,
      at: Timestamp,
      token: z.string().optional(),
      tokenExpiresAt: Timestamp.optional(),
    }),
    errors: ['session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'sessions.close',
    summary: 'End a session; its leases end and their tasks are ready again.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({ sessionId: SessionId, reason: Reason.optional() }),
    output: z.strictObject({ sessionId: SessionId, released: z.array(TaskId) }),
    errors: ['session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'sessions.revoke',
    summary: 'End a session against its will: its token and all of its leases end at once.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ sessionId: SessionId, reason: Reason }),
    output: z.strictObject({ sessionId: SessionId, released: z.array(TaskId) }),
    errors: ['session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'sessions.expire',
    summary: 'Close a session of which nothing was seen for too long.',
    effect: 'write',
    callers: REALM,
    input: z.strictObject({ sessionId: SessionId, seenAt: Timestamp }),
    output: z.strictObject({ sessionId: SessionId, released: z.array(TaskId) }),
    errors: ['session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'sessions.list',
    summary: 'Sessions with their liveness, its reason and the last evidence.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ status: z.enum(['open', 'closed']).optional(), ...Page }),
    output: z.strictObject({ sessions: z.array(SessionRow), next: z.string().optional() }),
    errors: [],
  }),
] as const;
