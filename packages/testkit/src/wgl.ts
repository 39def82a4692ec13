/**
 * A linearizability checker: Wing and Gong's search with Lowe's memory of (linearized calls, state) pairs
 * (G. Lowe, "Testing for linearizability", Concurrency and Computation 29(4), 2017, §4; J. M. Wing and C. Gong, 1993).
 * Exponential at worst, fast on histories of few overlapping calls; histories are cut to what a test can afford.
 */

/** One call as its client saw it. Times are of one clock; a call that never returned has no output and no end. */
export interface Call<Input, Output> {
  readonly input: Input;
  readonly startedAt: number;
  readonly returned?: { readonly at: number; readonly output: Output };
}

/** The object as it would behave if one call were made after another. */
export interface SequentialModel<State, Input, Output> {
  readonly initial: State;
  /** The state after the call, or undefined where the object could not have answered `output`. */
  readonly step: (state: State, input: Input, output: Output | undefined) => State | undefined;
  /** Equal states have equal keys. */
  readonly key: (state: State) => string;
}

/**
 * Whether the calls can be put into one order that the model allows and that keeps every call between its start and
 * its end. A call without an end may have happened at any time after its start, or not at all.
 */
export const isLinearizable = <State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  calls: readonly Call<Input, Output>[],
): boolean => {
  const order = calls.toSorted((a, b) => a.startedAt - b.startedAt);
  const ends = order.map(({ returned }) => returned?.at ?? Number.POSITIVE_INFINITY);
  const seen = new Set<string>();
  const stack: { readonly state: State; readonly taken: bigint }[] = [
    { state: model.initial, taken: 0n },
  ];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { state, taken } = at;
    const memory = `${taken.toString(36)} ${model.key(state)}`;
    if (seen.has(memory)) continue;
    seen.add(memory);
    const left = order.flatMap((_, i) => ((taken >> BigInt(i)) & 1n ? [] : [i]));
    if (left.every((i) => ends[i] === Number.POSITIVE_INFINITY)) return true;
    // Only a call that began before every other one ended can be the next: the others came after one of those.
    const firstEnd = Math.min(...left.map((i) => ends[i] ?? 0));
    for (const i of left) {
      const call = order[i];
      if (call === undefined || call.startedAt > firstEnd) break;
      const next = model.step(state, call.input, call.returned?.output);
      if (next !== undefined) stack.push({ state: next, taken: taken | (1n << BigInt(i)) });
    }
  }
  return false;
};
