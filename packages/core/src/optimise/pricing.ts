/**
 * From tokens to micro-dollars, in integers.
 *
 * Tokens × price is exact: a price is split at a million, w × 1,000,000 + f, so a kind of tokens costs tokens × w
 * micro-dollars and tokens × f millionths of one. With at most 10⁹ tokens a kind (TOKENS_PER_RECORD_MAX) and 10⁹
 * micro-dollars/MTok (MICRO_USD_PER_MTOK_MAX) the three kinds' millionths stay below 3 × 10¹⁵ < 2⁵³.
 *
 * What is left of a micro-dollar is charged as a whole one: a cost rounded down would let many small calls pass a budget
 * that together they break, and no real price is free. A record pays at most one micro-dollar for it, as its kinds are
 * added before they are rounded.
 */
import type { ModelPrice } from '@infrafabric/protocol';

/** Tokens by kind, disjoint: what came out of a cache is `cached` and not `input`. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
}

/** The most that a call may use. */
export interface TokenBounds {
  /** Prompt tokens, cached or not. */
  readonly inputTokens: number;
  readonly maxOutputTokens: number;
}

/** A model at a time, ms since 1970. */
export interface Priced {
  readonly model: string;
  readonly at: number;
}

type Rates = Pick<
  ModelPrice,
  'inputMicroUsdPerMTok' | 'outputMicroUsdPerMTok' | 'cachedMicroUsdPerMTok'
>;

const MICRO = 1_000_000;
const MS_PER_DAY = 86_400_000;

/** Micro-dollars that the tokens cost at the model's price of that day. Undefined: nobody knows its price (G5). */
export const priceOf = (
  rows: readonly ModelPrice[],
  priced: Priced,
  tokens: Tokens,
): number | undefined => {
  const row = priceRow(rows, priced);
  return row === undefined ? undefined : costOf(row, tokens);
};

/** The row that holds for the model at that time: of those in force the latest, and of equal days the last one given. */
export const priceRow = (
  rows: readonly ModelPrice[],
  { model, at }: Priced,
): ModelPrice | undefined =>
  pricesAt(
    rows.filter((row) => row.model === model),
    at,
  ).get(model);

/** The row that holds for each model at a time, ms since 1970. */
export const pricesAt = (
  rows: readonly ModelPrice[],
  at: number,
): ReadonlyMap<string, ModelPrice> => {
  const day = Math.floor(at / MS_PER_DAY);
  const found = new Map<string, ModelPrice>();
  for (const row of rows) {
    if (!isInForce(row, day)) continue;
    const other = found.get(row.model);
    // Days of ISO 8601 have one order as texts and as days.
    if (other === undefined || row.effectiveFrom >= other.effectiveFrom) found.set(row.model, row);
  }
  return found;
};

/** Micro-dollars, rounded up. A prompt above the row's mark is charged as a whole at the prices of long prompts. */
export const costOf = (row: ModelPrice, tokens: Tokens): number => {
  const { longPrompt } = row;
  const isLong = longPrompt !== undefined && tokens.input + tokens.cached > longPrompt.aboveTokens;
  return costAt(isLong ? longPrompt : row, tokens);
};

/** The most that a call within the bounds can cost: at the dearer of cached and read, of short and long prompts. */
export const worstCase = (row: ModelPrice, bounds: TokenBounds): number => {
  const { longPrompt } = row;
  const short = dearest(row, bounds);
  if (longPrompt === undefined || bounds.inputTokens <= longPrompt.aboveTokens) return short;
  return Math.max(short, dearest(longPrompt, bounds));
};

/** What tokens of an unknown model cost where the policy charges them at a ceiling: every kind at the same rate. */
export const ceilingCost = (ceilingMicroUsdPerMTok: number, tokens: Tokens): number =>
  costAt(
    {
      inputMicroUsdPerMTok: ceilingMicroUsdPerMTok,
      outputMicroUsdPerMTok: ceilingMicroUsdPerMTok,
      cachedMicroUsdPerMTok: ceilingMicroUsdPerMTok,
    },
    tokens,
  );

const isInForce = ({ effectiveFrom, effectiveUntil }: ModelPrice, day: number): boolean =>
  dayOf(effectiveFrom) <= day && (effectiveUntil === undefined || day < dayOf(effectiveUntil));

const dearest = (rates: Rates, { inputTokens, maxOutputTokens }: TokenBounds): number => {
  const { inputMicroUsdPerMTok: read, cachedMicroUsdPerMTok: cached } = rates;
  const prompt = { ...rates, inputMicroUsdPerMTok: Math.max(read, cached) };
  return costAt(prompt, { input: inputTokens, output: maxOutputTokens, cached: 0 });
};

const costAt = (rates: Rates, { input, output, cached }: Tokens): number => {
  const kinds = [
    [input, rates.inputMicroUsdPerMTok],
    [output, rates.outputMicroUsdPerMTok],
    [cached, rates.cachedMicroUsdPerMTok],
  ] as const;
  let whole = 0;
  let millionths = 0;
  for (const [tokens, rate] of kinds) {
    const fraction = rate % MICRO;
    whole += tokens * ((rate - fraction) / MICRO);
    millionths += tokens * fraction;
  }
  const rest = millionths % MICRO;
  return whole + (millionths - rest) / MICRO + (rest === 0 ? 0 : 1);
};

/**
 * Days from 1970-01-01 to a day `YYYY-MM-DD` of the Gregorian calendar: Howard Hinnant, “chrono-Compatible Low-Level Date
 * Algorithms”, days_from_civil. Years begin in March, so a leap day is the last of its year.
 */
const dayOf = (text: string): number => {
  const year = Number(text.slice(0, 4));
  const month = Number(text.slice(5, 7));
  const day = Number(text.slice(8, 10));
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
};
