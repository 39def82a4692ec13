import { expect, test } from 'vitest';
import { PRICE_CATALOGUE } from './price-catalogue.ts';
import { ModelPrice, PriceCatalogue } from './prices.ts';

test('the catalogue fits its own schema, and names a source and a day for every row', () => {
  expect(PriceCatalogue.parse(PRICE_CATALOGUE)).toEqual(PRICE_CATALOGUE);
  for (const { source, checked, effectiveFrom } of PRICE_CATALOGUE.models) {
    expect(source === '002' || URL.canParse(source), source).toBe(true);
    expect(checked >= effectiveFrom).toBe(true);
  }
});

test('a model has one row a day, several providers are in it, and cached tokens are never dearer than read ones', () => {
  const days = PRICE_CATALOGUE.models.map(
    ({ model, effectiveFrom }) => `${model} ${effectiveFrom}`,
  );
  expect(new Set(days).size).toBe(days.length);
  expect(new Set(PRICE_CATALOGUE.models.map(({ provider }) => provider)).size).toBeGreaterThan(4);
  for (const row of PRICE_CATALOGUE.models) {
    expect(row.cachedMicroUsdPerMTok).toBeLessThanOrEqual(row.inputMicroUsdPerMTok);
  }
});

test('the prices of the seeds are in it, dated, as history', () => {
  const seeds = PRICE_CATALOGUE.models.filter(({ source }) => source === '002');
  expect(
    seeds.map(({ model, inputMicroUsdPerMTok, effectiveUntil }) => [
      model,
      inputMicroUsdPerMTok,
      effectiveUntil,
    ]),
  ).toEqual([
    ['002/haiku', 250_000, '2025-11-13'],
    ['002/sonnet', 3_000_000, '2025-11-13'],
  ]);
});

const [row] = PRICE_CATALOGUE.models;
test.each([
  ['inputMicroUsdPerMTok', -1],
  ['outputMicroUsdPerMTok', 1.5],
  ['cachedMicroUsdPerMTok', 1_000_000_001],
  ['effectiveFrom', '2026-02-30'],
  ['capabilities', ['Fast']],
  ['model', ''],
  ['colour', 'red'],
])('a price is refused where %s is %j', (name, value) => {
  const read = ModelPrice.safeParse({ ...row, [name]: value });
  expect(read.success).toBe(false);
  expect(JSON.stringify(read.error?.issues)).toContain(name);
});
