/** Operations of usage and prices: what was spent on what, and what a model costs. */
import { z } from 'zod';
import { MicroUsd, ModelName, TaskId } from '../ids.ts';
import { USAGE_MICRO_USD_MAX } from '../limits.ts';
import { ANYONE, defineOperation, OPERATORS } from '../operation.ts';
import {
  MICRO_USD_PER_MTOK_MAX,
  ModelCapability,
  ModelPrice,
  TOKENS_PER_RECORD_MAX,
} from '../prices.ts';
import { Count, Held, HOLDER_ERRORS, Page } from '../words.ts';

const Rate = MicroUsd.max(MICRO_USD_PER_MTOK_MAX);
const Tokens = z.int().min(0).max(TOKENS_PER_RECORD_MAX);

export const optimiseOperations = [
  defineOperation({
    name: 'usage.record',
    summary:
      'Charge a cost to the lease under which it arose: tokens of a model at its price, or an amount.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      ...Held,
      /** What spent it: gateway, chassis, tool. */
      component: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
        .optional(),
      model: ModelName.optional(),
      inputTokens: Tokens.optional(),
      outputTokens: Tokens.optional(),
      /** Input tokens that the provider read from its cache; not among `inputTokens`. */
      cachedTokens: Tokens.optional(),
      /** Measured by the fabric's own parts, with an operator's credential; of others it is taken as their word. */
      measured: z.boolean().optional(),
      /** The cost itself, where it is known; it then stands before the price of the model. */
      microUsd: MicroUsd.max(USAGE_MICRO_USD_MAX).optional(),
    }),
    output: z.strictObject({
      taskId: TaskId,
      microUsd: MicroUsd,
      /** What the accounts covered; the rest is overrun. */
      chargedMicroUsd: MicroUsd,
      overrunMicroUsd: MicroUsd,
      /** What the task may still spend under this lease. */
      leftMicroUsd: MicroUsd,
    }),
    errors: [...HOLDER_ERRORS, 'price.unknown', 'request.invalid'],
  }),
  defineOperation({
    name: 'prices.set',
    summary: 'Set the price of a model for this realm, in the place of the catalogue\u2019s.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({
      model: ModelName,
      inputMicroUsdPerMTok: Rate,
      outputMicroUsdPerMTok: Rate,
      cachedMicroUsdPerMTok: Rate.optional(),
      source: z.string().min(1).max(500),
    }),
    output: z.strictObject({ model: ModelName, changed: z.boolean() }),
    errors: [],
  }),
  defineOperation({
    name: 'prices.list',
    summary:
      'Prices of models with their source and date; the realm\u2019s own stand before the catalogue\u2019s.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ ...Page }),
    output: z.strictObject({
      catalogue: z.string(),
      prices: z.array(z.strictObject({ ...ModelPrice.shape, own: z.boolean() })),
      next: z.string().optional(),
      total: Count,
    }),
    errors: [],
  }),
  defineOperation({
    name: 'prices.route',
    summary:
      'Which model for which work: those that are able, the cheapest first, and why others are not.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({
      /** Kind of work, such as documentation or security; it says how strong a model must be. */
      work: z.string().min(1).max(100).optional(),
      /** Capabilities of the model, all of them needed. */
      needs: z.array(ModelCapability).max(32).optional(),
      /** Prompt and answer together. */
      contextTokens: Tokens.optional(),
      inputTokens: Tokens.optional(),
      outputTokens: Tokens.optional(),
      cachedTokens: Tokens.optional(),
    }),
    output: z.strictObject({
      tier: z.enum(['cheap', 'strong']).optional(),
      needs: z.array(ModelCapability),
      routes: z.array(
        z.strictObject({ model: z.string(), provider: z.string(), microUsd: MicroUsd }),
      ),
      unable: z.array(z.strictObject({ model: z.string(), reason: z.string() })),
    }),
    errors: [],
  }),
] as const;
