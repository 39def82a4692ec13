/**
 * Costs by what they were spent on, over time and one by one, from the rows that the index keeps.
 *
 * R3  Every answer is bounded: rows by a limit, and `next` names the key behind which the same question goes on. Pages
 *     that are given `before` speak of one log, whatever was appended between them.
 */
import { PAGE_ROWS_MAX, reject, type Rejection } from '@infrafabric/protocol';

import type { Position } from '../ports/journal.ts';
import type {
  BurnAnswer,
  EntriesAnswer,
  EntriesAsk,
  HistoryAnswer,
  HistoryAsk,
  ReportAnswer,
  ReportAsk,
  UsageEntry,
  UsageFilter,
} from './usage-answers.ts';
import {
  behind,
  DIMENSIONS,
  FIGURES,
  figuresOf,
  numberIn,
  placeText,
  readPlace,
  STEPS,
  textIn,
  whereOf,
  type Place,
  type Where,
} from './usage-sql.ts';
import type { UsageRow, UsageTable } from './usage-table.ts';

/** Rows where nobody asks for a number. */
const ROWS_DEFAULT = 100;

export interface UsageReadsOptions {
  /** The index that keeps the rows; it may make another table at any time. */
  readonly index: { readonly usage: UsageTable; readonly position: Position };
  /** The size that the leader said is durable. */
  readonly durable: () => Position;
}

/** What a follower answers for the operations of costs. Rejects with a Fault. */
export interface CostReads {
  report(ask: ReportAsk): Promise<ReportAnswer | Rejection>;
  history(ask: HistoryAsk): Promise<HistoryAnswer | Rejection>;
  entries(ask: EntriesAsk): Promise<EntriesAnswer | Rejection>;
  burn(ask: UsageFilter): Promise<BurnAnswer>;
}

export class UsageReads {
  readonly #options: UsageReadsOptions;

  constructor(options: UsageReadsOptions) {
    this.#options = options;
  }

  report(ask: ReportAsk): ReportAnswer | Rejection {
    const { by } = ask;
    const columns = by.map((dimension) => DIMENSIONS[dimension]);
    const place = placeOf(
      ask.after,
      by.map(() => 'string'),
    );
    if (place === 'bad') return BAD_PLACE;
    const { table, where, indexedTo } = this.#start(ask);
    const found = grouped(table, {
      columns,
      where: behind(where, columns, place),
      limit: ask.limit,
    });
    const rows = found.rows.map((row) => ({
      group: Object.fromEntries(by.map((dimension, i) => [dimension, textIn(row, `g${i}`)])),
      ...figuresOf(row),
      ...spanOf(row),
    }));
    // A page that is the whole answer has all that the total is made of: a second look at every record is saved.
    const isWhole = place === undefined && found.next.next === undefined;
    const total = (isWhole ? sumOf(rows) : undefined) ?? totalOf(table, where);
    return { rows, total, ...found.next, indexedTo };
  }

  history(ask: HistoryAsk): HistoryAnswer | Rejection {
    const { by, bucket } = ask;
    const columns = [STEPS[bucket], ...(by === undefined ? [] : [DIMENSIONS[by]])];
    const kinds = by === undefined ? (['number'] as const) : (['number', 'string'] as const);
    const place = placeOf(ask.after, kinds);
    if (place === 'bad') return BAD_PLACE;
    const { table, where, indexedTo } = this.#start(ask);
    const found = grouped(table, {
      columns,
      where: behind(where, columns, place),
      limit: ask.limit,
    });
    return {
      rows: found.rows.map((row) => ({
        from: numberIn(row, 'g0'),
        ...(by === undefined ? {} : { group: { [by]: textIn(row, 'g1') } }),
        ...figuresOf(row),
        ...spanOf(row),
      })),
      ...found.next,
      indexedTo,
    };
  }

  entries(ask: EntriesAsk): EntriesAnswer | Rejection {
    const place = placeOf(ask.after, ['number', 'number']);
    if (place === 'bad') return BAD_PLACE;
    const { table, where, indexedTo } = this.#start(ask);
    const key = ['idx', 'n'];
    const { sql, values } = behind(where, key, place);
    const limit = rowsOf(ask.limit);
    const rows = table.all(`SELECT * FROM usage WHERE ${sql} ORDER BY idx, n LIMIT ?`, [
      ...values,
      limit + 1,
    ]);
    return {
      entries: rows.slice(0, limit).map(entryOf),
      ...nextOf(rows, limit, (row) => [numberIn(row, 'idx'), numberIn(row, 'n')]),
      indexedTo,
    };
  }

  /** What the records since `since` cost; and the time of the first that fits without it. */
  burn(filter: UsageFilter): BurnAnswer {
    const { table, where, indexedTo } = this.#start(filter);
    const sums = `SELECT COALESCE(SUM(micro), 0) AS micro, COUNT(*) AS records FROM usage WHERE ${where.sql}`;
    const [sum] = table.all(sums, where.values);
    const ever = whereOf(table, { ...filter, since: undefined }, indexedTo);
    const oldest = `SELECT at FROM usage WHERE ${ever.sql} ORDER BY idx LIMIT 1`;
    const [first] = table.all(oldest, ever.values);
    return {
      microUsd: sum === undefined ? 0 : numberIn(sum, 'micro'),
      records: sum === undefined ? 0 : numberIn(sum, 'records'),
      ...(first === undefined ? {} : { firstAt: numberIn(first, 'at') }),
      indexedTo,
    };
  }

