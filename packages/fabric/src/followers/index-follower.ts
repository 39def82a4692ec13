/**
 * The query index: which entries hold which words, and the records of costs (`usage-table.ts`). Derived from the journal, carries where it stands, and is dropped
 * and made again where anything about it is odd.
 *
 * N1  It answers with candidates; the entry itself decides (`isMatch`).
 * N2  Index, position and leaf change in one transaction: after a crash it never claims entries that it does not hold.
 * N3  Rows are keyed (run, term, index). A run is 131,072 entries, so inserts touch the pages of one run only,
 *     whatever the words are, and a look-up is one descent a run.
 */
import { rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Hash } from '@infrafabric/tlog';

import type { Position } from '../ports/journal.ts';
import type { CheckedFrame } from './checked-frame.ts';
import { termOf, wordsOf } from './index-terms.ts';
import type { LogEntry } from './log-entry.ts';
import { USAGE_SCHEMA, UsageTable } from './usage-table.ts';

/** Entries of a run. Smaller: more descents a look-up. Larger: inserts spread over more pages than the cache holds. */
const RUN_ENTRIES = 131_072;

/** Raised with every change of tables or terms: an index of another form is made again. */
const FORM = 'ifab-index/2';

/** Page cache, KiB: a run of common entries is about 12 MiB, its hot part a third of it. */
const CACHE_KIB = 8_192;

/** Entries of one transaction while it is behind. Smaller: a page that many words share is written to the WAL more often. */
const TRANSACTION_ENTRIES = 16_384;

/** Rows of one statement: a call into SQLite costs as much as three rows. */
const STATEMENT_ROWS = 32;

/** Terms whose fingerprints are remembered: operations, agents, sessions come again and again. */
const REMEMBERED_MAX = 4_096;

export interface IndexFollowerOptions {
  /** A file of its own, or `:memory:`. Never the journal's LOCK: closing any descriptor of that would drop the lock. */
  readonly path: string;
  readonly genesisLeaf: Hash;
}

/** Candidates at indices [from, to), ascending or descending. */
export interface Search {
  readonly words: readonly string[];
  readonly from: Position;
  readonly to: Position;
  readonly newest: boolean;
}

export class IndexFollower {
  readonly #options: IndexFollowerOptions;
  readonly #remembered = new Map<string, number>();
  /** Run, term, index of rows that no statement has taken yet. */
  readonly #rows: number[] = [];
  #database: DatabaseSync;
  #insert: StatementSync;
  #insertMany: StatementSync;
  #place: StatementSync;
  #usage: UsageTable;
  #committed: Position = 0;
  #position: Position = 0;
  #leaf: Hash;
  #rebuilds = 0;

