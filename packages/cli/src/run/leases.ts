/** Where the runner's sessions get their leases from. */
import type { TaskSpec } from '@infrafabric/protocol';
import { FabricError } from '@infrafabric/sdk';
import type { Client, Lease, Session } from '@infrafabric/sdk';

export interface LeaseSource {
  readonly acquire: (session: Session, signal: AbortSignal) => Promise<Lease | undefined>;
  /** Something of the plan changed: what was not ready may be. */
  readonly poke: () => void;
}

/** One wait for work. Longer ones hold a call open past what proxies allow. */
const WAIT_MS = 20_000;
/** After a refusal that says “later”, ms. */
const PAUSE_MS = 200;
/** Looks again even where no event said so, ms. */
const LOOK_AGAIN_MS = 2_000;

/** Every task suits: the fabric chooses, and a session that waits is woken with its lease. */
function pushedLeases(planId: string): LeaseSource {
  return {
    poke: () => undefined,
    acquire: async (session, signal) => {
      try {
        const [lease] = await session.next({ count: 1, planId, waitMs: WAIT_MS, signal });
        return lease;
      } catch (cause) {
        if (signal.aborted) return undefined;
        if (!isLater(cause)) throw cause;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        return undefined;
      }
    },
  };
}

/**
 * Some tasks are not for this runner: it looks which are ready and claims by name. Sessions share one look, and no two
 * of them reach for the same task.
 */
function pickedLeases(
  client: Client,
  planId: string,
  suits: (key: string) => boolean,
): LeaseSource {
  const reached = new Set<string>();
  let looking: Promise<readonly string[]> | undefined;
  const look = (): Promise<readonly string[]> => {
    looking ??= readyTasks(client, planId).finally(() => {
      looking = undefined;
    });
    return looking;
  };
  let wake: (() => void)[] = [];
  const poke = (): void => {
    for (const one of wake.splice(0)) one();
  };
  return {
    poke,
    acquire: async (session, signal) => {
      for (const taskId of await look()) {
        if (signal.aborted) return undefined;
        if (reached.has(taskId) || !suits(taskId.slice(planId.length + 1))) continue;
        reached.add(taskId);
        try {
          return await session.claim(taskId);
        } catch (cause) {
          // Somebody was faster, or it is not ready any more: the next one.
          if (!(cause instanceof FabricError)) throw cause;
        } finally {
          reached.delete(taskId);
        }
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_AGAIN_MS);
        const resume = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', resume);
          resolve();
        };
        signal.addEventListener('abort', resume, { once: true });
        wake = [...wake, resume];
      });
      return undefined;
    },
  };
}

/** Tasks of the plan that are ready now; the first page is enough, as more become ready than are running. */
export async function readyTasks(client: Client, planId: string): Promise<readonly string[]> {
  const { tasks } = await client.call('tasks.list', { planId, phase: 'ready', limit: 1_000 });
  return tasks.map(({ taskId }) => taskId);
}

/**
 * Leases of tasks that suit: pushed while all of the plan do, picked once one is known that does not. A task that came
 * into the plan later is looked at when it is granted, and given back if it does not suit. `unsuited` grows by it.
 */
export function suitedLeases(
  client: Client,
  planId: string,
  tasks: { readonly suits: (task: TaskSpec) => boolean; readonly unsuited: Set<string> },
): LeaseSource {
  const { suits, unsuited } = tasks;
  const pushed = pushedLeases(planId);
  const picked = pickedLeases(client, planId, (key) => !unsuited.has(key));
  return {
    poke: picked.poke,
    acquire: async (session, signal) => {
      const source = unsuited.size === 0 ? pushed : picked;
      const lease = await source.acquire(session, signal);
      if (lease === undefined || suits(lease.task)) return lease;
      unsuited.add(lease.task.key);
      await lease.release('This runner cannot do it: the task names no command.');
      return undefined;
    },
  };
}

const isLater = (cause: unknown): boolean =>
  cause instanceof FabricError && cause.remedy === 'retry-later';
