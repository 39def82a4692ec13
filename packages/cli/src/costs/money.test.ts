import fc from 'fast-check';
import { expect, test } from 'vitest';
import { centsText, countText, parseUsd, percentOf, usdColumn, usdText } from './money.ts';

test.each([
  [0, '$0.00'],
  [1, '$0.000001'],
  [12_345_678, '$12.345678'],
  [12_340_000, '$12.34'],
  [12_345_000, '$12.345'],
  [1_234_500_000, '$1,234.50'],
  [43_500_000_000, '$43,500.00'],
  [Number.MAX_SAFE_INTEGER, '$9,007,199,254.740991'],
])('%i micro-dollars are %s', (microUsd, text) => {
  expect(usdText(microUsd)).toBe(text);
});

test('a column has its points below each other', () => {
  expect(usdColumn([1_500_000, 250, 0])).toEqual(['$1.50000', '$0.00025', '$0.00000']);
  expect(usdColumn([])).toEqual([]);
});

test('cents are rounded, halves up', () => {
  expect([2_537_500, 4_999, 5_000].map(centsText)).toEqual(['$2.54', '$0.00', '$0.01']);
});

// Property: reading back what was written, for every amount of at most a billion dollars.
test('an amount that was written is read again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (microUsd) => {
      expect(parseUsd(usdText(microUsd).replaceAll(',', ''))).toBe(microUsd);
    }),
  );
});

test.each(['', '-1', '1.', '.5', '1,5', '0.0000001', '1e3', 'ten', '$', '1234567890'])(
  '%j is no amount',
  (text) => {
    expect(parseUsd(text)).toBeUndefined();
  },
);

test('counts and shares', () => {
  expect([0, 999, 1_000, 1_234_567].map(countText)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect([percentOf(999, 1_000), percentOf(1, 0), percentOf(0, 0), percentOf(3, 2)]).toEqual([
    99, 100, 100, 150,
  ]);
});
