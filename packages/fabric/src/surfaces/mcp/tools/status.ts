/** One tool for everything that is read: the whole fabric, or one thing of it. */
import { BlockerId, PlanId, problemOf, reject, SessionId, TaskId } from '@infrafabric/protocol';
import type { ErrorCode } from '@infrafabric/protocol';
import { z } from 'zod';
import type { ToolResult } from '../tool.ts';
import { defineTool } from '../tool.ts';
import {
  showBlocker,
  showOverview,
  showPlan,
  showSession,
  showTask,
  showTaskText,
} from './show.ts';

export const showStatus = defineTool({
  name: 'show_status',
  description:
    'Show status: progress of plans, why a task waits, what a session holds, answers to blockers and questions. ' +
    'Give one id, or none for an overview; nextCursor reads on.',
  effect: 'read',
  args: z.strictObject({
    planId: PlanId.optional(),
    taskId: TaskId.optional(),
    sessionId: SessionId.optional(),
    blockerId: BlockerId.optional(),
    list: z
      .enum(['plans', 'blockers', 'sessions'])
      .optional()
      .describe('Of the overview; default plans.'),
    cursor: z.string().max(200).optional(),
  }),
  run: async ({ planId, taskId, sessionId, blockerId, list = 'plans', cursor }, call) => {
    const ids = [planId, taskId, sessionId, blockerId].filter((id) => id !== undefined);
    if (ids.length > 1) return refuse('request.invalid', 'show_status takes one id at a time.');
    if (taskId !== undefined) {
      const offset = /^text:(\d{1,9})$/.exec(cursor ?? '')?.[1];
      if (offset !== undefined) return showTaskText(taskId, Number(offset), call);
      return showTask(taskId, call);
    }
    if (planId !== undefined) return showPlan(planId, cursor, call);
    if (sessionId !== undefined) return showSession(sessionId, call);
    if (blockerId !== undefined) return showBlocker(blockerId, call);
    return showOverview(list, cursor, call);
  },
});

function refuse(code: ErrorCode, detail: string): ToolResult {
  return { kind: 'problem', problem: problemOf(reject(code, detail)) };
}
