/** How costs look on a terminal: money and counts to the right, and no column that would say nothing. */
import type { OutputOf } from '@infrafabric/protocol';
import { agoText, durationText } from '../commands/duration.ts';
import { cell, pairs, table } from '../output/terminal.ts';
import type { Cell, Paint, Terminal } from '../output/terminal.ts';
import { countText, percentOf, usdColumn, usdText } from './money.ts';
import type { Report, Step } from './read.ts';

type Figures = Omit<Report['total'], 'firstIndex' | 'lastIndex'>;

/** Percents at which an account's use is a warning and an alarm, as its alerts are. */
const WARN_PERCENT = 80;
const ALARM_PERCENT = 100;
/** Cells of the bar that the dearest step of a history has; few where the terminal is narrow, since a cut bar lies. */
const BAR_CHARS = 24;
const BAR_CHARS_NARROW = 12;
const NARROW_COLUMNS = 100;

export const reportText = (
  by: readonly string[],
  { rows, total, indexedTo }: Report,
  terminal: Terminal,
): string => {
  if (rows.length === 0) return `No costs among the first ${indexedTo} entries.\n`;
  const lines = [...rows, total];
  const names = [
    ...rows.map((row) => by.map((name) => named(row.group[name]))),
    by.map((_, i) => cell(i === 0 ? 'TOTAL' : '', 'bold')),
  ];
  const columns = figureColumns(lines);
  return table(
    terminal,
    [...by.map((name) => name.toUpperCase()), ...columns.map(({ head }) => head)],
    lines.map((_, i) => [...(names[i] ?? []), ...columns.flatMap(({ cells }) => cells[i] ?? [])]),
  );
};

export const historyText = (
  bucket: string,
  { rows, indexedTo }: { readonly rows: readonly Step[]; readonly indexedTo: number },
  terminal: Terminal,
): string => {
  if (rows.length === 0) return `No costs among the first ${indexedTo} entries.\n`;
  const by = Object.keys(rows[0]?.group ?? {});
  const columns = figureColumns(rows);
  const most = rows.reduce((high, { microUsd }) => Math.max(high, microUsd), 0);
  const barChars = terminal.width < NARROW_COLUMNS ? BAR_CHARS_NARROW : BAR_CHARS;
  return table(
    terminal,
    [
      bucket.toUpperCase(),
      ...by.map((name) => name.toUpperCase()),
      ...columns.map(({ head }) => head),
      '',
    ],
    rows.map((row, i) => [
      cell(stepText(bucket, row.from)),
      ...by.map((name) => named(row.group?.[name])),
      ...columns.flatMap(({ cells }) => cells[i] ?? []),
      cell(bar(row.microUsd, most, barChars), 'cyan'),
    ]),
  );
};

type Accounts = OutputOf<'budgets.list'>['accounts'];

export const budgetsText = (accounts: Accounts, terminal: Terminal): string => {
  if (accounts.length === 0) return 'No accounts.\n';
  const money = (of: (account: Accounts[number]) => number): readonly string[] =>
    usdColumn(accounts.map(of));
  const limits = money(({ limitMicroUsd }) => limitMicroUsd);
  const reserved = money(({ reservedMicroUsd }) => reservedMicroUsd);
  const spent = money(({ spentMicroUsd }) => spentMicroUsd);
  const overrun = money(({ overrunMicroUsd }) => overrunMicroUsd);
  const available = money(({ availableMicroUsd }) => availableMicroUsd);
  return table(
    terminal,
    ['ACCOUNT', 'LIMIT', 'RESERVED', 'SPENT', 'OVERRUN', 'AVAILABLE', 'USED', 'ALERT'],
    accounts.map((account, i) => {
      // What alerts go by: spent, with or without cover; what is only reserved comes back.
      const spentMicroUsd = account.spentMicroUsd + account.overrunMicroUsd;
      const used = percentOf(spentMicroUsd, account.limitMicroUsd);
      return [
        cell(account.account),
        right(limits[i], account.inherited ? 'dim' : undefined),
        right(reserved[i]),
        right(spent[i]),
        right(overrun[i], account.overrunMicroUsd > 0 ? 'red' : undefined),
        right(available[i]),
        right(`${used} %`, paintOf(used)),
        cell(
          account.alertPercent === 0 ? '' : `${account.alertPercent} %`,
          paintOf(account.alertPercent),
        ),
      ];
    }),
  );
};

