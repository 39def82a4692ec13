/**
 * What it saves to give part of the work to a cheaper model: the calculator of 002 with its arithmetic right. There,
 * 290 h × $3/MTok × 50,000 tokens/h was printed as $43,500; it is $43.50. The ratio of 64 % is the one that survives.
 */

export interface SavingsInputs {
  readonly hours: number;
  readonly tokensPerHour: number;
  /** Part of the work that the cheap model does, whole percent. */
  readonly cheapPercent: number;
  /** Micro-dollars a million tokens, one price for every kind of token. */
  readonly cheapMicroUsdPerMTok: number;
  readonly strongMicroUsdPerMTok: number;
}

export interface Savings {
  readonly tokens: number;
  readonly cheapTokens: number;
  readonly strongTokens: number;
  /** All of it by the strong model, micro-dollars. */
  readonly allStrongMicroUsd: number;
  readonly cheapMicroUsd: number;
  readonly strongMicroUsd: number;
  readonly splitMicroUsd: number;
  /** Negative where the cheap model is the dearer one. */
  readonly savedMicroUsd: number;
  /** Whole percent of what all of it would cost, rounded to the nearest. */
  readonly savedPercent: number;
}

/** Most tokens that are reckoned with: at $1,000/MTok their cost is still exact below 2^53. */
export const TOKENS_MAX = 1_000_000_000_000;

const MTOK = 1_000_000;

export const savingsOf = (inputs: SavingsInputs): Savings => {
  const { hours, tokensPerHour, cheapPercent } = inputs;
  const tokens = hours * tokensPerHour;
  const cheapTokens = Math.round((tokens * cheapPercent) / 100);
  const strongTokens = tokens - cheapTokens;
  const allStrongMicroUsd = costOf(tokens, inputs.strongMicroUsdPerMTok);
  const cheapMicroUsd = costOf(cheapTokens, inputs.cheapMicroUsdPerMTok);
  const strongMicroUsd = costOf(strongTokens, inputs.strongMicroUsdPerMTok);
  const splitMicroUsd = cheapMicroUsd + strongMicroUsd;
  const savedMicroUsd = allStrongMicroUsd - splitMicroUsd;
  return {
    tokens,
    cheapTokens,
    strongTokens,
    allStrongMicroUsd,
    cheapMicroUsd,
    strongMicroUsd,
    splitMicroUsd,
    savedMicroUsd,
    savedPercent:
      allStrongMicroUsd === 0 ? 0 : Math.round((savedMicroUsd / allStrongMicroUsd) * 100),
  };
};

/** Micro-dollars, rounded up as a record of usage is. Whole millions of tokens and the rest apart: each product is exact. */
const costOf = (tokens: number, microUsdPerMTok: number): number => {
  const rest = tokens % MTOK;
  return ((tokens - rest) / MTOK) * microUsdPerMTok + Math.ceil((rest * microUsdPerMTok) / MTOK);
};
