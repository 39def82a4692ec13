/** Costs summed again from the entries of the log, without the read model: what a report is compared with. */
import type { CostFilter } from './wish.ts';
import { FIGURES } from './figures-csv.ts';
import type { FigureRow } from './figures-csv.ts';

/** An entry as `witness.query` shows it. */
export interface ShownEntry {
  readonly index: number;
  readonly at: number;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

/** Sums of the log by group, and of all that fits. */
export interface Sums {
  readonly rows: ReadonlyMap<string, FigureRow>;
  readonly total: FigureRow;
}

type Adding = { -readonly [K in keyof FigureRow]: FigureRow[K] };

/** Adds entries one by one, in any number; `by` and `filter` are those of the report. */
export class LogSums {
  readonly #by: readonly string[];
  readonly #filter: CostFilter;
  readonly #rows = new Map<string, Adding>();
  readonly #total: Adding = emptyRow({});

  constructor(by: readonly string[], filter: CostFilter) {
    this.#by = by;
    this.#filter = filter;
  }

  add({ index, at, events }: ShownEntry): void {
    for (const event of events) {
      if (event['type'] !== 'usage.recorded' || !fits(event, at, this.#filter)) continue;
      const group = Object.fromEntries(this.#by.map((name) => [name, valueOf(name, event, at)]));
      const key = groupKey(this.#by, group);
      const row = this.#rows.get(key) ?? emptyRow(group);
      this.#rows.set(key, row);
      addTo(row, event, index);
      addTo(this.#total, event, index);
    }
  }

  sums(): Sums {
    return { rows: this.#rows, total: this.#total };
  }
}

export const groupKey = (by: readonly string[], group: Readonly<Record<string, string>>): string =>
  JSON.stringify(by.map((name) => group[name] ?? ''));

/** What one side says; a figure that it does not name is 0. */
type Said = { readonly [K in (typeof FIGURES)[number]]?: number | undefined };

/** Figures that differ, with what each side says; none where the rows are the same to the micro-dollar. */
export const differences = (said: Said | undefined, found: Said | undefined): readonly string[] =>
  FIGURES.filter((name) => (said?.[name] ?? 0) !== (found?.[name] ?? 0)).map(
    (name) => `${name} ${said?.[name] ?? 'none'}, in the log ${found?.[name] ?? 'none'}`,
  );

const MEMBERS: Readonly<Record<string, string>> = {
  plan: 'planId',
  swarm: 'swarmId',
  task: 'taskId',
  session: 'sessionId',
  model: 'model',
  component: 'component',
};

const DAY_MS = 86_400_000;
/** Steps of a history by the width of one and where the first begins: 1970 began three days after a Monday. */
const STEPS: Readonly<Record<string, readonly [widthMs: number, shiftMs: number]>> = {
  hour: [3_600_000, 0],
  day: [DAY_MS, 0],
  week: [7 * DAY_MS, 3 * DAY_MS],
};

/** The name of a dimension that is a history's step: its value is where the step begins, ms since 1970. */
export const stepName = (bucket: string): string => `step:${bucket}`;

const valueOf = (name: string, event: ShownEntry['events'][number], at: number): string => {
  if (name === 'day') return new Date(at).toISOString().slice(0, 10);
  const step = name.startsWith('step:') ? STEPS[name.slice('step:'.length)] : undefined;
  if (step !== undefined) {
    const [widthMs, shiftMs] = step;
    return String(Math.floor((at + shiftMs) / widthMs) * widthMs - shiftMs);
  }
  const value = event[MEMBERS[name] ?? name];
  return typeof value === 'string' ? value : '';
};

const fits = (event: ShownEntry['events'][number], at: number, filter: CostFilter): boolean => {
  const { since = 0, until = Number.MAX_SAFE_INTEGER } = filter;
  if (at < since || at > until) return false;
  return (['planId', 'swarmId', 'taskId', 'sessionId', 'model', 'component'] as const).every(
    (name) => filter[name] === undefined || filter[name] === (event[name] ?? ''),
  );
};

const addTo = (row: Adding, event: ShownEntry['events'][number], index: number): void => {
  const number = (name: string): number => {
    const value = event[name];
    return typeof value === 'number' ? value : 0;
  };
  const isFirst = row.records === 0;
  row.microUsd += number('microUsd');
  row.chargedMicroUsd += number('chargedMicroUsd');
  row.overrunMicroUsd += number('overrunMicroUsd');
  if (event['basis'] === 'measured') row.measuredMicroUsd += number('microUsd');
  else row.reportedMicroUsd += number('microUsd');
  row.inputTokens += number('inputTokens');
  row.outputTokens += number('outputTokens');
  row.cachedTokens += number('cachedTokens');
  row.records += 1;
  row.firstIndex = isFirst ? index : Math.min(row.firstIndex, index);
  row.lastIndex = Math.max(row.lastIndex, index);
};

const emptyRow = (group: FigureRow['group']): Adding => ({
  group,
  microUsd: 0,
  chargedMicroUsd: 0,
  overrunMicroUsd: 0,
  measuredMicroUsd: 0,
  reportedMicroUsd: 0,
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  records: 0,
  firstIndex: 0,
  lastIndex: 0,
});
