import type { ModelPrice } from '@infrafabric/protocol';
import { describe, expect, test } from 'vitest';

import { trusted } from './room.ts';
import { routesOf } from './routes.ts';

const AT = Date.UTC(2026, 10, 20);

const price = (model: string, more: Partial<ModelPrice> = {}): ModelPrice => ({
  model,
  provider: 'p',
  inputMicroUsdPerMTok: 10,
  outputMicroUsdPerMTok: 20,
  cachedMicroUsdPerMTok: 1,
  capabilities: ['coding', 'deep-reasoning'],
  contextTokens: 1_000,
  effectiveFrom: '2026-01-01',
  source: 'https://example.org',
  checked: '2026-01-01',
  ...more,
});
const own = (model: string, inputMicroUsdPerMTok: number): ModelPrice => {
  const { contextTokens: _context, ...row } = price(model);
  return {
    ...row,
    inputMicroUsdPerMTok,
    provider: 'own',
    capabilities: [],
    effectiveFrom: '2026-11-01',
  };
};
const routes = (
  book: { readonly catalogue?: readonly ModelPrice[]; readonly own?: readonly ModelPrice[] },
  input: object = {},
) => routesOf({ catalogue: [], own: [], at: AT, ...book }, trusted(input));

const MTOK = { inputTokens: 1_000_000 };

describe('the realm’s own price', () => {
  test('stands in the place of the catalogue’s, whatever that charges for long prompts', () => {
    const longPrompt = {
      aboveTokens: 10,
      inputMicroUsdPerMTok: 500,
      outputMicroUsdPerMTok: 500,
      cachedMicroUsdPerMTok: 500,
    };
    const catalogue = [price('a', { longPrompt }), price('b', { inputMicroUsdPerMTok: 30 })];
    expect(routes({ catalogue }, MTOK).routes).toEqual([
      { model: 'b', provider: 'p', microUsd: 30 },
      { model: 'a', provider: 'p', microUsd: 500 },
    ]);
    expect(routes({ catalogue, own: [own('a', 7)] }, MTOK).routes).toEqual([
      { model: 'a', provider: 'own', microUsd: 7 },
      { model: 'b', provider: 'p', microUsd: 30 },
    ]);
  });

  test('holds though the catalogue has a newer one, as a cost is charged', () => {
    const catalogue = [price('a', { effectiveFrom: '2026-11-10', inputMicroUsdPerMTok: 1 })];
    expect(routes({ catalogue, own: [own('a', 7)] }, MTOK).routes).toEqual([
      { model: 'a', provider: 'own', microUsd: 7 },
    ]);
  });

  test('says nothing of what the model can do: that the catalogue knows, or nobody', () => {
    const wish = { needs: ['coding'], contextTokens: 500 };
    expect(routes({ catalogue: [price('a')], own: [own('a', 7)] }, wish).routes).toMatchObject([
      { model: 'a' },
    ]);
    expect(routes({ own: [own('a', 7)] }, wish)).toMatchObject({
      routes: [],
      unable: [{ model: 'a', reason: 'it is not known for coding' }],
    });
    expect(routes({ own: [own('a', 7)] }, { contextTokens: 500 })).toMatchObject({
      unable: [{ model: 'a', reason: 'its context of unknown tokens is too small' }],
    });
  });
});

test('the kind of work says how strong a model must be; what is named besides is needed too', () => {
  const catalogue = [price('a'), price('b', { capabilities: ['vision'], contextTokens: 5 })];
  expect(routes({ catalogue }, { work: 'security' })).toMatchObject({
    tier: 'strong',
    needs: ['coding', 'deep-reasoning'],
    routes: [{ model: 'a' }],
    unable: [{ model: 'b', reason: 'it is not known for coding' }],
  });
  expect(routes({ catalogue }, { work: 'documentation', needs: ['vision'] })).toMatchObject({
    tier: 'cheap',
    needs: ['vision'],
    routes: [{ model: 'b' }],
  });
  expect(routes({ catalogue }, { contextTokens: 6 })).toMatchObject({
    routes: [{ model: 'a' }],
    unable: [{ model: 'b', reason: 'its context of 5 tokens is too small' }],
  });
  expect(routes({ catalogue })).not.toHaveProperty('tier');
});

test('of many that are not able the first fifty are named', () => {
  const catalogue = Array.from({ length: 80 }, (_, i) => price(`m${i}`));
  const { routes: able, unable } = routes({ catalogue }, { needs: ['telepathy'] });
  expect(able).toEqual([]);
  expect(unable).toHaveLength(50);
});
