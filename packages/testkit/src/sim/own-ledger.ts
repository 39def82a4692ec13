/**
 * A second reading of the accounts, from the events of the log alone and without a look at the governor's own:
 *
 * G1  reserved + spent ≤ limit, of every account.
 * G2  A reservation is settled once, and what was spent and what is given back are what was set aside and extended.
 * G3  A limit that is set is no wider than the one above it.
 * G5  Every account that is drawn on has a finite limit above it.
 */
import type { DomainEvent } from '@infrafabric/core';
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';

type Of<T extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: T }>;
type Broken = (law: string) => never;

interface OwnAccount {
  limit: number | undefined;
  parent: string | undefined;
  reserved: number;
  spent: number;
  overrun: number;
}

interface OwnReservation {
  readonly fence: number;
  readonly sessionId: string;
  readonly accounts: readonly string[];
  readonly amount: number;
  /** Charged beyond what was set aside, and covered. */
  extended: number;
  spent: number;
}

export class OwnLedger {
  readonly reservations = new Map<string, OwnReservation>();
  readonly #accounts = new Map<string, OwnAccount>([['realm', accountOf(undefined)]]);
  readonly #broken: Broken;

  constructor(broken: Broken) {
    this.#broken = broken;
    this.#open('realm', undefined).limit = RESOURCE_POLICY_DEFAULT.realmLimitMicroUsd;
  }

  limited({ account, limitMicroUsd, parent }: Of<'budget.limited'>): void {
    const known = this.#open(account, parent);
    const above = known.parent === undefined ? undefined : this.limitOf(known.parent);
    if (account !== 'realm' && (parent !== known.parent || above === undefined))
      this.#broken(`G5: ${account} was limited under ${parent} and stands under ${known.parent}`);
    if (above !== undefined && limitMicroUsd > above)
      this.#broken(`G3: ${account} was given ${limitMicroUsd} under ${known.parent} of ${above}`);
    known.limit = limitMicroUsd;
    this.#check([...this.#accounts.keys()]);
  }

  reserved(event: Of<'budget.reserved'>): void {
    const { taskId, planId, sessionId, swarmId, fence, amountMicroUsd: amount } = event;
    if (this.reservations.has(taskId)) this.#broken(`G2: ${taskId} was reserved for twice`);
    const worker = swarmId === undefined ? 'realm' : `swarm:${swarmId}`;
    const parents: readonly (readonly [string, string])[] = [
      [`task:${taskId}`, `plan:${planId}`],
      [`plan:${planId}`, 'realm'],
      [`session:${sessionId}`, worker],
      ...(swarmId === undefined ? [] : [[worker, 'realm'] as const]),
    ];
    for (const [account, parent] of parents) this.#open(account, parent);
    this.#open(`task:${taskId}`, undefined).limit = event.limitMicroUsd;
    const accounts = ['realm', ...parents.map(([account]) => account)];
    for (const account of accounts) this.#open(account, undefined).reserved += amount;
    this.reservations.set(taskId, { fence, sessionId, accounts, amount, extended: 0, spent: 0 });
    this.#check(accounts);
  }

  /** Says what the cost was paid with: `extended` beyond the reservation. */
  used(event: Of<'usage.recorded'>): { readonly extended: number } {
    const { taskId, fence, chargedMicroUsd: charged, overrunMicroUsd: overrun } = event;
    const one = this.reservations.get(taskId);
    if (one?.fence !== fence)
      this.#broken(`G2: a cost of ${taskId} under fence ${fence} without a reservation`);
    if (charged < 0 || overrun < 0 || event.microUsd !== charged + overrun)
      this.#broken(`O1: ${charged} charged and ${overrun} overrun are not ${event.microUsd}`);
    const left = one.amount + one.extended - one.spent;
    const fromLeft = Math.min(charged, left);
    const extended = charged - fromLeft;
    one.extended += extended;
    one.spent += charged;
    for (const account of one.accounts) {
      const known = this.#open(account, undefined);
      known.reserved -= fromLeft;
      known.spent += charged;
      known.overrun += overrun;
    }
    this.#check(one.accounts);
    if (overrun > 0 && !one.accounts.some((account) => this.leftOf(account) === 0))
      this.#broken(`G1: ${overrun} of ${taskId} is overrun while every account has something left`);
    return { extended };
  }

