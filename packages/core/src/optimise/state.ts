/**
 * The optimiser's slice of the world: the realm's own prices, and what was spent on which model.
 *
 * O1  Every micro-dollar belongs to a task, a session and a model: the sums by model are the sums of the accounts.
 * O2  The same inputs give the same ranking; ties go by id.
 */
import { canonicalText } from '../kernel/canonical.ts';
import { accept, assert, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision, Section } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import type { DomainEvent } from '../kernel/events.ts';
import { costOf } from './pricing.ts';
import type { Tokens } from './pricing.ts';

/** A price that an operator set for this realm, micro-dollars a million tokens. */
export interface OwnPrice {
  readonly model: string;
  readonly inputMicroUsdPerMTok: number;
  readonly outputMicroUsdPerMTok: number;
  readonly cachedMicroUsdPerMTok: number;
  readonly source: string;
  readonly setAt: number;
}

export interface OptimiseState {
  readonly prices: Map<string, OwnPrice>;
  /** Micro-dollars by model, charged and overrun together; costs without a model stand under ''. */
  readonly spent: Map<string, number>;
}

export const createOptimise = (): OptimiseState => ({ prices: new Map(), spent: new Map() });

/** What tokens cost at the realm's own price of a model; undefined where it has none. */
export const ownCostOf = (
  { prices }: OptimiseState,
  model: string,
  tokens: Tokens,
): number | undefined => {
  const own = prices.get(model);
  return own === undefined ? undefined : costOf(rowOf(own), tokens);
};

const rowOf = (own: OwnPrice): Parameters<typeof costOf>[0] => ({
  model: own.model,
  provider: 'own',
  inputMicroUsdPerMTok: own.inputMicroUsdPerMTok,
  outputMicroUsdPerMTok: own.outputMicroUsdPerMTok,
  cachedMicroUsdPerMTok: own.cachedMicroUsdPerMTok,
  capabilities: [],
  effectiveFrom: '1970-01-01',
  source: own.source,
  checked: '1970-01-01',
});

export const decideSetPrice = (
  state: OptimiseState,
  command: Command<ArgsOf<'prices.set'>>,
): Decision => {
  const { model, inputMicroUsdPerMTok, outputMicroUsdPerMTok, source } = command.args;
  const { cachedMicroUsdPerMTok } = command.args;
  const known = state.prices.get(model);
  if (
    known?.inputMicroUsdPerMTok === inputMicroUsdPerMTok &&
    known.outputMicroUsdPerMTok === outputMicroUsdPerMTok &&
    known.cachedMicroUsdPerMTok === (cachedMicroUsdPerMTok ?? inputMicroUsdPerMTok) &&
    known.source === source
  )
    return UNCHANGED;
  return accept({
    by: command.principal,
    ...(cachedMicroUsdPerMTok === undefined ? {} : { cachedMicroUsdPerMTok }),
    inputMicroUsdPerMTok,
    model,
    outputMicroUsdPerMTok,
    source,
    type: 'price.set',
  });
};

/** Follows its own events, and every cost. */
export const evolveOptimise = (state: OptimiseState, event: DomainEvent, at: number): void => {
  if (event.type === 'price.set') {
    const { type: _type, by: _by, cachedMicroUsdPerMTok, ...price } = event;
    const cached = cachedMicroUsdPerMTok ?? price.inputMicroUsdPerMTok;
    state.prices.set(event.model, { ...price, cachedMicroUsdPerMTok: cached, setAt: at });
  } else if (event.type === 'usage.recorded') {
    const model = event.model ?? '';
    state.spent.set(model, (state.spent.get(model) ?? 0) + event.microUsd);
  }
};

const NAME = 'optimise/rest';

interface Stored {
  readonly prices: readonly OwnPrice[];
  readonly spent: readonly (readonly [string, number])[];
}

export const optimiseSections = (state: OptimiseState): Section[] => {
  const stored: Stored = { prices: [...state.prices.values()], spent: [...state.spent] };
  return [{ name: NAME, content: canonicalText(stored) }];
};

export const restoreOptimise = (sections: ReadonlyMap<string, Section>): OptimiseState => {
  const content = sections.get(NAME)?.content;
  assert(typeof content === 'string', 'a snapshot lacks the section of the optimiser');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const stored = JSON.parse(content) as Stored;
  return {
    prices: new Map(stored.prices.map((price) => [price.model, price])),
    spent: new Map(stored.spent),
  };
};

/** What was spent in all, charged and overrun together. */
export const spentInAll = ({ spent }: OptimiseState): number =>
  [...spent.values()].reduce((sum, one) => sum + one, 0);
