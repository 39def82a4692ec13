/** Being stuck: saying so, asking, helping, and lifting it. */
import {
  BlockerId,
  BlockerKind,
  CapabilityId,
  CAPABILITIES_MAX,
  REASON_CHARS_MAX,
  SessionId,
  TaskId,
} from '@infrafabric/protocol';
import type { OutputOf } from '@infrafabric/protocol';
import { z } from 'zod';
import type { JsonObject } from '../fit.ts';
import { defineTool, Key, ok } from '../tool.ts';
import { held, ownerOfHeld } from './held.ts';

const Words = z.string().min(1).max(REASON_CHARS_MAX);
const Release = z
  .boolean()
  .optional()
  .describe('true: give the lease back too, and take other work meanwhile.');

const raised = ({ blockerId, taskId, phase }: OutputOf<'blockers.raise'>): JsonObject => ({
  blockerId,
  taskId,
  phase,
  next: 'Call show_status with this blockerId later: resolution is the answer.',
});

export const reportBlocker = defineTool({
  name: 'report_blocker',
  description:
    'Report a blocker: say that you are stuck and what you need from others, so that a helper or a person comes.',
  effect: 'write',
  args: z.strictObject({
    ...held,
    kind: BlockerKind.exclude(['question']),
    title: Words.describe('What is missing, in one sentence.'),
    needs: z
      .array(CapabilityId)
      .max(CAPABILITIES_MAX)
      .optional()
      .describe('Capabilities that would help.'),
    waitsOn: TaskId.optional().describe('The task whose completion lifts it.'),
    release: Release,
    idempotencyKey: Key,
  }),
  owner: ownerOfHeld,
  run: async ({ needs, waitsOn, release, idempotencyKey: _key, ...rest }, { call }) => {
    const answer = await call('blockers.raise', {
      ...rest,
      ...(needs === undefined ? {} : { needs }),
      ...(waitsOn === undefined ? {} : { waitsOn }),
      ...(release === undefined ? {} : { release }),
    });
    return answer.kind === 'problem' ? answer : ok(raised(answer.output));
  },
});

export const askQuestion = defineTool({
  name: 'ask_question',
  description:
    'Ask a question about a task that you hold: people and other agents see it. Read the answer with show_status.',
  effect: 'write',
  args: z.strictObject({ ...held, question: Words, release: Release, idempotencyKey: Key }),
  owner: ownerOfHeld,
  run: async ({ taskId, fencingToken, question, release }, { call }) => {
    const answer = await call('blockers.raise', {
      taskId,
      fencingToken,
      kind: 'question',
      title: question,
      ...(release === undefined ? {} : { release }),
    });
    return answer.kind === 'problem' ? answer : ok(raised(answer.output));
  },
});

export const joinBlocker = defineTool({
  name: 'join_blocker',
  description: 'Join a blocker as helper: offer help to the agent that is stuck.',
  effect: 'write',
  args: z.strictObject({
    blockerId: BlockerId,
    sessionId: SessionId,
    note: z.string().max(REASON_CHARS_MAX).optional(),
    idempotencyKey: Key,
  }),
  owner: ({ sessionId }) => sessionId,
  run: async ({ blockerId, sessionId, note }, { call }) => {
    const input = { blockerId, sessionId, ...(note === undefined ? {} : { note }) };
    const answer = await call('blockers.join', input);
    if (answer.kind === 'problem') return answer;
    const next = 'Call resolve_blocker once it is lifted.';
    return ok({ blockerId, helpers: answer.output.helpers, next });
  },
});

export const resolveBlocker = defineTool({
  name: 'resolve_blocker',
  description:
    'Resolve a blocker or answer a question: say how it was lifted. For who raised it and its helpers.',
  effect: 'write',
  args: z.strictObject({
    blockerId: BlockerId,
    sessionId: SessionId,
    resolution: Words,
    idempotencyKey: Key,
  }),
  owner: ({ sessionId }) => sessionId,
  run: async ({ blockerId, sessionId, resolution }, { call }) => {
    const answer = await call('blockers.resolve', { blockerId, sessionId, resolution });
    if (answer.kind === 'problem') return answer;
    return ok({ blockerId, taskId: answer.output.taskId, phase: answer.output.phase });
  },
});
