/**
 * Blank runners, kept ready: booting one takes 50 to 150 ms, taking one from here none. A runner leaves the pool once and
 * never comes back.
 *
 * K8  There are never more runners of tenants than the limit; who asks beyond it waits, and not without bound.
 */
import { Fault } from '../../fault.ts';
import type { Blank } from './boot.ts';

/** Age at which a blank runner is replaced, ms: it keeps the node that it was booted with. */
const IDLE_MS_MAX = 600_000;
/** Wait before a runner that was taken is replaced, ms: booting takes a core, which its first run wants. */
const REFILL_WAIT_MS = 25;
/** Callers that may wait for a runner. More: waiting becomes longer than what is waited for. */
const WAITING_MAX = 64;

export interface PoolOptions {
  /** Throws a Fault. */
  readonly boot: (memoryMib: number) => Promise<Blank>;
  /** Memory of the runners that are kept ready, MiB; those of another size are booted when they are asked for. */
  readonly memoryMib: number;
  readonly blankRunners: number;
  readonly runnersMax: number;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #blank: Blank[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #alive = new Set<Promise<Blank>>();
  #booting = 0;
  /** Callers that want room for a runner: what becomes free is theirs. */
  #wanted = 0;
  #aging: NodeJS.Timeout | undefined;
  #refilling: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#refill();
  }

  /** Blank runners that are ready now. */
  get ready(): number {
    return this.#blank.length;
  }

  /** Runners that are there, whoever has them. */
  get alive(): number {
    return this.#alive.size;
  }

  /** A runner that is the caller's until its end. Throws a Fault `runner.unavailable`. */
  async take(memoryMib: number): Promise<Blank> {
    this.#refuseClosed();
    const ready = this.#takeReady(memoryMib);
    if (ready !== undefined) return ready;
    this.#wanted += 1;
    try {
      while (this.#alive.size >= this.#options.runnersMax) {
        // A blank one of another size is worth less than a runner that somebody needs.
        const spare = this.#blank.shift();
        if (spare === undefined) await this.#turn();
        else await spare.process.kill({ cause: 'revoked', detail: 'another size was needed' });
        this.#refuseClosed();
        const freed = this.#takeReady(memoryMib);
        if (freed !== undefined) return freed;
      }
    } finally {
      this.#wanted -= 1;
    }
    return this.#boot(memoryMib);
  }

  /**
   * A blank runner for a question or two, beyond the limit if need be: whoever asks holds a runner already, and would wait
   * for itself.
   */
  async takeExtra(): Promise<Blank> {
    this.#refuseClosed();
    const { memoryMib } = this.#options;
    return this.#takeReady(memoryMib) ?? this.#boot(memoryMib);
  }

  /** Kills the blank runners, and waits for those that are being booted. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#aging);
    clearTimeout(this.#refilling);
    for (const wake of this.#waiting.splice(0)) wake();
    const booted = await Promise.allSettled(this.#alive);
    const alive = booted.flatMap((boot) => (boot.status === 'fulfilled' ? [boot.value] : []));
    await Promise.all(
      alive.map(({ process }) => process.kill({ cause: 'revoked', detail: 'the host closed' })),
    );
  }

  #refuseClosed(): void {
    if (this.#isClosed)
      throw new Fault('runner.unavailable', { transient: false, detail: 'the host is closed' });
  }

  #takeReady(memoryMib: number): Blank | undefined {
    const at = this.#blank.findIndex((blank) => blank.memoryMib === memoryMib);
    const [found] = at === -1 ? [] : this.#blank.splice(at, 1);
    if (found !== undefined) this.#refillLater();
    return found;
  }

  /** In the background, and after whoever took a runner has begun. */
  #refillLater(): void {
    this.#refilling ??= setTimeout(() => {
      this.#refilling = undefined;
      this.#refill();
    }, REFILL_WAIT_MS).unref();
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX)
      throw new Fault('runner.unavailable', {
        transient: true,
        detail: `${this.#options.runnersMax} runners are at work, and ${WAITING_MAX} callers wait`,
      });
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #boot(memoryMib: number): Promise<Blank> {
    const boot = this.#options.boot(memoryMib);
    this.#alive.add(boot);
    const leave = (): void => {
      this.#alive.delete(boot);
      this.#waiting.shift()?.();
      this.#refill();
    };
    boot.then(
      ({ process }) => void process.gone.then(leave),
      () => {
        this.#alive.delete(boot);
        this.#waiting.shift()?.();
      },
    );
    return boot;
  }

  /** Up to the number that is kept ready, as far as the limit allows. A failure shows when a runner is asked for. */
  #refill(): void {
    const { blankRunners, memoryMib, runnersMax } = this.#options;
    while (
      !this.#isClosed &&
      this.#wanted === 0 &&
      this.#blank.length + this.#booting < blankRunners &&
      this.#alive.size < runnersMax
    ) {
      this.#booting += 1;
      void this.#boot(memoryMib).then(
        (blank) => this.#keep(blank),
        () => {
          this.#booting -= 1;
        },
      );
    }
  }

  #keep(blank: Blank): void {
    this.#booting -= 1;
    if (this.#isClosed || blank.process.ending !== undefined) return;
    this.#blank.push(blank);
    const drop = (): void => {
      const at = this.#blank.indexOf(blank);
      if (at !== -1) this.#blank.splice(at, 1);
    };
    const breach = (): void =>
      void blank.process.kill({ cause: 'protocol', detail: 'a frame that nobody asked for' });
    blank.process.listen({ onFrame: breach, onOversize: breach, onEnd: drop });
    this.#age();
  }

  /** One timer for the oldest; it holds no process open. */
  #age(): void {
    const [oldest] = this.#blank;
    if (this.#aging !== undefined || oldest === undefined) return;
    const waitMs = Math.max(0, oldest.bootedAtMs + IDLE_MS_MAX - performance.now());
    this.#aging = setTimeout(() => {
      this.#aging = undefined;
      const [first] = this.#blank;
      if (first !== undefined && performance.now() - first.bootedAtMs >= IDLE_MS_MAX)
        void first.process.kill({ cause: 'revoked', detail: 'it was idle for too long' });
      this.#age();
    }, waitMs).unref();
  }
}