export const forecastText = (forecast: OutputOf<'costs.forecast'>, terminal: Terminal): string => {
  const { at, exhaustedAt, remaining, overrunMicroUsd, availableMicroUsd } = forecast;
  const isShort = remaining !== undefined && remaining.expectedMicroUsd > availableMicroUsd;
  return pairs(terminal, [
    ['account', forecast.account, 'bold'],
    [
      'rate',
      `${usdText(forecast.microUsdPerHour)} an hour (${usdText(forecast.windowMicroUsd)} of ${forecast.records} records in ${durationText(forecast.measuredMs)})`,
    ],
    ['limit', usdText(forecast.limitMicroUsd)],
    ['spent', usdText(forecast.spentMicroUsd)],
    ['reserved', usdText(forecast.reservedMicroUsd)],
    ['overrun', overrunMicroUsd === 0 ? undefined : usdText(overrunMicroUsd), 'red'],
    ['available', usdText(availableMicroUsd)],
    [
      'exhausted',
      exhaustedAt === undefined
        ? 'not at this rate'
        : `${agoText(exhaustedAt, at)} (${new Date(exhaustedAt).toISOString()})`,
      exhaustedAt === undefined ? undefined : 'yellow',
    ],
    [
      'still to come',
      remaining &&
        `${usdText(remaining.expectedMicroUsd)} expected, ${usdText(remaining.worstMicroUsd)} at worst${remaining.unpriced === 0 ? '' : `; ${remaining.unpriced} tasks say nothing`}`,
    ],
    [
      'enough',
      remaining && (isShort ? 'no: more is expected than is available' : 'yes'),
      isShort ? 'red' : 'green',
    ],
  ]);
};

interface Column {
  readonly head: string;
  readonly cells: readonly Cell[];
}

/** Cost and records always; what was overrun, only reported, or counted in tokens where there is any. */
const figureColumns = (lines: readonly Figures[]): readonly Column[] => {
  const money = (head: string, of: (line: Figures) => number, paint?: Paint): Column => ({
    head,
    cells: usdColumn(lines.map(of)).map((text, i) =>
      right(text, (lines[i] && of(lines[i])) === 0 ? undefined : paint),
    ),
  });
  const count = (head: string, of: (line: Figures) => number): Column => ({
    head,
    cells: lines.map((line) => right(countText(of(line)))),
  });
  const where = (is: (line: Figures) => boolean, column: Column): readonly Column[] =>
    lines.some(is) ? [column] : [];
  return [
    money('COST', ({ microUsd }) => microUsd),
    ...where(
      ({ overrunMicroUsd }) => overrunMicroUsd > 0,
      money('OVERRUN', ({ overrunMicroUsd }) => overrunMicroUsd, 'red'),
    ),
    ...where(
      ({ reportedMicroUsd }) => reportedMicroUsd > 0,
      money('REPORTED', ({ reportedMicroUsd }) => reportedMicroUsd, 'yellow'),
    ),
    count('RECORDS', ({ records }) => records),
    ...where(
      ({ inputTokens, outputTokens, cachedTokens }) =>
        inputTokens + outputTokens + cachedTokens > 0,
      count('INPUT', ({ inputTokens }) => inputTokens),
    ),
    ...where(
      ({ inputTokens, outputTokens, cachedTokens }) =>
        inputTokens + outputTokens + cachedTokens > 0,
      count('OUTPUT', ({ outputTokens }) => outputTokens),
    ),
    ...where(
      ({ cachedTokens }) => cachedTokens > 0,
      count('CACHED', ({ cachedTokens }) => cachedTokens),
    ),
  ];
};

const right = (text: string | undefined, paint?: Paint): Cell => ({
  ...cell(text, paint),
  right: true,
});

const named = (value: string | undefined): Cell => cell(value === '' ? undefined : value);

const paintOf = (percent: number): Paint | undefined => {
  if (percent >= ALARM_PERCENT) return 'red';
  return percent >= WARN_PERCENT ? 'yellow' : undefined;
};

/** A day is enough for a day and a week; an hour has its minutes, so that nobody takes it for a time zone. */
const stepText = (bucket: string, fromMs: number): string => {
  const text = new Date(fromMs).toISOString();
  return bucket === 'hour' ? `${text.slice(0, 10)} ${text.slice(11, 16)}` : text.slice(0, 10);
};

/** Longer for more, and never nothing for something. */
const bar = (microUsd: number, most: number, chars: number): string =>
  '█'.repeat(most === 0 ? 0 : Math.ceil((microUsd / most) * chars));
