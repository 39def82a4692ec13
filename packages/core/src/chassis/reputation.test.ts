/** The reputation's formula against the figures of the design. */
import { REPUTATION_HISTORY_MAX } from '@infrafabric/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PRIOR, remembered, standingOf } from './reputation.ts';
import type { PastValue } from './reputation.ts';
import type { Sample } from './slo.ts';

const sample = (said: Partial<Sample> = {}): Sample => ({
  at: 0,
  ok: true,
  missed: false,
  latencyMs: 10,
  efficiencyPermyriad: 9_200,
  stepPermyriad: 0,
  ...said,
});
const many = (count: number, said: Partial<Sample> = {}): Sample[] =>
  Array.from({ length: count }, () => sample(said));

const MISS = { missed: true, stepPermyriad: -500 };
const FAILURE = { ...MISS, ok: false };

describe('reputation', () => {
  test('CH-25: success .98, efficiency .92 and SLO .92 are .95, as the seed says; with SLO 1 they are .974', () => {
    const failed = many(2, { ok: false, missed: true });
    const slow = many(6, { missed: true });
    expect(standingOf([...many(92), ...slow, ...failed]).score).toBe(9_500);
    // A failure is a miss; the vector of the design wants success and SLO apart.
    const apart = many(2, { ok: false });
    expect(standingOf([...many(98), ...apart]).score).toBe(9_740);
  });

  test('who has shown nothing has the prior, which weighs as much as 20 runs', () => {
    expect(standingOf([])).toStrictEqual({ value: PRIOR, score: undefined, adjustment: 0 });
    const perfect = { efficiencyPermyriad: 10_000 };
    expect(standingOf(many(20, perfect)).value).toBe(8_500);
    expect(standingOf(many(1_000, perfect)).value).toBe(9_941);
  });

  test('CH-27: each miss takes .05, each success repays .01, and no gain lifts above what was measured', () => {
    const gain = { stepPermyriad: 100 };
    const adjustment = (samples: readonly Sample[]): number => standingOf(samples).adjustment;
    expect(adjustment([sample(MISS)])).toBe(-500);
    expect(adjustment([sample(MISS), ...many(2, gain)])).toBe(-300);
    expect(adjustment([sample(MISS), ...many(9, gain)])).toBe(0);
    // A gain before a penalty is worth nothing: it repays, it does not save up.
    expect(adjustment([...many(50, gain), sample(MISS)])).toBe(-500);
    expect(standingOf(many(50, gain)).value).toBe(standingOf(many(50)).value);
    expect(adjustment(many(30, MISS))).toBe(-10_000);
    expect(standingOf(many(30, FAILURE)).value).toBe(0);
  });

  test('case 96: to fail fast is worse than to succeed slowly', () => {
    const slow = many(50, { ...MISS, efficiencyPermyriad: 2_000 });
    const fast = many(50, { ...FAILURE, efficiencyPermyriad: 0 });
    expect(standingOf(fast).score).toBeLessThan(standingOf(slow).score ?? 0);
    expect(standingOf(fast).value).toBeLessThanOrEqual(standingOf(slow).value);
  });

  // Property: always within [0, 1], whole ten-thousandths, never above the blend. Method: any runs.
  test('H3: it is a whole number of ten-thousandths within its bounds', () => {
    const any = fc.record({
      ok: fc.boolean(),
      missed: fc.boolean(),
      efficiencyPermyriad: fc.nat(10_000),
      stepPermyriad: fc.integer({ min: -10_000, max: 10_000 }),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 80 }), (list) => {
        const { value, adjustment } = standingOf(list.map((one) => sample(one)));
        expect(Number.isInteger(value) && value >= 0 && value <= 10_000).toBe(true);
        expect(adjustment <= 0 && adjustment >= -10_000).toBe(true);
      }),
    );
  });

  test('the last 100 values are kept, each that is new', () => {
    let history: readonly PastValue[] = [];
    for (let at = 0; at <= REPUTATION_HISTORY_MAX; at += 1)
      history = remembered(history, { at, value: at });
    expect(history).toHaveLength(REPUTATION_HISTORY_MAX);
    expect(history[0]).toStrictEqual({ at: 1, value: 1 });
    expect(remembered(history, { at: 999, value: REPUTATION_HISTORY_MAX })).toBe(history);
  });
});
