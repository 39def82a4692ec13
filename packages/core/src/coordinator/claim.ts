/** Decisions that grant leases: `tasks.claim` (this task) and `tasks.next` (the best for me). */
import { GRANTS_MAX, LEASE_MS_DEFAULT, reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import { accept, must, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { counted } from '../kernel/words.ts';
import { before, bestOf, peekBest } from './ready.ts';
import type { ReadyQueue } from './ready.ts';
import { cell, NONE, PHASE, phaseName } from './columns.ts';
import type { TaskLeased } from './events.ts';
import { findTask, isSession, noTask, openSession } from './lease.ts';
import { globsOverlap, segmentsOf } from './paths.ts';
import {
  coverOf,
  covers,
  findPlan,
  havesOf,
  holderNow,
  idOf,
  needsOf,
  planOf,
  specOf,
} from './state.ts';
import type { CoordinatorState, PlanState, SessionState } from './state.ts';
import { whyNotReady } from './why.ts';

export const decideClaim = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.claim'>>,
): Decision => {
  const { args } = command;
  const session = openSession(state, args.sessionId);
  if (!isSession(session)) return session;
  const task = findTask(state, args.taskId);
  if (task === NONE) return noTask(args.taskId);
  // A claim by the session that holds the task is the same claim again (C5: the session, not the agent's name).
  if (session.leases.has(task)) return UNCHANGED;
  const refusal = whyNotClaimed(state, task, session);
  if (refusal !== undefined) return refusal;
  return accept(grant(state, task, { session, leaseMs: args.leaseMs }));
};

const whyNotClaimed = (
  state: CoordinatorState,
  task: number,
  session: SessionState,
): Rejection | undefined => {
  const taskId = idOf(state, task);
  if (cell(state.tasks.phase, task) !== PHASE.ready) return refusalByPhase(state, task);
  if (planOf(state, task).status === 'paused') {
    return reject('task.suspended', `The plan of ${taskId} is paused.`, { taskId });
  }
  const missing = missingCapabilities(state, task, session);
  if (missing.length > 0) {
    return reject(
      'capability.missing',
      `${taskId} needs ${missing.join(', ')}, which session ${session.id} lacks.`,
      {
        taskId,
        missing,
      },
    );
  }
  return roomOf(session) > 0 ? undefined : fullRejection(session);
};

const missingCapabilities = (
  state: CoordinatorState,
  task: number,
  session: SessionState,
): string[] => {
  if (covers(state, session, task)) return [];
  const has = havesOf(state, session);
  return needsOf(state, task).filter((need) => !has.has(need));
};

const roomOf = (session: SessionState): number => session.leasesMax - session.leases.size;

const fullRejection = (session: SessionState): Rejection =>
  reject(
    'session.full',
    `Session ${session.id} holds ${counted(session.leases.size, 'lease')}, as many as it may. Complete or release one first.`,
    { leases: session.leases.size },
  );

const refusalByPhase = (state: CoordinatorState, task: number): Rejection => {
  const taskId = idOf(state, task);
  switch (phaseName(state.tasks, task)) {
    case 'leased':
      return leasedRejection(state, task);
    case 'done':
      return reject('task.done', `${taskId} is done.`, { taskId });
    case 'cancelled':
      return reject('task.cancelled', `${taskId} was cancelled.`, { taskId });
    case 'parked':
      return parkedRejection(state, task);
    case 'waiting':
    case 'blocked':
    case 'submitted':
    case 'ready':
      return notReadyRejection(state, task);
  }
};

const leasedRejection = (state: CoordinatorState, task: number): Rejection => {
  const taskId = idOf(state, task);
  const { id, agent } = holderNow(state, task);
  return reject(
    'task.leased',
    `${taskId} is leased by ${agent} (session ${id}). Ask for another task.`,
    { taskId, holder: { sessionId: id, agent } },
  );
};

const parkedRejection = (state: CoordinatorState, task: number): Rejection => {
  const taskId = idOf(state, task);
  const why = must(state.notes.get(task)?.parkedFor, 'a task parked for nothing');
  return reject('task.parked', `${taskId} is parked: ${why}. An operator can unpark it.`, {
    taskId,
    why,
  });
};

/** Reasons that a refusal lists; `tasks.explain` has them all. */
const REASONS_LISTED_MAX = 10;

const notReadyRejection = (state: CoordinatorState, task: number): Rejection => {
  const taskId = idOf(state, task);
  const phase = phaseName(state.tasks, task);
  const reasons = whyNotReady(state, task);
  const text = reasons.map((reason) => reason.text).join('; ');
  return reject(
    reasons.every(({ code }) => code === 'path') ? 'task.path_owned' : 'task.not_ready',
    `${taskId} is ${phase}: ${text}.`,
    { taskId, phase, reasons: reasons.slice(0, REASONS_LISTED_MAX) },
  );
};

const grant = (
  state: CoordinatorState,
  task: number,
  to: { readonly session: SessionState; readonly leaseMs: number | undefined },
): TaskLeased => ({
  attempt: cell(state.tasks.attempts, task) + 1,
  fence: cell(state.tasks.fence, task) + 1,
  leaseMs: to.leaseMs ?? specOf(state, task).leaseMs ?? LEASE_MS_DEFAULT,
  sessionId: to.session.id,
  taskId: idOf(state, task),
  type: 'task.leased',
});

/** The queues that hold tasks which the session can do: of one plan, or of all that are not paused. */
const queuesFor = (
  state: CoordinatorState,
  session: SessionState,
  plan?: PlanState,
): ReadyQueue[] => {
  const covered = coverOf(state.capabilities, session);
  const queues: ReadyQueue[] = [];
  for (const one of plan === undefined ? state.readyPlans : [plan]) {
    if (one.status !== 'active') continue;
    for (const [needs, queue] of one.queues)
      if (queue.size > 0 && covered.has(needs)) queues.push(queue);
  }
  return queues;
};

/** Whether any ready task suits the session; what a claim ticket waits for. */
export const hasReady = (state: CoordinatorState, sessionId: string, planId?: string): boolean => {
  const session = openSession(state, sessionId);
  if (!isSession(session)) return false;
  const plan = planId === undefined ? undefined : findPlan(state, planId);
  return roomOf(session) > 0 && queuesFor(state, session, plan).length > 0;
};

export const decideNext = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.next'>>,
): Decision => {
  const { sessionId, count, leaseMs, planId } = command.args;
  const session = openSession(state, sessionId);
  if (!isSession(session)) return session;
  const plan = planId === undefined ? undefined : findPlan(state, planId);
  if (planId !== undefined && plan === undefined) {
    return reject('plan.not_found', `There is no plan ${planId}.`, { planId });
  }
  const room = Math.min(count ?? 1, GRANTS_MAX, roomOf(session));
  if (room <= 0) return fullRejection(session);
  const chosen = chooseReady(state, queuesFor(state, session, plan), room);
  if (chosen.length === 0) return UNCHANGED;
  return accept(...chosen.map((task) => grant(state, task, { session, leaseMs })));
};

