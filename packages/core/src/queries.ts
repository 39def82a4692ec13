/** What the engine and the surfaces ask of the world. Nothing here changes it. */
import { PAGE_ROWS_MAX, reject } from '@infrafabric/protocol';
import type { OutputOf, ParsedOf, Rejection, TaskPhase } from '@infrafabric/protocol';
import {
  bestReady,
  blockerRow,
  cell,
  countsOf,
  explain,
  findPlan,
  findTask,
  holderOf,
  idOf,
  NONE,
  page,
  PAGE_ROWS_DEFAULT,
  phaseName,
  planDetail,
  planRow,
  sessionRow,
  specOf,
  staleRejection,
  taskDetail,
  taskRow,
  tasksWhere,
} from './coordinator/index.ts';
import type { RenewedAt, Seen, SessionState } from './coordinator/index.ts';
import { accountRow, meritOf, swarmOfSession } from './governor/index.ts';
import type { Fence } from './kernel/decision.ts';
import { answeredBy } from './realm/index.ts';
import type { World } from './world.ts';

export interface LiveLease {
  readonly taskId: string;
  readonly fence: number;
  /** Epoch of the leader that granted it. */
  readonly epoch: number;
  readonly sessionId: string;
  readonly leaseMs: number;
  readonly grantedAt: number;
  readonly attempt: number;
}

const leaseAt = ({ coordinator: state }: World, task: number, sessionId: string): LiveLease => ({
  taskId: idOf(state, task),
  fence: cell(state.tasks.fence, task),
  epoch: cell(state.tasks.grantEpoch, task),
  sessionId,
  leaseMs: cell(state.tasks.leaseMs, task),
  grantedAt: cell(state.tasks.grantedAt, task),
  attempt: cell(state.tasks.attempts, task) + 1,
});

/** The live lease of a task, or undefined. */
export const leaseOf = (world: World, taskId: string): LiveLease | undefined => {
  const task = findTask(world.coordinator, taskId);
  const holder = task === NONE ? undefined : holderOf(world.coordinator, task);
  return holder === undefined ? undefined : leaseAt(world, task, holder.id);
};

/** What became of a task since the grant that a stale fence names, as a sentence for whoever held it. */
export const whyStale = (world: World, taskId: string, fence: Fence): string => {
  const task = findTask(world.coordinator, taskId);
  return task === NONE
    ? `There is no task ${taskId}.`
    : staleRejection(world.coordinator, task, fence).detail;
};

/** Every live lease of the realm, by session. */
export const liveLeases = function* (world: World): Generator<LiveLease> {
  for (const session of openSessions(world))
    for (const task of session.leases) yield leaseAt(world, task, session.id);
};

/** The live leases of one session. */
export const leasesOfSession = (world: World, sessionId: string): readonly LiveLease[] =>
  [...(world.coordinator.sessions.get(sessionId)?.leases ?? [])].map((task) =>
    leaseAt(world, task, sessionId),
  );

export const sessionOf = (world: World, sessionId: string): SessionState | undefined =>
  world.coordinator.sessions.get(sessionId);

/** Every session that has not ended. */
export const openSessions = function* (world: World): Generator<SessionState> {
  for (const session of world.coordinator.slots) {
    if (session !== undefined && session.closed === undefined) yield session;
  }
};

/** The specification of a task that exists. */
export const taskSpec = (world: World, taskId: string): ReturnType<typeof specOf> | undefined => {
  const task = findTask(world.coordinator, taskId);
  return task === NONE ? undefined : specOf(world.coordinator, task);
};

/** The phase of a task, or undefined where there is no such task. */
export const taskPhase = (world: World, taskId: string): TaskPhase | undefined => {
  const task = findTask(world.coordinator, taskId);
  return task === NONE ? undefined : phaseName(world.coordinator.tasks, task);
};

export const readyVersion = (world: World): number => world.coordinator.readyVersion;

/** What a session that waits would be given, as far as others that wait are compared with it. */
export interface WaitingOffer {
  readonly taskId: string;
  /** The lower the more urgent: help, work by priority, fillers. */
  readonly rank: number;
  /** match × reputation ÷ price; nought for a session of no registered swarm. */
  readonly score: number;
}

/** What a session would be given now, or undefined. */
export const offerFor = (
  { coordinator, governor }: World,
  sessionId: string,
  planId?: string,
): WaitingOffer | undefined => {
  const best = bestReady(coordinator, sessionId, planId);
  if (best === undefined) return undefined;
  const swarm = swarmOfSession(governor, sessionId);
  return {
    taskId: idOf(coordinator, best.task),
    rank: cell(coordinator.tasks.rank, best.task),
    score: swarm === undefined ? 0 : best.matchPermille * meritOf(swarm),
  };
};

export const hasReadyFor = (world: World, sessionId: string, planId?: string): boolean =>
  bestReady(world.coordinator, sessionId, planId) !== undefined;

/** Index of the entry that answered an idempotency key, or undefined. */
export const idempotent = (world: World, digest: string): number | undefined =>
  answeredBy(world.realm, digest);

/** What the leader's memory knows and the log does not. */
export interface Soft {
  readonly at: number;
  renewedAt(taskId: string): number | undefined;
  presence(sessionId: string): Seen;
}

