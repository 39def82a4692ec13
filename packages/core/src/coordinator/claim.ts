/** Decisions that grant leases: `tasks.claim` (this task) and `tasks.next` (the best for me). */
import { GRANTS_MAX, LEASE_MS_DEFAULT, reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import { accept, must, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { counted } from '../kernel/words.ts';
import type { GateTask, GrantGate } from '../kernel/gate.ts';
import { isEnough, shareOf, suitedBy } from './capabilities.ts';
import { cell, isHelp, NONE, PHASE, phaseName, priorityOf } from './columns.ts';
import type { TaskLeased } from './events.ts';
import { findTask, isSession, noTask, openSession } from './lease.ts';
import { globsOverlap, segmentsOf } from './paths.ts';
import { bestOf, peekBest } from './ready.ts';
import type { Chosen, Offer } from './ready.ts';
import { covers, findPlan, havesOf, holderNow, idOf, needsOf, planOf, specOf } from './state.ts';
import type { CoordinatorState, PlanState, SessionState } from './state.ts';
import { whyNotReady } from './why.ts';

export const decideClaim = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.claim'>>,
  gate: GrantGate,
): Decision => {
  const { args } = command;
  const session = openSession(state, args.sessionId);
  if (!isSession(session)) return session;
  const task = findTask(state, args.taskId);
  if (task === NONE) return noTask(args.taskId);
  // A claim by the session that holds the task is the same claim again (C5: the session, not the agent's name).
  if (session.leases.has(task)) return UNCHANGED;
  const offered = gateTask(state, session, task);
  const refusal = whyNotClaimed(state, task, session) ?? gate.closed ?? gate.refuse(offered);
  if (refusal !== undefined) return refusal;
  gate.take(offered);
  return accept(grant(state, task, { session, leaseMs: args.leaseMs }));
};

/** A task as the gate is asked about it. */
const gateTask = (state: CoordinatorState, session: SessionState, task: number): GateTask => {
  const needs = cell(state.tasks.needs, task);
  return {
    taskId: idOf(state, task),
    planId: planOf(state, task).id,
    spec: specOf(state, task),
    fence: cell(state.tasks.fence, task) + 1,
    attempt: cell(state.tasks.attempts, task) + 1,
    priority: priorityOf(state.tasks, task),
    isHelp: isHelp(state.tasks, task),
    matchPermille: shareOf(state.capabilities, session.capabilities, needs),
  };
};

/** Nobody is given a help task for a blocker of their own: not the session, not another one of the same agent. */
export const isOwnHelp = (
  state: CoordinatorState,
  task: number,
  { agent, id }: SessionState,
): boolean => {
  if (!isHelp(state.tasks, task)) return false;
  const blockerId = must(state.notes.get(task)?.helps, 'a help task of no blocker');
  const { raisedBy } = must(state.blockers.get(blockerId), 'a help task of no blocker');
  return raisedBy === id || state.sessions.get(raisedBy)?.agent === agent;
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
  if (isOwnHelp(state, task, session)) {
    return reject(
      'auth.forbidden',
      `${taskId} helps with a blocker of ${session.agent} itself; another one has to take it.`,
      { taskId },
    );
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
const offersFor = function* (
  { capabilities, readyPlans }: CoordinatorState,
  session: SessionState,
  plan?: PlanState,
): Generator<Offer> {
  const haves = session.capabilities;
  const suited = suitedBy(capabilities, haves);
  for (const { status, posted } of plan === undefined ? readyPlans : [plan]) {
    if (status !== 'active') continue;
    if (posted.size < suited.needs.length) {
      for (const queue of posted.values())
        if (isEnough(capabilities, haves, queue.needs))
          yield { queue, matchPermille: shareOf(capabilities, haves, queue.needs) };
      continue;
    }
    for (let i = 0; i < suited.needs.length; i += 1) {
      const queue = posted.get(must(suited.needs[i], 'needs outside their list'));
      if (queue !== undefined)
        yield { queue, matchPermille: must(suited.permilles[i], 'needs without a share') };
    }
  }
};

/** The ready task that a session would be given, or undefined; what a claim ticket waits for. */
export const bestReady = (
  state: CoordinatorState,
  sessionId: string,
  planId?: string,
): Chosen | undefined => {
  const session = openSession(state, sessionId);
  if (!isSession(session) || roomOf(session) <= 0) return undefined;
  const plan = planId === undefined ? undefined : findPlan(state, planId);
  if (planId !== undefined && plan === undefined) return undefined;
  const offers = [...offersFor(state, session, plan)];
  const best = peekBest(state.tasks, offers);
  if (best === undefined || !isOwnHelp(state, best.task, session)) return best;
  const [other] = bestOf(state.tasks, offers, 1, ({ task }) => !isOwnHelp(state, task, session));
  return other === undefined
    ? undefined
    : {
        task: other,
        matchPermille: shareOf(
          state.capabilities,
          session.capabilities,
          cell(state.tasks.needs, other),
        ),
      };
};

export const decideNext = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.next'>>,
  gate: GrantGate,
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
  if (gate.closed !== undefined) return gate.closed;
  const choice = new Choice(state, session, gate);
  const chosen = choice.from([...offersFor(state, session, plan)], room);
  // Nothing is ready, or all that is was refused: then the first of the reasons says more than silence.
  if (chosen.length === 0) return choice.refusal ?? UNCHANGED;
  return accept(...chosen.map((task) => grant(state, task, { session, leaseMs })));
};

/** Takes the best of what is offered to a session, none of which own a path of another one taken. */
class Choice {
  /** The first reason for which the gate let a task go by. */
  refusal: Rejection | undefined;
  readonly #state: CoordinatorState;
  readonly #session: SessionState;
  readonly #gate: GrantGate;
  readonly #over: ReadonlySet<number> | undefined;
  readonly #owned: { readonly repo: string; readonly glob: readonly string[] }[] = [];

  /** `over` are tasks that the same decision cancels. */
  constructor(
    state: CoordinatorState,
    session: SessionState,
    gate: GrantGate,
    over?: ReadonlySet<number>,
  ) {
    this.#state = state;
    this.#session = session;
    this.#gate = gate;
    this.#over = over;
  }

  from(offers: readonly Offer[], room: number): readonly number[] {
    const { tasks } = this.#state;
    if (room > 1) return bestOf(tasks, offers, room, ({ task }) => this.take(task));
    const best = peekBest(tasks, offers);
    if (best === undefined) return [];
    return this.take(best.task)
      ? [best.task]
      : bestOf(tasks, offers, 1, ({ task }) => task !== best.task && this.take(task));
  }

  /** Whether the session may have the task besides those taken before; if so it has it. */
  take(task: number): boolean {
    if (this.#over?.has(task) === true || isOwnHelp(this.#state, task, this.#session)) return false;
    const { repo = '', owns = [] } = specOf(this.#state, task);
    const globs = owns.map(segmentsOf);
    const clashes = this.#owned.some(
      (other) => other.repo === repo && globs.some((glob) => globsOverlap(glob, other.glob)),
    );
    if (clashes) return false;
    const offered = gateTask(this.#state, this.#session, task);
    const refusal = this.#gate.refuse(offered);
    this.refusal ??= refusal;
    if (refusal !== undefined) return false;
    this.#gate.take(offered);
    for (const glob of globs) this.#owned.push({ repo, glob });
    return true;
  }
}

/** What a completion makes of other tasks before the grant that goes with it. */
export interface Following {
  readonly released: readonly number[];
  /** Help that is over with it: these stand in the queues still. */
  readonly cancelled: ReadonlySet<number>;
}

/** The grant that goes with a completion, or none: the best of what is ready and of what the completion itself releases. */
export const grantAfter = (
  state: CoordinatorState,
  session: SessionState,
  { released, cancelled }: Following,
  gate: GrantGate,
): readonly TaskLeased[] => {
  if (gate.closed !== undefined) return [];
  const { tasks } = state;
  const offers = [...offersFor(state, session)];
  // What becomes ready by the completion stands in no queue yet: each is a queue of its own.
  for (const task of released) {
    if (!covers(state, session, task) || planOf(state, task).status !== 'active') continue;
    const queue = { needs: cell(tasks.needs, task), items: Int32Array.of(task), size: 1 };
    offers.push({
      queue,
      matchPermille: shareOf(state.capabilities, session.capabilities, queue.needs),
    });
  }
  const [chosen] = new Choice(state, session, gate, cancelled).from(offers, 1);
  return chosen === undefined ? [] : [grant(state, chosen, { session, leaseMs: undefined })];
};
