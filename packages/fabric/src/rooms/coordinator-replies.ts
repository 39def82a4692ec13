/** The coordinator's replies: from the events of an entry to the output of its operation. */
import {
  SESSION_TOKEN_MS,
  timestamp,
  type Grant,
  type OutputOf,
  type TaskPhase,
} from '@infrafabric/protocol';
import {
  findBlocker,
  helpsWith,
  leaseOf,
  moneyOfTask,
  sessionOf,
  taskPhase,
  taskSpec,
  type ArgsOf,
  type DomainEvent,
  type WriteName,
} from '@infrafabric/core';

import type { Committed } from '../engine/call.ts';
import { HEARTBEAT_MS } from '../engine/limits.ts';
import type { ChassisWrite } from './chassis.ts';
import type { GovernorWrite } from './governor.ts';
import { eventOf, trusted, type Replies, type RoomContext, type Unchangeds } from './room.ts';

/** Every write of the coordinator: all but the other rooms'. */
export type CoordinatorWrite = Exclude<
  WriteName,
  GovernorWrite | ChassisWrite | `realm.${string}` | `witness.${string}`
>;

const has = (entry: Committed, type: DomainEvent['type']): boolean =>
  entry.events.some((event) => event.type === type);

interface GrantFacts {
  readonly taskId: string;
  readonly fence: number;
  readonly attempt: number;
  readonly leaseMs: number;
  readonly sessionId: string;
  readonly epoch: number;
  /** From when the lease is counted, wall time. */
  readonly from: number;
  /** What its entry set aside for it; absent: what is set aside now. */
  readonly reserved?: number;
}

const grantOf = (facts: GrantFacts, { world, tokens }: RoomContext): Grant => {
  const spec = taskSpec(world, facts.taskId);
  if (spec === undefined) throw new Error(`defect: a lease of no task ${facts.taskId}`);
  const { repo, owns } = spec;
  const { limitMicroUsd, reservedMicroUsd } = moneyOfTask(world, facts.taskId);
  const helps = helpsWith(world, facts.taskId);
  return {
    taskId: trusted(facts.taskId),
    fencingToken: tokens.fencingToken(facts),
    fence: facts.fence,
    attempt: facts.attempt,
    leaseMs: facts.leaseMs,
    leaseExpiresAt: timestamp(facts.from + facts.leaseMs),
    scope: {
      ...(repo === undefined ? {} : { repo }),
      ...(owns === undefined ? {} : { owns }),
      limitMicroUsd,
      reservedMicroUsd: facts.reserved ?? reservedMicroUsd,
      ...(helps === undefined ? {} : { helps: trusted(helps) }),
    },
    task: spec,
  };
};

/** What an entry set aside for a lease that it granted. */
const reservedIn = ({ events }: Committed, taskId: string): number => {
  for (const event of events)
    if (event.type === 'budget.reserved' && event.taskId === taskId) return event.amountMicroUsd;
  return 0;
};

/** The grants of an entry, in order. */
export const grantsOf = (entry: Committed, context: RoomContext): Grant[] => {
  const grants: Grant[] = [];
  for (const event of entry.events) {
    if (event.type !== 'task.leased') continue;
    grants.push(
      grantOf(
        {
          ...event,
          epoch: entry.epoch,
          from: entry.at,
          reserved: reservedIn(entry, event.taskId),
        },
        context,
      ),
    );
  }
  return grants;
};

/** The one event of the entry that says where the task stands now. */
const WRITTEN: Partial<Record<DomainEvent['type'], TaskPhase>> = {
  'task.released': 'ready',
  'task.failed': 'ready',
  'lease.expired': 'ready',
  'task.rejected': 'ready',
  'task.completed': 'done',
  'task.accepted': 'done',
  'task.submitted': 'submitted',
  'task.cancelled': 'cancelled',
  'task.parked': 'parked',
};

const taskOf = (entry: Committed): OutputOf<'tasks.release'>['taskId'] =>
  trusted<ArgsOf<'tasks.release'>>(entry.args).taskId;

/** The last of an entry's events about its task decides: a failure that parks is parked. */
const written = (entry: Committed): OutputOf<'tasks.release'> => {
  const taskId = taskOf(entry);
  let phase: TaskPhase = 'ready';
  for (const event of entry.events) {
    if ('taskId' in event && event.taskId === taskId) phase = WRITTEN[event.type] ?? phase;
  }
  return { taskId, phase };
};

/** Read from the world, so at the decision only: what an event does not say. */
const writtenNow = (entry: Committed, { world }: RoomContext): OutputOf<'tasks.release'> => {
  const { taskId } = written(entry);
  return { taskId, phase: taskPhase(world, taskId) ?? 'ready' };
};

