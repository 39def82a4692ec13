/** Sums of costs as CSV and back: names first, then figures. Money is in whole micro-dollars, so nothing is rounded. */
import { cliError } from '../output/problem.ts';
import { parseCsv, renderCsv } from './csv.ts';

export const FIGURES = [
  'microUsd',
  'chargedMicroUsd',
  'overrunMicroUsd',
  'measuredMicroUsd',
  'reportedMicroUsd',
  'inputTokens',
  'outputTokens',
  'cachedTokens',
  'records',
  'firstIndex',
  'lastIndex',
] as const;

export type FigureRow = Readonly<Record<(typeof FIGURES)[number], number>> & {
  readonly group: Readonly<Record<string, string>>;
};

/** A head with the names of the columns, then a row each; the names of `by` are those of the groups. */
export const figuresCsv = (by: readonly string[], rows: readonly FigureRow[]): string =>
  renderCsv([
    [...by, ...FIGURES],
    ...rows.map((row) => [
      ...by.map((name) => row.group[name] ?? ''),
      ...FIGURES.map((figure) => String(row[figure])),
    ]),
  ]);

/** What `figuresCsv` wrote. Throws a CliError that names the line where it is something else. */
export const readFiguresCsv = (
  text: string,
): { readonly by: readonly string[]; readonly rows: readonly FigureRow[] } => {
  const parsed = parseCsv(text);
  if (parsed.kind === 'bad') throw notOurs(`it stops being CSV at character ${parsed.at}`);
  const [head = [], ...lines] = parsed.rows;
  const by = head.slice(0, Math.max(0, head.length - FIGURES.length));
  if (head.slice(by.length).join() !== FIGURES.join()) throw notOurs('its head has other columns');
  return { by, rows: lines.map((line, i) => rowOf(line, by, i + 2)) };
};

const rowOf = (line: readonly string[], by: readonly string[], number: number): FigureRow => {
  if (line.length !== by.length + FIGURES.length) throw notOurs(`line ${number} has other columns`);
  const figure = (name: (typeof FIGURES)[number]): number => {
    const word = line[by.length + FIGURES.indexOf(name)] ?? '';
    const value = Number(word);
    if (/^\d+$/.test(word) && Number.isSafeInteger(value)) return value;
    throw notOurs(`line ${number} has “${word}” for ${name}`);
  };
  return {
    group: Object.fromEntries(by.map((name, i) => [name, line[i] ?? ''])),
    microUsd: figure('microUsd'),
    chargedMicroUsd: figure('chargedMicroUsd'),
    overrunMicroUsd: figure('overrunMicroUsd'),
    measuredMicroUsd: figure('measuredMicroUsd'),
    reportedMicroUsd: figure('reportedMicroUsd'),
    inputTokens: figure('inputTokens'),
    outputTokens: figure('outputTokens'),
    cachedTokens: figure('cachedTokens'),
    records: figure('records'),
    firstIndex: figure('firstIndex'),
    lastIndex: figure('lastIndex'),
  };
};

const notOurs = (what: string): Error =>
  cliError(
    'cli.input',
    `this is no table of costs: ${what}`,
    'Write one with: ifab cost report --csv FILE',
  );
