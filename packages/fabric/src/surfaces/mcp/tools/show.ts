/** The views of `show_status`, each below RESULT_BYTES_MAX. */
import { problemOf, reject } from '@infrafabric/protocol';
import type { ErrorCode, OutputOf, PlanRow, SessionRow } from '@infrafabric/protocol';
import type { JsonObject } from '../fit.ts';
import { bytesOf, digestOf, fit, fitRows, sliceText } from '../fit.ts';
import { PAGE_ROWS, TEXT_BYTES_PER_PAGE } from '../limits.ts';
import { jsonOf, said } from '../said.ts';
import type { Call, ToolResult } from '../tool.ts';
import { ok } from '../tool.ts';
import {
  authorOf,
  blockerView,
  isoTime,
  listedText,
  taskRowView,
  taskView,
  withRest,
} from '../views.ts';
import { findBlocker, findSession } from './search.ts';

type Reads = Pick<Call, 'call'>;
export type Listed = 'plans' | 'blockers' | 'sessions';

/** The realm in one look, with a page of its plans, open blockers or open sessions. */
export async function showOverview(
  list: Listed,
  cursor: string | undefined,
  { call }: Reads,
): Promise<ToolResult> {
  const status = await call('realm.status', {});
  if (status.kind === 'problem') return status;
  const { tasks, sessions, blockersOpen, plans, readOnly } = status.output;
  const { money, breakersOpen, escalationsOpen } = status.output;
  const counts = { tasks, sessions, blockersOpen, plans, breakersOpen, escalationsOpen };
  const envelope = { realm: { ...counts, money, readOnly } };
  const page = await pageOf(list, cursor, { call });
  if (page.kind === 'problem') return page;
  const { rows, nextCursor } = fitRows(page, { envelope, idOf: page.idOf });
  return ok({ ...envelope, [list]: rows, ...(nextCursor === undefined ? {} : { nextCursor }) });
}

type Page =
  | {
      readonly kind: 'page';
      readonly rows: readonly JsonObject[];
      readonly next: string | undefined;
      readonly idOf: (row: JsonObject) => string;
    }
  | Extract<ToolResult, { readonly kind: 'problem' }>;

async function pageOf(list: Listed, cursor: string | undefined, { call }: Reads): Promise<Page> {
  const page = { limit: PAGE_ROWS, ...(cursor === undefined ? {} : { after: cursor }) };
  switch (list) {
    case 'plans': {
      const answer = await call('plans.list', page);
      if (answer.kind === 'problem') return answer;
      const { plans, next } = answer.output;
      return { kind: 'page', rows: plans.map(planView), next, idOf: idIn('planId') };
    }
    case 'blockers': {
      const answer = await call('blockers.list', { ...page, status: 'open' });
      if (answer.kind === 'problem') return answer;
      const { blockers, next } = answer.output;
      const rows = blockers.map((row) => blockerView(row, listedText));
      return { kind: 'page', rows, next, idOf: idIn('blockerId') };
    }
    case 'sessions': {
      const answer = await call('sessions.list', { ...page, status: 'open' });
      if (answer.kind === 'problem') return answer;
      const { sessions, next } = answer.output;
      return { kind: 'page', rows: sessions.map(sessionView), next, idOf: idIn('sessionId') };
    }
  }
}

const idIn =
  (key: string) =>
  (row: JsonObject): string => {
    const id = row[key];
    return typeof id === 'string' ? id : '';
  };

const planView = ({ planId, title, status, counts }: PlanRow): JsonObject => ({
  planId,
  status,
  counts,
  title: said(`the author of plan ${planId}`, listedText(title)),
});

/** Capabilities and leases of a list entry; its own page has all. */
const LISTED_ITEMS = 10;

