/** Threads that take lots of work, and who hands them out. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import type { Lot, LotReport } from './worker.ts';

/** More than two would share the cores of the machine that CI has. */
const THREADS_MAX = 2;

export class Threads {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  #wake: () => void = () => undefined;

  constructor(count = Math.min(THREADS_MAX, availableParallelism())) {
    const plant = new URL('plant-core.ts', import.meta.url).href;
    const flags = [
      '--conditions=source',
      '--disable-warning=ExperimentalWarning',
      '--import',
      plant,
    ];
    for (let i = 0; i < count; i += 1) {
      const worker = new Worker(new URL('worker.ts', import.meta.url), { execArgv: flags });
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  /** Runs every lot, in order as threads come free; `on` hears each report. Rejects where a thread dies. */
  async run(lots: Iterable<Lot>, on: (report: LotReport) => void): Promise<void> {
    const running = new Set<Promise<void>>();
    for (const lot of lots) {
      while (this.#idle.length === 0) await this.#oneIdle(running);
      const worker = this.#idle.pop();
      if (worker === undefined) throw new Error('defect: no idle thread');
      const done: Promise<void> = this.#runOn(worker, lot, on).finally(() => running.delete(done));
      running.add(done);
    }
    await Promise.all(running);
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  /** A failed lot must not be waited for in vain. */
  async #oneIdle(running: ReadonlySet<Promise<void>>): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([woken, Promise.all(running).then(() => undefined)]);
  }

  #runOn(worker: Worker, lot: Lot, on: (report: LotReport) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (cause: unknown): void => {
        reject(new Error(`a thread of the simulator died at ${JSON.stringify(lot)}`, { cause }));
      };
      worker.once('error', failed);
      worker.once('exit', failed);
      worker.once('message', (report: LotReport) => {
        worker.off('error', failed);
        worker.off('exit', failed);
        on(report);
        this.#idle.push(worker);
        this.#wake();
        resolve();
      });
      worker.postMessage(lot);
    });
  }
}