/** `PHASE.ready` of a plan's counts. */
const READY = 1;

const readyOf = ({ world }: RoomContext, planId: string): number => {
  const { plans, planIndex } = world.coordinator;
  return plans[planIndex.get(planId) ?? -1]?.counts[READY] ?? 0;
};

const tasksOf = ({ world }: RoomContext, planId: string): number => {
  const { plans, planIndex } = world.coordinator;
  return plans[planIndex.get(planId) ?? -1]?.counts.reduce((sum, count) => sum + count, 0) ?? 0;
};

const phaseStatus = (entry: Committed): OutputOf<'phases.approve'> => {
  const { planId, phase } = trusted<ArgsOf<'phases.approve'>>(entry.args);
  const approved = entry.events.find((event) => event.type === 'phase.approved');
  const before = approved?.for === 'opening' ? 'closed' : 'open';
  const about = (type: DomainEvent['type']): boolean =>
    entry.events.some((event) => event.type === type && 'phase' in event && event.phase === phase);
  return {
    planId,
    phase,
    status: about('phase.passed') ? 'passed' : about('phase.opened') ? 'open' : before,
  };
};

const closed = (entry: Committed): OutputOf<'sessions.close'> => {
  const { sessionId, released } = eventOf(entry, 'session.closed');
  return { sessionId: trusted(sessionId), released: trusted([...released]) };
};

/** Who helps with a blocker that was raised, what is open, and what nobody has. */
const raisedReply = (entry: Committed, context: RoomContext): OutputOf<'blockers.raise'> => {
  const { blockerId, needs } = eventOf(entry, 'blocker.raised');
  const leases = new Map<string, string>();
  const covered = new Set<string>();
  const output: OutputOf<'blockers.raise'> = {
    blockerId: trusted(blockerId),
    ...writtenNow(entry, context),
    helpers: [],
    open: [],
    uncovered: [],
  };
  for (const event of entry.events)
    if (event.type === 'task.leased') leases.set(event.taskId, event.sessionId);
  for (const event of entry.events) {
    if (event.type === 'escalation.raised') output.escalationId = trusted(event.escalationId);
    if (event.type !== 'help.offered') continue;
    for (const need of event.needs) covered.add(need);
    const session = sessionOf(context.world, leases.get(event.taskId) ?? '');
    if (session === undefined) output.open.push(trusted(event.taskId));
    else {
      output.helpers.push({
        taskId: trusted(event.taskId),
        needs: trusted([...event.needs]),
        sessionId: trusted(session.id),
        agent: trusted(session.agent),
        ...(session.swarm === undefined ? {} : { swarmId: trusted(session.swarm) }),
        ...(event.relation === undefined ? {} : { relation: event.relation }),
        limitMicroUsd: event.limitMicroUsd,
      });
    }
  }
  output.uncovered = trusted(needs.filter((need) => !covered.has(need)));
  return output;
};

export const coordinatorReplies: Replies<CoordinatorWrite> = {
  'plans.submit': (entry, context) => {
    const { planId, tasks } = eventOf(entry, 'plan.submitted');
    return { planId: trusted(planId), tasks, ready: readyOf(context, planId), changed: true };
  },
  'plans.edit': (entry, context) => {
    const { planId } = eventOf(entry, 'plan.edited');
    return {
      planId: trusted(planId),
      tasks: tasksOf(context, planId),
      ready: readyOf(context, planId),
      changed: true,
    };
  },
  'plans.pause': (entry) => ({
    planId: trusted(eventOf(entry, 'plan.paused').planId),
    status: 'paused',
  }),
  'plans.resume': (entry) => ({
    planId: trusted(eventOf(entry, 'plan.resumed').planId),
    status: 'active',
  }),
  'plans.cancel': (entry) => {
    const { planId, cancelled } = eventOf(entry, 'plan.cancelled');
    return { planId: trusted(planId), status: 'cancelled', cancelled };
  },
  'phases.approve': phaseStatus,
  'phases.check': phaseStatus,
  'tasks.claim': (entry, context) => {
    const leased = eventOf(entry, 'task.leased');
    const reserved = reservedIn(entry, leased.taskId);
    return grantOf({ ...leased, epoch: entry.epoch, from: entry.at, reserved }, context);
  },
  'tasks.next': (entry, context) => ({ grants: grantsOf(entry, context) }),
  'tasks.progress': (entry) => ({ taskId: taskOf(entry), index: trusted(entry.index) }),
  'tasks.release': written,
  'tasks.complete': (entry, context) => {
    const grants = has(entry, 'task.leased') ? { grants: grantsOf(entry, context) } : {};
    return { ...written(entry), ...grants };
  },
  'tasks.fail': written,
  'tasks.judge': written,
  'tasks.cancel': written,
  'tasks.park': written,
  'tasks.unpark': writtenNow,
  'leases.expire': written,
  'sessions.open': (entry, { tokens }) => {
    const { sessionId } = eventOf(entry, 'session.opened');
    return {
      sessionId: trusted(sessionId),
      token: tokens.sessionToken(sessionId, entry.at).token,
      tokenExpiresAt: timestamp(entry.at + SESSION_TOKEN_MS),
      heartbeatMs: HEARTBEAT_MS,
    };
  },
  'sessions.close': closed,
  'sessions.revoke': closed,
  'sessions.expire': closed,
  'blockers.raise': raisedReply,
  'blockers.escalate': (entry) => ({
    blockerId: trusted(eventOf(entry, 'blocker.escalated').blockerId),
    escalationId: trusted(eventOf(entry, 'escalation.raised').escalationId),
  }),
  'blockers.join': (entry, context) =>
    helpersOf(eventOf(entry, 'blocker.joined').blockerId, context),
  'blockers.resolve': (entry, context) =>
    resolvedReply(trusted<ArgsOf<'blockers.resolve'>>(entry.args).blockerId, context),
};

