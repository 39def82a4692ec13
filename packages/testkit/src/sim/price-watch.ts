/** G5: what nobody knows the price of is never free. A second reading of what a record of usage costs, with big integers. */
import {
  PRICE_CATALOGUE,
  RESOURCE_POLICY_DEFAULT,
  resourcesOf,
  type InputOf,
  type PolicySpec,
} from '@infrafabric/protocol';
import type { Committed } from '@infrafabric/fabric';

import { trustedOutput } from './judge.ts';

type Usage = InputOf<'usage.record'>;
type Price = Omit<InputOf<'prices.set'>, 'source'>;

const MTOK = 1_000_000n;

export class PriceWatch {
  readonly #own = new Map<string, Price>();
  #resource = RESOURCE_POLICY_DEFAULT;

  /** Follows prices and policies. */
  entry({ args, events }: Committed): void {
    for (const { type } of events) {
      if (type === 'price.set') this.#set(trustedOutput<Price>(args));
      if (type === 'policy.set')
        this.#resource = resourcesOf(trustedOutput<{ policy: PolicySpec }>(args).policy);
    }
  }

  /** What the record must cost; a sentence where it may not be recorded at all. */
  costOf({ args }: Committed): number | string {
    const usage = trustedOutput<Usage>(args);
    if (usage.microUsd !== undefined) return usage.microUsd;
    const { model = '' } = usage;
    const own = this.#own.get(model);
    if (own !== undefined) return costAt(own, usage);
    const listed = PRICE_CATALOGUE.models.find((row) => row.model === model);
    if (listed !== undefined) return costAt(listed, usage);
    const { unknownPrice, priceCeilingMicroUsdPerMTok: ceiling } = this.#resource;
    if (unknownPrice === 'refuse')
      return `G5: a cost of ${model}, whose price nobody knows, was taken`;
    const rates = { inputMicroUsdPerMTok: ceiling, outputMicroUsdPerMTok: ceiling };
    return costAt({ ...rates, cachedMicroUsdPerMTok: ceiling }, usage);
  }

  #set(price: Price): void {
    this.#own.set(price.model, price);
  }
}

const costAt = (
  rates: Pick<Price, 'inputMicroUsdPerMTok' | 'outputMicroUsdPerMTok' | 'cachedMicroUsdPerMTok'>,
  { inputTokens = 0, outputTokens = 0, cachedTokens = 0 }: Usage,
): number => {
  const { inputMicroUsdPerMTok: read, cachedMicroUsdPerMTok: cached = read } = rates;
  const sum =
    BigInt(inputTokens) * BigInt(read) +
    BigInt(outputTokens) * BigInt(rates.outputMicroUsdPerMTok) +
    BigInt(cachedTokens) * BigInt(cached);
  return Number((sum + MTOK - 1n) / MTOK);
};
