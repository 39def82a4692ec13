/** Who may write about a task: the one bearer of its current lease. */
import { reject } from '@infrafabric/protocol';
import type { ErrorCode, Rejection } from '@infrafabric/protocol';
import type { Command, Fence, Refused } from '../kernel/decision.ts';
import { cell, NONE, PHASE, phaseName } from './columns.ts';
import { mayRecordRefusal } from './fold-task.ts';
import { holderNow, holderOf, idOf } from './state.ts';
import type { CoordinatorState, SessionState } from './state.ts';
import { lookUp } from './task-index.ts';

export interface Held {
  readonly kind: 'held';
  readonly task: number;
  readonly session: SessionState;
}

/** Finds a task by id, or says that there is none. */
export const findTask = (state: CoordinatorState, taskId: string): number =>
  lookUp(state.index, state.tasks.ids, taskId);

export const noTask = (taskId: string): Rejection =>
  reject('task.not_found', `There is no task ${taskId}.`, { taskId });

/** An open session, or why it cannot act. */
export const openSession = (
  state: CoordinatorState,
  sessionId: string,
): SessionState | Rejection => {
  const session = state.sessions.get(sessionId);
  if (session === undefined)
    return reject('session.not_found', `There is no session ${sessionId}.`, { sessionId });
  if (session.closed === undefined) return session;
  const { how, reason } = session.closed;
  return reject('session.ended', `Session ${sessionId} was ${how}: ${reason}.`, { sessionId, how });
};

export const isSession = (value: SessionState | Rejection): value is SessionState =>
  !('kind' in value);

/** Whether a fence names the lease that the task has now: epoch of the grant, number and holder must all be right. */
export const isCurrent = (state: CoordinatorState, task: number, fence: Fence): boolean =>
  cell(state.tasks.phase, task) === PHASE.leased &&
  cell(state.tasks.fence, task) === fence.n &&
  cell(state.tasks.grantEpoch, task) === fence.epoch &&
  holderOf(state, task)?.id === fence.holder;

/**
 * The lease behind a write, or the refusal of a stale one: it names who holds the task now, and goes into the log
 * unless the same session was refused too often lately (C1, C5).
 */
export const heldBy = (
  state: CoordinatorState,
  command: Command<{ readonly taskId: string; readonly fence: Fence }>,
): Held | Rejection | Refused => {
  const { taskId, fence } = command.args;
  const task = findTask(state, taskId);
  if (task === NONE) return noTask(taskId);
  // C5: the token of one session is worth nothing in the hands of another.
  if (command.session !== undefined && command.session !== fence.holder) {
    return reject(
      'auth.forbidden',
      `The lease belongs to session ${fence.holder}, and this credential to ${command.session}.`,
      { taskId, holder: fence.holder },
    );
  }
  if (isCurrent(state, task, fence)) return { kind: 'held', task, session: holderNow(state, task) };
  return refuseWrite(state, command, staleRejection(state, task, fence));
};

/** What became of the task since the grant that a stale token names. */
export const staleRejection = (state: CoordinatorState, task: number, fence: Fence): Rejection => {
  const holder = holderOf(state, task);
  const phase = phaseName(state.tasks, task);
  const current = cell(state.tasks.fence, task);
  const now =
    holder === undefined
      ? `the task is ${phase} and nobody holds it`
      : `it is leased to ${holder.agent} (session ${holder.id}) under fence ${current}`;
  return reject(
    'lease.stale',
    `The lease of ${idOf(state, task)} with fence ${fence.n} has ended; ${now}. Stop this work and ask for another task.`,
    {
      taskId: idOf(state, task),
      fence: fence.n,
      currentFence: current,
      phase,
      ...(holder === undefined ? {} : { holder: { sessionId: holder.id, agent: holder.agent } }),
    },
  );
};

const refuseWrite = (
  state: CoordinatorState,
  command: Command<{ readonly taskId: string; readonly fence: Fence }>,
  rejection: Rejection,
): Rejection | Refused => {
  const { taskId, fence } = command.args;
  const session = state.sessions.get(fence.holder);
  if (session === undefined || !mayRecordRefusal(session, command.at)) return rejection;
  const code: ErrorCode = rejection.code;
  return {
    kind: 'refuse',
    rejection,
    record: {
      code,
      fence: fence.n,
      op: command.op,
      sessionId: session.id,
      taskId,
      type: 'write.refused',
    },
  };
};
