/** What the world says of money to the reads of costs. */
import { findAccount, ownPrices, remainingCost } from '@infrafabric/core';
import { PRICE_CATALOGUE, reject, type ModelPrice } from '@infrafabric/protocol';

import type { MoneyView } from './optimise.ts';

/** The day of a time, as prices name it. */
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

export const moneyOfWorld: MoneyView = {
  catalogue: PRICE_CATALOGUE,
  ownPrices: ({ world }) =>
    [...ownPrices(world)].map(({ setAt, ...price }): ModelPrice => ({
      ...price,
      provider: 'own',
      capabilities: [],
      effectiveFrom: dayOf(setAt),
      checked: dayOf(setAt),
    })),
  balanceOf: ({ world }, account) =>
    findAccount(world, account) ??
    reject('budget.not_found', `There is no account ${account}.`, { account }),
  remainingOf: ({ world }, planId) => remainingCost(world, planId),
};
