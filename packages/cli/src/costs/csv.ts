/**
 * CSV by RFC 4180 (UTF-8, CRLF, quotes doubled), safe to open in a spreadsheet and the same again when it is read.
 *
 * A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end for a formula, and cells here hold names
 * that agents chose. So such a cell gets an apostrophe before it, which a spreadsheet takes for “this is text”
 * (OWASP, CSV Injection). One that begins with an apostrophe gets another: then exactly one is taken off again, whatever
 * the cell was.
 */

/** The wide forms are normalised to the narrow ones by some spreadsheets. */
const FORMULA = /^[=+\-@\t\r\n'＝＋－＠]/u;
const QUOTED = /[",\r\n]/;

/** Rows as CSV, each ended by CRLF. A row has at least one cell. */
export const renderCsv = (rows: readonly (readonly string[])[]): string =>
  rows
    .map((row) => `${row.map((text) => cellText(text, row.length === 1)).join(',')}\r\n`)
    .join('');

export type ParsedCsv =
  | { readonly kind: 'rows'; readonly rows: readonly (readonly string[])[] }
  /** Where it stops being CSV, in characters from 0. */
  | { readonly kind: 'bad'; readonly at: number };

/** What `renderCsv` wrote; also with LF line ends, and without one at the end. */
export const parseCsv = (text: string): ParsedCsv => {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  // Ends: each round takes a cell and what ends it, or all that is left.
  while (at < text.length) {
    const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at);
    if (cell === undefined) return { kind: 'bad', at };
    row.push(cell.text.replace(/^'/, ''));
    at = cell.end;
    const isEnd = at >= text.length || text[at] !== ',';
    const length = separatorLength(text, at);
    if (length === undefined) return { kind: 'bad', at };
    at += length;
    // A comma at the very end leaves an empty cell behind it.
    if (!isEnd && at >= text.length) row.push('');
    if (isEnd || at >= text.length) {
      rows.push(row);
      row = [];
    }
  }
  return { kind: 'rows', rows };
};

interface Found {
  readonly text: string;
  /** Behind the cell. */
  readonly end: number;
}

const cellText = (text: string, isAlone: boolean): string => {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  // Without quotes a row of one empty cell would be an empty line.
  return QUOTED.test(safe) || (isAlone && safe === '') ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const plainCell = (text: string, start: number): Found | undefined => {
  const length = text.slice(start).search(/[",\r\n]/);
  const end = length < 0 ? text.length : start + length;
  return text[end] === '"' ? undefined : { text: text.slice(start, end), end };
};

const quotedCell = (text: string, start: number): Found | undefined => {
  let end = start + 1;
  // Ends: `end` grows each round; a doubled quote is one of the text.
  for (;;) {
    const quote = text.indexOf('"', end);
    if (quote < 0) return undefined;
    if (text[quote + 1] !== '"') {
      return { text: text.slice(start + 1, quote).replaceAll('""', '"'), end: quote + 1 };
    }
    end = quote + 2;
  }
};

/** Characters of what ends a cell; undefined where something else follows it. */
const separatorLength = (text: string, at: number): number | undefined => {
  if (at >= text.length) return 0;
  if (text[at] === ',' || text[at] === '\n') return 1;
  return text.startsWith('\r\n', at) ? 2 : undefined;
};