  /** Opens the index, or a new one where there is none that can be trusted. Throws SQLite's error where none can be made. */
  constructor(options: IndexFollowerOptions) {
    this.#options = options;
    this.#leaf = options.genesisLeaf;
    this.#database = this.#openExisting() ?? this.#openNew();
    [this.#insert, this.#insertMany, this.#place] = statementsOf(this.#database);
    this.#usage = new UsageTable(this.#database);
  }

  get position(): Position {
    return this.#position;
  }

  get leaf(): Hash {
    return this.#leaf;
  }

  /** The records of costs among its entries; another table after a rebuild. */
  get usage(): UsageTable {
    return this.#usage;
  }

  /** How often the index was dropped in this life. */
  get rebuilds(): number {
    return this.#rebuilds;
  }

  /** Takes the entries of the frame that it does not have; `entries` are those from `position` on. */
  take(frame: CheckedFrame, entries: readonly LogEntry[]): void {
    const from = this.#position - frame.first;
    const before = from === 0 ? frame.previousLeaf : frame.leaves[from - 1];
    if (before !== this.#leaf) {
      // The index followed another log: it goes, and this frame comes again from the first on.
      this.rebuild();
      return;
    }
    if (this.#committed === this.#position) this.#database.exec('BEGIN');
    for (const entry of entries) this.#add(entry);
    this.#position = frame.after.size;
    this.#leaf = frame.after.leaf;
  }

  /** A page was taken. Commits when it is in step with `durable`, or when much is open. Throws SQLite's error. */
  paused(durable: Position): void {
    const open = this.#position - this.#committed;
    if (open > 0 && (this.#position >= durable || open >= TRANSACTION_ENTRIES)) this.#commit();
  }

  #commit(): void {
    try {
      this.#insertRows('all');
      this.#place.run(this.#position, this.#leaf);
      this.#database.exec('COMMIT');
    } catch (cause) {
      this.#rows.length = 0;
      this.#database.exec('ROLLBACK');
      this.#readPlace();
      throw cause;
    }
    this.#committed = this.#position;
  }

  /** Drops the index and starts at entry 0. */
  rebuild(): void {
    this.#database.close();
    this.#rebuilds += 1;
    this.#rows.length = 0;
    this.#database = this.#openNew();
    [this.#insert, this.#insertMany, this.#place] = statementsOf(this.#database);
    this.#usage = new UsageTable(this.#database);
  }

  /** Indices of entries that hold all the words, by fingerprint; at most `limit`, from the asked end on. */
  search({ words, from, to, newest }: Search, limit: number): readonly number[] {
    this.#insertRows('all');
    const terms = words.map(termOf);
    const order = newest ? 'DESC' : 'ASC';
    const also = terms
      .slice(1)
      .map(
        () =>
          'AND EXISTS (SELECT 1 FROM held b WHERE b.run = a.run AND b.term = ? AND b.idx = a.idx)',
      )
      .join(' ');
    const select = this.#database.prepare(
      `SELECT a.idx FROM held a WHERE a.run = ? AND a.term = ? AND a.idx >= ? AND a.idx < ? ${also} ORDER BY a.idx ${order} LIMIT ?`,
    );
    const found: number[] = [];
    const end = Math.min(to, this.#position);
    for (const run of runsOf(from, end, newest)) {
      const [first = 0, ...rest] = terms;
      const rows = select.all(run, first, from, end, ...rest, limit - found.length);
      for (const row of rows) if (typeof row['idx'] === 'number') found.push(row['idx']);
      if (found.length >= limit) break;
    }
    return found;
  }

  close(): void {
    if (this.#position > this.#committed) this.#commit();
    this.#database.close();
  }

  #add(entry: LogEntry): void {
    const run = Math.floor(entry.index / RUN_ENTRIES);
    this.#usage.add(entry);
    for (const word of wordsOf(entry)) this.#rows.push(run, this.#term(word), entry.index);
    this.#insertRows('whole statements');
  }

  #insertRows(which: 'all' | 'whole statements'): void {
    const rows = this.#rows;
    let at = 0;
    for (; at + ROW_VALUES * STATEMENT_ROWS <= rows.length; at += ROW_VALUES * STATEMENT_ROWS) {
      this.#insertMany.run(...rows.slice(at, at + ROW_VALUES * STATEMENT_ROWS));
    }
    if (which === 'all') {
      for (; at < rows.length; at += ROW_VALUES)
        this.#insert.run(...rows.slice(at, at + ROW_VALUES));
    }
    if (at > 0) rows.splice(0, at);
  }

  #term(word: string): number {
    const known = this.#remembered.get(word);
    if (known !== undefined) return known;
    const term = termOf(word);
    // Traces and tasks hardly come again; remembering them would push out what does.
    if (!word.startsWith('t:') && !word.startsWith('k:')) {
      if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
      this.#remembered.set(word, term);
    }
    return term;
  }

  #openExisting(): DatabaseSync | undefined {
    let database: DatabaseSync | undefined;
    try {
      database = openDatabase(this.#options.path);
      if (this.#readPlace(database)) return database;
    } catch {
      // No index, another form or a damaged file: all the same, since it is made again from the journal.
    }
    database?.close();
    return undefined;
  }

  /** Goes to where the index says that it is; false where it is not one of this log. */
  #readPlace(database: DatabaseSync = this.#database): boolean {
    const row = database.prepare('SELECT form, genesis, size, leaf FROM place').get();
    const { form, genesis, size, leaf } = row ?? {};
    if (form !== FORM || genesis !== this.#options.genesisLeaf) return false;
    if (typeof size !== 'number' || typeof leaf !== 'string') return false;
    this.#committed = size;
    this.#position = size;
    this.#leaf = leaf;
    return true;
  }

  #openNew(): DatabaseSync {
    const { path, genesisLeaf } = this.#options;
    if (path !== ':memory:') {
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    }
    const database = openDatabase(path);
    database.exec(`
      CREATE TABLE held (run INTEGER, term INTEGER, idx INTEGER, PRIMARY KEY (run, term, idx)) WITHOUT ROWID, STRICT;
      CREATE TABLE place (one INTEGER PRIMARY KEY CHECK (one = 1), form TEXT, genesis TEXT, size INTEGER, leaf TEXT) STRICT;
      ${USAGE_SCHEMA}
    `);
    database
      .prepare('INSERT INTO place VALUES (1, ?, ?, 0, ?)')
      .run(FORM, genesisLeaf, genesisLeaf);
    this.#committed = 0;
    this.#position = 0;
    this.#leaf = genesisLeaf;
    return database;
  }
}

/** WAL without a sync a transaction: a power cut may lose the newest ones, and they are read again. */
function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${CACHE_KIB};`,
  );
  return database;
}

const ROW_VALUES = 3;

const statementsOf = (
  database: DatabaseSync,
): readonly [StatementSync, StatementSync, StatementSync] => [
  database.prepare('INSERT OR IGNORE INTO held VALUES (?, ?, ?)'),
  database.prepare(
    `INSERT OR IGNORE INTO held VALUES ${'(?, ?, ?),'.repeat(STATEMENT_ROWS).slice(0, -1)}`,
  ),
  database.prepare('UPDATE place SET size = ?, leaf = ?'),
];

/** The runs that [from, to) touches, in the order of the answer. */
function runsOf(from: number, to: number, newest: boolean): readonly number[] {
  const runs: number[] = [];
  if (from >= to) return runs;
  const last = Math.floor((to - 1) / RUN_ENTRIES);
  for (let run = Math.floor(from / RUN_ENTRIES); run <= last; run += 1) runs.push(run);
  return newest ? runs.toReversed() : runs;
}