  #start(filter: UsageFilter): {
    readonly table: UsageTable;
    readonly where: Where;
    readonly indexedTo: Position;
  } {
    const { index, durable } = this.#options;
    const indexedTo = Math.min(index.position, durable());
    const { usage: table } = index;
    return { table, where: whereOf(table, filter, indexedTo), indexedTo };
  }
}

const BAD_PLACE = reject(
  'request.invalid',
  'A page cannot go on there: no answer gave that place.',
);

const rowsOf = (limit: number | undefined): number =>
  Math.min(limit ?? ROWS_DEFAULT, PAGE_ROWS_MAX);

const placeOf = (
  after: string | undefined,
  kinds: readonly ('string' | 'number')[],
): Place | 'bad' | undefined =>
  after === undefined ? undefined : (readPlace(after, kinds) ?? 'bad');

interface Grouping {
  readonly columns: readonly string[];
  readonly where: Where;
  readonly limit: number | undefined;
}

/** One page of sums in the order of their groups, named g0, g1, …; one row more says whether there is a next page. */
function grouped(
  table: UsageTable,
  { columns, where, limit: asked }: Grouping,
): { readonly rows: readonly UsageRow[]; readonly next: { readonly next?: string } } {
  const limit = rowsOf(asked);
  const names = columns.map((_, i) => `g${i}`);
  const selected = columns.map((column, i) => `${column} AS g${i}`).join(', ');
  const sql = `SELECT ${selected}, ${FIGURES} FROM usage WHERE ${where.sql} GROUP BY ${names.join(', ')} ORDER BY ${names.join(', ')} LIMIT ?`;
  const rows = table.all(sql, [...where.values, limit + 1]);
  const keyOf = (row: UsageRow): Place =>
    names.map((name) => (typeof row[name] === 'number' ? numberIn(row, name) : textIn(row, name)));
  return { rows: rows.slice(0, limit), next: nextOf(rows, limit, keyOf) };
}

function nextOf(
  rows: readonly UsageRow[],
  limit: number,
  keyOf: (row: UsageRow) => Place,
): { readonly next?: string } {
  const last = rows[limit - 1];
  return rows.length > limit && last !== undefined ? { next: placeText(keyOf(last)) } : {};
}

const spanOf = (row: UsageRow): { readonly firstIndex: number; readonly lastIndex: number } => ({
  firstIndex: numberIn(row, 'first'),
  lastIndex: numberIn(row, 'last'),
});

/** An aggregate without groups has one row, also over no records. */
function totalOf(table: UsageTable, where: Where): ReportAnswer['total'] {
  const [row = {}] = table.all(`SELECT ${FIGURES} FROM usage WHERE ${where.sql}`, where.values);
  const figures = figuresOf(row);
  return figures.records === 0 ? figures : { ...figures, ...spanOf(row) };
}

/** The sum of rows; undefined where there are none, or where it is beyond what a number holds exactly. */
function sumOf(rows: ReportAnswer['rows']): ReportAnswer['total'] | undefined {
  const [first, ...others] = rows;
  if (first === undefined) return undefined;
  const { group: _group, ...start } = first;
  const sum: { -readonly [K in keyof typeof start]: number } = start;
  for (const row of others) {
    for (const name of FIGURE_NAMES) sum[name] += row[name];
    sum.firstIndex = Math.min(sum.firstIndex, row.firstIndex);
    sum.lastIndex = Math.max(sum.lastIndex, row.lastIndex);
  }
  return FIGURE_NAMES.every((name) => Number.isSafeInteger(sum[name])) ? sum : undefined;
}

const FIGURE_NAMES = [
  'microUsd',
  'chargedMicroUsd',
  'overrunMicroUsd',
  'measuredMicroUsd',
  'reportedMicroUsd',
  'inputTokens',
  'outputTokens',
  'cachedTokens',
  'records',
] as const;

const entryOf = (row: UsageRow): UsageEntry => {
  const swarmId = textIn(row, 'swarm');
  const model = textIn(row, 'model');
  return {
    index: numberIn(row, 'idx'),
    at: numberIn(row, 'at'),
    planId: textIn(row, 'plan'),
    taskId: textIn(row, 'task'),
    sessionId: textIn(row, 'session'),
    ...(swarmId === '' ? {} : { swarmId }),
    ...(model === '' ? {} : { model }),
    component: textIn(row, 'component'),
    basis: textIn(row, 'basis'),
    microUsd: numberIn(row, 'micro'),
    chargedMicroUsd: numberIn(row, 'charged'),
    overrunMicroUsd: numberIn(row, 'overrun'),
    inputTokens: numberIn(row, 'input'),
    outputTokens: numberIn(row, 'output'),
    cachedTokens: numberIn(row, 'cached'),
  };
};
