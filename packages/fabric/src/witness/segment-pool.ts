import { Worker } from 'node:worker_threads';
import type { SegmentLeaves } from '@infrafabric/tlog';

/** What a thread answers; without leaves where the segment is not whole. */
export interface CheckedSegment {
  readonly path: string;
  readonly leaves: SegmentLeaves | undefined;
}

/** Segments that each thread may be ahead of whoever takes them: 5 MB of leaves each. */
const AHEAD_MAX = 2;

/** Heap of new objects of a thread, MB: a digest lives as long as an entry, and more would only be memory. */
const YOUNG_MB = 4;

/** Checks the segments of a realm's folder in threads of its own, in their order and a little ahead of its reader. */
export class SegmentPool {
  readonly #idle: Worker[];
  readonly #workers: readonly Worker[];
  readonly #waiting: string[];
  readonly #answers = new Map<string, PromiseWithResolvers<SegmentLeaves | undefined>>();
  #ahead = 0;

  /** `paths`: of all segments, ascending. */
  constructor(dataFolder: string, paths: readonly string[], workers: number) {
    // The sources run as they are, and so does what the compiler made of them.
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
    this.#workers = Array.from({ length: workers }, () => {
      const worker = new Worker(new URL(file, import.meta.url), {
        workerData: dataFolder,
        name: 'verify',
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      });
      worker.on('message', (checked: CheckedSegment) => {
        this.#take(worker, checked);
      });
      worker.on('error', () => {
        this.#giveUp();
      });
      return worker;
    });
    this.#idle = [...this.#workers];
    this.#waiting = [...paths];
    for (const path of paths) this.#answers.set(path, Promise.withResolvers());
    this.#next();
  }

  /** The leaves of the segment; undefined where it is not whole, or no thread could say. Asked once a path, in order. */
  async leavesOf(path: string): Promise<SegmentLeaves | undefined> {
    const leaves = await this.#answers.get(path)?.promise;
    this.#answers.delete(path);
    this.#ahead -= 1;
    this.#next();
    return leaves;
  }

  /** Ends the threads, whatever they are doing. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#ahead < this.#workers.length * AHEAD_MAX) {
      const worker = this.#idle.pop();
      const path = worker && this.#waiting.shift();
      if (worker === undefined || path === undefined) return;
      this.#ahead += 1;
      worker.postMessage(path);
    }
  }

  #take(worker: Worker, { path, leaves }: CheckedSegment): void {
    this.#idle.push(worker);
    this.#answers.get(path)?.resolve(leaves);
    this.#next();
  }

  /** A thread that died leaves its segment, and all behind it, to the reader. */
  #giveUp(): void {
    for (const { resolve } of this.#answers.values()) resolve(undefined);
  }
}
