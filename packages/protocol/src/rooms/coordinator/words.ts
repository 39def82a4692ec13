/** What several operations of the coordinator speak of. */
import { z } from 'zod';
import {
  BlockerId,
  Digest,
  DurationMs,
  FencingToken,
  MicroUsd,
  TaskId,
  Timestamp,
} from '../../ids.ts';
import { ARTIFACTS_MAX, GATES_MAX, LEASE_MS_MAX, LEASE_MS_MIN } from '../../limits.ts';
import { TaskSpec } from '../../plan.ts';
import { Count, Text } from '../../words.ts';

export const LeaseMs = DurationMs.min(LEASE_MS_MIN).max(LEASE_MS_MAX);
export const TaskPhase = z.enum([
  'waiting',
  'ready',
  'leased',
  'blocked',
  'submitted',
  'parked',
  'done',
  'cancelled',
]);
export type TaskPhase = z.infer<typeof TaskPhase>;

export const Liveness = z.enum(['starting', 'working', 'waiting', 'wedged', 'dead']);
export type Liveness = z.infer<typeof Liveness>;

export const EvidenceKind = z.enum(['heartbeat', 'tool', 'output', 'commit', 'tokens']);
export type EvidenceKind = z.infer<typeof EvidenceKind>;

export const GateResult = z.strictObject({
  name: z.string().min(1).max(100),
  ok: z.boolean(),
  exitCode: z.int().min(-1).max(255).optional(),
  log: Digest.optional(),
});
export type GateResult = z.infer<typeof GateResult>;

export const Evidence = z.strictObject({
  summary: Text.optional(),
  exitCode: z.int().min(-1).max(255).optional(),
  artifacts: z
    .array(z.strictObject({ name: z.string().min(1).max(300), digest: Digest, bytes: Count }))
    .max(ARTIFACTS_MAX)
    .optional(),
  gates: z.array(GateResult).max(GATES_MAX).optional(),
  diff: z
    .strictObject({
      filesChanged: Count,
      insertions: Count.optional(),
      deletions: Count.optional(),
      commit: z
        .string()
        .regex(/^[0-9a-f]{40,64}$/)
        .optional(),
      digest: Digest.optional(),
    })
    .optional(),
});
export type Evidence = z.infer<typeof Evidence>;

/** What a lease allows: the task's own words, narrowed to what it grants. */
export const LeaseScope = z.strictObject({
  repo: z.string().optional(),
  owns: z.array(z.string()).optional(),
  /** The most that the task may cost. */
  limitMicroUsd: MicroUsd,
  /** What is set aside for it now: a cost within it is always covered. */
  reservedMicroUsd: MicroUsd,
  /** The blocker that a help task is for. */
  helps: BlockerId.optional(),
});

export const Grant = z.strictObject({
  taskId: TaskId,
  fencingToken: FencingToken,
  fence: z.int().min(1),
  attempt: z.int().min(1),
  leaseMs: LeaseMs,
  leaseExpiresAt: Timestamp,
  scope: LeaseScope,
  task: TaskSpec,
});
export type Grant = z.infer<typeof Grant>;

export const Written = z.strictObject({ taskId: TaskId, phase: TaskPhase });
