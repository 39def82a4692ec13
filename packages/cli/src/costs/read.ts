/** Reads costs to their end, page by page, all of one log. */
import type { InputOf, OperationName, OutputOf } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { callOperation } from '../commands/call.ts';
import { cliError } from '../output/problem.ts';
import type { CommandContext } from '../tree/command.ts';
import type { CostFilter } from './wish.ts';

export type Report = OutputOf<'costs.report'>;
export type Step = OutputOf<'costs.history'>['rows'][number];
export type CostEntry = OutputOf<'costs.entries'>['entries'][number];

/** Rows of a page: the fabric gives no more at once. */
const PAGE_ROWS = 1_000;
/** Rows of one answer: more is read by nobody, and a program narrows what it asks. */
export const ROWS_MAX = 50_000;
/** How long the index may take to follow the log, and how often it is asked. */
const INDEX_MS_MAX = 2_000;
const INDEX_POLL_MS = 50;

/** A connection, and what a call over it is made with. */
export interface Asking {
  readonly context: CommandContext;
  readonly client: Client;
}

/** Calls; a no of the fabric comes as a CliError. */
export const ask = async <N extends OperationName>(
  { context, client }: Asking,
  operation: N,
  input: InputOf<N>,
): Promise<OutputOf<N>> => {
  const { output } = await callOperation(context, client, operation, input);
  // The fabric made the output with the schema of this very operation.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return output as OutputOf<N>;
};

/**
 * Entries that the index has taken, at least all that were durable when it was asked. What is read below it is one
 * log, whatever is appended meanwhile.
 */
export const indexedPosition = async (asking: Asking): Promise<number> => {
  const { size } = await ask(asking, 'realm.status', {});
  const until = performance.now() + INDEX_MS_MAX;
  // Bounded by INDEX_MS_MAX: then what is indexed so far is the answer.
  for (;;) {
    const { indexedTo } = await ask(asking, 'costs.entries', { limit: 1 });
    if (indexedTo >= size || performance.now() > until) return indexedTo;
    await new Promise((resolve) => setTimeout(resolve, INDEX_POLL_MS));
  }
};

type ReportWish = CostFilter & { readonly by: InputOf<'costs.report'>['by'] };

export const readReport = async (asking: Asking, wish: ReportWish): Promise<Report> => {
  const rows: Report['rows'] = [];
  let after: string | undefined;
  // Ends: each page begins behind the last row of the one before it.
  for (;;) {
    const page = await ask(asking, 'costs.report', { ...wish, limit: PAGE_ROWS, after });
    rows.push(...page.rows);
    if (page.next === undefined) return { ...page, rows };
    refuseTooMany(rows.length);
    after = page.next;
  }
};

type HistoryWish = CostFilter & Pick<InputOf<'costs.history'>, 'bucket' | 'by'>;

export const readHistory = async (
  asking: Asking,
  wish: HistoryWish,
): Promise<OutputOf<'costs.history'>> => {
  const rows: Step[] = [];
  let after: string | undefined;
  // Ends: each page begins behind the last row of the one before it.
  for (;;) {
    const page = await ask(asking, 'costs.history', { ...wish, limit: PAGE_ROWS, after });
    rows.push(...page.rows);
    if (page.next === undefined) return { rows, indexedTo: page.indexedTo };
    refuseTooMany(rows.length);
    after = page.next;
  }
};

/** Every account, in the order of the fabric. */
export const readAccounts = async (
  asking: Asking,
  kind: InputOf<'budgets.list'>['kind'],
): Promise<OutputOf<'budgets.list'>['accounts']> => {
  const accounts: OutputOf<'budgets.list'>['accounts'] = [];
  let after: string | undefined;
  // Ends: each page begins behind the last account of the one before it.
  for (;;) {
    const page = await ask(asking, 'budgets.list', { kind, limit: PAGE_ROWS, after });
    accounts.push(...page.accounts);
    if (page.next === undefined) return accounts;
    refuseTooMany(accounts.length);
    after = page.next;
  }
};

const refuseTooMany = (rows: number): void => {
  if (rows < ROWS_MAX) return;
  throw cliError(
    'cli.usage',
    `the answer has more than ${ROWS_MAX} rows`,
    'Narrow it: --since, --plan, --swarm, or fewer words in --by.',
  );
};
