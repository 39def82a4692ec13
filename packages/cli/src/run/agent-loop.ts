/**
 * One session of the runner: takes a task, does it, hands it in, takes the next one.
 *
 * L1  Nothing is taken after the runner was told to drain; what was granted on the way is given back.
 * L2  Each lease ends in exactly one of: completed, failed, released, or left alone because it was lost.
 */
import { FabricError, LeaseLostError } from '@infrafabric/sdk';
import type { Client, Lease, Session } from '@infrafabric/sdk';
import type { AttemptOutcome } from './attempt.ts';

export interface AgentOptions {
  readonly client: Client;
  readonly agent: string;
  readonly capabilities: readonly string[];
  /** The swarm that its sessions belong to: who pays, and whose contracts hold. */
  readonly swarm?: string | undefined;
  /** The next lease, or none yet; comes back when the signal aborts. */
  readonly acquire: (session: Session, signal: AbortSignal) => Promise<Lease | undefined>;
  readonly perform: (lease: Lease, session: Session) => Promise<AttemptOutcome>;
  readonly drain: AbortSignal;
  readonly onEnded: (ended: AttemptEnd) => void;
}

export interface AttemptEnd {
  readonly taskId: string;
  readonly how: 'completed' | 'failed' | 'released' | 'lost';
  readonly detail?: string;
}

export interface AgentLoop {
  readonly session: Session;
  /** The task that is done now. */
  readonly current: () => string | undefined;
  /** Resolves when the session has ended, rejects where the fabric cannot be reached. */
  readonly done: Promise<void>;
}

export async function startAgent(options: AgentOptions): Promise<AgentLoop> {
  const { client, agent, capabilities, swarm } = options;
  const session = await client.openSession({
    agent,
    role: 'runner',
    leasesMax: 1,
    capabilities: [...capabilities],
    ...(swarm === undefined ? {} : { swarm }),
  });
  let current: string | undefined;
  const done = loop(session, options, (taskId) => {
    current = taskId;
  });
  // Whoever looks at it hears of a failure; a caller that is not there yet must not die of it.
  done.catch(() => undefined);
  return { session, current: () => current, done };
}

async function loop(
  session: Session,
  { acquire, perform, drain, onEnded }: AgentOptions,
  onCurrent: (taskId: string | undefined) => void,
): Promise<void> {
  const stop = AbortSignal.any([drain, session.signal]);
  // Ends with the drain, or with the session.
  while (!stop.aborted) {
    const lease = await acquire(session, stop).catch(noneIfOver);
    if (lease === 'over') return;
    if (lease === undefined) continue;
    onCurrent(lease.taskId);
    onEnded(
      drain.aborted ? await giveBack(lease) : await attempt(lease, () => perform(lease, session)),
    );
    onCurrent(undefined);
  }
  if (!session.signal.aborted) await session.close('The runner has drained.');
}

/** Somebody ended the session: its heartbeat would say so soon, and there is nothing to take any more. */
function noneIfOver(cause: unknown): 'over' {
  if (cause instanceof FabricError && OVER.has(cause.code)) return 'over';
  throw cause;
}

/** Characters of a release's reason; the operation takes no more. */
const RELEASE_CHARS_MAX = 2_000;

const OVER: ReadonlySet<string> = new Set([
  'session.ended',
  'session.not_found',
  'auth.invalid',
  'auth.expired',
]);

const giveBack = async (lease: Lease): Promise<AttemptEnd> =>
  written(lease, 'released', () => lease.release('The runner is stopping.'));

async function attempt(lease: Lease, perform: () => Promise<AttemptOutcome>): Promise<AttemptEnd> {
  const { taskId } = lease;
  const outcome = await perform().catch(
    // The runner's own trouble (a full disk, a store that is away) fails the attempt, and says what it was.
    (cause: unknown): AttemptOutcome => ({ kind: 'fail', reason: `the runner: ${String(cause)}` }),
  );
  switch (outcome.kind) {
    case 'complete':
      return complete(lease, outcome);
    case 'fail':
      return written(
        lease,
        'failed',
        () => lease.fail(outcome.reason.slice(0, 2_000)),
        outcome.reason,
      );
    case 'stopped':
      return written(lease, 'released', () => lease.release('The runner was stopped.'));
    case 'unfit': {
      const { reason } = outcome;
      const words = reason.slice(0, RELEASE_CHARS_MAX);
      return written(lease, 'released', () => lease.release(words), reason);
    }
    case 'dropped':
      return { taskId, how: 'lost', detail: String(lease.signal.reason) };
  }
}

async function complete(
  lease: Lease,
  { evidence }: AttemptOutcome & { readonly kind: 'complete' },
): Promise<AttemptEnd> {
  const { taskId } = lease;
  try {
    await lease.complete(evidence);
    return { taskId, how: 'completed' };
  } catch (cause) {
    if (isLost(cause)) return { taskId, how: 'lost', detail: String(cause) };
    // The evidence was refused: the attempt has failed, and the fabric's words say why.
    const reason = cause instanceof Error ? cause.message : String(cause);
    return written(lease, 'failed', () => lease.fail(reason.slice(0, 2_000)), reason);
  }
}

async function written(
  { taskId }: Lease,
  how: AttemptEnd['how'],
  write: () => Promise<unknown> | undefined,
  detail?: string,
): Promise<AttemptEnd> {
  try {
    await write();
    return { taskId, how, ...(detail === undefined ? {} : { detail }) };
  } catch (cause) {
    // Where even this could not be told, the lease ends by itself and the task is ready again.
    return { taskId, how: isLost(cause) ? 'lost' : how, detail: String(cause) };
  }
}

const isLost = (cause: unknown): boolean =>
  cause instanceof LeaseLostError || (cause instanceof FabricError && cause.code === 'lease.stale');
