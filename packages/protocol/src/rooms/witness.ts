/** The witness's operations: what was recorded, and the proof of it. */
import { z } from 'zod';
import { AgentName, EntryIndex, PlanId, SessionId, TaskId, Timestamp, TraceId } from '../ids.ts';
import { ANYONE, defineOperation } from '../operation.ts';
import { PAGE_ROWS_MAX } from '../limits.ts';

const Count = z.int().min(0);
const Severity = z.enum(['debug', 'info', 'warn', 'high']);

/** One entry as a reader sees it: the exact leaf hash, and the parsed outcome and call. */
export const EntryRow = z.strictObject({
  index: EntryIndex,
  at: Timestamp,
  epoch: Count,
  operation: z.string(),
  principal: z.string(),
  session: SessionId.optional(),
  trace: TraceId.optional(),
  severity: Severity,
  leaf: z.string(),
  events: z.array(z.record(z.string(), z.unknown())),
  args: z.record(z.string(), z.unknown()),
});
export type EntryRow = z.infer<typeof EntryRow>;

export const witnessOperations = [
  defineOperation({
    name: 'witness.record',
    summary: 'Write an act of another program into the log.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      component: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
      operation: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
      severity: Severity.optional(),
      params: z
        .record(
          z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/),
          z.union([z.string().max(4_000), z.int(), z.boolean()]),
        )
        .optional(),
    }),
    output: z.strictObject({ index: EntryIndex }),
    errors: [],
  }),
  defineOperation({
    name: 'witness.query',
    summary:
      'Entries by operation, principal, session, task, plan, trace, severity, time or index; newest last.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({
      operation: z.string().max(100).optional(),
      principal: AgentName.optional(),
      sessionId: SessionId.optional(),
      taskId: TaskId.optional(),
      planId: PlanId.optional(),
      trace: TraceId.optional(),
      severity: Severity.optional(),
      since: Timestamp.optional(),
      until: Timestamp.optional(),
      from: EntryIndex.optional(),
      to: EntryIndex.optional(),
      /** Newest rows first. */
      newest: z.boolean().optional(),
      limit: z.int().min(1).max(PAGE_ROWS_MAX).optional(),
    }),
    output: z.strictObject({
      entries: z.array(EntryRow),
      next: EntryIndex.optional(),
      indexedTo: Count,
    }),
    errors: [],
  }),
  defineOperation({
    name: 'witness.proof',
    summary:
      'Proof that an entry is in the log under the newest checkpoint, as C2SP tlog-proof text.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ index: EntryIndex }),
    output: z.strictObject({ index: EntryIndex, leaf: z.string(), size: Count, proof: z.string() }),
    errors: ['witness.no_such_entry', 'witness.unanchored'],
  }),
  defineOperation({
    name: 'witness.checkpoint',
    summary: 'The newest signed checkpoint and the key that checks it.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({}),
    output: z.strictObject({
      checkpoint: z.string(),
      key: z.string(),
      size: Count,
      root: z.string(),
    }),
    errors: ['witness.unanchored'],
  }),
] as const;
