/** One thread's decisions, each timed by itself. */
import type { Values } from './probe.ts';
import { latencies } from './stats.ts';

export interface Counts {
  readonly samples: number;
  readonly warmUp: number;
}

/** Asks of a decision that changes nothing, one after another: what the scheduler took once it rarely takes each time. */
const ASKS = 3;

/**
 * Times one decision a sample; `undo` is not timed. One that `isPure` is asked for ASKS times: beside the figures of the
 * first time stand, as `<name>.least`, those of the least of them, which a busy machine disturbs least.
 */
export function timed<Answer>(
  name: string,
  { samples, warmUp }: Counts,
  one: {
    /** Prepares a sample and answers what is timed. */
    readonly prepare: (i: number) => () => Answer;
    readonly undo?: (answer: Answer) => void;
    readonly isPure?: true;
  },
): Values {
  const ms = new Float64Array(samples);
  const leastMs = new Float64Array(samples);
  for (let i = 0; i < samples + warmUp; i += 1) {
    const decideIt = one.prepare(i);
    const startedAt = performance.now();
    const answer = decideIt();
    const tookMs = performance.now() - startedAt;
    const least = one.isPure === true ? Math.min(tookMs, ...again(decideIt)) : tookMs;
    if (i >= warmUp) {
      ms[i - warmUp] = tookMs;
      leastMs[i - warmUp] = least;
    }
    one.undo?.(answer);
  }
  const values = latencies(name, ms);
  return one.isPure === true ? { ...values, ...latencies(`${name}.least`, leastMs) } : values;
}

const again = (decideIt: () => unknown): readonly number[] =>
  Array.from({ length: ASKS - 1 }, () => {
    const startedAt = performance.now();
    decideIt();
    return performance.now() - startedAt;
  });