function sessionView(row: SessionRow): JsonObject {
  const { sessionId, agent, role, status, liveness, reason, capabilities, leases } = row;
  return {
    sessionId,
    agent,
    role,
    status,
    liveness,
    reason,
    lastEvidence: row.lastEvidence,
    lastEvidenceAt: isoTime(row.lastEvidenceAt),
    capabilities: capabilities.slice(0, LISTED_ITEMS),
    leases: leases.slice(0, LISTED_ITEMS),
  };
}

export async function showPlan(
  planId: string,
  cursor: string | undefined,
  { call }: Reads,
): Promise<ToolResult> {
  const plan = await call('plans.show', { planId });
  if (plan.kind === 'problem') return plan;
  const page = { planId, limit: PAGE_ROWS, ...(cursor === undefined ? {} : { after: cursor }) };
  const tasks = await call('tasks.list', page);
  if (tasks.kind === 'problem') return tasks;
  const envelope = { ...planView(plan.output), phases: phasesOf(plan.output) };
  const listed = { rows: tasks.output.tasks.map(taskRowView), next: tasks.output.next };
  const { rows, nextCursor } = fitRows(listed, { envelope, idOf: idIn('taskId') });
  return ok({ ...envelope, tasks: rows, ...(nextCursor === undefined ? {} : { nextCursor }) });
}

/** Phases that are not over yet: those tell what comes. */
const PHASES_SHOWN = 10;

function phasesOf({ phases }: OutputOf<'plans.show'>): readonly JsonObject[] {
  const ahead = phases.filter(({ status }) => status !== 'passed').slice(0, PHASES_SHOWN);
  return ahead.map(({ id, status, tasksLeft }) => ({ id, status, tasksLeft }));
}

export async function showTask(taskId: string, { call }: Reads): Promise<ToolResult> {
  const [task, why] = await Promise.all([
    call('tasks.show', { taskId }),
    call('tasks.explain', { taskId }),
  ]);
  if (task.kind === 'problem') return task;
  if (why.kind === 'problem') return why;
  return ok(withRest(taskView(task.output, why.output), task.output.taskId));
}

/** The whole of a task as its author wrote it, page by page. */
export async function showTaskText(
  taskId: string,
  offset: number,
  { call }: Reads,
): Promise<ToolResult> {
  const task = await call('tasks.show', { taskId });
  if (task.kind === 'problem') return task;
  const text = JSON.stringify(task.output.spec, undefined, 1);
  const page = textPage(text, offset);
  const end = offset + page.length;
  return ok({
    taskId,
    chars: text.length,
    digest: digestOf(text),
    task: said(authorOf(task.output.taskId), page),
    ...(end < text.length ? { nextCursor: `text:${end}` } : {}),
  });
}

function textPage(text: string, offset: number): string {
  let chars = TEXT_BYTES_PER_PAGE;
  // At least one character each: an escape has six bytes at most, so the second round fits.
  for (;;) {
    const page = sliceText(text, offset, offset + chars);
    const bytes = bytesOf(page);
    if (bytes <= TEXT_BYTES_PER_PAGE) return page;
    chars = Math.floor((chars * TEXT_BYTES_PER_PAGE) / bytes) - 1;
  }
}

export async function showSession(sessionId: string, reads: Reads): Promise<ToolResult> {
  const row = await findSession(sessionId, reads);
  if (row === undefined) return gone('session.not_found', `No open session is ${sessionId}.`);
  const view = { ...sessionView(row), capabilities: row.capabilities, leases: row.leases };
  const { value, truncated } = fit(view);
  return ok(truncated.length === 0 ? value : { ...value, truncated });
}

export async function showBlocker(blockerId: string, reads: Reads): Promise<ToolResult> {
  const row = await findBlocker(blockerId, reads);
  if (row === undefined) return gone('blocker.not_found', `There is no blocker ${blockerId}.`);
  const { value, truncated } = fit(jsonOf(blockerView(row)));
  return ok(truncated.length === 0 ? value : { ...value, truncated });
}

function gone(code: ErrorCode, detail: string): ToolResult {
  return { kind: 'problem', problem: problemOf(reject(code, detail)) };
}
