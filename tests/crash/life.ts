import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { systemCode } from '../../packages/fabric/src/ports/disk.ts';

const WRITER = fileURLToPath(new URL('writer.ts', import.meta.url));
/** A process that says nothing for so long hangs. */
const LINE_MS_MAX = 20_000;

export interface WriterOptions {
  readonly folder: string;
  readonly seed: number;
  readonly durability?: 'fsync' | 'os';
  /** Between two appends; 0 is as fast as it goes. */
  readonly pauseMs?: number;
  /** A program and its arguments that run the writer: `strace …`. */
  readonly under?: readonly string[];
}

/** One life of the writer, and every acknowledgement that came out of it. */
export class Life {
  readonly #child: ChildProcess;
  /** Leaf of each acknowledged entry. */
  readonly acknowledged = new Map<number, string>();
  readonly notes: string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #ended: Promise<unknown>;
  #rest = '';
  #stderr = '';

  constructor(options: WriterOptions) {
    const { folder, seed, durability = 'fsync', pauseMs = 0, under = [] } = options;
    const writer = ['--conditions=source', '--disable-warning=ExperimentalWarning', WRITER];
    const parameters = [folder, String(seed), durability, String(pauseMs)];
    const [program, ...args] = [...under, process.execPath, ...writer, ...parameters];
    this.#child = spawn(program ?? process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      this.#take(text);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    // `close` comes after the last byte of stdout: nothing that was acknowledged is overlooked.
    this.#ended = once(this.#child, 'close');
    void this.#ended.then(() => {
      this.#wake();
    });
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** Of the writer itself, not of its tracer; undefined before it has said so. */
  get pid(): number | undefined {
    const note = this.notes.find((line) => line.startsWith('pid '));
    return note === undefined ? undefined : Number(note.slice('pid '.length));
  }

  /** Resolves when a note that starts with `word` has come; rejects when the process ends before, or hangs. */
  async until(word: string): Promise<void> {
    const deadlineMs = performance.now() + LINE_MS_MAX;
    while (!this.notes.some((note) => note.startsWith(word))) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(
          `the writer ended before ${word}: ${this.notes.join(', ')} ${this.#stderr}`,
        );
      }
      if (performance.now() > deadlineMs) throw new Error(`the writer hangs before ${word}`);
      await this.#line();
    }
  }

  /** Resolves at the next acknowledgement from now on. */
  async untilAcknowledged(): Promise<void> {
    const before = this.acknowledged.size;
    const deadlineMs = performance.now() + LINE_MS_MAX;
    while (this.acknowledged.size === before) {
      if (performance.now() > deadlineMs) throw new Error('the writer acknowledges nothing');
      await this.#line();
    }
  }

  /** Stops it where it stands. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Kills it, if it still runs, and waits for its last word. A tracer ends with what it traces. */
  async kill(): Promise<void> {
    const { pid } = this;
    if (pid === undefined) this.#child.kill('SIGKILL');
    else if (this.#child.exitCode === null) killIfAlive(pid);
    await this.#ended;
  }

  /** Waits until it ends by itself. */
  async end(): Promise<void> {
    await Promise.race([this.#ended, timeout()]);
    if (this.#child.exitCode === null) throw new Error('the writer does not end');
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [index = '', leaf = ''] = line.split(' ');
      if (/^\d/.test(line)) this.acknowledged.set(Number(index), leaf);
      else this.notes.push(line);
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #line(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LINE_MS_MAX);
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** It may have ended a moment ago, and its tracer not yet. */
function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (cause) {
    if (systemCode(cause) !== 'ESRCH') throw cause;
  }
}

function timeout(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, LINE_MS_MAX).unref();
  });
}
