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
import { fit } from '../fit.ts';
import type { JsonObject } from '../fit.ts';
import { jsonOf } from '../said.ts';
import { defineTool, Key, ok } from '../tool.ts';
import { held, ownerOfHeld } from './held.ts';

const Words = z.string().min(1).max(REASON_CHARS_MAX);
const Release = z
  .boolean()
  .optional()
  .describe('true: give the lease back too, and take other work meanwhile.');

/** Who helps, which sides wait for somebody, what nobody has, and who was told: what is empty is left out. */
const raised = (output: OutputOf<'blockers.raise'>): JsonObject => {
  const { blockerId, taskId, phase, helpers, open, uncovered, escalationId } = output;
  const { value, truncated } = fit({
    blockerId,
    taskId,
    phase,
    ...(helpers.length === 0 ? {} : { helpers: helpers.map(helperView) }),
    ...(open.length === 0 ? {} : { open }),
    ...(uncovered.length === 0 ? {} : { uncovered }),
    ...(escalationId === undefined ? {} : { escalationId }),
  });
  return { ...value, ...(truncated.length === 0 ? {} : { truncated }), next: nextOf(output) };
};

type HelperRow = OutputOf<'blockers.raise'>['helpers'][number];

const helperView = ({ sessionId: _id, ...helper }: HelperRow): JsonObject => jsonOf(helper);

const nextOf = ({ helpers, open, escalationId }: OutputOf<'blockers.raise'>): string => {
  const look = 'Call show_status with this blockerId later: resolution is the answer.';
  if (helpers.length > 0)
    return `${helpers.length} help, each with a task of its own; it is lifted when they are done: take their work in. ${look}`;
  if (open.length > 0) return `Help waits for somebody who has room. ${look}`;
  return escalationId === undefined ? look : `Nobody can help; a person was told. ${look}`;
};

export const reportBlocker = defineTool({
  name: 'report_blocker',
  description:
    'Report a blocker: say that you are stuck and what you need from others. Who can help is given a task at once; the ' +
    'answer says who helps, what is open, and whether a person was told.',
  effect: 'write',
  args: z.strictObject({
    ...held,
    kind: BlockerKind.exclude(['question']),
    title: Words.describe('What is missing, in one sentence.'),
    needs: z
      .array(CapabilityId)
      .max(CAPABILITIES_MAX)
      .optional()
      .describe('Capabilities that would help, such as integration:sip; each goes to who has it.'),
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
    const { taskId, phase, status, declared, quorum } = answer.output;
    const view = { blockerId, taskId, phase, status };
    if (status === 'resolved') return ok(view);
    const next = `Counted: ${declared} of ${quorum} helpers say so. It is lifted when the others do, or its holder.`;
    return ok({ ...view, declared, quorum, next });
  },
});
