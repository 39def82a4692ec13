/**
 * Which model for which work: the cheapest one that is able (O2: same inputs, same ranking; ties by model id).
 */
import type { ModelPrice } from '@infrafabric/protocol';
import { costOf, pricesAt } from './pricing.ts';
import type { Tokens } from './pricing.ts';

export interface RouteWish {
  /** Capabilities of the model, all of them needed. */
  readonly needs: readonly string[];
  /** Prompt and answer together; 0 where nobody knows. */
  readonly contextTokens: number;
  /** What the work is expected to use; it is what models are compared by. */
  readonly tokens: Tokens;
  /** Ms since 1970: prices have dates. */
  readonly at: number;
}

export interface Route {
  readonly model: string;
  readonly provider: string;
  /** Expected cost of the wish's tokens, micro-dollars. */
  readonly microUsd: number;
}

/** Why a model is not among the routes. */
export type Unable =
  | { readonly kind: 'lacks'; readonly capability: string }
  | { readonly kind: 'context'; readonly contextTokens: number | undefined };

/** All models that are able, at the prices of that time, the cheapest first. Empty: none is. */
export const routeModel = (rows: readonly ModelPrice[], wish: RouteWish): readonly Route[] =>
  [...pricesAt(rows, wish.at).values()]
    .filter((row) => unableBecause(row, wish).length === 0)
    .map((row) => ({
      model: row.model,
      provider: row.provider,
      microUsd: costOf(row, wish.tokens),
    }))
    .toSorted((one, other) => one.microUsd - other.microUsd || order(one.model, other.model));

/** What speaks against a row; nothing where it can be taken. A context that nobody knows is taken for too small. */
export const unableBecause = (
  row: ModelPrice,
  { needs, contextTokens }: RouteWish,
): readonly Unable[] => {
  const found: Unable[] = [];
  for (const capability of needs) {
    if (!row.capabilities.includes(capability)) found.push({ kind: 'lacks', capability });
  }
  if (contextTokens > (row.contextTokens ?? 0)) {
    found.push({ kind: 'context', contextTokens: row.contextTokens });
  }
  return found;
};

export type Tier = 'cheap' | 'strong';

/** What a model of each tier must be able to do, beside what the task itself needs. */
export const TIER_NEEDS: Readonly<Record<Tier, readonly string[]>> = {
  cheap: [],
  strong: ['coding', 'deep-reasoning'],
};

/** 002, “Heterogeneous Agent Allocation”: documentation and boilerplate to Haiku, the rest of its table to Sonnet. */
export const ALLOCATION: readonly { readonly work: string; readonly tier: Tier }[] = [
  { work: 'documentation', tier: 'cheap' },
  { work: 'boilerplate', tier: 'cheap' },
  { work: 'integration', tier: 'strong' },
  { work: 'security', tier: 'strong' },
  { work: 'architecture', tier: 'strong' },
];

/** The tier for a sort of work; what the table does not name starts cheap, as 002 keeps the strong for what needs it. */
export const tierOf = (work: string): Tier =>
  ALLOCATION.find((rule) => rule.work === work)?.tier ?? 'cheap';

/** The wish with what its work's tier asks for. */
export const withTier = (wish: RouteWish, work: string): RouteWish => ({
  ...wish,
  needs: [...new Set([...wish.needs, ...TIER_NEEDS[tierOf(work)]])],
});

/** By code units: the same everywhere, whatever the locale. A model has one row, so no two are equal. */
const order = (one: string, other: string): number => (one < other ? -1 : 1);
