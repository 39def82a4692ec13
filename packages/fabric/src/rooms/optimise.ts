/** Reads of costs and prices: what followers sum, and what the world says of money. */
import {
  PAGE_ROWS_MAX,
  reject,
  timestamp,
  type AccountId,
  type ModelPrice,
  type OutputOf,
  type PlanId,
  type PriceCatalogue,
  type Rejection,
} from '@infrafabric/protocol';

import type { Follower } from '../engine/follower.ts';
import { Fault } from '../fault.ts';
import type { CostReads } from '../followers/usage-reads.ts';
import { outlookOf } from './forecast.ts';
import { routesOf } from './routes.ts';
import { trusted, type Reads, type RoomContext } from './room.ts';

type CostRead = 'costs.report' | 'costs.history' | 'costs.entries' | 'costs.forecast';
type Forecast = OutputOf<'costs.forecast'>;
type Remaining = NonNullable<Forecast['remaining']>;

/** A follower that may keep the records of costs. */
export interface CostFollower extends Follower {
  readonly costs?: CostReads;
}

/** What the world knows of money and prices. */
export interface MoneyView {
  readonly catalogue: PriceCatalogue;
  /** Prices that were set in this realm. */
  ownPrices(context: RoomContext): readonly ModelPrice[];
  /** An account's balance; a rejection where there is no such plan, swarm or account. */
  balanceOf(context: RoomContext, account: AccountId): Balance | Rejection;
  /** What a plan's unfinished tasks may still cost. */
  remainingOf(context: RoomContext, planId: PlanId): Remaining | undefined;
}

export type Balance = Pick<
  Forecast,
  'limitMicroUsd' | 'reservedMicroUsd' | 'spentMicroUsd' | 'overrunMicroUsd' | 'availableMicroUsd'
>;

/** Window of a forecast where nobody asks for one, ms. */
const WINDOW_MS_DEFAULT = 3_600_000;
/** Prices of a page where nobody asks for a number. */
const PRICES_DEFAULT = 100;

export const optimiseReads = (
  followers: () => readonly CostFollower[],
  money: MoneyView,
): Reads<CostRead | 'prices.list' | 'prices.route'> => {
  const costs = (): CostReads => {
    const found = followers().find((follower) => follower.costs !== undefined)?.costs;
    if (found !== undefined) return found;
    throw new Fault('log.unavailable', {
      transient: false,
      detail: 'no follower of this fabric keeps the records of costs',
    });
  };
  return {
    // Rows are made of what the log holds, and that passed the schemas of these ids before it was journaled.
    'costs.report': async (input) => trusted(await costs().report(input)),
    'costs.history': async (input) => trusted(await costs().history(input)),
    'costs.entries': async (input) => trusted(await costs().entries(input)),
    'costs.forecast': async (input, context) => {
      const { planId, swarmId, windowMs = WINDOW_MS_DEFAULT } = input;
      if (planId !== undefined && swarmId !== undefined) return ONE_ACCOUNT;
      const account = accountOf(input);
      const balance = money.balanceOf(context, account);
      if ('kind' in balance) return balance;
      const now = context.now();
      const burn = await costs().burn({ planId, swarmId, since: Math.max(0, now - windowMs) });
      const { availableMicroUsd } = balance;
      const { exhaustedAt, ...outlook } = outlookOf({ now, windowMs, burn, availableMicroUsd });
      const remaining = planId === undefined ? undefined : money.remainingOf(context, planId);
      return {
        account,
        at: timestamp(now),
        windowMs,
        windowMicroUsd: burn.microUsd,
        records: burn.records,
        ...outlook,
        ...balanceFields(balance),
        ...(exhaustedAt === undefined ? {} : { exhaustedAt: timestamp(exhaustedAt) }),
        ...(remaining === undefined ? {} : { remaining: remainingFields(remaining) }),
        indexedTo: burn.indexedTo,
      };
    },
    'prices.route': (input, context) =>
      routesOf(
        { catalogue: money.catalogue.models, own: money.ownPrices(context), at: context.now() },
        input,
      ),
    'prices.list': (input, context) => pricesPage(money.catalogue, money.ownPrices(context), input),
  };
};

// The world's rows say more than a forecast has room for.
const balanceFields = (of: Balance): Balance => ({
  limitMicroUsd: of.limitMicroUsd,
  reservedMicroUsd: of.reservedMicroUsd,
  spentMicroUsd: of.spentMicroUsd,
  overrunMicroUsd: of.overrunMicroUsd,
  availableMicroUsd: of.availableMicroUsd,
});

const remainingFields = (of: Remaining): Remaining => ({
  expectedMicroUsd: of.expectedMicroUsd,
  worstMicroUsd: of.worstMicroUsd,
  unpriced: of.unpriced,
});

const ONE_ACCOUNT = reject(
  'request.invalid',
  'A forecast is of one account: name a plan or a swarm, not both.',
);

const accountOf = ({
  planId,
  swarmId,
}: {
  readonly planId?: string | undefined;
  readonly swarmId?: string | undefined;
}): AccountId => {
  if (planId !== undefined) return trusted(`plan:${planId}`);
  return trusted(swarmId === undefined ? 'realm' : `swarm:${swarmId}`);
};

type PriceRow = OutputOf<'prices.list'>['prices'][number];

/** In the order of their keys: by model, the realm's own before what it stands for, the oldest first. */
const pricesPage = (
  catalogue: PriceCatalogue,
  own: readonly ModelPrice[],
  {
    after = '',
    limit = PRICES_DEFAULT,
  }: { readonly after?: string | undefined; readonly limit?: number | undefined },
): OutputOf<'prices.list'> => {
  const rows = [
    ...own.map((row): PriceRow => ({ ...row, own: true })),
    ...catalogue.models.map((row): PriceRow => ({ ...row, own: false })),
  ];
  const left = rows
    .filter((row) => keyOf(row) > after)
    .toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  const prices = left.slice(0, Math.min(limit, PAGE_ROWS_MAX));
  const last = prices.at(-1);
  return {
    catalogue: catalogue.version,
    prices,
    ...(last !== undefined && prices.length < left.length ? { next: keyOf(last) } : {}),
    total: rows.length,
  };
};

/** No model has a space in its name, so that keys have the order of their parts. */
const keyOf = ({ model, own, effectiveFrom }: PriceRow): string =>
  `${model} ${own ? 0 : 1} ${effectiveFrom}`;
