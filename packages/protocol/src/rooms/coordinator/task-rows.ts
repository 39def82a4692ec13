/** What readers see of tasks. */
import { z } from 'zod';
import { AgentName, BlockerId, PhaseKey, SessionId, TaskId, Timestamp } from '../../ids.ts';
import { Count } from '../../words.ts';
import { TaskPhase } from './words.ts';

export const TaskRow = z.strictObject({
  taskId: TaskId,
  title: z.string(),
  phase: TaskPhase,
  planPhase: PhaseKey.optional(),
  priority: z.int(),
  filler: z.boolean(),
  /** The blocker that it is a help for. */
  helps: BlockerId.optional(),
  fence: Count,
  attempts: Count,
  attemptsMax: Count,
  holder: z
    .strictObject({ sessionId: SessionId, agent: AgentName, since: Timestamp, until: Timestamp })
    .optional(),
  waitsFor: Count,
});
export type TaskRow = z.infer<typeof TaskRow>;

export const WhyNot = z.strictObject({
  code: z.enum([
    'dependency',
    'phase',
    'paused',
    'leased',
    'blocked',
    'submitted',
    'parked',
    'done',
    'cancelled',
    'path',
    'capability',
    'no-session',
    'ready',
  ]),
  text: z.string(),
  task: TaskId.optional(),
  session: SessionId.optional(),
  until: Timestamp.optional(),
});
export type WhyNot = z.infer<typeof WhyNot>;
