/** Folding of task, lease, session and blocker events. */
import { assert, must } from '../kernel/decision.ts';
import type { Entry } from '../kernel/decision.ts';
import { countHolders, internHaves } from './capabilities.ts';
import { cell, NONE, PHASE } from './columns.ts';
import type {
  BlockerRaised,
  BlockerResolved,
  ClaimRefused,
  LeaseExpired,
  SessionClosed,
  SessionOpened,
  TaskAccepted,
  TaskCancelled,
  TaskCompleted,
  TaskFailed,
  TaskLeased,
  TaskParked,
  TaskProgressed,
  TaskRejected,
  TaskSubmitted,
  WriteRefused,
} from './events.ts';
import {
  CLOSED_SESSIONS_KEPT_MAX,
  endLease,
  enterPhase,
  finish,
  holderNow,
  notesOf,
  RESOLVED_BLOCKERS_KEPT_MAX,
  settle,
  startLease,
} from './state.ts';
import type { CoordinatorState, SessionState } from './state.ts';
import { lookUp } from './task-index.ts';

/** Index of the task that an event names; events name tasks that exist. */
export const taskAt = (state: CoordinatorState, taskId: string): number => {
  const task = lookUp(state.index, state.tasks.ids, taskId);
  assert(task !== NONE, 'an event of no task');
  return task;
};

const sessionAt = (state: CoordinatorState, sessionId: string): SessionState =>
  must(state.sessions.get(sessionId), 'an event of no session');

export const foldLeased = (state: CoordinatorState, event: TaskLeased, entry: Entry): void => {
  startLease(state, taskAt(state, event.taskId), {
    session: sessionAt(state, event.sessionId),
    fence: event.fence,
    at: entry.at,
    epoch: entry.epoch,
    leaseMs: event.leaseMs,
  });
};

export const foldProgressed = (state: CoordinatorState, event: TaskProgressed): void => {
  if (event.note !== undefined) notesOf(state, taskAt(state, event.taskId)).progress = event.note;
};

export const foldReleased = (state: CoordinatorState, taskId: string): void => {
  const task = taskAt(state, taskId);
  endLease(state, task);
  settle(state, task);
};

export const foldSubmitted = (state: CoordinatorState, event: TaskSubmitted): void => {
  const task = taskAt(state, event.taskId);
  const { agent } = holderNow(state, task);
  endLease(state, task);
  enterPhase(state, task, PHASE.submitted);
  const notes = notesOf(state, task);
  notes.author = { session: event.sessionId, agent };
  if (event.evidence !== undefined) notes.evidence = event.evidence;
};

export const foldCompleted = (state: CoordinatorState, event: TaskCompleted): void => {
  const task = taskAt(state, event.taskId);
  assert(
    cell(state.tasks.phase, task) === PHASE.leased,
    'C2: a completion of a task that is not leased',
  );
  endLease(state, task);
  if (event.evidence !== undefined) notesOf(state, task).evidence = event.evidence;
  finish(state, task, 'done');
};

export const foldAccepted = (state: CoordinatorState, event: TaskAccepted): void => {
  const task = taskAt(state, event.taskId);
  assert(
    cell(state.tasks.phase, task) === PHASE.submitted,
    'C2: a completion of a task that was not submitted',
  );
  finish(state, task, 'done');
};

const countAttempt = (state: CoordinatorState, task: number): void => {
  state.tasks.attempts[task] = Math.min(255, cell(state.tasks.attempts, task) + 1);
};

export const foldRejected = (state: CoordinatorState, event: TaskRejected): void => {
  const task = taskAt(state, event.taskId);
  countAttempt(state, task);
  notesOf(state, task).progress = event.reason;
  settle(state, task);
};

export const foldFailed = (state: CoordinatorState, event: TaskFailed | LeaseExpired): void => {
  const task = taskAt(state, event.taskId);
  endLease(state, task);
  countAttempt(state, task);
  if (event.type === 'task.failed') notesOf(state, task).progress = event.reason;
  settle(state, task);
};

export const foldParked = (state: CoordinatorState, event: TaskParked): void => {
  const task = taskAt(state, event.taskId);
  if (cell(state.tasks.phase, task) === PHASE.leased) endLease(state, task);
  enterPhase(state, task, PHASE.parked);
  notesOf(state, task).parkedFor = event.reason;
};

export const foldUnparked = (state: CoordinatorState, taskId: string): void => {
  const task = taskAt(state, taskId);
  state.tasks.attempts[task] = 0;
  delete notesOf(state, task).parkedFor;
  settle(state, task);
};

export const foldCancelled = (state: CoordinatorState, event: TaskCancelled): void => {
  const task = taskAt(state, event.taskId);
  if (cell(state.tasks.phase, task) === PHASE.leased) endLease(state, task);
  finish(state, task, 'cancelled');
};

