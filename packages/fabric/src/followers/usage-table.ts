/**
 * Usage records as rows of the query index: what costs are summed from.
 *
 * V1  A row is one `usage.recorded` event, keyed by its entry and its place in it: taken twice, it is there once.
 * V2  Rows come and go with the index's own transaction, so sums never speak of entries that it does not hold.
 * V3  A day and a time are bounds of index: times never fall from entry to entry, so a span of time is a span of rows.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

import type { LogEntry } from './log-entry.ts';

/** What the log says of one cost. Money in micro-dollars; `microUsd` is `chargedMicroUsd` and `overrunMicroUsd` together. */
export interface UsageRecorded {
  readonly type: 'usage.recorded';
  readonly basis: 'measured' | 'reported';
  readonly planId: string;
  readonly taskId: string;
  readonly sessionId: string;
  readonly swarmId?: string;
  readonly model?: string;
  readonly component: string;
  readonly microUsd: number;
  readonly chargedMicroUsd: number;
  readonly overrunMicroUsd: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cachedTokens?: number;
}

/** '' stands for a swarm or model that is not named, so that groups and pages have one order. STRICT refuses what is no number. */
export const USAGE_SCHEMA = `
  CREATE TABLE usage (
    idx INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL,
    plan TEXT NOT NULL, task TEXT NOT NULL, session TEXT NOT NULL, swarm TEXT NOT NULL,
    model TEXT NOT NULL, component TEXT NOT NULL, basis TEXT NOT NULL,
    micro INTEGER NOT NULL, charged INTEGER NOT NULL, overrun INTEGER NOT NULL,
    input INTEGER NOT NULL, output INTEGER NOT NULL, cached INTEGER NOT NULL,
    PRIMARY KEY (idx, n)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX usage_at ON usage (at);
  CREATE INDEX usage_plan ON usage (plan);
  CREATE INDEX usage_swarm ON usage (swarm);
  CREATE INDEX usage_task ON usage (task);
  CREATE INDEX usage_session ON usage (session);
`;

/** Without ROWID an index ends in the table's key: each of them is in the order of the log. */
const INSERT = `INSERT OR IGNORE INTO usage VALUES (${'?, '.repeat(15)}?)`;

export class UsageTable {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;

  /** Over a database that has the schema's tables. */
  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insert = database.prepare(INSERT);
  }

  /** Takes the records of an entry, within the transaction that is open. Throws SQLite's error. */
  add({ index, at, events }: LogEntry): void {
    for (const [n, event] of events.entries()) {
      if (isUsage(event)) this.#insert.run(index, n, at, ...valuesOf(event));
    }
  }

  /** Rows of a query. Throws where a sum is beyond 2^53 micro-dollars: it would not be exact any more. */
  all(sql: string, values: readonly SQLInputValue[]): readonly UsageRow[] {
    return this.#database.prepare(sql).all(...values);
  }
}

export type UsageRow = ReturnType<StatementSync['all']>[number];

const isUsage = (event: { readonly type: string }): event is UsageRecorded =>
  event.type === 'usage.recorded';

const valuesOf = (event: UsageRecorded): readonly SQLInputValue[] => [
  event.planId,
  event.taskId,
  event.sessionId,
  event.swarmId ?? '',
  event.model ?? '',
  event.component,
  event.basis,
  event.microUsd,
  event.chargedMicroUsd,
  event.overrunMicroUsd,
  event.inputTokens ?? 0,
  event.outputTokens ?? 0,
  event.cachedTokens ?? 0,
];
