/** Decisions of the holder of a lease: progress, release, completion, failure; and the end of a lease by time. */
import { reject } from '@infrafabric/protocol';
import { accept } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import type { GrantGate } from '../kernel/gate.ts';
import { grantAfter } from './claim.ts';
import type { Following } from './claim.ts';
import { cell, NONE } from './columns.ts';
import { consequences, parked, parkedAfter, releasedBy, releasesOf } from './consequences.ts';
import type { CoordinatorEvent, TaskCompleted, TaskSubmitted } from './events.ts';
import { faultInEvidence, faultInGates } from './evidence.ts';
import { findTask, heldBy } from './lease.ts';
import type { Held } from './lease.ts';
import { holderOf, specOf } from './state.ts';
import type { CoordinatorState } from './state.ts';

export const decideProgress = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.progress'>>,
): Decision => {
  const held = heldBy(state, command);
  if (held.kind !== 'held') return held;
  const { note, percent, artifact, evidence } = command.args;
  return accept({
    ...(artifact === undefined ? {} : { artifact }),
    evidence: evidence ?? 'output',
    fence: command.args.fence.n,
    ...(note === undefined ? {} : { note }),
    ...(percent === undefined ? {} : { percent }),
    sessionId: held.session.id,
    taskId: command.args.taskId,
    type: 'task.progressed',
  });
};

export const decideRelease = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.release'>>,
): Decision => {
  const held = heldBy(state, command);
  if (held.kind !== 'held') return held;
  const { reason, fence, taskId } = command.args;
  return accept({
    fence: fence.n,
    ...(reason === undefined ? {} : { reason }),
    sessionId: held.session.id,
    taskId,
    type: 'task.released',
  });
};

/** Gates are run by the fabric, never by the worker: where a task has any, a worker's completion waits for a verdict. */
export const decideComplete = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.complete'>>,
  gate: GrantGate,
): Decision => {
  const held = heldBy(state, command);
  if (held.kind !== 'held') return held;
  const { taskId, evidence } = command.args;
  const spec = specOf(state, held.task);
  const fault = faultInEvidence(spec, evidence, taskId);
  if (fault !== undefined) return fault;
  if ((spec.gates ?? []).length === 0) return completed(state, command, held, gate);
  if (held.session.role === 'worker') return submitted(state, command, held, gate);
  return faultInGates(spec, evidence?.gates, taskId) ?? completed(state, command, held, gate);
};

const submitted = (
  state: CoordinatorState,
  { args }: Command<ArgsOf<'tasks.complete'>>,
  { session }: Held,
  gate: GrantGate,
): Decision => {
  const event: TaskSubmitted = {
    ...(args.evidence === undefined ? {} : { evidence: args.evidence }),
    fence: args.fence.n,
    sessionId: session.id,
    taskId: args.taskId,
    type: 'task.submitted',
  };
  return accept(
    event,
    ...(args.next === true ? grantAfter(state, session, NOTHING_FOLLOWS, gate) : []),
  );
};

const completed = (
  state: CoordinatorState,
  { args }: Command<ArgsOf<'tasks.complete'>>,
  { task, session }: Held,
  gate: GrantGate,
): Decision => {
  const following = consequences(state, task, 'done', session.id);
  const released = releasedBy(state, task, following);
  const event: TaskCompleted = {
    ...(args.evidence === undefined ? {} : { evidence: args.evidence }),
    fence: args.fence.n,
    ...releasesOf(state, released),
    sessionId: session.id,
    taskId: args.taskId,
    type: 'task.completed',
  };
  return accept(
    event,
    ...following,
    ...(args.next === true
      ? grantAfter(state, session, { released, cancelled: cancelledBy(state, following) }, gate)
      : []),
  );
};

const NOTHING_FOLLOWS: Following = { released: [], cancelled: new Set() };

const cancelledBy = (
  state: CoordinatorState,
  following: readonly CoordinatorEvent[],
): ReadonlySet<number> =>
  new Set(
    following.flatMap((event) =>
      event.type === 'task.cancelled' ? [findTask(state, event.taskId)] : [],
    ),
  );

export const decideFail = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.fail'>>,
): Decision => {
  const held = heldBy(state, command);
  if (held.kind !== 'held') return held;
  const { taskId, reason, retry, fence } = command.args;
  return accept(
    {
      attempt: cell(state.tasks.attempts, held.task) + 1,
      fence: fence.n,
      reason,
      sessionId: held.session.id,
      taskId,
      type: 'task.failed',
    },
    ...(retry === false ? [parked(taskId, reason)] : parkedAfter(state, held.task, reason)),
  );
};

/** C3: the engine says from which renewal it counted; a lease that was renewed since is another call's business. */
export const decideExpireLease = (
  state: CoordinatorState,
  command: Command<ArgsOf<'leases.expire'>>,
): Decision => {
  const { taskId, fence, renewedAt } = command.args;
  const task = findTask(state, taskId);
  const holder = task === NONE ? undefined : holderOf(state, task);
  if (holder === undefined || cell(state.tasks.fence, task) !== fence) {
    return reject('lease.stale', `There is no lease of ${taskId} with fence ${fence}.`, {
      taskId,
      fence,
    });
  }
  // A lease runs its whole length from its grant, whatever renewal is named.
  const from = Math.max(renewedAt, cell(state.tasks.grantedAt, task));
  if (command.at < from + cell(state.tasks.leaseMs, task)) {
    return reject('lease.stale', `The lease of ${taskId} has not ended.`, { taskId, fence });
  }
  const attempt = cell(state.tasks.attempts, task) + 1;
  return accept(
    { attempt, fence, renewedAt, sessionId: holder.id, taskId, type: 'lease.expired' },
    ...parkedAfter(state, task, 'its lease expired'),
  );
};
