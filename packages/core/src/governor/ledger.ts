/**
 * Accounts and what is done to them. A lease draws on two branches under one root: what is worked on (plan, task) and who
 * works (swarm, session). A decision computes on a `Draft` over the accounts and never touches them; folding does.
 */
import { assert, must } from '../kernel/decision.ts';
import type { BudgetLimited, BudgetReserved, BudgetSettled, UsageRecorded } from './events.ts';
import type { Account, GovernorState, Reservation } from './state.ts';

/** Whose money a lease spends. */
export interface Payers {
  readonly planId: string;
  readonly taskId: string;
  readonly sessionId: string;
  readonly swarmId?: string;
}

interface Change {
  reserved: number;
  spent: number;
  overrun: number;
}

const NOTHING: Readonly<Change> = { reserved: 0, spent: 0, overrun: 0 };

/** Changes that a decision has made so far, before any of them is folded. */
export interface Draft {
  readonly state: GovernorState;
  readonly changes: Map<string, Change>;
  /** Limits that accounts get, where a decision opens or changes them. */
  readonly limits: Map<string, number>;
}

export const draftOf = (state: GovernorState): Draft => ({
  state,
  changes: new Map(),
  limits: new Map(),
});

const ROOT = 'realm';

/** The accounts of a lease, the narrowest first: it is the one that a refusal should name. */
export const accountsOf = ({ planId, taskId, sessionId, swarmId }: Payers): readonly string[] =>
  swarmId === undefined
    ? [`task:${taskId}`, `session:${sessionId}`, `plan:${planId}`, ROOT]
    : [`task:${taskId}`, `session:${sessionId}`, `swarm:${swarmId}`, `plan:${planId}`, ROOT];

/** The account above one: sessions stand below their swarm, which only their opening knows. */
export const parentOf = (
  state: GovernorState,
  account: string,
  swarmId?: string,
): string | undefined => {
  if (account === ROOT) return undefined;
  const known = state.accounts.get(account)?.parent;
  if (known !== undefined) return known;
  if (account.startsWith('task:')) return `plan:${account.slice(5, account.indexOf('/'))}`;
  if (account.startsWith('session:')) {
    const swarm = swarmId ?? state.swarmOf.get(account.slice(8));
    return swarm === undefined ? ROOT : `swarm:${swarm}`;
  }
  return ROOT;
};

/** The limit in force: its own, or that of the nearest account above that has one (G5). */
export const limitOf = ({ state, limits }: Draft, account: string): number => {
  let at = account;
  for (;;) {
    const own = ownLimitOf({ state, limits }, at);
    if (own !== undefined) return own;
    at = must(parentOf(state, at), 'G5: a root without a limit');
  }
};

const ownLimitOf = (
  { state, limits }: Pick<Draft, 'state' | 'limits'>,
  account: string,
): number | undefined => limits.get(account) ?? state.accounts.get(account)?.limit;

export interface Balance {
  readonly limit: number;
  readonly reserved: number;
  readonly spent: number;
  readonly overrun: number;
  /** What can still be reserved; never below nought. */
  readonly available: number;
}

export const balanceOf = (draft: Draft, account: string): Balance => {
  const known = draft.state.accounts.get(account) ?? NOTHING;
  const drafted = draft.changes.get(account) ?? NOTHING;
  const limit = limitOf(draft, account);
  const reserved = known.reserved + drafted.reserved;
  const spent = known.spent + drafted.spent;
  const overrun = known.overrun + drafted.overrun;
  return { limit, reserved, spent, overrun, available: Math.max(0, limit - reserved - spent) };
};

/**
 * The first account that cannot cover the amount, or undefined. One without a limit of its own has no more to answer for
 * than the one above it, which has used as much at least: that one is named, as only there a new limit helps.
 */
export const shortOf = (
  draft: Draft,
  accounts: readonly string[],
  amount: number,
): string | undefined =>
  amount === 0
    ? undefined
    : accounts.find(
        (account) =>
          ownLimitOf(draft, account) !== undefined && balanceOf(draft, account).available < amount,
      );

/** The first account that has spent all that it may, or undefined. What leases have reserved may still come back. */
export const emptyOf = (draft: Draft, accounts: readonly string[]): string | undefined =>
  accounts.find((account) => {
    const own = ownLimitOf(draft, account);
    return own !== undefined && balanceOf(draft, account).spent >= own;
  });

