/** The optimiser's door. */
export { ceilingCost, costOf, priceOf, priceRow, pricesAt, worstCase } from './pricing.ts';
export type { Tokens } from './pricing.ts';
export {
  createOptimise,
  decideSetPrice,
  evolveOptimise,
  optimiseSections,
  ownCostOf,
  restoreOptimise,
  spentInAll,
} from './state.ts';
export type { OptimiseState, OwnPrice } from './state.ts';
