/** JSON of which nothing is known yet. */

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined where the text is no JSON: to a reader of rows that is an answer, not a fault. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

/** The object that a string of JSON holds, or undefined where it holds anything else. */
export const parseObject = (text: unknown): JsonObject | undefined => {
  if (typeof text !== 'string' || !text.startsWith('{')) return undefined;
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
};