const renewals =
  (world: World, soft: Soft): RenewedAt =>
  (task) =>
    soft.renewedAt(idOf(world.coordinator, task));

export const viewPlans = (world: World, input: ParsedOf<'plans.list'>): OutputOf<'plans.list'> => {
  const { rows, next } = page(world.coordinator.plans, input, {
    id: (plan) => plan.id,
    row: planRow,
  });
  return { plans: [...rows], ...(next === undefined ? {} : { next }) };
};

export const viewPlan = (
  world: World,
  input: ParsedOf<'plans.show'>,
): OutputOf<'plans.show'> | Rejection => {
  const plan = findPlan(world.coordinator, input.planId);
  if (plan === undefined) return reject('plan.not_found', `There is no plan ${input.planId}.`);
  const detail = planDetail(world.coordinator, plan);
  return { ...planRow(plan), ...detail, phases: [...detail.phases] };
};

export const viewTasks = (
  world: World,
  input: ParsedOf<'tasks.list'>,
  soft: Soft,
): OutputOf<'tasks.list'> | Rejection => {
  const { coordinator: state } = world;
  const plan = input.planId === undefined ? undefined : findPlan(state, input.planId);
  if (input.planId !== undefined && plan === undefined) {
    return reject('plan.not_found', `There is no plan ${input.planId}.`);
  }
  const behind = input.after === undefined ? NONE : findTask(state, input.after);
  if (input.after !== undefined && behind === NONE) {
    return reject('request.invalid', `A page cannot go on after ${input.after}, which is no task.`);
  }
  const { rows, next } = page(
    tasksWhere(state, { plan, phase: input.phase, behind }),
    { limit: Math.min(input.limit ?? PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX) },
    { id: (task) => idOf(state, task), row: (task) => taskRow(state, task, renewals(world, soft)) },
  );
  return { tasks: [...rows], ...(next === undefined ? {} : { next }) };
};

export const viewTask = (
  world: World,
  input: ParsedOf<'tasks.show'>,
  soft: Soft,
): OutputOf<'tasks.show'> | Rejection => {
  const task = findTask(world.coordinator, input.taskId);
  if (task === NONE) return reject('task.not_found', `There is no task ${input.taskId}.`);
  return taskDetail(world.coordinator, task, renewals(world, soft));
};

/** Why a task is not running. Without `soft` the answer does not say until when a lease lasts. */
export const explainTask = (
  world: World,
  input: ParsedOf<'tasks.explain'>,
  soft?: Soft,
): OutputOf<'tasks.explain'> | Rejection => {
  const task = findTask(world.coordinator, input.taskId);
  if (task === NONE) return reject('task.not_found', `There is no task ${input.taskId}.`);
  return {
    taskId: input.taskId,
    phase: phaseName(world.coordinator.tasks, task),
    reasons: explain(
      world.coordinator,
      task,
      soft === undefined ? undefined : renewals(world, soft),
    ),
  };
};

export const viewSessions = (
  world: World,
  input: ParsedOf<'sessions.list'>,
  soft: Soft,
): OutputOf<'sessions.list'> => {
  const { rows, next } = page(world.coordinator.sessions.values(), input, {
    id: (session) => session.id,
    row: (session) =>
      sessionRow(world.coordinator, session, {
        presence: soft.presence(session.id),
        at: soft.at,
      }),
    keep: (session) =>
      input.status === undefined || (input.status === 'open') === (session.closed === undefined),
  });
  return { sessions: [...rows], ...(next === undefined ? {} : { next }) };
};

export const viewBlockers = (
  world: World,
  input: ParsedOf<'blockers.list'>,
): OutputOf<'blockers.list'> => {
  const { rows, next } = page(world.coordinator.blockers.values(), input, {
    id: (blocker) => blocker.id,
    row: (blocker) => blockerRow(world.coordinator, blocker),
    keep: (blocker) =>
      input.status === undefined ||
      (input.status === 'open') === (blocker.resolution === undefined),
  });
  return { blockers: [...rows], ...(next === undefined ? {} : { next }) };
};

const moneyOfRealm = ({ governor }: World): OutputOf<'realm.status'>['money'] => {
  const { limitMicroUsd, reservedMicroUsd, spentMicroUsd, overrunMicroUsd } = accountRow(
    governor,
    'realm',
  );
  return { limitMicroUsd, reservedMicroUsd, spentMicroUsd, overrunMicroUsd };
};

/** The part of `realm.status` that the world knows. */
export const viewStatus = (
  world: World,
): Pick<
  OutputOf<'realm.status'>,
  | 'origin'
  | 'epoch'
  | 'size'
  | 'tasks'
  | 'blockersOpen'
  | 'breakersOpen'
  | 'escalationsOpen'
  | 'money'
  | 'plans'
> & {
  readonly openSessions: number;
} => ({
  origin: world.realm.origin,
  epoch: world.realm.epoch,
  size: world.realm.size,
  tasks: countsOf(world.coordinator.counts),
  blockersOpen: world.coordinator.openBlockers,
  breakersOpen: world.governor.swarms.size - world.governor.index.byId.size,
  escalationsOpen: world.governor.openEscalations,
  money: moneyOfRealm(world),
  plans: world.coordinator.plans.length,
  openSessions: world.coordinator.openSessions,
});
