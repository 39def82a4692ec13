/** A plan that may cost more than is taken unasked is sent with the word of whoever is at the terminal. */
import { FabricError } from '@infrafabric/sdk';
import { parseUsd, usdText } from '../costs/money.ts';
import { CliError, cliError } from '../output/problem.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext } from '../tree/command.ts';

/** What `plans.submit` is given beside the plan. */
export type Confirmation = { readonly confirmMicroUsd?: number };

/** Sends with what `--confirm` says; where that is not enough, asks the person, or takes --yes for an answer. */
export const confirmed = async <T>(
  context: CommandContext,
  send: (confirmation: Confirmation) => Promise<T>,
): Promise<T> => {
  const given = moneyOption(context, 'confirm');
  try {
    return await send(given === undefined ? {} : { confirmMicroUsd: given });
  } catch (cause) {
    const worst = unconfirmed(cause);
    if (worst === undefined || !(await isConfirmed(context, worst))) throw cause;
    return send({ confirmMicroUsd: worst });
  }
};

/** A flag in dollars as micro-dollars. */
export const moneyOption = (context: CommandContext, flag: string): number | undefined => {
  const word = optionOf(context, flag);
  if (word === undefined) return undefined;
  const amount = parseUsd(word);
  if (amount !== undefined) return amount;
  throw cliError('cli.usage', `“${word}” is no amount`, `Write --${flag} in dollars: 40, 0.25`);
};

/** What the plan may cost, where that is why it was refused. */
const unconfirmed = (cause: unknown): number | undefined => {
  const problem =
    cause instanceof CliError || cause instanceof FabricError ? cause.problem : undefined;
  const worst = problem?.facts?.['worstMicroUsd'];
  return problem?.code === 'budget.unconfirmed' && typeof worst === 'number' ? worst : undefined;
};

const isConfirmed = async ({ flags, io }: CommandContext, worst: number): Promise<boolean> => {
  if (flags.yes) return true;
  if (!flags.input || !io.stdinIsTerminal) return false;
  const answer = await io.ask(`The plan may cost ${usdText(worst)}. Take it? [y/N] `);
  return /^y(es)?$/i.test(answer.trim());
};
