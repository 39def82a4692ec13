import type { Evidence, InputOf } from '@infrafabric/protocol';
import type { Client } from './client.ts';
import { FabricError, LeaseLostError } from './errors.ts';
import type { Lease } from './lease.ts';
import type { Session } from './session.ts';

export interface WorkerOptions {
  readonly client: Client;
  readonly agent: string;
  readonly capabilities?: readonly string[] | undefined;
  readonly swarm?: string | undefined;
  /** `runner` may also judge what others hand in. */
  readonly role?: 'worker' | 'runner' | undefined;
  /** Tasks at one time. Default 1. */
  readonly concurrency?: number | undefined;
  readonly planId?: string | undefined;
  readonly leaseMs?: number | undefined;
  /**
   * Does one task and returns its evidence. A throw fails the attempt with its message. Watch
   * `lease.signal`: when it aborts, stop; the outcome is then dropped, because the task may be
   * another session's.
   */
  readonly run: (lease: Lease) => Promise<Evidence | void>;
  /** Aborted: takes no more, finishes what runs, closes the session. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: WorkerEvent) => void) | undefined;
}

export type WorkerEvent =
  | {
      readonly type: 'taken' | 'completed' | 'failed' | 'lost';
      readonly taskId: string;
      readonly detail?: string;
    }
  | { readonly type: 'ended'; readonly detail: string };

export interface WorkerCounts {
  readonly completed: number;
  readonly failed: number;
  readonly lost: number;
}

export interface Worker {
  readonly session: Session;
  /** Resolves when the worker has drained, or its session has ended. */
  readonly done: Promise<WorkerCounts>;
  /** Takes no more, waits for what runs, closes the session. */
  drain(): Promise<WorkerCounts>;
}

/**
 * A loop that does the work of one session: a standing wish for tasks, as many at a time as
 * `concurrency` says, each answered with its evidence. Rejects when the session cannot be opened.
 */
export async function worker(options: WorkerOptions): Promise<Worker> {
  const { client, concurrency = 1, leaseMs, planId, signal } = options;
  const session = await client.openSession(sessionOptions(options, concurrency));
  const counts = { completed: 0, failed: 0, lost: 0 };
  const running = new Set<Promise<void>>();
  const runOne = async (lease: Lease): Promise<void> => {
    const outcome = await work(lease, options);
    counts[outcome.type] += 1;
    options.onEvent?.({ taskId: lease.taskId, ...outcome });
  };
  // The fabric pushes no more than the session has room for (`leasesMax`), so nothing queues here.
  const cancel = session.wait(
    {
      count: concurrency,
      leaseMs,
      planId,
    },
    (lease) => {
      if (drained !== undefined) {
        // Granted while the cancellation was on its way: back at once, no attempt is counted.
        void lease.release('The worker is stopping.').catch(() => undefined);
        return;
      }
      options.onEvent?.({ type: 'taken', taskId: lease.taskId });
      const task = runOne(lease).finally(() => running.delete(task));
      running.add(task);
    },
  );
  let drained: Promise<WorkerCounts> | undefined;
  const drain = (): Promise<WorkerCounts> => {
    drained ??= (async () => {
      cancel();
      // New ones are released above, so this set only shrinks.
      await Promise.all(running);
      signal?.removeEventListener('abort', stop);
      if (!session.signal.aborted) await session.close('The worker has drained.');
      return { ...counts };
    })();
    return drained;
  };
  const done = new Promise<WorkerCounts>((resolve, reject) => {
    session.signal.addEventListener(
      'abort',
      () => {
        options.onEvent?.({ type: 'ended', detail: String(session.signal.reason) });
        drain().then(resolve, reject);
      },
      { once: true },
    );
  });
  // A failure to close is told by `drain`; a caller that never looks at `done` must not die of it.
  done.catch(() => undefined);
  const stop = (): void => void drain().catch(() => undefined);
  if (signal?.aborted === true) stop();
  else signal?.addEventListener('abort', stop, { once: true });
  return { session, done, drain };
}

function sessionOptions(options: WorkerOptions, concurrency: number): InputOf<'sessions.open'> {
  const { agent, capabilities, role, swarm } = options;
  return {
    agent,
    leasesMax: concurrency,
    ...(capabilities === undefined ? {} : { capabilities: [...capabilities] }),
    role,
    swarm,
  };
}

type Outcome = { readonly type: 'completed' | 'failed' | 'lost'; readonly detail?: string };

async function work(lease: Lease, { run }: WorkerOptions): Promise<Outcome> {
  let evidence: Evidence | void;
  try {
    evidence = await run(lease);
  } catch (cause) {
    return fail(lease, cause instanceof Error ? cause.message : String(cause));
  }
  try {
    await lease.complete(evidence ?? undefined);
    return { type: 'completed' };
  } catch (cause) {
    return lostBy(cause) ?? { type: 'failed', detail: String(cause) };
  }
}

const REASON_CHARS_MAX = 2_000;

async function fail(lease: Lease, detail: string): Promise<Outcome> {
  try {
    await lease.fail(detail.slice(0, REASON_CHARS_MAX) || 'failed without a message');
    return { type: 'failed', detail };
  } catch (cause) {
    // Where even the failure could not be told, the lease expires and the attempt is counted all
    // the same.
    return lostBy(cause) ?? { type: 'failed', detail: `${detail}; ${String(cause)}` };
  }
}

function lostBy(cause: unknown): Outcome | undefined {
  if (cause instanceof LeaseLostError) return { type: 'lost', detail: cause.message };
  const stale = cause instanceof FabricError && cause.code === 'lease.stale';
  return stale ? { type: 'lost', detail: cause.message } : undefined;
}
