/** The coordinator's fold: one event of an entry, in place. */
import type { Entry } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { assert } from '../kernel/decision.ts';
import type { CoordinatorEvent } from './events.ts';
import {
  foldPhaseApproved,
  foldPhaseChecked,
  foldPhaseOpened,
  foldPhasePassed,
  foldPlanCancelled,
  foldPlanEdited,
  foldPlanSubmitted,
  planNamed,
} from './fold-plan.ts';
import {
  foldAccepted,
  foldBlockerEscalated,
  foldBlockerJoined,
  foldBlockerRaised,
  foldBlockerResolved,
  foldCancelled,
  foldCompleted,
  foldFailed,
  foldLeased,
  foldParked,
  foldProgressed,
  foldRefused,
  foldRejected,
  foldReleased,
  foldSessionClosed,
  foldSessionOpened,
  foldSubmitted,
  foldUnparked,
} from './fold-task.ts';
import { foldDeclared, foldOffered } from './help.ts';
import type { CoordinatorState } from './state.ts';

/** Plans are large, so their events point at the call of their entry instead of repeating it. */
const argsOf = <N extends 'plans.submit' | 'plans.edit'>(entry: Entry, op: N): ArgsOf<N> => {
  assert(entry.op === op, `an event of ${op} in an entry of ${entry.op}`);
  // The call was parsed by the operation's schema before it was journaled.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return entry.args as ArgsOf<N>;
};

const setStatus = (state: CoordinatorState, planId: string, status: 'active' | 'paused'): void => {
  planNamed(state, planId).status = status;
  if (status === 'active') state.readyVersion += 1;
};

export const evolveCoordinator = (
  state: CoordinatorState,
  event: CoordinatorEvent,
  entry: Entry,
): void => {
  switch (event.type) {
    case 'task.leased':
      return foldLeased(state, event, entry);
    case 'task.completed':
      return foldCompleted(state, event);
    case 'task.progressed':
      return foldProgressed(state, event);
    case 'task.released':
      return foldReleased(state, event.taskId);
    case 'lease.expired':
    case 'task.failed':
      return foldFailed(state, event);
    case 'task.submitted':
      return foldSubmitted(state, event);
    case 'task.accepted':
      return foldAccepted(state, event);
    case 'task.rejected':
      return foldRejected(state, event);
    case 'task.parked':
      return foldParked(state, event);
    case 'task.unparked':
      return foldUnparked(state, event.taskId);
    case 'task.cancelled':
      return foldCancelled(state, event);
    case 'session.opened':
      return foldSessionOpened(state, event, entry);
    case 'session.closed':
      return foldSessionClosed(state, event, entry);
    case 'blocker.raised':
      return foldBlockerRaised(state, event, entry);
    case 'blocker.joined':
      return foldBlockerJoined(state, event.blockerId, event.sessionId);
    case 'blocker.resolved':
      return foldBlockerResolved(state, event);
    case 'help.offered':
      return foldOffered(state, event);
    case 'blocker.declared':
      return foldDeclared(state, event);
    case 'blocker.escalated':
      return foldBlockerEscalated(state, event.blockerId);
    case 'claim.refused':
    case 'write.refused':
      return foldRefused(state, event, entry);
    default:
      return evolvePlan(state, event, entry);
  }
};

type PlanEvent = Extract<CoordinatorEvent, { readonly type: `plan.${string}` | `phase.${string}` }>;

const evolvePlan = (state: CoordinatorState, event: PlanEvent, entry: Entry): void => {
  switch (event.type) {
    case 'plan.submitted':
      return foldPlanSubmitted(state, entry, argsOf(entry, 'plans.submit'));
    case 'plan.edited':
      return foldPlanEdited(state, event.planId, argsOf(entry, 'plans.edit'));
    case 'plan.paused':
      return setStatus(state, event.planId, 'paused');
    case 'plan.resumed':
      return setStatus(state, event.planId, 'active');
    case 'plan.cancelled':
      return foldPlanCancelled(state, event);
    case 'phase.opened':
      return foldPhaseOpened(state, event.planId, event.phase);
    case 'phase.passed':
      return foldPhasePassed(state, event.planId, event.phase);
    case 'phase.approved':
      return foldPhaseApproved(state, event);
    case 'phase.checked':
      return foldPhaseChecked(state, event);
  }
  // Only a log of another release gets here. To pass over what it says would be to go on with another world.
  assert(false, `an event in an entry of ${entry.op} that no room folds`);
};
