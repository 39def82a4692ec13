/** Decisions about limits. */
import { reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import { accept, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { dollars } from './breaker.ts';
import type { BudgetAlerted, BudgetLimited } from './events.ts';
import { balanceOf, draftOf, limitOf, parentOf } from './ledger.ts';
import type { Draft } from './ledger.ts';
import type { GovernorState } from './state.ts';

/** A limit as an event, or why it may not be: below what is committed (G1), or above its parent's (G3). */
export const limited = (
  draft: Draft,
  {
    account,
    limitMicroUsd,
    by,
    reason,
    swarmId,
  }: {
    readonly account: string;
    readonly limitMicroUsd: number;
    readonly by: string;
    readonly reason?: string | undefined;
    /** Of a session that is opened by this decision. */
    readonly swarmId?: string | undefined;
  },
): BudgetLimited | Rejection => {
  const parent = parentOf(draft.state, account, swarmId);
  const { reserved, spent } = balanceOf(draft, account);
  if (limitMicroUsd < reserved + spent) {
    return reject(
      'budget.too_low',
      `${account} has spent ${dollars(spent)} and reserved ${dollars(reserved)}: its limit cannot be ${dollars(limitMicroUsd)}.`,
      {
        account,
        spentMicroUsd: spent,
        reservedMicroUsd: reserved,
        lowestMicroUsd: reserved + spent,
      },
    );
  }
  const above = parent === undefined ? undefined : limitOf(draft, parent);
  if (parent !== undefined && above !== undefined && limitMicroUsd > above) {
    return reject(
      'budget.too_wide',
      `${account} cannot have ${dollars(limitMicroUsd)}: ${parent} above it has ${dollars(above)}. Raise that first, or ask for less.`,
      { account, parent, highestMicroUsd: above },
    );
  }
  draft.limits.set(account, limitMicroUsd);
  return {
    account,
    by,
    limitMicroUsd,
    ...(parent === undefined ? {} : { parent }),
    ...(reason === undefined ? {} : { reason }),
    type: 'budget.limited',
  };
};

/** The account is one that there is: the command that composes this has looked. */
export const decideLimit = (
  state: GovernorState,
  command: Command<ArgsOf<'budgets.set'>>,
): Decision => {
  const { account, limitMicroUsd, reason } = command.args;
  if (state.accounts.get(account)?.limit === limitMicroUsd) return UNCHANGED;
  const event = limited(draftOf(state), { account, limitMicroUsd, reason, by: command.principal });
  return 'kind' in event ? event : accept(event);
};

/** Marks at which somebody is told, percent of the limit. */
const MARKS = [100, 80, 50] as const;

/** Alerts of the accounts that a cost has taken past a mark. Tasks are left out: the reservation bounds them. */
export const alertsOf = (
  draft: Draft,
  accounts: readonly string[],
  spender: { readonly sessionId: string; readonly taskId: string },
): BudgetAlerted[] =>
  accounts.flatMap((account) => {
    if (account.startsWith('task:')) return [];
    const { limit, spent, overrun } = balanceOf(draft, account);
    const used = spent + overrun;
    const percent = used === 0 ? 0 : Math.floor((used * 100) / limit);
    const mark = MARKS.find((one) => percent >= one) ?? 0;
    // An account without a limit of its own speaks through the one above it.
    const known = draft.state.accounts.get(account);
    if (known?.limit === undefined || mark <= known.alerted) return [];
    return [
      {
        account,
        limitMicroUsd: limit,
        percent: mark,
        sessionId: spender.sessionId,
        spentMicroUsd: used,
        taskId: spender.taskId,
        type: 'budget.alerted',
      },
    ];
  });

/** The refusal of what an account cannot cover. */
export const overBudget = (
  draft: Draft,
  account: string,
  amount: number,
  taskId: string,
): Rejection => {
  const { limit, reserved, spent, available } = balanceOf(draft, account);
  return reject(
    'budget.exceeded',
    `${taskId} ${amount === 0 ? 'is not free' : `may cost ${dollars(amount)}`}, and ${account} has ${dollars(available)} left of ${dollars(limit)} (${dollars(spent)} spent, ${dollars(reserved)} reserved by leases that live). An operator can raise it: ifab budget set ${account} USD.`,
    {
      account,
      taskId,
      neededMicroUsd: amount,
      availableMicroUsd: available,
      limitMicroUsd: limit,
      reservedMicroUsd: reserved,
      spentMicroUsd: spent,
    },
  );
};
