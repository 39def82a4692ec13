/** Taking work: the best task, or one by name. */
import {
  LEASE_MS_MAX,
  LEASE_MS_MIN,
  PlanId,
  SessionId,
  TaskId,
  WAIT_MS_MAX,
} from '@infrafabric/protocol';
import { z } from 'zod';
import { TOOL_LEASE_MS, WAIT_MS_DEFAULT } from '../limits.ts';
import type { Call, ToolResult } from '../tool.ts';
import { defineTool, Key, newKey, ok } from '../tool.ts';
import { granted } from './held.ts';
import { findSession } from './search.ts';
import { whileTelling } from './wait.ts';

const LeaseMs = z
  .int()
  .min(LEASE_MS_MIN)
  .max(LEASE_MS_MAX)
  .optional()
  .describe('Length of the lease; default 600000.');

export const nextTask = defineTool({
  name: 'next_task',
  description:
    'Get work: lease the best ready task for this session and receive its description. Waits up to waitMs for one; ' +
    'call again when none was ready. With a task still held it returns that one.',
  entry: true,
  effect: 'write',
  args: z.strictObject({
    sessionId: SessionId.describe('From register_session.'),
    planId: PlanId.optional().describe('Only tasks of this plan.'),
    waitMs: z.int().min(0).max(WAIT_MS_MAX).optional().describe('Default 20000.'),
    leaseMs: LeaseMs,
    idempotencyKey: Key,
  }),
  owner: ({ sessionId }) => sessionId,
  run: async ({ sessionId, planId, waitMs = WAIT_MS_DEFAULT, leaseMs }, call) => {
    // Asking is a sign of life, also where the credential is not the session's own.
    const seen = await call.call('sessions.heartbeat', { sessionId });
    if (seen.kind === 'problem') return seen;
    // With a key, a grant whose answer was lost on the way is told again instead of granted twice.
    const key = call.key ?? newKey();
    const input = {
      sessionId,
      waitMs,
      leaseMs: leaseMs ?? TOOL_LEASE_MS,
      ...(planId === undefined ? {} : { planId }),
    };
    const answer = await whileTelling(call, waitMs, () => call.call('tasks.next', input, key));
    if (answer.kind === 'problem') {
      return answer.problem.code === 'session.full'
        ? ((await resumed(sessionId, call)) ?? answer)
        : answer;
    }
    const [grant] = answer.output.grants;
    return ok(grant === undefined ? nothing(waitMs) : granted(grant));
  },
});

const nothing = (waitMs: number) => ({
  taskId: null,
  waitedMs: waitMs,
  next: 'No task was ready. Call next_task again to wait on, or show_status to see what is left.',
});

/** The task that a full session holds already: its first answer may never have reached the agent. */
async function resumed(sessionId: SessionId, call: Call): Promise<ToolResult | undefined> {
  const session = await findSession(sessionId, call);
  const [taskId, ...more] = session?.leases ?? [];
  if (taskId === undefined || more.length > 0) return undefined;
  const again = await call.call('tasks.claim', { sessionId, taskId }, newKey());
  return again.kind === 'ok' ? ok({ ...granted(again.output), resumed: true }) : undefined;
}

export const claimTask = defineTool({
  name: 'claim_task',
  description:
    'Claim one task by its id: lease it to this session. Claiming a task that this session holds returns its ' +
    'fencingToken again.',
  effect: 'write',
  args: z.strictObject({
    sessionId: SessionId,
    taskId: TaskId.describe('plan/key'),
    leaseMs: LeaseMs,
    idempotencyKey: Key,
  }),
  owner: ({ sessionId }) => sessionId,
  run: async ({ sessionId, taskId, leaseMs }, { call }) => {
    const claim = { sessionId, taskId, leaseMs: leaseMs ?? TOOL_LEASE_MS };
    const answer = await call('tasks.claim', claim);
    return answer.kind === 'problem' ? answer : ok(granted(answer.output));
  },
});