/** The best ready tasks, none of which own a path of another one chosen. */
const chooseReady = (
  state: CoordinatorState,
  queues: readonly ReadyQueue[],
  room: number,
): readonly number[] => {
  if (room === 1) {
    const best = peekBest(state.tasks, queues);
    return best === NONE ? [] : [best];
  }
  const owned: { readonly repo: string; readonly glob: readonly string[] }[] = [];
  return bestOf(state.tasks, queues, room, (task) => {
    const { repo = '', owns = [] } = specOf(state, task);
    const globs = owns.map(segmentsOf);
    const clashes = owned.some(
      (other) => other.repo === repo && globs.some((glob) => globsOverlap(glob, other.glob)),
    );
    if (!clashes) for (const glob of globs) owned.push({ repo, glob });
    return !clashes;
  });
};

/** The grant that goes with a completion, or none: the best of what is ready and of what the completion itself releases. */
export const grantAfter = (
  state: CoordinatorState,
  session: SessionState,
  released: readonly number[],
): readonly TaskLeased[] => {
  let best = peekBest(state.tasks, queuesFor(state, session));
  for (const task of released) {
    if (!covers(state, session, task) || planOf(state, task).status !== 'active') continue;
    if (best === NONE || before(state.tasks, task, best)) best = task;
  }
  return best === NONE ? [] : [grant(state, best, { session, leaseMs: undefined })];
};
