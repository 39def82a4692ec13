/** Simulated work: a pause of a length that the seed decides. For plans that name no commands, demos and load. */
import { createHash } from 'node:crypto';
import type { Ending, Executor } from './executor.ts';

export interface Simulation {
  /** Mean length of one attempt, ms; each takes between half of it and one and a half. */
  readonly meanMs: number;
  /** The same seed gives every attempt the same length. */
  readonly seed: number;
}

export function simulatedExecutor(simulation: Simulation): Executor {
  return {
    takes: () => true,
    start: async ({ taskId, attempt }, { abort, onLine }) => {
      const durationMs = simulatedMs(simulation, `${taskId}#${attempt}`);
      onLine(`simulated for ${durationMs} ms`);
      const ending = await pausedFor(durationMs, abort);
      const bytes = Buffer.from(`simulated for ${durationMs} ms\n`);
      return { ending, transcript: { bytes, leftOutBytes: 0 }, durationMs };
    },
  };
}

/** How long an attempt of this name takes, ms: uniform in [½, 1½) of the mean, by SHA-256 of seed and name. */
export function simulatedMs({ meanMs, seed }: Simulation, name: string): number {
  const share = createHash('sha256').update(`${seed}/${name}`).digest().readUInt32BE() / 2 ** 32;
  return Math.round(meanMs * (0.5 + share));
}

function pausedFor(ms: number, abort: AbortSignal): Promise<Ending> {
  return new Promise((resolve) => {
    if (abort.aborted) {
      resolve({ kind: 'aborted' });
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      resolve({ kind: 'aborted' });
    };
    const timer = setTimeout(() => {
      abort.removeEventListener('abort', onAbort);
      resolve({ kind: 'exited', exitCode: 0 });
    }, ms);
    abort.addEventListener('abort', onAbort, { once: true });
  });
}
