/** `--why`: the entries of the log behind each row of a report or a history. */
import { printable } from '../plans/report/printable.ts';
import { ask } from './read.ts';
import type { Asking, CostEntry } from './read.ts';
import type { CostFilter } from './wish.ts';

/** Entries listed of one row; the report says how many there are. */
const ENTRIES_MAX = 100;
/** Rows that are followed: each is a question of its own. */
export const WHY_ROWS_MAX = 100;

export interface Behind {
  /** What the row is about, as the report has it. */
  readonly row: Readonly<Record<string, string>>;
  readonly records: number;
  /** The first of them, in the order of the log. */
  readonly entries: readonly CostEntry[];
}

export interface Followed {
  readonly row: Readonly<Record<string, string>>;
  readonly records: number;
  /** Leaves the row's records. */
  readonly filter: CostFilter;
}

export const entriesBehindRows = async (
  asking: Asking,
  rows: readonly Followed[],
): Promise<readonly Behind[]> => {
  const found: Behind[] = [];
  // One after the other, bounded by WHY_ROWS_MAX: the index answers each in a millisecond.
  for (const { row, records, filter } of rows.slice(0, WHY_ROWS_MAX)) {
    const { entries } = await ask(asking, 'costs.entries', { ...filter, limit: ENTRIES_MAX });
    found.push({ row, records, entries });
  }
  return found;
};

/** A line a row: its names, how many records, and their entries; `ifab witness query --from N --to N` shows one. */
export const behindText = (behind: readonly Behind[]): string => {
  const lines = behind.map(({ row, records, entries }) => {
    const name = Object.values(row).map((value) => (value === '' ? '—' : value));
    const rest = records > entries.length ? `, and ${records - entries.length} more` : '';
    return `  ${printable(name.join(' '))}: ${records} in ${indexesText(entries)}${rest}\n`;
  });
  return `\nBehind it, entries of the log (ifab witness query --from N --to N):\n${lines.join('')}`;
};

/** `4, 9, 12–15`: indexes in their order, each once, with runs drawn together. */
const indexesText = (entries: readonly CostEntry[]): string => {
  const runs: { from: number; to: number }[] = [];
  for (const { index } of entries) {
    const last = runs.at(-1);
    if (last !== undefined && index <= last.to + 1) last.to = index;
    else runs.push({ from: index, to: index });
  }
  return runs.map(({ from, to }) => (from === to ? String(from) : `${from}–${to}`)).join(', ');
};
