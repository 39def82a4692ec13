/**
 * List prices of public providers, as their pages and those who quote them say. Whatever a realm has to pay otherwise
 * (rebates, batches, reserved capacity, its own machines) an operator sets in the realm itself.
 *
 * - A price that falls at off-peak hours stands at its peak: a charge may be too high, never too low.
 * - Rows stay when a price changes: what was used under an old price was paid at it.
 */
import type { ModelPrice, PriceCatalogue } from './prices.ts';

type Rates = Pick<
  ModelPrice,
  'inputMicroUsdPerMTok' | 'outputMicroUsdPerMTok' | 'cachedMicroUsdPerMTok'
>;

/** Micro-dollars a million tokens. */
const rates = (input: number, output: number, cached: number): Rates => ({
  inputMicroUsdPerMTok: input,
  outputMicroUsdPerMTok: output,
  cachedMicroUsdPerMTok: cached,
});

const CHECKED = '2026-11-21';
const CLAUDE_PRICES = 'https://platform.claude.com/docs/en/about-claude/pricing';
const CLAUDE_LIST = 'https://docs.rs/synaps/0.10.2/synaps_cli/pricing/index.html';
const OPENAI_LIST = 'https://tokenmix.ai/blog/openai-api-cost-2026-gpt-5-5-5-4-nano-batch';
const GEMINI_LIST = 'https://deploybase.ai/articles/gemini-api-pricing';
const DEEPSEEK_PRICES = 'https://api-docs.deepseek.com/quick_start/pricing';

const ANTHROPIC: readonly ModelPrice[] = [
  {
    model: 'claude-fable-5-1',
    provider: 'anthropic',
    ...rates(10_000_000, 50_000_000, 250_000),
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'vision', 'long-context'],
    effectiveFrom: '2026-10-10',
    source: CLAUDE_PRICES,
    checked: CHECKED,
  },
  {
    model: 'claude-opus-5-5',
    provider: 'anthropic',
    ...rates(4_000_000, 20_000_000, 200_000),
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'vision', 'long-context'],
    effectiveFrom: '2026-10-10',
    source: CLAUDE_LIST,
    checked: CHECKED,
  },
  {
    model: 'claude-opus-5',
    provider: 'anthropic',
    ...rates(5_000_000, 25_000_000, 500_000),
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'vision', 'long-context'],
    effectiveFrom: '2026-07-24',
    source: 'https://platform.claude.com/docs/about-claude/models/whats-new-opus-5',
    checked: CHECKED,
  },
  {
    model: 'claude-sonnet-5-5',
    provider: 'anthropic',
    ...rates(2_000_000, 10_000_000, 100_000),
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'vision', 'long-context'],
    effectiveFrom: '2026-10-07',
    source: 'https://github.com/TheKrush/PromptFuel/releases/tag/v1.0.23',
    checked: CHECKED,
  },
  {
    model: 'claude-sonnet-5',
    provider: 'anthropic',
    ...rates(2_000_000, 10_000_000, 200_000),
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'vision', 'long-context'],
    effectiveFrom: '2026-06-30',
    source: 'https://platform.claude.com/docs/en/models/sonnet-5/overview',
    checked: CHECKED,
  },
  {
    model: 'claude-haiku-5-5',
    provider: 'anthropic',
    ...rates(100_000, 500_000, 10_000),
    longPrompt: { aboveTokens: 100_000, ...rates(500_000, 2_500_000, 50_000) },
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'coding', 'vision', 'long-context', 'fast'],
    effectiveFrom: '2026-10-07',
    source: 'https://platform.claude.com/docs/en/models/haiku-5-5/overview',
    checked: CHECKED,
  },
  {
    model: 'claude-haiku-4-5-20251001',
    provider: 'anthropic',
    ...rates(1_000_000, 5_000_000, 100_000),
    contextTokens: 200_000,
    capabilities: ['reasoning', 'coding', 'vision', 'fast'],
    effectiveFrom: '2025-10-15',
    source: 'https://platform.claude.com/docs/en/models/haiku-4-5/overview',
    checked: CHECKED,
  },
];

