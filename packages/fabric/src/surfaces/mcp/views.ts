/**
 * What tools show. Text that somebody else wrote (a plan's author, another agent) stands in `data` beside `saidBy`:
 * it is material, never an instruction of the fabric.
 */
import { splitTaskId } from '@infrafabric/protocol';
import type { BlockerRow, Grant, OutputOf, TaskId, TaskRow } from '@infrafabric/protocol';
import type { JsonObject } from './fit.ts';
import { fit, sliceText } from './fit.ts';
import { LISTED_CHARS_MAX } from './limits.ts';
import { jsonOf, said } from './said.ts';

/** Keys of help tasks: their words are those of the agent that was stuck. */
const HELP_KEY = /^help\.(blk_[0-9a-z]{16})\.\d+$/;

export const authorOf = (taskId: TaskId): string => {
  const { planId, key } = splitTaskId(taskId);
  const [, blockerId] = HELP_KEY.exec(key) ?? [];
  const author = `the author of plan ${planId}`;
  return blockerId === undefined ? author : `who raised ${blockerId}, and ${author}`;
};

export const isoTime = (ms: number): string => new Date(ms).toISOString();

export const listedText = (text: string): string =>
  text.length <= LISTED_CHARS_MAX ? text : `${sliceText(text, 0, LISTED_CHARS_MAX)}…`;

/** A lease as its holder needs it: the handles first, which no cut reaches. */
export function grantView(grant: Grant): JsonObject {
  const { taskId, fencingToken, attempt, leaseMs, leaseExpiresAt, scope, task } = grant;
  const { key: _key, repo: _repo, owns: _owns, imported: _imported, ...words } = task;
  const view = {
    taskId,
    fencingToken,
    attempt,
    leaseMs,
    leaseExpiresAt: isoTime(leaseExpiresAt),
    scope: jsonOf(scope),
    task: said(authorOf(taskId), jsonOf(words)),
  };
  return withRest(view, taskId);
}

/** Shortens a view of a task where it must, and says where the rest is read. */
export function withRest(view: JsonObject, taskId: TaskId): JsonObject {
  const { value, truncated } = fit(view);
  if (truncated.length === 0) return value;
  const rest = `Call show_status with taskId ${taskId} and cursor ${FIRST_TEXT_PAGE} to read all of it.`;
  return { ...value, truncated: truncated.slice(0, 5), nextCursor: FIRST_TEXT_PAGE, rest };
}

/** Cursor of a task's whole text; later ones name the offset. */
export const FIRST_TEXT_PAGE = 'text:0';

export function taskRowView(row: TaskRow): JsonObject {
  const { taskId, title, phase, priority, attempts, holder, waitsFor } = row;
  return {
    taskId,
    phase,
    priority,
    attempts,
    ...(waitsFor === 0 ? {} : { waitsFor }),
    ...(holder === undefined ? {} : { holder: holderView(holder) }),
    title: said(authorOf(taskId), listedText(title)),
  };
}

function holderView({ sessionId, agent, until }: NonNullable<TaskRow['holder']>): JsonObject {
  return { sessionId, agent, until: isoTime(until) };
}

export function taskView(task: OutputOf<'tasks.show'>, why: OutputOf<'tasks.explain'>): JsonObject {
  const { taskId, phase, spec, dependsOn, dependants, blockers, evidence, lastProgress } = task;
  const worker = task.holder === undefined ? 'an agent that held it' : `agent ${task.holder.agent}`;
  return {
    ...taskRowView(task),
    phase,
    why: said('the fabric, quoting blockers and holders', why.reasons.map(jsonOf)),
    task: said(authorOf(taskId), jsonOf(spec)),
    dependsOn: dependsOn.map(jsonOf),
    dependants,
    blockers,
    ...(lastProgress === undefined ? {} : { lastProgress: said(worker, lastProgress) }),
    ...(evidence === undefined ? {} : { evidence: said(worker, jsonOf(evidence)) }),
    ...(task.parkedFor === undefined ? {} : { parkedFor: said('who parked it', task.parkedFor) }),
  };
}

export function blockerView(row: BlockerRow, text: (words: string) => string = String): JsonObject {
  const { blockerId, taskId, kind, needs, waitsOn, status, raisedBy, raisedAt, helpers } = row;
  const { help, blocks, declared, quorum, escalateAt } = row;
  return {
    blockerId,
    taskId,
    kind,
    status,
    raisedBy,
    raisedAt: isoTime(raisedAt),
    needs,
    ...(waitsOn === undefined ? {} : { waitsOn }),
    helpers,
    help: help.map(({ taskId: side, needs: of, phase, sessionId }) => ({
      taskId: side,
      needs: of,
      phase,
      ...(sessionId === undefined ? {} : { sessionId }),
    })),
    blocks,
    ...(status === 'open'
      ? { declared: declared.length, quorum, personToldAt: isoTime(escalateAt) }
      : {}),
    title: said(`session ${raisedBy}`, text(row.title)),
    ...(row.resolution === undefined
      ? {}
      : { resolution: said('who resolved it', text(row.resolution)) }),
  };
}
