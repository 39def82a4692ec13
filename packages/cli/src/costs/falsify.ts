/**
 * `--mode=falsify`: tries to disprove a report. Its sums are made again from the entries of the log, without the rows
 * that the report came from, and compared to the micro-dollar; what all records cost is compared with the realm's account.
 */
import type { InputOf, OutputOf } from '@infrafabric/protocol';
import type { Attempt } from '../commands/falsify.ts';
import { cliError } from '../output/problem.ts';
import type { Terminal } from '../output/terminal.ts';
import { printable } from '../plans/report/printable.ts';
import type { FigureRow } from './figures-csv.ts';
import { differences, groupKey, LogSums } from './from-log.ts';
import { usdText } from './money.ts';
import { ask, indexedPosition } from './read.ts';
import type { Asking, Report } from './read.ts';
import type { CostFilter } from './wish.ts';

/** What was said, and of which part of the log. */
export interface Said {
  readonly by: readonly string[];
  readonly filter: CostFilter;
  readonly rows: readonly FigureRow[];
  /** Absent: the answer says none. */
  readonly total?: Report['total'];
  /** Entries below this index. */
  readonly before: number;
}

/** Rows that are named one by one where they are wrong. */
const WRONG_ROWS_MAX = 20;
const PAGE_ROWS = 1_000;
/** Rounds until the realm has stood still between two looks at its account. */
const ROUNDS_MAX = 5;

export const disproveCosts = async (asking: Asking, said: Said): Promise<readonly Attempt[]> => {
  const sums = new LogSums(said.by, said.filter);
  const entries = await addEntries(asking, sums, said.before);
  const { rows, total } = sums.sums();
  const wrong: Attempt[] = [];
  const seen = new Set<string>();
  for (const row of said.rows) {
    const key = groupKey(said.by, row.group);
    seen.add(key);
    const different = differences(row, rows.get(key));
    if (different.length > 0) wrong.push(wrongRow(row.group, different));
  }
  for (const [key, row] of rows) {
    if (!seen.has(key)) wrong.push(wrongRow(row.group, differences(undefined, row)));
  }
  const attempts: Attempt[] = [
    ...wrong.slice(0, WRONG_ROWS_MAX),
    {
      claim: `${said.rows.length} rows are the sums of the log`,
      holds: wrong.length === 0,
      found: `${rows.size} groups in ${entries} entries, ${wrong.length} differ`,
    },
  ];
  if (said.total !== undefined) {
    const different = differences(said.total, total);
    attempts.push({
      claim: `the total is ${usdText(said.total.microUsd ?? 0)}`,
      holds: different.length === 0,
      found: different.join('; ') || usdText(total.microUsd),
    });
  }
  return [...attempts, ...(await disproveAccount(asking))];
};

/** The answer's own text, then what was tried. */
export const attemptsText = (
  attempts: readonly Attempt[],
  size: number,
  terminal: Terminal,
): string => {
  const lines = attempts.map(({ claim, holds, found }) => {
    const word = holds ? terminal.paint('green', 'holds  ') : terminal.paint('red', 'REFUTED');
    return `${word}  ${printable(claim)} (${printable(found)})\n`;
  });
  return `\nTried to disprove it at ${size} entries:\n${lines.join('')}`;
};

const wrongRow = (group: FigureRow['group'], different: readonly string[]): Attempt => ({
  claim: Object.entries(group)
    .map(([name, value]) => `${name} ${value === '' ? '—' : value}`)
    .join(', '),
  holds: false,
  found: different.join('; '),
});

/** Adds every record of costs below `before`; answers how many entries had been looked at. */
const addEntries = async (asking: Asking, sums: LogSums, before: number): Promise<number> => {
  let seen = 0;
  let from: number | undefined = 0;
  // Ends: each page begins behind the one before it, and none goes beyond `before`.
  while (from !== undefined && from < before) {
    const wish: InputOf<'witness.query'> = {
      operation: 'usage.record',
      from,
      to: before - 1,
      limit: PAGE_ROWS,
    };
    const page: OutputOf<'witness.query'> = await ask(asking, 'witness.query', wish);
    for (const entry of page.entries) sums.add(entry);
    seen += page.entries.length;
    from = page.next;
  }
  return seen;
};

/** What all records together cost is what the realm's account was charged, and what it could not cover. */
const disproveAccount = async (asking: Asking): Promise<readonly Attempt[]> => {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const before = await indexedPosition(asking);
    const { accounts } = await ask(asking, 'budgets.list', { kind: 'realm' });
    const { total } = await ask(asking, 'costs.report', { by: ['day'], before, limit: 1 });
    const { size } = await ask(asking, 'realm.status', {});
    if (size !== before) continue;
    const [realm] = accounts;
    const equal = (claim: string, inAccount: number | undefined, inRecords: number): Attempt => ({
      claim: `${claim} ${inAccount === undefined ? 'nothing' : usdText(inAccount)}`,
      holds: inAccount === inRecords,
      found: `all records: ${usdText(inRecords)}`,
    });
    return [
      equal('the realm’s account was charged', realm?.spentMicroUsd, total.chargedMicroUsd),
      equal('the realm’s overrun is', realm?.overrunMicroUsd, total.overrunMicroUsd),
    ];
  }
  throw cliError(
    'cli.unreachable',
    `the realm did not stand still in ${ROUNDS_MAX} rounds`,
    'Try again in a quieter moment, or replay the log: ifab witness replay --mode=falsify',
  );
};
