import { z } from 'zod';
import type { Json, JsonObject } from './fit.ts';

/**
 * The JSON Schema of a tool's arguments as models read it: names, kinds, choices and words. Patterns and limits stay
 * behind: each would cost tokens in every request of every agent, and a wrong argument is answered with what is right.
 */
export function advertised(args: z.ZodObject): JsonObject {
  const schema = z.toJSONSchema(args, {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return trimmed(schema as JsonObject);
}

const LEFT_OUT: ReadonlySet<string> = new Set([
  '$schema',
  'additionalProperties',
  'pattern',
  'minimum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
]);

/** The maximum of a number is kept where somebody chose it; zod writes the largest safe integer for `int` itself. */
const isChosen = (key: string, value: Json): boolean =>
  key !== 'maximum' || (typeof value === 'number' && value < Number.MAX_SAFE_INTEGER);

function trimmed(schema: JsonObject): JsonObject {
  const kept: Record<string, Json> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (value === undefined || LEFT_OUT.has(key) || !isChosen(key, value)) continue;
    if (key === 'properties' && isObject(value)) kept[key] = trimmedEach(value);
    else kept[key] = isObject(value) ? trimmed(value) : value;
  }
  return kept;
}

/** Names of arguments are not words of the schema: none of them is left out. */
function trimmedEach(properties: JsonObject): JsonObject {
  const entries = Object.entries(properties);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isObject(value) ? trimmed(value) : value]),
  );
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
