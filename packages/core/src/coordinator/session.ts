/** Decisions about sessions. */
import {
  SESSION_IDLE_MS,
  SESSION_LEASES_MAX,
  SESSIONS_OPEN_MAX,
  reject,
} from '@infrafabric/protocol';
import { accept, assert } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { parkedAfter } from './consequences.ts';
import { isSession, openSession } from './lease.ts';
import { idOf } from './state.ts';
import type { CoordinatorState, SessionState } from './state.ts';

/** Leases at a time of a session that does not say how many. */
export const LEASES_MAX_DEFAULT = 1;

/** `capabilities` are those that the call names, or those of its swarm. */
export const decideOpenSession = (
  state: CoordinatorState,
  command: Command<ArgsOf<'sessions.open'>>,
  capabilities: readonly string[],
): Decision => {
  const { agent, role, swarm, leasesMax, label } = command.args;
  const [sessionId] = command.ids;
  assert(sessionId !== undefined, 'a session is opened without an id');
  if (state.openSessions >= SESSIONS_OPEN_MAX) {
    return reject(
      'session.too_many',
      `${state.openSessions} sessions are open, as many as may be. Close one; those of which nothing is seen end by themselves.`,
      { open: state.openSessions },
    );
  }
  return accept({
    agent,
    capabilities: [...new Set(capabilities)].toSorted(),
    ...(label === undefined ? {} : { label }),
    leasesMax: Math.min(leasesMax ?? LEASES_MAX_DEFAULT, SESSION_LEASES_MAX),
    role: role ?? 'worker',
    sessionId,
    ...(swarm === undefined ? {} : { swarm }),
    type: 'session.opened',
  });
};

const close = (
  state: CoordinatorState,
  session: SessionState,
  how: 'closed' | 'revoked' | 'expired',
  reason: string,
): Decision => {
  const tasks = [...session.leases];
  return accept(
    {
      how,
      reason,
      released: tasks.map((task) => idOf(state, task)),
      sessionId: session.id,
      type: 'session.closed',
    },
    // A session that died took an attempt with it, as the expiry of each of its leases would have.
    ...(how === 'expired'
      ? tasks.flatMap((task) => parkedAfter(state, task, 'its session expired'))
      : []),
  );
};

export const decideCloseSession = (
  state: CoordinatorState,
  command: Command<ArgsOf<'sessions.close'>>,
): Decision => {
  const session = openSession(state, command.args.sessionId);
  return isSession(session)
    ? close(state, session, 'closed', command.args.reason ?? 'it said so')
    : session;
};

export const decideRevokeSession = (
  state: CoordinatorState,
  command: Command<ArgsOf<'sessions.revoke'>>,
): Decision => {
  const session = openSession(state, command.args.sessionId);
  return isSession(session) ? close(state, session, 'revoked', command.args.reason) : session;
};

export const decideExpireSession = (
  state: CoordinatorState,
  command: Command<ArgsOf<'sessions.expire'>>,
): Decision => {
  const { sessionId, seenAt } = command.args;
  const session = openSession(state, sessionId);
  if (!isSession(session)) return session;
  if (command.at < Math.max(seenAt, session.openedAt) + SESSION_IDLE_MS) {
    return reject('session.ended', `Session ${sessionId} was seen too lately to expire.`, {
      sessionId,
    });
  }
  return close(state, session, 'expired', 'nothing was seen of it for too long');
};
