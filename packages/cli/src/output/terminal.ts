/** How text looks on a terminal: colour or none, width, tables. Everything that came from outside passes `printable`. */
import type { Environment } from '../config.ts';
import type { Sink } from '../io.ts';
import { printable, shortened } from '../plans/report/printable.ts';

export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CODES: Readonly<Record<Paint, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

export interface Terminal {
  readonly colour: boolean;
  readonly width: number;
  paint(paint: Paint, text: string): string;
}

/**
 * Colour, by who says it most clearly: the flag, then NO_COLOR (no-color.org), then FORCE_COLOR, then TERM=dumb,
 * then whether anybody looks.
 */
export const wantsColour = (
  sink: Pick<Sink, 'isTerminal'>,
  env: Environment,
  flag: boolean | undefined,
): boolean => {
  if (flag !== undefined) return flag;
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return env['TERM'] !== 'dumb' && sink.isTerminal;
};

export const createTerminal = (colour: boolean, width: number): Terminal => ({
  colour,
  width,
  paint: (paint, text) => {
    const [on, off] = CODES[paint];
    return colour ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  },
});

/** A cell: its text is made printable; `paint` colours it after it was measured. */
export interface Cell {
  readonly text: string;
  readonly paint?: Paint | undefined;
  readonly right?: boolean;
}

export const cell = (text: string | number | undefined, paint?: Paint): Cell =>
  typeof text === 'number'
    ? { text: String(text), paint, right: true }
    : { text: printable(text ?? '—'), paint };

/** The narrowest that a cell is cut to: nine columns of a match fit in eighty characters. */
const CELL_CHARS_MIN = 10;
const GAP = '  ';

/**
 * Columns with two spaces between them, heads above. A table that is wider than the terminal is cut in its widest
 * columns; one that goes to a pipe has all its text.
 */
export const table = (
  terminal: Terminal,
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
): string => {
  const wanted = heads.map((head, column) =>
    rows.reduce((most, row) => Math.max(most, chars(row[column]?.text ?? '')), chars(head)),
  );
  const widths = fit(wanted, terminal.width - GAP.length * (heads.length - 1));
  const line = (cells: readonly Cell[]): string =>
    cells
      .map((one, column) => {
        const width = widths[column] ?? 0;
        const text = shortened(one.text, width);
        const room = ' '.repeat(Math.max(0, width - chars(text)));
        const painted = one.paint === undefined ? text : terminal.paint(one.paint, text);
        return one.right === true ? room + painted : painted + room;
      })
      .join(GAP)
      .trimEnd();
  const head = line(heads.map((text) => ({ text, paint: 'dim' })));
  return [head, ...rows.map(line), ''].join('\n');
};

const chars = (text: string): number => Array.from(text).length;

const fit = (wanted: readonly number[], room: number): readonly number[] => {
  const widths = [...wanted];
  // Ends: each round takes a character from a column, and columns have finitely many.
  for (;;) {
    const sum = widths.reduce((total, width) => total + width, 0);
    const widest = Math.max(...widths);
    if (sum <= room || widest <= CELL_CHARS_MIN) return widths;
    widths[widths.indexOf(widest)] = widest - 1;
  }
};

/** `label  value` lines with the labels aligned. Pairs without a value are left out. */
export const pairs = (
  terminal: Terminal,
  rows: readonly (readonly [
    label: string,
    value: string | number | undefined,
    paint?: Paint | undefined,
  ])[],
): string => {
  const shown = rows.filter(([, value]) => value !== undefined && value !== '');
  const width = shown.reduce((most, [label]) => Math.max(most, label.length), 0);
  return shown
    .map(([label, value, paint]) => {
      const text = printable(String(value));
      const painted = paint === undefined ? text : terminal.paint(paint, text);
      return `${terminal.paint('dim', label.padEnd(width))}${GAP}${painted}\n`;
    })
    .join('');
};
