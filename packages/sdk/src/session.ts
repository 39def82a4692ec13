import type { Grant, InputOf, OperationName, OutputOf } from '@infrafabric/protocol';
import type { CallOptions, Client } from './client.ts';
import { FabricError } from './errors.ts';
import { Keeper } from './keeper.ts';
import { createHeldLease, RENEW_SHARE } from './lease.ts';
import type { HeldLease, Lease } from './lease.ts';

export type OpenSessionOptions = InputOf<'sessions.open'>;

export interface NextOptions {
  /** Most tasks to lease at once. Default 1. */
  readonly count?: number | undefined;
  readonly leaseMs?: number | undefined;
  readonly planId?: string | undefined;
  /** Wait this long for a task to become ready, ms; at most 25,000. Default 0. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type StandingOptions = Pick<NextOptions, 'count' | 'leaseMs' | 'planId'>;

/**
 * One incarnation of an agent: it is kept alive, its token is renewed and so are its leases,
 * until it is closed.
 */
export interface Session {
  readonly sessionId: string;
  readonly agent: string;
  /** The session's own credential, the newest one: what a child process is given. */
  readonly token: () => string;
  /** Aborts when the session has ended: closed, revoked or expired. */
  readonly signal: AbortSignal;
  /** Calls as this session. */
  call<N extends OperationName>(
    operation: N,
    input: InputOf<N>,
    options?: CallOptions,
  ): Promise<OutputOf<N>>;
  /** The best ready tasks, or none. */
  next(options?: NextOptions): Promise<readonly Lease[]>;
  claim(taskId: string, options?: { readonly leaseMs?: number | undefined }): Promise<Lease>;
  /** A standing wish: leases come as tasks become ready, until the returned function is called. */
  wait(options: StandingOptions, onLease: (lease: Lease) => void): () => void;
  /** Leases that this session holds now. */
  leases(): readonly Lease[];
  /** Ends the session; tasks that it holds are ready again. */
  close(reason?: string): Promise<void>;
}

/** What leases and their keeper need of a session. */
export interface SessionCalls {
  readonly sessionId: () => string;
  call<N extends OperationName>(
    operation: N,
    input: InputOf<N>,
    options?: CallOptions,
  ): Promise<OutputOf<N>>;
}

export async function openSession(client: Client, options: OpenSessionOptions): Promise<Session> {
  const opened = await client.call('sessions.open', options);
  let { token } = opened;
  const { sessionId } = opened;
  const ended = new AbortController();
  const calls: SessionCalls = {
    sessionId: () => sessionId,
    call: (operation, input, callOptions) =>
      client.call(operation, input, { token: () => token, ...callOptions }),
  };
  const keeper = new Keeper(calls);
  const finish = (detail: string): void => {
    clearInterval(heart);
    keeper.loseAll(detail);
    if (!ended.signal.aborted) ended.abort(new Error(detail));
  };
  const beat = async (): Promise<void> => {
    try {
      const answer = await calls.call('sessions.heartbeat', { sessionId }, { retry: 'never' });
      token = answer.token ?? token;
    } catch (cause) {
      // A fabric that is away comes back; one that says the session is over means it.
      if (cause instanceof FabricError && cause.remedy !== 'retry-later') finish(cause.message);
    }
  };
  const heart = setInterval(() => void beat(), opened.heartbeatMs);
  return {
    sessionId,
    agent: options.agent,
    token: () => token,
    signal: ended.signal,
    call: (operation, input, callOptions) => calls.call(operation, input, callOptions),
    ...leasing(client, { calls, keeper, token: () => token, finish }),
    leases: () => [...keeper.held.values()].map(({ lease }) => lease),
    close: async (reason) => {
      clearInterval(heart);
      try {
        await calls.call('sessions.close', {
          sessionId,
          reason,
        });
      } catch (cause) {
        // It has ended already: what was wanted is so.
        if (!(cause instanceof FabricError && cause.code === 'session.ended')) throw cause;
      } finally {
        finish('The session was closed.');
      }
    },
  };
}

interface SessionParts {
  readonly calls: SessionCalls;
  readonly keeper: Keeper;
  readonly token: () => string;
  readonly finish: (detail: string) => void;
}

function leasing(client: Client, parts: SessionParts): Pick<Session, 'next' | 'claim' | 'wait'> {
  const { calls, keeper, token, finish } = parts;
  const sessionId = calls.sessionId();
  return {
    next: async ({ signal, ...options } = {}) => {
      const sentAt = performance.now();
      const { grants } = await calls.call('tasks.next', { sessionId, ...options }, { signal });
      const waitedMs = performance.now() - sentAt;
      const isFresh = grants.every(({ leaseMs }) => waitedMs <= leaseMs * RENEW_SHARE);
      if (!isFresh) return holdAfterWait(parts, grants);
      return grants.map((grant) => hold(parts, grant, sentAt).lease);
    },
    claim: async (taskId, options = {}) => {
      const sentAt = performance.now();
      const grant = await calls.call('tasks.claim', { sessionId, taskId, ...options });
      return hold(parts, grant, sentAt).lease;
    },
    wait: (options, onLease) =>
      keepWaiting(finish, (onEnd) =>
        client.transport.wait(
          { sessionId, ...options, token },
          {
            onGrants: (grants) => {
              // Pushed, so it was never asked for at a known time: nearly always it aged by its way
              // here. Where this process slept meanwhile, the renewal that follows says it is lost.
              const sentAt = performance.now() - client.roundTripMs();
              const leases = grants.map((grant) => hold(parts, grant, sentAt).lease);
              void keeper.renewNow();
              for (const lease of leases) onLease(lease);
            },
            onEnd,
          },
        ),
      ),
  };
}

/** Refusals of a grant that say nothing of the session: a lease that ends or an operator changes them. */
const FOR_NOW: ReadonlySet<string> = new Set([
  'budget.exceeded',
  'swarm.suspended',
  'policy.denied',
]);
/** Until a wait that was refused for now begins again, ms. Shorter: a fabric without money is asked all day. */
const REFUSED_PAUSE_MS = 2_000;

/** Waits, and again where only a grant was refused; any other end is the session's. */
function keepWaiting(
  finish: (detail: string) => void,
  begin: (onEnd: (failure: Error) => void) => () => void,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isCancelled = false;
  let cancel = (): void => undefined;
  const arm = (): void => {
    cancel = begin((failure) => {
      if (isCancelled) return;
      if (!(failure instanceof FabricError && FOR_NOW.has(failure.code))) finish(failure.message);
      else timer = setTimeout(arm, REFUSED_PAUSE_MS);
    });
  };
  arm();
  return () => {
    isCancelled = true;
    clearTimeout(timer);
    cancel();
  };
}

function hold({ calls, keeper }: SessionParts, grant: Grant, sentAt: number): HeldLease {
  const held = createHeldLease(calls, {
    grant,
    sentAt,
    onEnd: () => {
      // The task may have been granted to this session again meanwhile.
      if (keeper.held.get(grant.taskId) === held) keeper.remove(grant.taskId);
    },
  });
  keeper.add(held);
  return held;
}

/** A grant that was waited for is as old as the wait, or new: a renewal tells, before it is used. */
async function holdAfterWait(
  parts: SessionParts,
  grants: readonly Grant[],
): Promise<readonly Lease[]> {
  const answeredAt = performance.now();
  const waited = grants.map((grant) => hold(parts, grant, answeredAt));
  await parts.keeper.renewNow();
  for (const held of waited) {
    if (held.grantedBy <= answeredAt) held.lose('The lease could not be confirmed after a wait.');
  }
  return waited.map(({ lease }) => lease).filter(({ signal }) => !signal.aborted);
}
