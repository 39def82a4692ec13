/** One thread's decisions, each timed by itself. */
import type { Values } from './probe.ts';
import { latencies } from './stats.ts';

export interface Counts {
  readonly samples: number;
  readonly warmUp: number;
}

/** Times `decide`, once a sample; `undo` is not timed. */
export function timed<Answer>(
  name: string,
  { samples, warmUp }: Counts,
  one: {
    /** Prepares a sample and answers what is timed. */
    readonly prepare: (i: number) => () => Answer;
    readonly undo?: (answer: Answer) => void;
  },
): Values {
  const ms = new Float64Array(samples);
  for (let i = 0; i < samples + warmUp; i += 1) {
    const decideIt = one.prepare(i);
    const startedAt = performance.now();
    const answer = decideIt();
    if (i >= warmUp) ms[i - warmUp] = performance.now() - startedAt;
    one.undo?.(answer);
  }
  return latencies(name, ms);
}
