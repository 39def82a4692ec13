/**
 * Tries to disprove what the log says of money and breakers from its events alone:
 *
 * G1  reserved + spent ≤ limit, of every account with a limit of its own, after every event.
 * G2  A reservation is settled once, with what was set aside and charged, in the entry that ends its lease.
 * G4  No lease goes to a session whose swarm's breaker is open, and no second one while it is half-open.
 */
import type { DomainEvent } from '@infrafabric/core';
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';

import type { LogEntry } from '../followers/log-entry.ts';
import { leasesEndedBy } from './lease-ends.ts';

interface Account {
  limit: number | undefined;
  used: number;
}

interface Reserved {
  readonly fence: number;
  readonly accounts: readonly string[];
  left: number;
  spent: number;
}

type Of<T extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: T }>;

export class MoneyWatch {
  readonly #accounts = new Map<string, Account>([
    ['realm', { limit: RESOURCE_POLICY_DEFAULT.realmLimitMicroUsd, used: 0 }],
  ]);
  readonly #reserved = new Map<string, Reserved>();
  readonly #swarmOf = new Map<string, string>();
  readonly #breakers = new Map<string, 'open' | 'half-open'>();
  /** Tasks that sessions hold, by task. */
  readonly #holders = new Map<string, string>();

  /** Takes the next entry; answers what it breaks. */
  take(entry: LogEntry): readonly string[] {
    return entry.events.flatMap((event) => [...this.#ended(event), ...this.#faultsOf(event)]);
  }

  #ended(event: DomainEvent): readonly string[] {
    return leasesEndedBy(event).flatMap((taskId) => {
      this.#holders.delete(taskId);
      return this.#reserved.has(taskId)
        ? [`G2: the lease of ${taskId} ended and its money is still set aside`]
        : [];
    });
  }

  #faultsOf(event: DomainEvent): readonly string[] {
    switch (event.type) {
      case 'session.opened':
        if (event.swarm !== undefined) this.#swarmOf.set(event.sessionId, event.swarm);
        return [];
      case 'task.leased':
        return this.#leased(event);
      case 'budget.limited':
        this.#account(event.account).limit = event.limitMicroUsd;
        return this.#over([event.account]);
      case 'budget.reserved':
        return this.#reserve(event);
      case 'usage.recorded':
        return this.#charge(event);
      case 'budget.settled':
        return this.#settle(event);
      case 'breaker.tripped':
        this.#breakers.set(event.swarmId, 'open');
        return [];
      case 'breaker.reset':
        this.#breakers.set(event.swarmId, 'half-open');
        return [];
      case 'breaker.closed':
        this.#breakers.delete(event.swarmId);
        return [];
      default:
        return [];
    }
  }

  #leased({ taskId, sessionId }: Of<'task.leased'>): readonly string[] {
    const swarm = this.#swarmOf.get(sessionId);
    const breaker = swarm === undefined ? undefined : this.#breakers.get(swarm);
    const others = [...this.#holders].filter(
      ([task, holder]) => task !== taskId && this.#swarmOf.get(holder) === swarm,
    );
    this.#holders.set(taskId, sessionId);
    if (breaker === 'open') return [`G4: ${taskId} is leased to ${swarm}, whose breaker is open`];
    return breaker === 'half-open' && others.length > 0
      ? [`G4: ${taskId} is the second lease of ${swarm}, whose breaker is half-open`]
      : [];
  }

  #reserve(event: Of<'budget.reserved'>): readonly string[] {
    const { taskId, planId, sessionId, swarmId, amountMicroUsd, fence } = event;
    const accounts = ['realm', `plan:${planId}`, `task:${taskId}`, `session:${sessionId}`];
    if (swarmId !== undefined) accounts.push(`swarm:${swarmId}`);
    this.#account(`task:${taskId}`).limit = event.limitMicroUsd;
    for (const account of accounts) this.#account(account).used += amountMicroUsd;
    const twice = this.#reserved.has(taskId) ? [`G2: ${taskId} is reserved for twice`] : [];
    this.#reserved.set(taskId, { fence, accounts, left: amountMicroUsd, spent: 0 });
    return [...twice, ...this.#over(accounts)];
  }

  #charge({ taskId, fence, chargedMicroUsd }: Of<'usage.recorded'>): readonly string[] {
    const reserved = this.#reserved.get(taskId);
    if (reserved?.fence !== fence)
      return [`G2: a cost of ${taskId} under fence ${fence}, for which nothing is set aside`];
    const beyond = Math.max(0, chargedMicroUsd - reserved.left);
    reserved.left -= chargedMicroUsd - beyond;
    reserved.spent += chargedMicroUsd;
    for (const account of reserved.accounts) this.#account(account).used += beyond;
    return this.#over(reserved.accounts);
  }

  #settle(event: Of<'budget.settled'>): readonly string[] {
    const { taskId, fence, releasedMicroUsd, spentMicroUsd } = event;
    const reserved = this.#reserved.get(taskId);
    if (reserved?.fence !== fence) return [`G2: ${taskId} is settled and was not reserved for`];
    this.#reserved.delete(taskId);
    for (const account of reserved.accounts) this.#account(account).used -= reserved.left;
    return reserved.left === releasedMicroUsd && reserved.spent === spentMicroUsd
      ? []
      : [
          `G2: ${taskId} is settled with ${releasedMicroUsd} back and ${spentMicroUsd} spent, not ${reserved.left} and ${reserved.spent}`,
        ];
  }

  #account(id: string): Account {
    const known = this.#accounts.get(id) ?? { limit: undefined, used: 0 };
    this.#accounts.set(id, known);
    return known;
  }

  #over(accounts: readonly string[]): readonly string[] {
    return accounts.flatMap((id) => {
      const { limit, used } = this.#account(id);
      return limit !== undefined && used > limit ? [`G1: ${id} uses ${used} of ${limit}`] : [];
    });
  }
}