/** Above 272,000 prompt tokens input doubles and output is half as much again (hivebook.wiki, Gemini 2.5 page). */
const OPENAI: readonly ModelPrice[] = [
  {
    model: 'gpt-5.5',
    provider: 'openai',
    ...rates(5_000_000, 30_000_000, 500_000),
    longPrompt: { aboveTokens: 272_000, ...rates(10_000_000, 45_000_000, 1_000_000) },
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'vision', 'long-context'],
    effectiveFrom: '2026-06-04',
    source: OPENAI_LIST,
    checked: CHECKED,
  },
  // Of the smaller ones only the price of prompts up to 272,000 tokens was found: that is the context they are taken for.
  {
    model: 'gpt-5.4',
    provider: 'openai',
    ...rates(2_500_000, 15_000_000, 250_000),
    contextTokens: 272_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding'],
    effectiveFrom: '2026-06-04',
    source: OPENAI_LIST,
    checked: CHECKED,
  },
  {
    model: 'gpt-5.4-mini',
    provider: 'openai',
    ...rates(750_000, 4_500_000, 75_000),
    contextTokens: 272_000,
    capabilities: ['reasoning', 'coding', 'fast'],
    effectiveFrom: '2026-06-04',
    source: OPENAI_LIST,
    checked: CHECKED,
  },
  {
    model: 'gpt-5.4-nano',
    provider: 'openai',
    ...rates(200_000, 1_250_000, 20_000),
    contextTokens: 272_000,
    capabilities: ['fast'],
    effectiveFrom: '2026-06-04',
    source: OPENAI_LIST,
    checked: CHECKED,
  },
];

const OTHERS: readonly ModelPrice[] = [
  {
    model: 'gemini-2.5-pro',
    provider: 'google',
    ...rates(1_250_000, 10_000_000, 125_000),
    longPrompt: { aboveTokens: 200_000, ...rates(2_500_000, 15_000_000, 250_000) },
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'vision', 'long-context'],
    effectiveFrom: '2026-03-01',
    source: GEMINI_LIST,
    checked: CHECKED,
  },
  {
    model: 'gemini-2.5-flash',
    provider: 'google',
    ...rates(300_000, 2_500_000, 30_000),
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'vision', 'long-context', 'fast'],
    effectiveFrom: '2026-03-01',
    source: GEMINI_LIST,
    checked: CHECKED,
  },
  {
    model: 'mistral-medium-3.5',
    provider: 'mistral',
    ...rates(1_500_000, 7_500_000, 1_500_000),
    contextTokens: 256_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'vision'],
    effectiveFrom: '2026-04-29',
    source: 'https://docs.mistral.ai/models/model-cards/mistral-medium-3-5-26-04',
    checked: CHECKED,
  },
  {
    model: 'deepseek-flash',
    provider: 'deepseek',
    ...rates(300_000, 1_200_000, 6_000),
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'coding', 'vision', 'long-context', 'fast'],
    effectiveFrom: '2026-09-14',
    source: DEEPSEEK_PRICES,
    checked: CHECKED,
  },
  {
    model: 'deepseek-v4-pro',
    provider: 'deepseek',
    ...rates(435_000, 870_000, 3_625),
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'long-context'],
    effectiveFrom: '2026-05-22',
    source: `${DEEPSEEK_PRICES}?model_version=DeepSeek-V4-Pro-0813`,
    checked: CHECKED,
  },
  // The new prices hold from 16:00 UTC of this day on: the hours before are charged too high, not too low.
  {
    model: 'deepseek-v4-pro',
    provider: 'deepseek',
    ...rates(1_320_000, 3_960_000, 44_000),
    contextTokens: 1_000_000,
    capabilities: ['reasoning', 'deep-reasoning', 'coding', 'long-context'],
    effectiveFrom: '2026-08-16',
    source: DEEPSEEK_PRICES,
    checked: CHECKED,
  },
];

/** The two figures that 002 reckons with, one for every kind of token. Historical: nothing is routed by them. */
const SEEDS: readonly ModelPrice[] = [
  {
    model: '002/haiku',
    provider: 'anthropic',
    ...rates(250_000, 250_000, 250_000),
    capabilities: ['fast'],
    effectiveFrom: '2025-11-11',
    effectiveUntil: '2025-11-13',
    source: '002',
    checked: CHECKED,
  },
  {
    model: '002/sonnet',
    provider: 'anthropic',
    ...rates(3_000_000, 3_000_000, 3_000_000),
    capabilities: ['reasoning', 'coding'],
    effectiveFrom: '2025-11-11',
    effectiveUntil: '2025-11-13',
    source: '002',
    checked: CHECKED,
  },
];

/** What the fabric knows of prices without being told. */
export const PRICE_CATALOGUE: PriceCatalogue = {
  version: '2026-11-21',
  models: [...ANTHROPIC, ...OPENAI, ...OTHERS, ...SEEDS],
};
