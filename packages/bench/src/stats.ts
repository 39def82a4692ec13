/** The few statistics that a figure is made of. Percentiles are by nearest rank: every one of them was measured. */

/** The smallest sample that at least `share` of all samples do not exceed; NaN where there is none. */
export function percentile(samples: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(samples).toSorted();
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export const median = (samples: ArrayLike<number>): number => percentile(samples, 0.5);

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Draws of one bootstrap: the ends of a 95 % interval are then known to about a percent of their rank. */
const DRAWS = 2_000;
const TAIL = 0.025;

/**
 * The percentile bootstrap (Efron 1979) of the median: 95 % of the medians of resampled rounds lie inside. `seed`
 * makes it repeatable. Of five rounds it says little more than "between the second and the fourth", which is true.
 */
export function bootstrapMedian(values: readonly number[], seed = 1): Interval {
  const random = mulberry32(seed);
  const medians = new Float64Array(DRAWS);
  const drawn = new Float64Array(values.length);
  for (let draw = 0; draw < DRAWS; draw += 1) {
    for (let i = 0; i < drawn.length; i += 1) {
      drawn[i] = values[Math.floor(random() * values.length)] ?? Number.NaN;
    }
    medians[draw] = median(drawn);
  }
  return { low: percentile(medians, TAIL), high: percentile(medians, 1 - TAIL) };
}

/** Tommy Ettinger's generator of 32 bits of state: fit for drawing, not for secrets. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** p50, p95, p99 and largest of latencies in ms, under names that start with `name`. */
export function latencies(name: string, samples: ArrayLike<number>): Record<string, number> {
  return {
    [`${name}.p50Ms`]: percentile(samples, 0.5),
    [`${name}.p95Ms`]: percentile(samples, 0.95),
    [`${name}.p99Ms`]: percentile(samples, 0.99),
    [`${name}.maxMs`]: percentile(samples, 1),
  };
}
