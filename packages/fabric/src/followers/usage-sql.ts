/** The SQL of the read model: conditions, groups and places where a page goes on. */
import { Buffer } from 'node:buffer';
import type { SQLInputValue } from 'node:sqlite';
import type { CostBucket, CostDimension } from '@infrafabric/protocol';

import type { UsageFigures, UsageFilter } from './usage-answers.ts';
import type { UsageRow, UsageTable } from './usage-table.ts';

/** A condition that holds for all of its parts, with the values of its question marks. */
export interface Where {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

const COLUMNS = {
  planId: 'plan',
  swarmId: 'swarm',
  taskId: 'task',
  sessionId: 'session',
  model: 'model',
  component: 'component',
} as const;

/** Columns to group by; a day is one of UTC. */
export const DIMENSIONS: Readonly<Record<CostDimension, string>> = {
  plan: 'plan',
  swarm: 'swarm',
  task: 'task',
  session: 'session',
  model: 'model',
  component: 'component',
  day: "date(at / 1000, 'unixepoch')",
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Where a step begins, ms since 1970: weeks on Monday, and 1970 began on a Thursday, three days after one. */
export const STEPS: Readonly<Record<CostBucket, string>> = {
  hour: `at / ${HOUR_MS} * ${HOUR_MS}`,
  day: `at / ${DAY_MS} * ${DAY_MS}`,
  week: `(at + ${3 * DAY_MS}) / ${7 * DAY_MS} * ${7 * DAY_MS} - ${3 * DAY_MS}`,
};

/** Sums of a group. An empty one sums to 0, not to nothing. */
export const FIGURES = `
  COALESCE(SUM(micro), 0) AS micro, COALESCE(SUM(charged), 0) AS charged,
  COALESCE(SUM(overrun), 0) AS overrun,
  COALESCE(SUM(CASE basis WHEN 'measured' THEN micro ELSE 0 END), 0) AS measured,
  COALESCE(SUM(CASE basis WHEN 'measured' THEN 0 ELSE micro END), 0) AS reported,
  COALESCE(SUM(input), 0) AS input, COALESCE(SUM(output), 0) AS output,
  COALESCE(SUM(cached), 0) AS cached, COUNT(*) AS records, MIN(idx) AS first, MAX(idx) AS last`;

/**
 * The filter as bounds of index and equal columns, so that every one of them is a range of some index of the table.
 * Two descents find the entries at which a span of time begins and ends.
 */
export function whereOf(table: UsageTable, filter: UsageFilter, indexedTo: number): Where {
  const from = filter.since === undefined ? 0 : firstAt(table, filter.since);
  const until = filter.until === undefined ? indexedTo : firstAt(table, filter.until + 1);
  const to = Math.min(filter.before ?? indexedTo, until, indexedTo);
  const parts = ['idx >= ?', 'idx < ?'];
  const values: SQLInputValue[] = [from, to];
  for (const name of ['planId', 'swarmId', 'taskId', 'sessionId', 'model', 'component'] as const) {
    const value = filter[name];
    if (value === undefined) continue;
    parts.push(`${COLUMNS[name]} = ?`);
    values.push(value);
  }
  return { sql: parts.join(' AND '), values };
}

/** The index of the first record at or after a time; beyond all of them where there is none. */
function firstAt(table: UsageTable, atMs: number): number {
  const [row] = table.all('SELECT idx FROM usage WHERE at >= ? ORDER BY at, idx LIMIT 1', [atMs]);
  return row === undefined ? Number.MAX_SAFE_INTEGER : numberIn(row, 'idx');
}

/** Rows behind a place: `(a, b) > (?, ?)`. */
export function behind(where: Where, columns: readonly string[], place: Place | undefined): Where {
  if (place === undefined) return where;
  const marks = columns.map(() => '?').join(', ');
  return {
    sql: `${where.sql} AND (${columns.join(', ')}) > (${marks})`,
    values: [...where.values, ...place],
  };
}

/** Where a page ended: the key of its last row. */
export type Place = readonly (string | number)[];

/** A place as text that says nothing to its bearer. */
export const placeText = (place: Place): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url');

/** The place of a text, if its parts have the kinds that these columns have; else undefined. */
export function readPlace(
  text: string,
  kinds: readonly ('string' | 'number')[],
): Place | undefined {
  const parts = partsOf(text);
  if (parts?.length !== kinds.length) return undefined;
  const place = parts.filter(
    (part, i): part is string | number =>
      typeof part === kinds[i] && (typeof part === 'string' || Number.isSafeInteger(part)),
  );
  return place.length === kinds.length ? place : undefined;
}

function partsOf(text: string): readonly unknown[] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    // Not a place that an answer gave: the caller is told so.
    return undefined;
  }
}

export const figuresOf = (row: UsageRow): UsageFigures => ({
  microUsd: numberIn(row, 'micro'),
  chargedMicroUsd: numberIn(row, 'charged'),
  overrunMicroUsd: numberIn(row, 'overrun'),
  measuredMicroUsd: numberIn(row, 'measured'),
  reportedMicroUsd: numberIn(row, 'reported'),
  inputTokens: numberIn(row, 'input'),
  outputTokens: numberIn(row, 'output'),
  cachedTokens: numberIn(row, 'cached'),
  records: numberIn(row, 'records'),
});

export const numberIn = (row: UsageRow, name: string): number => Number(row[name] ?? 0);
export const textIn = (row: UsageRow, name: string): string => String(row[name]);
