/** Which model for which work: the cheapest that is able, at the realm's own prices where it has any. */
import { pricesAt, routeModel, tierOf, unableBecause, withTier } from '@infrafabric/core';
import type { ModelPrice, OutputOf, ParsedOf } from '@infrafabric/protocol';

/** Models that are named as unable; the rest are in `prices.list`. */
const UNABLE_LISTED_MAX = 50;

export interface PriceBook {
  readonly catalogue: readonly ModelPrice[];
  /** The realm's own. */
  readonly own: readonly ModelPrice[];
  /** Ms since 1970: prices have dates. */
  readonly at: number;
}

export const routesOf = (
  { catalogue, own, at }: PriceBook,
  input: ParsedOf<'prices.route'>,
): OutputOf<'prices.route'> => {
  const { work, contextTokens = 0, inputTokens = 0, outputTokens = 0, cachedTokens = 0 } = input;
  const asked = {
    needs: input.needs ?? [],
    contextTokens,
    tokens: { input: inputTokens, output: outputTokens, cached: cachedTokens },
    at,
  };
  const wish = work === undefined ? asked : withTier(asked, work);
  const known = pricesAt(catalogue, at);
  // A model is charged at the realm's own price where it has one: none of the catalogue's rates stands beside it.
  const rows = [
    ...catalogue.filter(({ model }) => !own.some((row) => row.model === model)),
    ...own.map((row) => ({ ...row, ...ableAs(known.get(row.model)) })),
  ];
  const unable = [...pricesAt(rows, at).values()].flatMap((row) => {
    const [why] = unableBecause(row, wish);
    if (why === undefined) return [];
    const reason =
      why.kind === 'lacks'
        ? `it is not known for ${why.capability}`
        : `its context of ${why.contextTokens ?? 'unknown'} tokens is too small`;
    return [{ model: row.model, reason }];
  });
  return {
    ...(work === undefined ? {} : { tier: tierOf(work) }),
    needs: [...wish.needs],
    routes: [...routeModel(rows, wish)],
    unable: unable.slice(0, UNABLE_LISTED_MAX),
  };
};

/** An own price says what a model costs; what it can do the catalogue knows. */
const ableAs = (
  row: ModelPrice | undefined,
): Pick<ModelPrice, 'capabilities' | 'contextTokens'> => ({
  capabilities: row?.capabilities ?? [],
  ...(row?.contextTokens === undefined ? {} : { contextTokens: row.contextTokens }),
});
