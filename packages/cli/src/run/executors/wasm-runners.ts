/**
 * Runners of the sandbox for the sessions of one process: one host, made when the first module is to be run.
 *
 * R1  A runner is of one session and one module for life; it is never handed to another.
 * R2  Without a word of the contract it lives for one run. With `reuse: session` it waits for the session's next run of
 *     the same module, and is killed after any run that did not come back with a result or an error of its own.
 */
import type { Attained, ModuleLoad, Runner, RunnerHost, Tenant } from '@infrafabric/fabric/chassis';
import type { LoadAnswer } from '../../chassis/module-load.ts';

/** Runners that wait for their session's next run: half of what a host of one core has. */
const KEPT_MAX = 4;

/** A runner for one run; whoever took it gives it back. */
export interface TakenRunner {
  readonly runner: Runner;
  readonly loaded: LoadAnswer;
  /** It did a run before this one. */
  readonly isKept: boolean;
  /** Kills it, unless the contract keeps it and it is as it should be. */
  readonly giveBack: (isSound: boolean) => Promise<void>;
}

export interface TakeRequest {
  readonly tenant: Tenant;
  readonly module: ModuleLoad;
  readonly signal: AbortSignal;
}

export class WasmRunners {
  readonly #open: () => Promise<RunnerHost>;
  #host: Promise<RunnerHost> | undefined;
  /** By tenant, and by all that was said of the module when it was loaded. */
  readonly #kept = new Map<string, Runner>();

  constructor(open: () => Promise<RunnerHost>) {
    this.#open = open;
  }

  /** What the host was seen to have. Rejects where none can be made; the next call tries again. */
  async attained(): Promise<Attained> {
    return (await this.#hostNow()).attained();
  }

  /** Rejects where no runner can be had, or the signal aborts first. */
  async take({ tenant, module, signal }: TakeRequest): Promise<TakenRunner> {
    const key = keyOf(tenant, module);
    const before = this.#kept.get(key);
    this.#kept.delete(key);
    const runner = before ?? (await this.#fresh(tenant, module, signal));
    const giveBack = async (isSound: boolean): Promise<void> => {
      if (!isSound || module.reuse !== 'session') await runner.destroy();
      else await this.#keep(key, runner);
    };
    if (before !== undefined)
      return { runner, loaded: { ok: true, exports: [] }, isKept: true, giveBack };
    try {
      const loaded = await endedBy(runner.load(module), signal);
      return { runner, loaded, isKept: false, giveBack };
    } catch (cause) {
      await runner.destroy();
      throw cause;
    }
  }

  /** What has waited longest makes room: the host has only so many, and who waits for one must not wait for idlers. */
  async #keep(key: string, runner: Runner): Promise<void> {
    this.#kept.set(key, runner);
    const [oldest] = this.#kept;
    if (oldest === undefined || this.#kept.size <= KEPT_MAX) return;
    this.#kept.delete(oldest[0]);
    await oldest[1].destroy();
  }

  /** Kills every runner. */
  async close(): Promise<void> {
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    for (const runner of kept) await runner.destroy();
    const host = await this.#host?.catch(() => undefined);
    await host?.close();
  }

  async #fresh(tenant: Tenant, { limits }: ModuleLoad, signal: AbortSignal): Promise<Runner> {
    const host = await this.#hostNow();
    const acquiring = host.acquire(tenant, limits.memoryMibMax);
    try {
      return await endedBy(acquiring, signal);
    } catch (cause) {
      // It may come yet, and nobody waits for it any more.
      void acquiring.then(
        (late) => late.destroy(),
        () => undefined,
      );
      throw cause;
    }
  }

  #hostNow(): Promise<RunnerHost> {
    this.#host ??= this.#open().catch((cause: unknown) => {
      this.#host = undefined;
      throw cause;
    });
    return this.#host;
  }
}

/** Another contract, or other limits, are another key: what was loaded under a wider one is not used again. */
const keyOf = (tenant: Tenant, { bytes: _bytes, ...said }: ModuleLoad): string =>
  JSON.stringify([tenant, said]);

/** The promise, or the signal's reason where that comes first. */
const endedBy = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  signal.throwIfAborted();
  const ended = Promise.withResolvers<never>();
  const onAbort = (): void => ended.reject(reasonOf(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  // Where it loses the race, its own failure is nobody's any more.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, ended.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};

const reasonOf = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new Error(String(reason));
