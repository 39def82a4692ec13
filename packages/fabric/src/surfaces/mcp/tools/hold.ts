/** While a task is held, and how its lease ends. */
import { Digest, problemOf, REASON_CHARS_MAX, reject, SessionId } from '@infrafabric/protocol';
import type { FencingToken, TaskId } from '@infrafabric/protocol';
import { z } from 'zod';
import type { Call, Outcome } from '../tool.ts';
import { defineTool, Key, ok } from '../tool.ts';
import { held, ownerOfHeld, written } from './held.ts';
import { charge, Usage } from './usage.ts';
import { isoTime } from '../views.ts';

const Text = z.string().max(REASON_CHARS_MAX);
const Reason = Text.min(1);

const Evidence = z
  .strictObject({
    summary: Text.optional().describe('What was done, in a few sentences.'),
    exitCode: z.int().min(-1).max(255).optional(),
    artifacts: z
      .array(z.strictObject({ name: z.string(), digest: Digest, bytes: z.int().min(0) }))
      .max(200)
      .optional()
      .describe('Files stored in the fabric; digest is sha256:<hex>.'),
    diff: z
      .strictObject({
        filesChanged: z.int().min(0),
        insertions: z.int().min(0).optional(),
        deletions: z.int().min(0).optional(),
        commit: z.string().optional(),
      })
      .optional(),
  })
  .describe('What shows that it is done.');

export const reportProgress = defineTool({
  name: 'report_progress',
  description:
    'Report progress and renew the lease: a heartbeat that keeps the task yours. Call it at least every few minutes ' +
    'while you work, and with usage before you submit.',
  effect: 'write',
  args: z.strictObject({
    sessionId: SessionId,
    ...held,
    note: Text.optional(),
    percent: z.int().min(0).max(100).optional(),
    usage: Usage.optional(),
    idempotencyKey: Key,
  }),
  owner: ownerOfHeld,
  run: async ({ sessionId, taskId, fencingToken, usage, ...report }, around) => {
    const { call } = around;
    const leases = [{ taskId, fencingToken }];
    const renewal = await call('tasks.renew', { sessionId, leases, evidence: 'tool' });
    if (renewal.kind === 'problem') return renewal;
    const [kept] = renewal.output.renewed;
    if (kept === undefined) {
      const why = renewal.output.lost[0]?.detail ?? `The lease of ${taskId} has ended.`;
      return { kind: 'problem', problem: problemOf(reject('lease.stale', why, { taskId })) };
    }
    const reported = await write(report, { taskId, fencingToken }, around);
    if (reported?.kind === 'problem') return reported;
    const view = {
      taskId,
      leaseExpiresAt: isoTime(kept.leaseExpiresAt),
      ...(reported === undefined ? {} : { entry: reported.output.index }),
    };
    if (usage === undefined) return ok(view);
    // Last, since a cost may end the lease.
    const cost = await charge(usage, { taskId, fencingToken }, around);
    if (cost.kind === 'problem') return cost;
    const { microUsd, overrunMicroUsd, leftMicroUsd } = cost.output;
    return ok({ ...view, usage: { microUsd, overrunMicroUsd, leftMicroUsd } });
  },
});

/** Writes a report where there is one: a renewal alone leaves nothing in the log. */
const write = async (
  { note, percent }: { readonly note?: string | undefined; readonly percent?: number | undefined },
  of: { readonly taskId: TaskId; readonly fencingToken: FencingToken },
  { call }: Pick<Call, 'call'>,
): Promise<Outcome<'tasks.progress'> | undefined> =>
  note === undefined && percent === undefined
    ? undefined
    : call('tasks.progress', {
        ...of,
        ...(note === undefined ? {} : { note }),
        ...(percent === undefined ? {} : { percent }),
      });

export const submitTask = defineTool({
  name: 'submit_task',
  description:
    'Submit finished work: complete the task with its evidence and end the lease. The fabric runs the gates itself.',
  effect: 'write',
  args: z.strictObject({ ...held, evidence: Evidence.optional(), idempotencyKey: Key }),
  owner: ownerOfHeld,
  run: async ({ taskId, fencingToken, evidence }, { call }) => {
    const input = { taskId, fencingToken, ...(evidence === undefined ? {} : { evidence }) };
    const answer = await call('tasks.complete', input);
    if (answer.kind === 'problem') return answer;
    return ok(written(answer.output, 'Call next_task for more work.'));
  },
});

export const failTask = defineTool({
  name: 'fail_task',
  description:
    'Fail a task: say that the attempt went wrong and why, and end the lease. It is tried again, or parked after too ' +
    'many attempts.',
  effect: 'write',
  args: z.strictObject({
    ...held,
    reason: Reason,
    retry: z.boolean().optional().describe('false: parked at once, since trying again is useless.'),
    idempotencyKey: Key,
  }),
  owner: ownerOfHeld,
  run: async ({ taskId, fencingToken, reason, retry }, { call }) => {
    const input = { taskId, fencingToken, reason, ...(retry === undefined ? {} : { retry }) };
    const answer = await call('tasks.fail', input);
    if (answer.kind === 'problem') return answer;
    return ok(written(answer.output, 'Call next_task for other work.'));
  },
});

export const releaseTask = defineTool({
  name: 'release_task',
  description:
    'Release a task: give the lease back unfinished, for another agent to take. No attempt is counted.',
  effect: 'write',
  args: z.strictObject({ ...held, reason: Reason.optional(), idempotencyKey: Key }),
  owner: ownerOfHeld,
  run: async ({ taskId, fencingToken, reason }, { call }) => {
    const input = { taskId, fencingToken, ...(reason === undefined ? {} : { reason }) };
    const answer = await call('tasks.release', input);
    if (answer.kind === 'problem') return answer;
    return ok(written(answer.output, 'Call next_task for other work.'));
  },
});
