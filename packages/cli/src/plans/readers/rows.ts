/** JSON lines: one object a line, or a list of objects. A line that is neither is reported and left out. */
import type { SkippedRow } from './draft.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export interface Row {
  /** Line of the file, from 1; place in the list where the file is a list. */
  readonly row: number;
  readonly value: JsonObject;
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param skipped receives the lines that are no objects. */
export const parseRows = (
  source: { readonly file: string; readonly text: string },
  skipped: SkippedRow[],
): readonly Row[] => {
  const rows: Row[] = [];
  const take = (row: number, value: unknown): void => {
    if (isObject(value)) rows.push({ row, value });
    else skipped.push({ file: source.file, row, id: undefined, why: 'it is not a JSON object' });
  };
  if (source.text.trimStart().startsWith('[')) {
    const list = parseJson(source.text);
    if (Array.isArray(list)) for (const [index, value] of list.entries()) take(index + 1, value);
    else take(1, undefined);
    return rows;
  }
  for (const [index, line] of source.text.split('\n').entries()) {
    if (line.trim() !== '') take(index + 1, parseJson(line));
  }
  return rows;
};

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