  settled(event: Of<'budget.settled'>): void {
    const { taskId, fence, spentMicroUsd: spent, releasedMicroUsd: released } = event;
    const one = this.reservations.get(taskId);
    if (one?.fence !== fence)
      this.#broken(`G2: ${taskId} is settled under fence ${fence}, and not reserved for`);
    if (spent !== one.spent || spent + released !== one.amount + one.extended)
      this.#broken(
        `G2: ${taskId} is settled with ${spent} + ${released} of ${one.amount} + ${one.extended}, ${one.spent} spent`,
      );
    for (const account of one.accounts) this.#open(account, undefined).reserved -= released;
    this.reservations.delete(taskId);
    this.#check(one.accounts);
  }

  /** The task or session is over; what it spent stands in the accounts above. */
  closed(account: string): void {
    const known = this.#accounts.get(account);
    if (known !== undefined && known.reserved !== 0)
      this.#broken(`G2: ${account} is over with ${known.reserved} reserved`);
    this.#accounts.delete(account);
  }

  /** Its own limit, or that of the nearest account above that has one. */
  limitOf(account: string): number | undefined {
    for (let at = this.#accounts.get(account); at !== undefined;) {
      if (at.limit !== undefined) return at.limit;
      at = at.parent === undefined ? undefined : this.#accounts.get(at.parent);
    }
    return account === 'realm' || this.#accounts.has(account) ? undefined : this.limitOf('realm');
  }

  /** The limit that was set on this account itself. */
  ownLimitOf(account: string): number | undefined {
    return this.#accounts.get(account)?.limit;
  }

  spentOf(account: string): number {
    return this.#accounts.get(account)?.spent ?? 0;
  }

  usedOf(account: string): number {
    return this.spentOf(account) + (this.#accounts.get(account)?.overrun ?? 0);
  }

  leftOf(account: string): number {
    const { reserved = 0, spent = 0 } = this.#accounts.get(account) ?? {};
    return (this.limitOf(account) ?? 0) - reserved - spent;
  }

  has(account: string): boolean {
    return this.#accounts.has(account);
  }

  /** Accounts with their figures, to be held against the governor's own. */
  figures(): ReadonlyMap<string, string> {
    return new Map([...this.#accounts].map(([id, one]) => [id, figuresOf(one)] as const));
  }

  #open(account: string, parent: string | undefined): OwnAccount {
    let known = this.#accounts.get(account);
    if (known === undefined) this.#accounts.set(account, (known = accountOf(parent)));
    known.parent ??= parent;
    if (known.parent !== undefined && !this.#accounts.has(known.parent))
      this.#open(known.parent, known.parent === 'realm' ? undefined : 'realm');
    return known;
  }

  #check(accounts: readonly string[]): void {
    for (const account of accounts) {
      const { reserved = 0, spent = 0 } = this.#accounts.get(account) ?? {};
      const limit = this.limitOf(account);
      if (limit === undefined || !Number.isSafeInteger(limit))
        this.#broken(`G5: ${account} is drawn on and has the limit ${limit}`);
      if (reserved < 0 || spent < 0)
        this.#broken(`G1: ${account} has ${reserved} reserved and ${spent} spent`);
      if (reserved + spent > limit)
        this.#broken(`G1: ${account} has ${reserved} reserved and ${spent} spent of ${limit}`);
    }
  }
}

const accountOf = (parent: string | undefined): OwnAccount => ({
  limit: undefined,
  parent,
  reserved: 0,
  spent: 0,
  overrun: 0,
});

export const figuresOf = ({
  reserved,
  spent,
  overrun,
}: Pick<OwnAccount, 'reserved' | 'spent' | 'overrun'>): string =>
  `${reserved} reserved, ${spent} spent, ${overrun} overrun`;
