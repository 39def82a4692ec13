/**
 * What models cost: a price is data with a source and a date, never a constant in the code. Money is in micro-dollars
 * (1 = $0.000001), a price in micro-dollars a million tokens (1 MTok): $3/MTok is 3_000_000.
 */
import { z } from 'zod';

/**
 * Highest price, micro-dollars a million tokens: $1,000/MTok, five times the dearest model on any list that was read.
 * Higher: a cost is no longer exact below 2^53 (core/optimise/pricing.ts does the sum). Lower: a model cannot be named.
 */
export const MICRO_USD_PER_MTOK_MAX = 1_000_000_000;

/**
 * Tokens of one kind in one usage record: a thousand of the largest prompts. Whoever used more says so in several
 * records. Higher: the sum of a record is no longer exact.
 */
export const TOKENS_PER_RECORD_MAX = 1_000_000_000;

/** Rows of one catalogue: a hundred providers with a hundred models each. */
export const PRICES_MAX = 10_000;

const Rate = z.int().min(0).max(MICRO_USD_PER_MTOK_MAX);
/** A day of UTC. */
const Day = z.iso.date();

/** `reasoning`, `coding`, `vision`: what a provider says that a model is made for. Open to new words. */
export const ModelCapability = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/);

/** Micro-dollars a million tokens, by kind of token. */
const rates = {
  /** Prompt tokens that were read anew. What is written to a provider's cache counts as input. */
  inputMicroUsdPerMTok: Rate,
  /** Tokens that the model wrote, its reasoning included. */
  outputMicroUsdPerMTok: Rate,
  /** Prompt tokens that came out of the provider's cache; where it gives no rebate, the price of input. */
  cachedMicroUsdPerMTok: Rate,
};

/** One model's price over one span of time. */
export const ModelPrice = z.strictObject({
  /** The provider's own id of the model. */
  model: z.string().min(1).max(100),
  provider: z.string().min(1).max(100),
  ...rates,
  /** Prices of a whole request whose prompt (input and cached together) is longer than this. */
  longPrompt: z.strictObject({ aboveTokens: z.int().min(1), ...rates }).optional(),
  /** Prompt and answer together; absent: not known, and then nothing long is routed to it. */
  contextTokens: z.int().min(1).optional(),
  capabilities: z.array(ModelCapability).max(32),
  /** First day of UTC on which the source shows this price: of the launch, of a change, or of its reading. */
  effectiveFrom: Day,
  /** First day on which it no longer holds; absent: until a later row of the same model. */
  effectiveUntil: Day.optional(),
  /** Where it is written: a public page, or the seed it comes from. */
  source: z.string().min(1).max(500),
  /** When somebody last compared it with the source. */
  checked: Day,
});
export type ModelPrice = z.infer<typeof ModelPrice>;

export const PriceCatalogue = z.strictObject({
  /** Names this set of rows; it changes with every change of them. */
  version: z.string().min(1).max(100),
  models: z.array(ModelPrice).max(PRICES_MAX),
});
export type PriceCatalogue = z.infer<typeof PriceCatalogue>;
