/** `ifab cost budget`: what accounts may spend, have spent and have left. */
import { renderCsv } from '../costs/csv.ts';
import { csvTarget, writeCsv } from '../costs/csv-file.ts';
import { readAccounts } from '../costs/read.ts';
import { budgetsText } from '../costs/tables.ts';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandRun } from '../tree/command.ts';

const KINDS = ['realm', 'plan', 'task', 'swarm', 'session'] as const;
type Kind = (typeof KINDS)[number];

const COLUMNS = [
  'limitMicroUsd',
  'reservedMicroUsd',
  'spentMicroUsd',
  'overrunMicroUsd',
  'availableMicroUsd',
  'alertPercent',
] as const;

export const showBudgets: CommandRun = async (context) => {
  const word = optionOf(context, 'kind');
  const kind = word === undefined ? undefined : kindOf(word);
  const csv = csvTarget(context);
  return withClient(context, async ({ client }) => {
    const accounts = await readAccounts({ context, client }, kind);
    const cells = accounts.map((account) => [
      account.account,
      ...COLUMNS.map((column) => String(account[column])),
    ]);
    const table = renderCsv([['account', ...COLUMNS], ...cells]);
    if (csv !== undefined && writeCsv(context, csv, table)) return EXIT_DONE;
    context.out.data({ accounts }, (terminal) => budgetsText(accounts, terminal));
    return EXIT_DONE;
  });
};

const kindOf = (word: string): Kind => {
  const found = KINDS.find((kind) => kind === word);
  if (found !== undefined) return found;
  throw cliError('cli.usage', `there are no accounts of a “${word}”`, `Take ${KINDS.join(', ')}.`);
};
