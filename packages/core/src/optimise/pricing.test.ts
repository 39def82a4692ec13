import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  PRICE_CATALOGUE,
  MICRO_USD_PER_MTOK_MAX,
  TOKENS_PER_RECORD_MAX,
  type ModelPrice,
} from '@infrafabric/protocol';
import { ceilingCost, costOf, priceOf, priceRow, worstCase } from './pricing.ts';

const NOV_2026 = Date.UTC(2026, 10, 21);
const row = (more: Partial<ModelPrice> = {}): ModelPrice => ({
  model: 'm',
  provider: 'p',
  inputMicroUsdPerMTok: 3_000_000,
  outputMicroUsdPerMTok: 15_000_000,
  cachedMicroUsdPerMTok: 300_000,
  capabilities: [],
  effectiveFrom: '2026-01-01',
  source: 'test',
  checked: '2026-01-01',
  ...more,
});
const none = { input: 0, output: 0, cached: 0 };

test('tokens cost what the list says, and what is left of a micro-dollar is charged as a whole one', () => {
  expect(costOf(row(), { input: 1_000_000, output: 0, cached: 0 })).toBe(3_000_000);
  expect(costOf(row(), { input: 1_000, output: 100, cached: 10_000 })).toBe(7_500);
  expect(costOf(row(), none)).toBe(0);
  // 0.3 micro-dollars a cached token: one, two and four of them.
  expect([1, 2, 4].map((cached) => costOf(row(), { ...none, cached }))).toEqual([1, 1, 2]);
  // Three kinds are added before they are rounded.
  const tenth = { inputMicroUsdPerMTok: 100_000, outputMicroUsdPerMTok: 100_000 };
  expect(
    costOf(row({ ...tenth, cachedMicroUsdPerMTok: 100_000 }), { input: 1, output: 1, cached: 1 }),
  ).toBe(1);
});

test('002: 50,000 tokens an hour for 290 hours at $3/MTok are $43.50', () => {
  const at = Date.UTC(2025, 10, 12);
  const tokens = { input: 290 * 50_000, output: 0, cached: 0 };
  expect(priceOf(PRICE_CATALOGUE.models, { model: '002/sonnet', at }, tokens)).toBe(43_500_000);
});

const Rate = fc.integer({ min: 0, max: MICRO_USD_PER_MTOK_MAX });
const Count = fc.integer({ min: 0, max: TOKENS_PER_RECORD_MAX });
const Rates = fc.record({
  inputMicroUsdPerMTok: Rate,
  outputMicroUsdPerMTok: Rate,
  cachedMicroUsdPerMTok: Rate,
});
const Used = fc.record({ input: Count, output: Count, cached: Count });

/** The same sum in integers without a limit, rounded up by its definition. */
const exact = (rates: Omit<ModelPrice, 'model'>, used: typeof none): bigint => {
  const sum =
    BigInt(rates.inputMicroUsdPerMTok) * BigInt(used.input) +
    BigInt(rates.outputMicroUsdPerMTok) * BigInt(used.output) +
    BigInt(rates.cachedMicroUsdPerMTok) * BigInt(used.cached);
  return (sum + 999_999n) / 1_000_000n;
};

// Property: over all prices and counts that the schema lets in, the result is the one of integers without a limit.
test('no price and no count within the limits is inexact', () => {
  fc.assert(
    fc.property(Rates, Used, (rates, used) => {
      const cost = costOf(row(rates), used);
      expect(Number.isSafeInteger(cost)).toBe(true);
      expect(BigInt(cost)).toBe(exact(row(rates), used));
    }),
    { numRuns: 2_000 },
  );
  const most = row({
    inputMicroUsdPerMTok: MICRO_USD_PER_MTOK_MAX - 1,
    outputMicroUsdPerMTok: MICRO_USD_PER_MTOK_MAX - 1,
    cachedMicroUsdPerMTok: MICRO_USD_PER_MTOK_MAX - 1,
  });
  const all = {
    input: TOKENS_PER_RECORD_MAX,
    output: TOKENS_PER_RECORD_MAX,
    cached: TOKENS_PER_RECORD_MAX,
  };
  expect(BigInt(costOf(most, all))).toBe(exact(most, all));
});

