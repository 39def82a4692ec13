/** Costs that an agent reports of itself: to the budget under which its lease was given. */
import { ModelName, TOKENS_PER_RECORD_MAX, USAGE_MICRO_USD_MAX } from '@infrafabric/protocol';
import type { FencingToken, TaskId } from '@infrafabric/protocol';
import { z } from 'zod';
import type { Call, Outcome } from '../tool.ts';
import { newKey, scopedKey } from '../tool.ts';

const Tokens = z.int().min(0).max(TOKENS_PER_RECORD_MAX).optional();

export const Usage = z
  .strictObject({
    model: ModelName.optional(),
    inputTokens: Tokens,
    outputTokens: Tokens,
    cachedTokens: Tokens,
    microUsd: z.int().min(0).max(USAGE_MICRO_USD_MAX).optional(),
  })
  .describe('What was spent since the last report: model and tokens, or microUsd.');

/** Charges it to the lease, under a key of its own: a report and its cost are one intention and two entries. */
export const charge = (
  usage: z.output<typeof Usage>,
  held: { readonly taskId: TaskId; readonly fencingToken: FencingToken },
  { call, key }: Pick<Call, 'call' | 'key'>,
): Promise<Outcome<'usage.record'>> => {
  const { model, inputTokens, outputTokens, cachedTokens, microUsd } = usage;
  const input = {
    ...held,
    ...(model === undefined ? {} : { model }),
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(microUsd === undefined ? {} : { microUsd }),
  };
  return call('usage.record', input, key === undefined ? newKey() : scopedKey([key, 'usage']));
};
