/** Operations of runs: from a lease to a guest in the sandbox, and to what became of it. */
import { z } from 'zod';
import {
  Entrypoint,
  HttpGrant,
  IsolationLevel,
  Provider,
  RunLimits,
  SecretGrant,
  ServiceContract,
} from '../../contract.ts';
import { Digest, RunId, SessionId, SwarmId, TaskId, Timestamp } from '../../ids.ts';
import { RUN_DETAIL_CHARS_MAX, RUN_NOTES_PER_CALL_MAX } from '../../limits.ts';
import { ANYONE, defineOperation, REALM, RUNNERS } from '../../operation.ts';
import { IsolationLayer, RunCause, RunMeasure, RunNote } from '../../runs.ts';
import { Count, Held, HOLDER_ERRORS, Page } from '../../words.ts';

/** Who asks for the level that is not attained: facts of `isolation.too_low` name it. */
export const IsolationAsker = z.enum(['contract', 'task', 'policy', 'secrets']);
export type IsolationAsker = z.infer<typeof IsolationAsker>;

const Where = {
  /** As the runner host probed it; what is merely installed does not count. */
  level: IsolationLevel,
  layers: z.array(IsolationLayer).max(IsolationLayer.options.length),
  /** Version of Node, and platform with architecture: `linux-x64`. */
  node: z.string().min(1).max(64),
  platform: z.string().min(1).max(64),
};

export const RunRow = z.strictObject({
  runId: RunId,
  taskId: TaskId,
  sessionId: SessionId,
  swarmId: SwarmId,
  provider: Provider,
  module: Digest,
  entrypoint: Entrypoint,
  ...Where,
  minLevel: IsolationLevel,
  startedAt: Timestamp,
  status: z.enum(['open', 'ended']),
  endedAt: Timestamp.optional(),
  cause: RunCause.optional(),
  /** Absent where the runner host told none: the realm ended the run. */
  measure: RunMeasure.optional(),
  /** With the queue, ms; of a failure the deadline. Absent where the run counts for no figure. */
  latencyMs: Count.optional(),
  /** It failed, or was slower than its contract promises. */
  missed: z.boolean().optional(),
  /** Violations and uses of credentials in the log, and those beyond what is kept one by one. */
  notes: Count,
  more: Count,
});
export type RunRow = z.infer<typeof RunRow>;

export const runOperations = [
  defineOperation({
    name: 'runs.start',
    summary:
      'Begin a run of the module that a leased task names: answers what it may do, or why the host may not run it.',
    effect: 'write',
    callers: RUNNERS,
    input: z.strictObject({ ...Held, ...Where }),
    output: z.strictObject({
      runId: RunId,
      contract: ServiceContract,
      limits: RunLimits,
      http: z.array(HttpGrant),
      secrets: z.array(SecretGrant),
      /** The level that contract, task and policy ask for. */
      minLevel: IsolationLevel,
    }),
    errors: [
      ...HOLDER_ERRORS,
      'request.invalid',
      'contract.not_found',
      'contract.entrypoint',
      'module.refused',
      'isolation.too_low',
      'run.exists',
    ],
  }),
  defineOperation({
    name: 'runs.note',
    summary: 'Write down violations of a run, and uses of its credentials.',
    effect: 'write',
    callers: RUNNERS,
    input: z.strictObject({
      runId: RunId,
      notes: z.array(RunNote).min(1).max(RUN_NOTES_PER_CALL_MAX),
    }),
    output: z.strictObject({
      runId: RunId,
      /** How many of them the log keeps one by one; of the rest it keeps the number. */
      kept: Count,
      more: Count,
    }),
    errors: ['run.not_found', 'run.ended'],
  }),
  defineOperation({
    name: 'runs.end',
    summary: 'Write down how a run ended and what was measured of it; works after its lease, too.',
    effect: 'write',
    callers: RUNNERS,
    input: z.strictObject({
      runId: RunId,
      cause: RunCause,
      measure: RunMeasure,
      detail: z.string().max(RUN_DETAIL_CHARS_MAX).optional(),
      /** Of the result. */
      output: Digest.optional(),
    }),
    output: z.strictObject({
      runId: RunId,
      cause: RunCause,
      missed: z.boolean(),
      /** Of the provider after it, in ten-thousandths; absent where the run did not change it. */
      reputationPermyriad: Count.optional(),
    }),
    errors: ['run.not_found', 'run.ended'],
  }),
  defineOperation({
    name: 'runs.expire',
    summary: 'End a run of which nothing was told after its lease ended.',
    effect: 'write',
    callers: REALM,
    input: z.strictObject({ runId: RunId }),
    output: z.strictObject({ runId: RunId }),
    errors: ['run.not_found', 'run.ended', 'request.invalid'],
  }),
  defineOperation({
    name: 'runs.list',
    summary: 'Runs, the newest first: task, module, isolation, and how they ended.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({
      swarmId: SwarmId.optional(),
      taskId: TaskId.optional(),
      open: z.boolean().optional(),
      ...Page,
    }),
    output: z.strictObject({ runs: z.array(RunRow), next: z.string().optional() }),
    errors: [],
  }),
  defineOperation({
    name: 'runs.show',
    summary: 'One run: what it might do, how it was isolated, how it ended and what it used.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ runId: RunId }),
    output: z.strictObject({
      ...RunRow.shape,
      limits: RunLimits,
      /** Aliases of the HTTP grants and of the secrets that it had. */
      http: z.array(z.string()),
      secrets: z.array(z.string()),
      detail: z.string().optional(),
      output: Digest.optional(),
    }),
    errors: ['run.not_found'],
  }),
] as const;
