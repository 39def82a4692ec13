/** JSON lines: one object a line, or a list of objects. A line that is neither is reported and left out. */
import type { SkippedRow } from './draft.ts';
import { isObject, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';

export interface Row {
  /** Line of the file, from 1; place in the list where the file is a list. */
  readonly row: number;
  readonly value: JsonObject;
}

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
