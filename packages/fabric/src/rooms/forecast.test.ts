import fc from 'fast-check';
import { expect, test } from 'vitest';

import { outlookOf } from './forecast.ts';

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000;
const facts = { now: NOW, windowMs: HOUR, availableMicroUsd: 30_000_000 };

test('$10 in the last hour leave $30 for three hours', () => {
  const burn = { microUsd: 10_000_000, records: 4, firstAt: 0 };
  expect(outlookOf({ ...facts, burn })).toEqual({
    measuredMs: HOUR,
    microUsdPerHour: 10_000_000,
    exhaustedAt: NOW + 3 * HOUR,
  });
});

test('what began ten minutes ago is measured over ten minutes, and over a minute at least', () => {
  const began = (ms: number) =>
    outlookOf({ ...facts, burn: { microUsd: 1_000_000, records: 1, firstAt: NOW - ms } });
  expect(began(HOUR / 6)).toEqual({
    measuredMs: HOUR / 6,
    microUsdPerHour: 6_000_000,
    exhaustedAt: NOW + 5 * HOUR,
  });
  expect([began(1_000).measuredMs, began(1_000).microUsdPerHour]).toEqual([60_000, 60_000_000]);
  // A clock that was set back cannot make a rate of nothing or of less.
  expect(began(-5_000).measuredMs).toBe(60_000);
});

test('without spending nothing is foreseen, nor beyond ten years; an empty account is exhausted now', () => {
  const none = { microUsd: 0, records: 0 };
  expect(outlookOf({ ...facts, burn: none })).toEqual({ measuredMs: HOUR, microUsdPerHour: 0 });
  const slow = { microUsd: 1, records: 1, firstAt: 0 };
  expect(outlookOf({ ...facts, burn: slow })).toEqual({ measuredMs: HOUR, microUsdPerHour: 1 });
  expect(outlookOf({ ...facts, availableMicroUsd: 0, burn: slow }).exhaustedAt).toBe(NOW);
});

// Property: against integers without a limit; the rate is rounded down and never leaves the safe integers.
test('the rate is exact for every sum and every window', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      fc.integer({ min: 60_000, max: 604_800_000 }),
      (microUsd, windowMs) => {
        const burn = { microUsd, records: 1, firstAt: 0 };
        const { microUsdPerHour } = outlookOf({ ...facts, windowMs, burn });
        const exact = (BigInt(microUsd) * BigInt(HOUR)) / BigInt(windowMs);
        const most = BigInt(Number.MAX_SAFE_INTEGER);
        expect(BigInt(microUsdPerHour)).toBe(exact > most ? most : exact);
      },
    ),
  );
});