/** What all of the accounts can still cover. */
export const coverOf = (draft: Draft, accounts: readonly string[]): number =>
  Math.min(...accounts.map((account) => balanceOf(draft, account).available));

const change = (
  draft: Draft,
  accounts: readonly string[],
  by: Pick<Change, 'reserved'> & Partial<Change>,
): void => {
  for (const account of accounts) {
    let known = draft.changes.get(account);
    if (known === undefined) draft.changes.set(account, (known = { ...NOTHING }));
    known.reserved += by.reserved;
    known.spent += by.spent ?? 0;
    known.overrun += by.overrun ?? 0;
  }
};

export const draftReserve = (draft: Draft, payers: Payers, amount: number): void => {
  change(draft, accountsOf(payers), { reserved: amount });
};

export const draftSettle = (draft: Draft, reservation: Reservation): void => {
  change(draft, accountsOf(reservation), { reserved: -reservation.left });
};

export interface Charge {
  /** Paid from what was reserved, and from what the accounts still had. */
  readonly reserved: number;
  readonly extended: number;
  readonly overrun: number;
}

/** How a cost is covered: by the reservation, then by what every account still has; the rest is overrun (G1). */
export const draftCharge = (draft: Draft, reservation: Reservation, cost: number): Charge => {
  const accounts = accountsOf(reservation);
  const reserved = Math.min(cost, reservation.left);
  const extended = Math.min(cost - reserved, coverOf(draft, accounts));
  const overrun = cost - reserved - extended;
  change(draft, accounts, { reserved: -reserved, spent: reserved + extended, overrun });
  return { reserved, extended, overrun };
};

const open = (state: GovernorState, account: string, swarmId?: string): Account => {
  let known = state.accounts.get(account);
  if (known === undefined) {
    const parent = must(parentOf(state, account, swarmId), 'G5: a realm without its account');
    known = { parent, ...NOTHING, alerted: 0 };
    state.accounts.set(account, known);
  }
  return known;
};

export const foldLimited = (state: GovernorState, event: BudgetLimited): void => {
  const { account, limitMicroUsd, parent } = event;
  const known = open(state, account, parent?.startsWith('swarm:') ? parent.slice(6) : undefined);
  assert(
    known.reserved + known.spent <= limitMicroUsd,
    'G1: a limit below what is spent and reserved',
  );
  known.limit = limitMicroUsd;
  // What was spent stands lower under a higher limit: its marks are passed again.
  known.alerted = 0;
};

export const foldReserved = (state: GovernorState, event: BudgetReserved): void => {
  const { taskId, fence, planId, sessionId, swarmId, amountMicroUsd } = event;
  assert(!state.reservations.has(taskId), 'G2: a task is reserved for twice');
  for (const account of accountsOf(event)) open(state, account, swarmId).reserved += amountMicroUsd;
  must(state.accounts.get(`task:${taskId}`), 'a task without its account').limit =
    event.limitMicroUsd;
  state.reservations.set(taskId, {
    taskId,
    fence,
    planId,
    sessionId,
    ...(swarmId === undefined ? {} : { swarmId }),
    left: amountMicroUsd,
    spent: 0,
  });
};

export const foldUsage = (state: GovernorState, event: UsageRecorded): void => {
  const reservation = must(state.reservations.get(event.taskId), 'G2: a cost without a lease');
  const fromReserved = Math.min(event.chargedMicroUsd, reservation.left);
  reservation.left -= fromReserved;
  reservation.spent += event.chargedMicroUsd;
  for (const account of accountsOf(reservation)) {
    const known = open(state, account);
    known.reserved -= fromReserved;
    known.spent += event.chargedMicroUsd;
    known.overrun += event.overrunMicroUsd;
  }
};

export const foldSettled = (state: GovernorState, event: BudgetSettled): void => {
  const reservation = must(state.reservations.get(event.taskId), 'G2: settled and not reserved');
  assert(
    reservation.fence === event.fence && reservation.left === event.releasedMicroUsd,
    'G2: another reservation is settled',
  );
  for (const account of accountsOf(reservation)) open(state, account).reserved -= reservation.left;
  state.reservations.delete(event.taskId);
};

/** An account that nothing will be asked of any more; what it spent stands in the accounts above. */
export const closeAccount = (state: GovernorState, account: string): void => {
  const known = state.accounts.get(account);
  if (known === undefined) return;
  assert(known.reserved === 0, 'G2: an account is closed with money reserved');
  state.accounts.delete(account);
};
