/** The optimiser's door. */
export { ceilingCost, priceOf, pricesAt } from './pricing.ts';
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
export { routeModel, tierOf, unableBecause, withTier } from './routing.ts';
export type { OptimiseState } from './state.ts';
