import { Worker } from 'node:worker_threads';

import type { Clock } from '../engine/clock.ts';
import { Fault } from '../fault.ts';
import type { HashedState } from './fold-follower.ts';
import {
  receivedFault,
  type Asked,
  type FromWorker,
  type Question,
  type Questions,
  type ToWorker,
  type WorkerStart,
} from './messages.ts';

/** What the leader said is passed on at most this often, ms: a thread is not woken for every flush of a busy leader. */
const TELL_MS = 10;
/** The thread starts this long after the first entry: its start does not stand between a new realm and its first claims. */
const START_MS = 100;
/** Questions under way. More: the worker is behind, and the caller is told to come back. */
const QUESTIONS_MAX = 256;

/** Followers to ask, wherever they run. */
export interface FollowerHost {
  /** Whether there is anybody to ask without starting a thread. */
  readonly isRunning: boolean;
  /** The first `size` entries are durable. Returns at once; called on the leader's thread after every flush. */
  told(size: number): void;
  /** Rejects with a Fault. */
  ask<Q extends Question>(question: Q, ask: Questions[Q]['ask']): Promise<Questions[Q]['answer']>;
}

export interface FollowerThreadOptions extends WorkerStart {
  readonly clock: Clock;
  readonly onStateHash: (state: HashedState) => void;
  readonly onFault: (name: string, cause: unknown) => void;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (cause: Fault) => void;
}

/** The followers of a file journal, in a thread of their own, started when there is something for them to do. */
export class FollowerThread implements FollowerHost {
  readonly #options: FollowerThreadOptions;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #cancelTell: (() => void) | undefined;
  #size: number;
  #toldSize: number;
  #nextId = 0;
  #closed = false;

  constructor(options: FollowerThreadOptions) {
    this.#options = options;
    this.#size = options.size;
    this.#toldSize = options.size;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  told(size: number): void {
    if (size <= this.#size) return;
    this.#size = size;
    if (this.#cancelTell !== undefined || this.#closed) return;
    const { clock } = this.#options;
    const waitMs = this.#worker === undefined ? START_MS : TELL_MS;
    this.#cancelTell = clock.setTimer(clock.monotonic() + waitMs, () => {
      this.#cancelTell = undefined;
      this.#tell();
    });
  }

  async ask<Q extends Question>(
    question: Q,
    ask: Questions[Q]['ask'],
  ): Promise<Questions[Q]['answer']> {
    if (this.#closed) throw unavailable('the followers are closed', false);
    if (this.#waiting.size >= QUESTIONS_MAX)
      throw unavailable('too many questions under way', true);
    if (question === 'close') this.#closed = true;
    // Whoever asks finds what was durable when he asked.
    this.#tell();
    const id = this.#nextId;
    this.#nextId += 1;
    // The pair was checked by this method's own signature.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const asked = { question, ask } as Asked;
    try {
      const answer = await new Promise<unknown>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#post({ type: 'asked', id, asked });
      });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return answer as Questions[Q]['answer'];
    } finally {
      // Also where the set could not be opened: a thread that stays would keep the process.
      if (question === 'close') await this.#worker?.terminate();
    }
  }

  #tell(): void {
    this.#cancelTell?.();
    this.#cancelTell = undefined;
    if (this.#worker === undefined) this.#start();
    else if (this.#toldSize < this.#size) this.#post({ type: 'told', size: this.#size });
    this.#toldSize = this.#size;
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #start(): void {
    const { dataFolder, origin, logKey, snapshotEveryEntries } = this.#options;
    const data: WorkerStart = {
      dataFolder,
      origin,
      logKey,
      size: this.#size,
      ...(snapshotEveryEntries === undefined ? {} : { snapshotEveryEntries }),
    };
    // The sources run as they are, and so does what the compiler made of them.
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: data,
      name: 'followers',
    });
    worker.on('message', (message: FromWorker) => {
      this.#receive(message);
    });
    worker.on('error', (cause) => {
      this.#options.onFault('thread', cause);
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      // The next thing that is durable, or the next question, starts another one.
      for (const { reject } of this.#waiting.values())
        reject(unavailable('the thread ended', true));
      this.#waiting.clear();
    });
    this.#worker = worker;
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'answered':
        this.#waiting.get(message.id)?.resolve(message.answer);
        this.#waiting.delete(message.id);
        return;
      case 'failed':
        this.#waiting.get(message.id)?.reject(receivedFault(message.fault));
        this.#waiting.delete(message.id);
        return;
      case 'hashed':
        this.#options.onStateHash(message.state);
        return;
      case 'fault':
        this.#options.onFault(message.name, receivedFault(message.fault));
    }
  }
}

const unavailable = (detail: string, transient: boolean): Fault =>
  new Fault('log.unavailable', { transient, detail: `followers: ${detail}` });