// Property: whatever is used within the bounds costs no more than what was reserved for them.
test('the worst case is never exceeded, with and without prices of long prompts', () => {
  const Long = fc.option(
    fc.record({ aboveTokens: fc.integer({ min: 1, max: 300_000 }), long: Rates }),
    { nil: undefined },
  );
  fc.assert(
    fc.property(Rates, Long, Used, (rates, long, most) => {
      const longPrompt =
        long === undefined ? {} : { longPrompt: { aboveTokens: long.aboveTokens, ...long.long } };
      const one = row({ ...rates, ...longPrompt });
      const reserved = worstCase(one, {
        inputTokens: most.input,
        maxOutputTokens: most.output,
      });
      const cached = Math.min(most.cached, most.input);
      for (const share of [1, 2, 3]) {
        const used = {
          input: Math.floor((most.input - cached) / share),
          cached: Math.floor(cached / share),
          output: Math.floor(most.output / share),
        };
        expect(costOf(one, used)).toBeLessThanOrEqual(reserved);
      }
    }),
  );
});

describe('a prompt above the mark', () => {
  const haiku = row({
    inputMicroUsdPerMTok: 100_000,
    outputMicroUsdPerMTok: 500_000,
    cachedMicroUsdPerMTok: 10_000,
    longPrompt: {
      aboveTokens: 100_000,
      inputMicroUsdPerMTok: 500_000,
      outputMicroUsdPerMTok: 2_500_000,
      cachedMicroUsdPerMTok: 50_000,
    },
  });

  test('is charged as a whole at the prices of long ones, cached tokens counted', () => {
    expect(costOf(haiku, { input: 100_000, output: 1_000, cached: 0 })).toBe(10_500);
    expect(costOf(haiku, { input: 90_000, output: 1_000, cached: 10_001 })).toBe(48_001);
  });

  test('is reserved for where the bound allows it, and not where it does not', () => {
    expect(worstCase(haiku, { inputTokens: 100_000, maxOutputTokens: 1_000 })).toBe(10_500);
    expect(worstCase(haiku, { inputTokens: 100_001, maxOutputTokens: 1_000 })).toBe(52_501);
  });
});

describe('a price has dates', () => {
  const rows = [
    row({ effectiveFrom: '2026-08-16', inputMicroUsdPerMTok: 2 }),
    row({ effectiveFrom: '2026-05-22', inputMicroUsdPerMTok: 1 }),
    row({ effectiveFrom: '2024-02-29', effectiveUntil: '2024-03-01', inputMicroUsdPerMTok: 9 }),
    row({ model: 'other', effectiveFrom: '2020-01-01' }),
  ];
  const input = (at: number): number | undefined =>
    priceRow(rows, { model: 'm', at })?.inputMicroUsdPerMTok;

  test('a day begins at 00:00 UTC, and the latest row in force holds, in whatever order they stand', () => {
    expect(input(Date.UTC(2026, 4, 22) - 1)).toBeUndefined();
    expect(input(Date.UTC(2026, 4, 22))).toBe(1);
    expect(input(Date.UTC(2026, 7, 16) - 1)).toBe(1);
    expect(input(Date.UTC(2026, 7, 16))).toBe(2);
    expect(input(Date.UTC(2024, 1, 29))).toBe(9);
    expect(input(Date.UTC(2024, 2, 1))).toBeUndefined();
  });

  test('of two rows of one day the last one given holds: an operator’s price stands behind the list', () => {
    const both = [row({ inputMicroUsdPerMTok: 1 }), row({ inputMicroUsdPerMTok: 2 })];
    expect(priceRow(both, { model: 'm', at: NOV_2026 })).toBe(both[1]);
  });

  // Property: the first and the last moment of a day are on it, by the platform's own calendar.
  test('days are the calendar’s', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 47_481 }), (day) => {
        const at = day * 86_400_000;
        const one = row({ effectiveFrom: new Date(at).toISOString().slice(0, 10) });
        expect(priceRow([one], { model: 'm', at })).toBe(one);
        expect(priceRow([one], { model: 'm', at: at - 1 })).toBeUndefined();
      }),
    );
  });
});

test('G5: an unknown model has no price; at a ceiling every token costs the same', () => {
  expect(priceOf([row()], { model: 'x', at: NOV_2026 }, none)).toBeUndefined();
  expect(ceilingCost(75_000_000, { input: 1, output: 1, cached: 1 })).toBe(225);
});
