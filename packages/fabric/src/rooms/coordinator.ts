/** The coordinator's reads and its soft operations: what only the leader's memory takes part in. */
import {
  reject,
  SESSION_TOKEN_MS,
  timestamp,
  type OutputOf,
  type ParsedOf,
  type Rejection,
} from '@infrafabric/protocol';
import {
  explainTask,
  leaseOf,
  leasesOfSession,
  sessionOf,
  viewBlockers,
  viewPlan,
  viewPlans,
  viewSessions,
  viewTask,
  viewTasks,
  whyStale,
  type Fence,
  type LiveLease,
  type Soft,
} from '@infrafabric/core';

import type { Principal } from '../engine/fabric.ts';
import type { ChassisRead } from './chassis.ts';
import type { GovernorRead } from './governor.ts';
import { trusted, type ReadName, type Reads, type RoomContext, type Softs } from './room.ts';

type CoordinatorRead = Exclude<
  ReadName,
  | GovernorRead
  | ChassisRead
  | `costs.${string}`
  | `prices.${string}`
  | `realm.${string}`
  | `witness.${string}`
>;

const soft = ({ presence, now }: RoomContext): Soft => ({
  at: now(),
  renewedAt: (taskId) => presence.renewedAt(taskId),
  presence: (sessionId) => presence.presence(sessionId),
});

export const coordinatorReads: Reads<CoordinatorRead> = {
  'plans.list': (input, { world }) => viewPlans(world, input),
  'plans.show': (input, { world }) => viewPlan(world, input),
  'tasks.show': (input, context) => viewTask(context.world, input, soft(context)),
  'tasks.list': (input, context) => viewTasks(context.world, input, soft(context)),
  'tasks.explain': (input, context) => explainTask(context.world, input, soft(context)),
  'sessions.list': (input, context) => viewSessions(context.world, input, soft(context)),
  'blockers.list': (input, { world }) => viewBlockers(world, input),
};

export const coordinatorSofts: Softs<'tasks.renew' | 'sessions.heartbeat'> = {
  'tasks.renew': (input, context) => {
    const refusal = whyNotOpen(input.sessionId, context);
    if (refusal !== undefined) return refusal;
    const named = leasesNamed(input, context);
    if (!Array.isArray(named)) return named;
    context.presence.seen(input.sessionId, input.evidence ?? 'heartbeat', context.now());
    return renewed(named, input.sessionId, context);
  },
  'sessions.heartbeat': (input, context, principal) => {
    const refusal = whyNotOpen(input.sessionId, context);
    if (refusal !== undefined) return refusal;
    const at = context.now();
    context.presence.seen(input.sessionId, input.evidence ?? 'heartbeat', at);
    return {
      sessionId: input.sessionId,
      at: timestamp(at),
      ...freshToken(input.sessionId, context, principal),
    };
  },
};

const whyNotOpen = (sessionId: string, { world }: RoomContext): Rejection | undefined => {
  const session = sessionOf(world, sessionId);
  if (session === undefined)
    return reject('session.not_found', `There is no session ${sessionId}.`);
  if (session.closed === undefined) return undefined;
  return reject(
    'session.ended',
    `Session ${sessionId} was ${session.closed.how}: ${session.closed.reason}.`,
  );
};

/** Past half of its life a token is replaced, so that a session that heartbeats never runs out of it. */
const freshToken = (
  sessionId: string,
  { tokens, now }: RoomContext,
  { expiresAt }: Principal,
): Pick<OutputOf<'sessions.heartbeat'>, 'token' | 'tokenExpiresAt'> => {
  const at = now();
  if (expiresAt === undefined || expiresAt - at > SESSION_TOKEN_MS / 2) return {};
  const fresh = tokens.sessionToken(sessionId, at);
  return { token: fresh.token, tokenExpiresAt: timestamp(fresh.expiresAt) };
};

interface Named {
  readonly taskId: string;
  readonly fence: Fence;
}

/** The leases that a renewal names by their tokens, or all of the session's; a forged token refuses all of it. */
const leasesNamed = (
  input: ParsedOf<'tasks.renew'>,
  { world, tokens }: RoomContext,
): Named[] | Rejection => {
  if (input.leases === undefined) return leasesOfSession(world, input.sessionId).map(namedBy);
  const named: Named[] = [];
  for (const { taskId, fencingToken } of input.leases) {
    const fence = tokens.readFencingToken(taskId, fencingToken);
    if ('kind' in fence) return fence;
    named.push({ taskId, fence });
  }
  return named;
};

const namedBy = ({ taskId, fence, epoch, sessionId }: LiveLease): Named => ({
  taskId,
  fence: { epoch, holder: sessionId, n: fence },
});

const renewed = (
  named: readonly Named[],
  sessionId: string,
  context: RoomContext,
): OutputOf<'tasks.renew'> => {
  const output: OutputOf<'tasks.renew'> = { renewed: [], lost: [] };
  for (const { taskId, fence } of named) {
    const until = renewOne(taskId, fence, { ...context, sessionId });
    if (until !== undefined) {
      output.renewed.push({ taskId: trusted(taskId), leaseExpiresAt: timestamp(until) });
    } else {
      // The lease behind another session's token may live: to call it ended would be untrue.
      const detail =
        fence.holder === sessionId
          ? whyStale(context.world, taskId, fence)
          : `The fencing token is of session ${fence.holder}, not of ${sessionId}.`;
      output.lost.push({ taskId: trusted(taskId), detail });
    }
  }
  return output;
};

/** When the lease now ends, or undefined where it has ended: what is due was expired before this call (C3). */
const renewOne = (
  taskId: string,
  fence: Fence,
  context: RoomContext & { readonly sessionId: string },
): number | undefined => {
  const lease = leaseOf(context.world, taskId);
  const isCurrent =
    lease?.fence === fence.n &&
    lease.epoch === fence.epoch &&
    lease.sessionId === fence.holder &&
    fence.holder === context.sessionId;
  return isCurrent ? context.presence.renew(lease, context.now()) : undefined;
};
