/** Decisions about a task by others than its holder: a verdict on what was submitted, and an operator's word. */
import { reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import { accept, must } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { cell, NONE, PHASE } from './columns.ts';
import { consequences, parked, parkedAfter, releasedBy, releasesOf } from './consequences.ts';
import { faultInGates } from './evidence.ts';
import { findTask, isSession, noTask, openSession } from './lease.ts';
import { idOf, specOf } from './state.ts';
import type { CoordinatorState, SessionState } from './state.ts';

type Judge = Command<ArgsOf<'tasks.judge'>>;

export const decideJudge = (state: CoordinatorState, command: Judge): Decision => {
  const { taskId, verdict, sessionId } = command.args;
  const task = findTask(state, taskId);
  if (task === NONE) return noTask(taskId);
  if (cell(state.tasks.phase, task) !== PHASE.submitted) {
    return reject('task.not_submitted', `${taskId} does not wait for a verdict.`, { taskId });
  }
  const named = sessionId ?? command.session;
  const session = named === undefined ? undefined : openSession(state, named);
  if (session !== undefined && !isSession(session)) return session;
  const by = session?.agent ?? command.principal;
  return (
    ownWork(state, task, { by, session, principal: command.principal }) ??
    (verdict === 'accept' ? accepted(state, command, by) : sentBack(state, command, by))
  );
};

/** Nobody reviews their own work: not the session, not another one of the same agent, not under another's name. */
const ownWork = (
  state: CoordinatorState,
  task: number,
  who: {
    readonly by: string;
    readonly session: SessionState | undefined;
    readonly principal: string;
  },
): Rejection | undefined => {
  const author = must(state.notes.get(task)?.author, 'a submission of nobody').agent;
  if (author !== who.by && author !== who.principal) return undefined;
  const taskId = idOf(state, task);
  return reject('review.own_work', `${author} submitted ${taskId}; another one has to judge it.`, {
    taskId,
    by: author,
  });
};

const accepted = (state: CoordinatorState, command: Judge, by: string): Decision => {
  const { taskId, gates, reason, sessionId } = command.args;
  const task = findTask(state, taskId);
  // An operator may accept on their own word, with a reason that the log keeps; a runner must bring the results.
  const onTheirWord =
    command.cred === 'operator' &&
    sessionId === undefined &&
    reason !== undefined &&
    gates === undefined;
  const fault = onTheirWord ? undefined : faultInGates(specOf(state, task), gates, taskId);
  if (fault !== undefined) return fault;
  const author = must(state.notes.get(task)?.author, 'a submission of nobody').session;
  const following = consequences(state, task, 'done', author);
  return accept(
    {
      author,
      by,
      ...(gates === undefined ? {} : { gates }),
      ...(reason === undefined ? {} : { reason }),
      ...releasesOf(state, releasedBy(state, task, following)),
      taskId,
      type: 'task.accepted',
    },
    ...following,
  );
};

const sentBack = (state: CoordinatorState, command: Judge, by: string): Decision => {
  const { taskId, gates, reason = 'sent back' } = command.args;
  const task = findTask(state, taskId);
  return accept(
    {
      author: must(state.notes.get(task)?.author, 'a submission of nobody').session,
      by,
      ...(gates === undefined ? {} : { gates }),
      reason,
      taskId,
      type: 'task.rejected',
    },
    ...parkedAfter(state, task, reason),
  );
};

export const decideCancelTask = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.cancel'>>,
): Decision => {
  const { taskId, reason } = command.args;
  const task = findTask(state, taskId);
  if (task === NONE) return noTask(taskId);
  return (
    finishedFault(state, task) ??
    accept({ reason, taskId, type: 'task.cancelled' }, ...consequences(state, task, 'cancelled'))
  );
};

const finishedFault = (state: CoordinatorState, task: number): Rejection | undefined => {
  const taskId = idOf(state, task);
  const phase = cell(state.tasks.phase, task);
  if (phase === PHASE.done) return reject('task.done', `${taskId} is done.`, { taskId });
  if (phase === PHASE.cancelled)
    return reject('task.cancelled', `${taskId} was cancelled.`, { taskId });
  return undefined;
};

export const decidePark = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.park'>>,
): Decision => {
  const { taskId, reason } = command.args;
  const task = findTask(state, taskId);
  if (task === NONE) return noTask(taskId);
  const fault = finishedFault(state, task);
  if (fault !== undefined) return fault;
  if (cell(state.tasks.phase, task) === PHASE.parked) {
    return reject('task.parked', `${taskId} is parked already.`, { taskId });
  }
  return accept(parked(taskId, reason));
};

export const decideUnpark = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.unpark'>>,
): Decision => {
  const { taskId } = command.args;
  const task = findTask(state, taskId);
  if (task === NONE) return noTask(taskId);
  if (cell(state.tasks.phase, task) !== PHASE.parked) {
    return reject('task.not_parked', `${taskId} is not parked.`, { taskId });
  }
  return accept({ taskId, type: 'task.unparked' });
};
