import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from './random.ts';
import { isLinearizable, type Call, type SequentialModel } from './wgl.ts';

/** One task and its lease: a claim gives the next fence to one, a release with it frees the task. */
type Input =
  | { readonly type: 'claim'; readonly by: string }
  | { readonly type: 'release'; readonly fence: number };
type Output = { readonly fence: number } | 'refused' | 'released';

interface Lease {
  readonly fence: number;
  readonly held: boolean;
}

const model: SequentialModel<Lease, Input, Output> = {
  initial: { fence: 0, held: false },
  step: ({ fence, held }, input, output) => {
    const may = input.type === 'claim' ? !held : held && input.fence === fence;
    const after =
      input.type === 'claim' ? { fence: fence + 1, held: true } : { fence, held: false };
    if (output === undefined) return may ? after : { fence, held };
    if (output === 'refused') return may ? undefined : { fence, held };
    if (output === 'released') return may && input.type === 'release' ? after : undefined;
    return may && output.fence === after.fence ? after : undefined;
  },
  key: ({ fence, held }) => `${fence} ${held}`,
};

/** A history of clients over one real lease; each call takes effect at a moment between its start and its end. */
const history = (seed: number, isFaulty: boolean): Call<Input, Output>[] => {
  const random = seededRandom(seed);
  let lease = model.initial;
  const calls: Call<Input, Output>[] = [];
  for (let effect = 10; effect < 130; effect += 10) {
    const input: Input =
      random.chance(0.5) || lease.fence === 0
        ? { type: 'claim', by: 'c' }
        : { type: 'release', fence: lease.fence };
    const held = lease.held && !(isFaulty && random.chance(0.3));
    let output: Output = 'refused';
    if (input.type === 'claim' && !held) {
      // The fault: a second grant while the first one lives, under a fence that was given out already.
      const fence = lease.held ? lease.fence : lease.fence + 1;
      lease = { fence, held: true };
      output = { fence };
    } else if (input.type === 'release' && lease.held) {
      lease = { ...lease, held: false };
      output = 'released';
    }
    const startedAt = effect - random.below(25);
    const end = { at: effect + random.below(25), output };
    // A caller that died waiting: what it asked for may have happened.
    calls.push(random.chance(0.1) ? { input, startedAt } : { input, startedAt, returned: end });
  }
  return calls;
};

const doubleGrants = (calls: readonly Call<Input, Output>[]): boolean => {
  const fences = calls.flatMap(({ returned }) =>
    returned !== undefined && typeof returned.output === 'object' ? [returned.output.fence] : [],
  );
  return new Set(fences).size < fences.length;
};

describe('the linearizability checker', () => {
  test('accepts every history of a lease that worked', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(isLinearizable(model, history(seed, false))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('refuses every history in which one fence was granted twice', () => {
    let doubled = 0;
    for (let seed = 0; seed < 300; seed += 1) {
      const calls = history(seed, true);
      if (!doubleGrants(calls)) continue;
      doubled += 1;
      expect(isLinearizable(model, calls), `seed ${seed}`).toBe(false);
    }
    expect(doubled).toBeGreaterThan(100);
  });

  const claim = (startedAt: number, at: number, output: Output): Call<Input, Output> => ({
    input: { type: 'claim', by: 'a' },
    startedAt,
    returned: { at, output },
  });

  test('calls that overlap may change places, calls that do not may not', () => {
    expect(isLinearizable(model, [claim(0, 10, 'refused'), claim(5, 15, { fence: 1 })])).toBe(true);
    expect(isLinearizable(model, [claim(0, 4, 'refused'), claim(5, 15, { fence: 1 })])).toBe(false);
    expect(isLinearizable(model, [])).toBe(true);
  });

  test('a call that never returned explains what others saw, and need not have happened', () => {
    const lost: Call<Input, Output> = { input: { type: 'claim', by: 'a' }, startedAt: 0 };
    expect(isLinearizable(model, [lost, claim(5, 10, 'refused')])).toBe(true);
    expect(isLinearizable(model, [lost, claim(5, 10, { fence: 1 })])).toBe(true);
    expect(isLinearizable(model, [claim(5, 10, 'refused'), { ...lost, startedAt: 11 }])).toBe(
      false,
    );
  });
});
