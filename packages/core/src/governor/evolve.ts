/** The governor's fold: its own events, and what the coordinator's say of sessions, tasks and plans. */
import { resourcesOf } from '@infrafabric/protocol';
import type { Entry } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { assert } from '../kernel/decision.ts';
import type { DomainEvent } from '../kernel/events.ts';
import { foldClosed, foldReset, foldResult, foldTripped } from './breaker.ts';
import { foldAcknowledged, foldRaised } from './escalation.ts';
import type { GovernorEvent } from './events.ts';
import { closeAccount, foldLimited, foldReserved, foldSettled, foldUsage } from './ledger.ts';
import { swarmOfSession } from './state.ts';
import type { GovernorState } from './state.ts';
import { foldMeasured, foldProvided, foldRegistered } from './swarm.ts';

/** Profiles and policies stand in the call of their entry; their events point at it. */
const argsOf = <N extends 'swarms.register' | 'policies.set'>(entry: Entry, op: N): ArgsOf<N> => {
  assert(entry.op === op, `an event of ${op} in an entry of ${entry.op}`);
  // The call was parsed by the operation's schema before it was journaled.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return entry.args as ArgsOf<N>;
};

export const evolveGovernor = (state: GovernorState, event: GovernorEvent, entry: Entry): void => {
  switch (event.type) {
    case 'budget.reserved':
      return foldReserved(state, event);
    case 'budget.settled':
      return foldSettled(state, event);
    case 'usage.recorded':
      return foldSpent(state, event);
    case 'budget.limited':
      return foldLimited(state, event);
    case 'budget.alerted':
      return foldAlerted(state, event.account, event.percent);
    case 'swarm.registered':
      return foldRegistered(state, argsOf(entry, 'swarms.register').profile, entry.at);
    case 'capability.defined':
      return void state.capabilities.set(event.id, event.description);
    case 'breaker.tripped':
      return foldTripped(state, event, entry.at);
    case 'breaker.reset':
      return foldReset(state, event, entry.at);
    case 'breaker.closed':
      return foldClosed(state, event.swarmId, entry.at);
    case 'escalation.raised':
      return foldRaised(state, event, entry);
    case 'escalation.acknowledged':
      return foldAcknowledged(state, event);
    case 'policy.set':
      return foldPolicy(state, entry, { digest: event.digest, by: event.by });
    case 'policy.denied':
      return foldDenied(state, entry.at);
  }
};

const foldSpent = (
  state: GovernorState,
  event: Extract<GovernorEvent, { readonly type: 'usage.recorded' }>,
): void => {
  foldUsage(state, event);
  const swarm = event.swarmId === undefined ? undefined : state.swarms.get(event.swarmId);
  if (swarm !== undefined) swarm.spentSinceProgress += event.microUsd;
};

const foldAlerted = (state: GovernorState, account: string, percent: number): void => {
  const known = state.accounts.get(account);
  assert(known !== undefined, 'an alert of no account');
  known.alerted = percent;
};

const foldPolicy = (
  state: GovernorState,
  entry: Entry,
  { digest, by }: { readonly digest: string; readonly by: string },
): void => {
  const { policy: spec } = argsOf(entry, 'policies.set');
  state.policy = { spec, resource: resourcesOf(spec), digest, setAt: entry.at, setBy: by };
};

/** Length of the window in which denied acts are counted, ms, and how many of them the log takes. */
export const DENIAL_WINDOW_MS = 60_000;
export const DENIALS_PER_WINDOW_MAX = 100;

const foldDenied = (state: GovernorState, at: number): void => {
  const { since, count } = state.denials;
  state.denials =
    at - since >= DENIAL_WINDOW_MS ? { since: at, count: 1 } : { since, count: count + 1 };
};

/** Follows the other rooms: which sessions a swarm has, what came of its work, what is over. */
export const observeEvent = (state: GovernorState, event: DomainEvent, entry: Entry): void => {
  switch (event.type) {
    case 'contract.accepted':
      foldProvided(state, event.swarmId, event.provider);
      break;
    case 'reputation.changed':
      foldMeasured(state, event);
      break;
    case 'session.opened':
      if (event.swarm !== undefined) joinSwarm(state, event.sessionId, event.swarm);
      break;
    case 'session.closed':
      // A session that died failed at each of its tasks, as the expiry of each of its leases would have.
      if (event.how === 'expired')
        event.released.forEach(() => foldResultOf(state, event.sessionId, entry.at, false));
      leaveSwarm(state, event.sessionId);
      closeAccount(state, `session:${event.sessionId}`);
      break;
    case 'task.completed':
      closeTask(state, event.taskId);
      foldResultOf(state, event.sessionId, entry.at, true);
      break;
    case 'task.failed':
    case 'lease.expired':
      foldResultOf(state, event.sessionId, entry.at, false);
      break;
    case 'task.accepted':
      closeTask(state, event.taskId);
      foldResultOf(state, event.author, entry.at, true);
      break;
    case 'task.rejected':
      foldResultOf(state, event.author, entry.at, false);
      break;
    case 'task.progressed':
      if (event.artifact !== undefined || event.evidence === 'commit')
        foldProgress(state, event.sessionId);
      break;
    case 'task.cancelled':
      closeTask(state, event.taskId);
      break;
    case 'plan.cancelled':
      closeTasksOf(state, event.planId);
      break;
    default:
  }
};

/** Most realms have no account but the root's: its name need not be made to find that there is none. */
const closeTask = (state: GovernorState, taskId: string): void => {
  if (state.accounts.size > 1) closeAccount(state, `task:${taskId}`);
};

const closeTasksOf = (state: GovernorState, planId: string): void => {
  for (const account of state.accounts.keys())
    if (account.startsWith(`task:${planId}/`)) closeAccount(state, account);
};

const joinSwarm = (state: GovernorState, sessionId: string, swarmId: string): void => {
  state.swarmOf.set(sessionId, swarmId);
  const sessions = state.sessionsOf.get(swarmId);
  if (sessions === undefined) state.sessionsOf.set(swarmId, new Set([sessionId]));
  else sessions.add(sessionId);
};

const leaveSwarm = (state: GovernorState, sessionId: string): void => {
  const swarmId = state.swarmOf.get(sessionId);
  if (swarmId === undefined) return;
  state.swarmOf.delete(sessionId);
  const sessions = state.sessionsOf.get(swarmId);
  sessions?.delete(sessionId);
  if (sessions?.size === 0) state.sessionsOf.delete(swarmId);
};

const foldResultOf = (state: GovernorState, sessionId: string, at: number, ok: boolean): void => {
  const swarm = swarmOfSession(state, sessionId);
  if (swarm === undefined) return;
  foldResult(swarm, at, ok);
  if (ok) swarm.spentSinceProgress = 0;
};

const foldProgress = (state: GovernorState, sessionId: string): void => {
  const swarm = swarmOfSession(state, sessionId);
  if (swarm !== undefined) swarm.spentSinceProgress = 0;
};
