/**
 * Simulated agents: real sessions of the SDK over a real connection whose work is a pause. Some do what agents do wrong:
 * they hand in although their lease is lost, or find that they need something of somebody else.
 */
import { createHash } from 'node:crypto';
import { FabricError, LeaseLostError } from '@infrafabric/sdk';
import type { Client, Lease, Session } from '@infrafabric/sdk';

export interface SimulatedAgentOptions {
  readonly client: Client;
  readonly agent: string;
  readonly swarm?: string | undefined;
  readonly capabilities: readonly string[];
  readonly planId: string;
  readonly leaseMs: number;
  /** Mean length of a first attempt, ms; each takes between half of it and one and a half. */
  readonly workMs: number;
  /** Length of a further attempt, ms: whoever takes over reads first what is there. */
  readonly againMs: number;
  readonly seed: number;
  /** Hands in even when the SDK says that the lease is lost. What a careless program does. */
  readonly isStubborn: boolean;
  /** Tasks whose first attempt finds that it needs another task: it raises a blocker and gives the lease back. */
  readonly needs?: ReadonlyMap<string, string> | undefined;
  /** Lengths of attempts at these tasks, ms, whatever the mean is. */
  readonly slow?: ReadonlyMap<string, number> | undefined;
  readonly onEvent: (event: AgentEvent) => void;
}

export type AgentEvent =
  | {
      readonly type: 'taken' | 'done' | 'lost' | 'blocked';
      readonly agent: string;
      readonly taskId: string;
    }
  | {
      readonly type: 'refused';
      readonly agent: string;
      readonly taskId: string;
      readonly op: string;
      readonly code: string;
      readonly detail: string;
    };

export interface SimulatedAgent {
  readonly session: Session;
  /** Takes no more, waits for what runs, closes the session. */
  stop(): Promise<void>;
}

/** Opens the session and takes tasks until it is stopped. Rejects when the session cannot be opened. */
export async function startSimulatedAgent(options: SimulatedAgentOptions): Promise<SimulatedAgent> {
  const { client, agent, capabilities, swarm, planId, leaseMs, onEvent } = options;
  const session = await client.openSession({
    agent,
    leasesMax: 1,
    capabilities: [...capabilities],
    swarm,
  });
  const running = new Set<Promise<void>>();
  const cancel = session.wait({ count: 1, planId, leaseMs }, (lease) => {
    onEvent({ type: 'taken', agent, taskId: lease.taskId });
    const task = workOn(lease, session, options)
      // A fabric that went away ends the session, which is told by its signal.
      .catch(() => undefined)
      .finally(() => running.delete(task));
    running.add(task);
  });
  return {
    session,
    stop: async () => {
      cancel();
      await Promise.allSettled(running);
      if (!session.signal.aborted) await session.close('The demonstration is over.');
    },
  };
}

async function workOn(
  lease: Lease,
  session: Session,
  options: SimulatedAgentOptions,
): Promise<void> {
  const { agent, isStubborn, needs, onEvent } = options;
  const { taskId, grant } = lease;
  const waitsOn = grant.fence === 1 ? needs?.get(taskId) : undefined;
  try {
    if (waitsOn !== undefined && (await raised(lease, session, waitsOn))) {
      onEvent({ type: 'blocked', agent, taskId });
      return;
    }
    await worked(lease, attemptMs(options, lease));
    await lease.complete({ exitCode: 0, summary: 'simulated work' });
    onEvent({ type: 'done', agent, taskId });
  } catch (cause) {
    onEvent({ type: 'lost', agent, taskId });
    const isLost = cause instanceof LeaseLostError || isStale(cause);
    if (!isLost) throw cause;
    if (isStubborn) await handInAnyway(lease, session, options);
  }
}

const isStale = (cause: unknown): boolean =>
  cause instanceof FabricError && cause.code === 'lease.stale';

/** The blocker gives the lease back in the same entry. False: there is nothing to wait for any more. */
async function raised(lease: Lease, session: Session, waitsOn: string): Promise<boolean> {
  try {
    await session.call('blockers.raise', {
      taskId: lease.taskId,
      fencingToken: lease.grant.fencingToken,
      kind: 'integration',
      title: `the far side of the bridge is missing: ${waitsOn}`,
      waitsOn,
      release: true,
    });
    return true;
  } catch (cause) {
    if (cause instanceof FabricError && cause.code === 'request.invalid') return false;
    throw cause;
  }
}

/** Writes of a holder with a token that may not be the newest any more: what the fabric says to each. */
async function handInAnyway(
  lease: Lease,
  session: Session,
  { agent, onEvent }: SimulatedAgentOptions,
): Promise<void> {
  const held = { taskId: lease.taskId, fencingToken: lease.grant.fencingToken };
  const writes = [
    ['tasks.progress', () => session.call('tasks.progress', { ...held, note: 'almost there' })],
    [
      'tasks.complete',
      () => session.call('tasks.complete', { ...held, evidence: { exitCode: 0 } }),
    ],
    ['tasks.release', () => session.call('tasks.release', held)],
  ] as const;
  for (const [op, write] of writes) {
    try {
      // The SDK gives a lease up a little before the fabric does: taken in between, it is an honest write.
      await write();
    } catch (cause) {
      if (!(cause instanceof FabricError)) throw cause;
      const { code, problem } = cause;
      onEvent({ type: 'refused', agent, taskId: held.taskId, op, code, detail: problem.detail });
    }
  }
}

/** How long this attempt takes, ms: the seed, the task and the attempt decide. */
function attemptMs(
  { workMs, againMs, slow, seed }: SimulatedAgentOptions,
  { taskId, grant }: Lease,
): number {
  const slowMs = slow?.get(taskId);
  if (slowMs !== undefined) return slowMs;
  if (grant.attempt > 1) return againMs;
  const digest = createHash('sha256').update(`${seed}/${taskId}`).digest();
  return Math.round(workMs * (0.5 + digest.readUInt32BE() / 2 ** 32));
}

/** Resolves when the work is over, rejects with the signal's reason when the lease is lost first. */
function worked({ signal }: Lease, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      const reason: unknown = signal.reason;
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