/** How a blocker stands: lifted, or one declaration nearer to it. */
const resolvedReply = (blockerId: string, context: RoomContext): OutputOf<'blockers.resolve'> => {
  const row = findBlocker(context.world, blockerId);
  if (row === undefined) throw new Error(`defect: a resolution of no blocker ${blockerId}`);
  return {
    blockerId: row.blockerId,
    taskId: row.taskId,
    phase: taskPhase(context.world, row.taskId) ?? 'ready',
    status: row.status,
    declared: row.declared.length,
    quorum: row.quorum,
  };
};

const helpersOf = (blockerId: string, { world }: RoomContext): OutputOf<'blockers.join'> => ({
  blockerId: trusted(blockerId),
  helpers: trusted([...(world.coordinator.blockers.get(blockerId)?.helpers ?? [])]),
});

/** Replies that look at the world besides the entry; made in the turn of the decision, before it moves on. */
export const REPLIES_AT_DECISION: ReadonlySet<string> = new Set([
  'plans.submit',
  'plans.edit',
  'tasks.unpark',
  'blockers.raise',
  'blockers.join',
  'blockers.resolve',
] satisfies CoordinatorWrite[]);

export const coordinatorUnchanged: Unchangeds<CoordinatorWrite> = {
  'plans.submit': (args, context) => {
    const { id } = trusted<ArgsOf<'plans.submit'>>(args).plan;
    return { planId: id, tasks: tasksOf(context, id), ready: readyOf(context, id), changed: false };
  },
  'plans.edit': (args, context) => {
    const { planId } = trusted<ArgsOf<'plans.edit'>>(args);
    return {
      planId,
      tasks: tasksOf(context, planId),
      ready: readyOf(context, planId),
      changed: false,
    };
  },
  'plans.pause': (args) => ({
    planId: trusted<ArgsOf<'plans.pause'>>(args).planId,
    status: 'paused',
  }),
  'plans.resume': (args) => ({
    planId: trusted<ArgsOf<'plans.resume'>>(args).planId,
    status: 'active',
  }),
  'phases.approve': (args, { world }) => {
    const { planId, phase } = trusted<ArgsOf<'phases.approve'>>(args);
    const { plans, planIndex } = world.coordinator;
    const found = plans[planIndex.get(planId) ?? -1]?.phases.find(({ key }) => key === phase);
    return { planId, phase, status: found?.status ?? 'closed' };
  },
  // The session holds the lease: the claim again, with the same token.
  'tasks.claim': (args, context) => {
    const { taskId } = trusted<ArgsOf<'tasks.claim'>>(args);
    const lease = leaseOf(context.world, taskId);
    if (lease === undefined) throw new Error('defect: an unchanged claim without a lease');
    return grantOf(
      { ...lease, from: context.presence.renewedAt(taskId) ?? lease.grantedAt },
      context,
    );
  },
  'tasks.next': () => ({ grants: [] }),
  'blockers.join': (args, context) =>
    helpersOf(trusted<ArgsOf<'blockers.join'>>(args).blockerId, context),
  'blockers.resolve': (args, context) =>
    resolvedReply(trusted<ArgsOf<'blockers.resolve'>>(args).blockerId, context),
};
