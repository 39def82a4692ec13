/** Runs probes round by round, one after another, so that a noisy minute hits all of them. */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { NODE_FLAGS } from './child.ts';
import { load } from './machine.ts';
import type { Probe, Size, Values } from './probe.ts';
import { PROBES, type ProbeName } from './probes.ts';

export interface InterleaveOptions {
  readonly probes: readonly ProbeName[];
  readonly rounds: number;
  readonly size: Size;
  readonly folder: string;
  /** After this moment of `performance.now()` no further round begins. */
  readonly endsAt: number;
  readonly note: (text: string) => void;
}

/** The figures of all probes of one round, and the load average at its end. */
export type Round = Values;

/** A round of one probe that takes longer hangs, ms. */
const ROUND_MS_MAX = 180_000;

interface Told {
  readonly opened?: true;
  readonly closed?: true;
  readonly values?: Values;
  readonly failed?: string;
}

/** Rejects with what the first probe that fails says. At least one round is run. */
export async function interleave(options: InterleaveOptions): Promise<readonly Round[]> {
  const { probes, rounds, size, folder, endsAt, note } = options;
  const running: Running[] = [];
  const done: Round[] = [];
  try {
    for (const [i, name] of probes.entries()) {
      // A smoke run must be short, and starting a process is most of it: one shows that processes work.
      const isForked = size !== 'smoke' || i === 0;
      running.push(await (isForked ? ProbeProcess : ProbeHere).open(name, size, folder));
    }
    const order = (round: number): readonly Running[] => {
      // Each round begins with another probe: none is always measured behind the same neighbour.
      const first = round % running.length;
      return [...running.slice(first), ...running.slice(0, first)];
    };
    // Not counted: a service that has run for a minute is what people meet.
    if (size !== 'smoke') await runRound(order(0), 'warm-up', note);
    for (let round = 0; round < rounds; round += 1) {
      if (round > 0 && performance.now() > endsAt) break;
      done.push(await runRound(order(round), `round ${round + 1}`, note));
    }
    for (const probe of running) await probe.close();
    return done;
  } finally {
    for (const probe of running) probe.kill();
  }
}

async function runRound(
  probes: readonly Running[],
  name: string,
  note: InterleaveOptions['note'],
): Promise<Round> {
  const values: Record<string, number> = {};
  for (const probe of probes) {
    const startedAt = performance.now();
    Object.assign(values, await probe.round());
    note(`${name} ${probe.name} ${Math.round(performance.now() - startedAt)} ms`);
  }
  return { ...values, 'machine.load': load() };
}

interface Running {
  readonly name: ProbeName;
  round(): Promise<Values>;
  close(): Promise<void>;
  kill(): void;
}

class ProbeHere implements Running {
  readonly name: ProbeName;
  readonly #probe: Probe;

  private constructor(name: ProbeName, probe: Probe) {
    this.name = name;
    this.#probe = probe;
  }

  static async open(name: ProbeName, size: Size, folder: string): Promise<ProbeHere> {
    const open = await PROBES[name]();
    return new ProbeHere(name, await open({ size, folder: folderOf(folder, name) }));
  }

  round(): Promise<Values> {
    return this.#probe.round();
  }

  close(): Promise<void> {
    return this.#probe.close();
  }

  kill(): void {
    // What it started ends with this process.
  }
}

const folderOf = (folder: string, name: string): string => {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  return own;
};

class ProbeProcess implements Running {
  readonly name: ProbeName;
  readonly #child: ChildProcess;

  private constructor(name: ProbeName, child: ChildProcess) {
    this.name = name;
    this.#child = child;
  }

  static async open(name: ProbeName, size: Size, folder: string): Promise<ProbeProcess> {
    const script = fileURLToPath(new URL('probe-process.ts', import.meta.url));
    const child = fork(script, [name, size, folderOf(folder, name)], { execArgv: NODE_FLAGS });
    const probe = new ProbeProcess(name, child);
    try {
      await probe.#told();
      return probe;
    } catch (cause) {
      probe.kill();
      throw cause;
    }
  }

  async round(): Promise<Values> {
    this.#child.send('round');
    return (await this.#told()).values ?? {};
  }

  async close(): Promise<void> {
    this.#child.send('close');
    await this.#told();
  }

  kill(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #told(): Promise<Told> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${this.name}: ${why}`));
      const timer = setTimeout(() => fail('the probe hangs'), ROUND_MS_MAX);
      const onExit = (code: number | null): void => fail(`the probe ended: ${code}`);
      this.#child.once('exit', onExit);
      this.#child.once('message', (message: Told) => {
        clearTimeout(timer);
        this.#child.off('exit', onExit);
        if (message.failed === undefined) resolve(message);
        else fail(message.failed);
      });
    });
  }
}
