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

/** Refusals that may be others once a lease of this run has ended: what it set aside is free again, or its probe is over. */
const FOR_NOW: ReadonlySet<string> = new Set(['budget.exceeded', 'swarm.suspended']);

/** Sleeps until something of the plan changed, it is time to look again, or the run stops. */
class Naps {
  #wake: (() => void)[] = [];

  poke(): void {
    for (const one of this.#wake.splice(0)) one();
  }

  /** Whether anything woke it before its time. */
  sleep(signal: AbortSignal): Promise<boolean> {
    return new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), LOOK_AGAIN_MS);
      const resume = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', resume);
        resolve(true);
      };
      signal.addEventListener('abort', resume, { once: true });
      this.#wake.push(resume);
    });
  }
}

/** Every task suits: the fabric chooses, and a session that waits is woken with its lease. */
function pushedLeases(planId: string, working: () => number): LeaseSource {
  const naps = new Naps();
  /** Sessions that were refused, and then nothing happened and nobody of the run worked. */
  const calm = new Set<Session>();
  return {
    poke: () => naps.poke(),
    acquire: async (session, signal) => {
      try {
        const [lease] = await session.next({ count: 1, planId, waitMs: WAIT_MS, signal });
        calm.delete(session);
        return lease;
      } catch (cause) {
        if (signal.aborted) return undefined;
        if (cause instanceof FabricError && FOR_NOW.has(cause.code)) {
          // Nothing that this run does will change it.
          if (working() === 0 && calm.has(session)) throw cause;
          const isWoken = await naps.sleep(signal);
          if (isWoken || working() > 0) calm.delete(session);
          else calm.add(session);
          return undefined;
        }
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
  const naps = new Naps();
  return {
    poke: () => naps.poke(),
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
      await naps.sleep(signal);
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
  tasks: {
    readonly suits: (task: TaskSpec) => boolean;
    readonly unsuited: Set<string>;
    /** Sessions of this run that do a task now. */
    readonly working: () => number;
  },
): LeaseSource {
  const { suits, unsuited } = tasks;
  const pushed = pushedLeases(planId, tasks.working);
  const picked = pickedLeases(client, planId, (key) => !unsuited.has(key));
  return {
    poke: () => {
      pushed.poke();
      picked.poke();
    },
    acquire: async (session, signal) => {
      const source = unsuited.size === 0 ? pushed : picked;
      const lease = await source.acquire(session, signal);
      if (lease === undefined) return undefined;
      // What was found out while this session waited holds for it, too.
      if (suits(lease.task) && !unsuited.has(lease.task.key)) return lease;
      unsuited.add(lease.task.key);
      await lease.release('This session cannot do it.');
      return undefined;
    },
  };
}

const isLater = (cause: unknown): boolean =>
  cause instanceof FabricError && cause.remedy === 'retry-later';
