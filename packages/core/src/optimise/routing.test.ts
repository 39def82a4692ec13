import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PRICE_CATALOGUE, type ModelPrice } from '@infrafabric/protocol';
import { costOf, priceRow } from './pricing.ts';
import { routeModel, tierOf, unableBecause, withTier } from './routing.ts';
import type { RouteWish } from './routing.ts';

const AT = Date.UTC(2026, 10, 21);
const wish: RouteWish = {
  needs: [],
  contextTokens: 20_000,
  tokens: { input: 10_000, output: 2_000, cached: 0 },
  at: AT,
};
const rows = PRICE_CATALOGUE.models;
const names = (more: Partial<RouteWish>): readonly string[] =>
  routeModel(rows, { ...wish, ...more }).map(({ model }) => model);

test('the cheapest model that is able comes first, at the price of that day', () => {
  const [first] = routeModel(rows, wish);
  expect(first).toEqual({ model: 'claude-haiku-5-5', provider: 'anthropic', microUsd: 2_000 });
  expect(names({ needs: ['fast'], at: Date.UTC(2026, 0, 1) })).toEqual([
    'claude-haiku-4-5-20251001',
  ]);
});

test('seeds are history: nothing is routed to their models', () => {
  expect(names({}).filter((model) => model.startsWith('002/'))).toEqual([]);
});

test('O2: ties are broken by the model’s id, whatever the order of the rows', () => {
  const [base] = rows;
  const same = ['b', 'a', 'c'].map((model) => ({ ...base, model }) as ModelPrice);
  expect(routeModel(same, wish).map(({ model }) => model)).toEqual(['a', 'b', 'c']);
});

test('a model that lacks a capability or room is left out, and it is said why', () => {
  const [base] = rows;
  const unknown = { ...base, model: 'x', contextTokens: undefined } as unknown as ModelPrice;
  expect(unableBecause(unknown, { ...wish, needs: ['coding', 'song'] })).toEqual([
    { kind: 'lacks', capability: 'song' },
    { kind: 'context', contextTokens: undefined },
  ]);
  expect(unableBecause(unknown, { ...wish, contextTokens: 0 })).toEqual([]);
  expect(names({ contextTokens: 1_000_001 })).toEqual([]);
  expect(names({ needs: ['song'] })).toEqual([]);
});

// Property: every route is able, its cost is the price's, and the ranking does not depend on the order of the rows.
test('O2: the ranking is a function of its inputs', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray([...rows], { minLength: rows.length }),
      fc.subarray(['coding', 'fast', 'vision', 'deep-reasoning']),
      fc.integer({ min: 0, max: 1_000_000 }),
      (shuffled, needs, contextTokens) => {
        const asked = { ...wish, needs, contextTokens };
        const ranking = routeModel(shuffled, asked);
        expect(ranking).toEqual(routeModel(rows, asked));
        let before = 0;
        for (const { model, microUsd } of ranking) {
          const row = priceRow(rows, { model, at: AT });
          expect(row && unableBecause(row, asked)).toEqual([]);
          expect(row && costOf(row, wish.tokens)).toBe(microUsd);
          expect(microUsd).toBeGreaterThanOrEqual(before);
          before = microUsd;
        }
      },
    ),
  );
});

test('002: documentation and boilerplate go to the cheap tier; integration, security and architecture to the strong', () => {
  expect(['documentation', 'boilerplate', 'gardening'].map(tierOf)).toEqual([
    'cheap',
    'cheap',
    'cheap',
  ]);
  expect(['integration', 'security', 'architecture'].map(tierOf)).toEqual([
    'strong',
    'strong',
    'strong',
  ]);
  const cheap = routeModel(rows, withTier(wish, 'documentation'))[0];
  const strong = routeModel(rows, withTier({ ...wish, needs: ['coding'] }, 'security'))[0];
  expect([cheap?.model, strong?.model]).toEqual(['claude-haiku-5-5', 'deepseek-v4-pro']);
  expect(withTier({ ...wish, needs: ['coding'] }, 'security').needs).toEqual([
    'coding',
    'deep-reasoning',
  ]);
});
