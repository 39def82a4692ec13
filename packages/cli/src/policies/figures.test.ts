import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';
import { convertFigure, dollarsText, FIGURES, figureText } from './figures.ts';
import type { FigureKind } from './figures.ts';

test('every figure of the resource policy has one name in a file', () => {
  const fields = FIGURES.map(({ field }) => field);
  expect(fields.toSorted()).toEqual(Object.keys(RESOURCE_POLICY_DEFAULT).toSorted());
  expect(new Set(FIGURES.map(({ name }) => name)).size).toBe(FIGURES.length);
});

test.each<readonly [FigureKind, string, number | string]>([
  ['dollars', '10.0', 10_000_000],
  ['dollars', '10', 10_000_000],
  ['dollars', '0', 0],
  ['dollars', '0.000001', 1],
  ['dollars', '0.1', 100_000],
  ['dollars', '+2.50', 2_500_000],
  ['dollars', '7.', 7_000_000],
  ['dollars', '1.10000000000000', 1_100_000],
  ['dollars', '9007199254.740991', Number.MAX_SAFE_INTEGER],
  ['share', '0.7', 700],
  ['share', '1', 1_000],
  ['share', '0.001', 1],
  ['count', '3', 3],
  ['duration', '10m', 600_000],
  ['duration', '1500ms', 1_500],
  ['word', 'drain', 'drain'],
])('%s %s is exactly %s', (kind, written, value) => {
  expect(convertFigure(kind, written)).toEqual({ kind: 'value', value });
});

test.each<readonly [FigureKind, string]>([
  ['dollars', '0.0000001'],
  ['dollars', '10.00000000000000001'],
  ['dollars', '1e3'],
  ['dollars', '-1'],
  ['dollars', '$5'],
  ['dollars', ''],
  ['dollars', '.inf'],
  ['dollars', '9007199254.740992'],
  ['share', '0.7001'],
  ['share', '70%'],
  ['count', '3.0'],
  ['count', '0x3'],
  ['count', '-1'],
  ['duration', '600'],
  ['duration', '10 m'],
])('%s %s is refused, not rounded', (kind, written) => {
  expect(convertFigure(kind, written)).toMatchObject({ kind: 'wrong' });
});

test.each<readonly [FigureKind, number | string, string]>([
  ['dollars', 10_000_000, '$10.00'],
  ['dollars', 1, '$0.000001'],
  ['dollars', 0, '$0.00'],
  ['dollars', 12_345_678, '$12.345678'],
  ['share', 700, '0.7'],
  ['share', 1_000, '1.0'],
  ['duration', 600_000, '10m'],
  ['duration', 90_000, '90s'],
  ['duration', 1_500, '1500ms'],
  ['duration', 86_400_000, '1d'],
  ['count', 3, '3'],
  ['word', 'drain', 'drain'],
])('%s %s reads %s', (kind, value, text) => {
  expect(figureText(kind, value)).toBe(text);
});

// Property: what is shown converts back to the same integer. Method: any amount, share and length of time.
test('text and figure are the same in both directions', () => {
  const amounts = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(amounts, (microUsd) => {
      const written = dollarsText(microUsd).slice(1);
      expect(convertFigure('dollars', written)).toEqual({ kind: 'value', value: microUsd });
    }),
  );
  for (const kind of ['share', 'duration'] as const) {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (value) => {
        expect(convertFigure(kind, figureText(kind, value))).toEqual({ kind: 'value', value });
      }),
    );
  }
});