export const foldSessionOpened = (
  state: CoordinatorState,
  event: SessionOpened,
  entry: Entry,
): void => {
  const slot = state.freeSlots.pop() ?? state.slots.length;
  const session: SessionState = {
    slot,
    id: event.sessionId,
    agent: event.agent,
    role: event.role,
    ...(event.swarm === undefined ? {} : { swarm: event.swarm }),
    ...(event.label === undefined ? {} : { label: event.label }),
    capabilities: internHaves(state.capabilities, event.capabilities),
    leasesMax: event.leasesMax,
    openedAt: entry.at,
    leases: new Set(),
    refusals: { since: 0, count: 0 },
  };
  state.slots[slot] = session;
  state.sessions.set(session.id, session);
  state.openSessions += 1;
  countHolders(state.capabilities, session.capabilities, 1);
};

export const foldSessionClosed = (
  state: CoordinatorState,
  event: SessionClosed,
  entry: Entry,
): void => {
  const session = sessionAt(state, event.sessionId);
  for (const task of session.leases) {
    endLease(state, task);
    if (event.how === 'expired') countAttempt(state, task);
    settle(state, task);
  }
  session.closed = { how: event.how, reason: event.reason, at: entry.at };
  state.openSessions -= 1;
  countHolders(state.capabilities, session.capabilities, -1);
  state.closed.push(session.id);
  if (state.closed.length > CLOSED_SESSIONS_KEPT_MAX) forgetOldest(state);
};

/** Frees the slot of the session that ended first. It holds no lease, so no task names the slot. */
const forgetOldest = (state: CoordinatorState): void => {
  const oldest = sessionAt(state, must(state.closed.shift(), 'no session has ended'));
  state.sessions.delete(oldest.id);
  state.slots[oldest.slot] = undefined;
  state.freeSlots.push(oldest.slot);
};

export const foldBlockerRaised = (
  state: CoordinatorState,
  event: BlockerRaised,
  entry: Entry,
): void => {
  const task = taskAt(state, event.taskId);
  const waitsOn = event.waitsOn === undefined ? NONE : taskAt(state, event.waitsOn);
  state.blockers.set(event.blockerId, {
    id: event.blockerId,
    task,
    kind: event.kind,
    title: event.title,
    needs: event.needs,
    ...(waitsOn === NONE ? {} : { waitsOn }),
    raisedBy: event.sessionId,
    raisedAt: entry.at,
    helpers: [],
    help: [],
    declared: [],
    ...(event.quorum === undefined ? {} : { quorum: event.quorum }),
    blocks: event.blocks,
    escalateAt: event.escalateAt,
    escalated: false,
  });
  state.openBlockers += 1;
  const notes = notesOf(state, task);
  (notes.blockers ??= new Set()).add(event.blockerId);
  if (waitsOn !== NONE) (notesOf(state, waitsOn).lifts ??= new Set()).add(event.blockerId);
  if (!event.released) return;
  endLease(state, task);
  settle(state, task);
};

export const foldBlockerJoined = (
  state: CoordinatorState,
  blockerId: string,
  sessionId: string,
): void => {
  must(state.blockers.get(blockerId), 'a helper of no blocker').helpers.push(sessionId);
};

export const foldBlockerEscalated = (state: CoordinatorState, blockerId: string): void => {
  must(state.blockers.get(blockerId), 'an alert of no blocker').escalated = true;
};

export const foldBlockerResolved = (state: CoordinatorState, event: BlockerResolved): void => {
  const blocker = must(state.blockers.get(event.blockerId), 'a resolution of no blocker');
  assert(blocker.resolution === undefined, 'a blocker is resolved twice');
  blocker.resolution = event.resolution;
  state.openBlockers -= 1;
  state.resolved.push(blocker.id);
  if (state.resolved.length > RESOLVED_BLOCKERS_KEPT_MAX)
    state.blockers.delete(must(state.resolved.shift(), 'no blocker was resolved'));
  const note = 'a blocker without its note';
  must(notesOf(state, blocker.task).blockers, note).delete(blocker.id);
  if (blocker.waitsOn !== undefined)
    must(notesOf(state, blocker.waitsOn).lifts, note).delete(blocker.id);
  if (cell(state.tasks.phase, blocker.task) === PHASE.blocked) settle(state, blocker.task);
};

/** Length of the window in which the refusals of one session are counted, ms. */
export const REFUSAL_WINDOW_MS = 60_000;
/** Refusals of one session written down in a window: a loop of late writes may not fill the log. */
export const REFUSALS_PER_WINDOW_MAX = 10;

/** Whether another refusal of this session belongs in the log. */
export const mayRecordRefusal = (session: SessionState, at: number): boolean =>
  at - session.refusals.since >= REFUSAL_WINDOW_MS ||
  session.refusals.count < REFUSALS_PER_WINDOW_MAX;

export const foldRefused = (
  state: CoordinatorState,
  event: WriteRefused | ClaimRefused,
  entry: Entry,
): void => {
  const session = sessionAt(state, event.sessionId);
  session.refusals =
    entry.at - session.refusals.since >= REFUSAL_WINDOW_MS
      ? { since: entry.at, count: 1 }
      : { since: session.refusals.since, count: session.refusals.count + 1 };
};
