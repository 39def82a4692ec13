/** Money and breakers as a log alone shows them: an account book kept from events, and who was leased what meanwhile. */
import type { DomainEvent } from '@infrafabric/core';
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';

interface Balance {
  limit: number | undefined;
  readonly parent: string | undefined;
  reserved: number;
  spent: number;
}

interface Aside {
  readonly fence: number;
  readonly accounts: readonly string[];
  left: number;
  spent: number;
}

type Of<T extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: T }>;

export class MoneyHistory {
  readonly faults: string[] = [];
  readonly #accounts = new Map<string, Balance>([
    [
      'realm',
      {
        limit: RESOURCE_POLICY_DEFAULT.realmLimitMicroUsd,
        parent: undefined,
        reserved: 0,
        spent: 0,
      },
    ],
  ]);
  /** What is set aside, by task. */
  readonly #aside = new Map<string, Aside>();
  /** Live leases: task, fence and session. */
  readonly #leases = new Map<string, { readonly fence: number; readonly sessionId: string }>();
  readonly #swarmOf = new Map<string, string>();
  readonly #breakers = new Map<string, 'open' | 'half-open'>();
  /** Swarms stopped in this entry, of which nobody was told yet. */
  readonly #untold = new Set<string>();
  #touched = false;

  take(event: DomainEvent): void {
    switch (event.type) {
      case 'session.opened':
        if (event.swarm !== undefined) this.#swarmOf.set(event.sessionId, event.swarm);
        return;
      case 'task.leased':
        return this.#leased(event);
      case 'task.completed':
      case 'task.submitted':
      case 'task.released':
      case 'task.failed':
      case 'lease.expired':
      case 'task.parked':
      case 'task.cancelled':
        return this.#ended([event.taskId]);
      case 'session.closed':
        return this.#ended(event.released);
      case 'plan.cancelled':
        return this.#ended(event.ended);
      case 'blocker.raised':
        return event.released ? this.#ended([event.taskId]) : undefined;
      case 'budget.limited':
        return this.#limited(event);
      case 'budget.reserved':
        return this.#reserved(event);
      case 'usage.recorded':
        return this.#spent(event);
      case 'budget.settled':
        return this.#settled(event);
      case 'breaker.tripped':
        if (this.#breakers.get(event.swarmId) === 'open')
          this.faults.push(`G4: ${event.swarmId} was stopped twice`);
        this.#breakers.set(event.swarmId, 'open');
        this.#untold.add(event.swarmId);
        return;
      case 'breaker.reset':
        if (this.#breakers.get(event.swarmId) !== 'open')
          this.faults.push(`G4: ${event.swarmId} was reset and not stopped`);
        this.#breakers.set(event.swarmId, 'half-open');
        return;
      case 'breaker.closed':
        if (this.#breakers.get(event.swarmId) !== 'half-open')
          this.faults.push(`G4: the breaker of ${event.swarmId} closed without a trial`);
        this.#breakers.delete(event.swarmId);
        return;
      case 'escalation.raised':
        if (event.kind === 'breaker') this.#untold.delete(event.subject);
        return;
      default:
        return;
    }
  }

  /** What must hold between entries. */
  endEntry(): void {
    for (const swarmId of this.#untold)
      this.faults.push(`G4: ${swarmId} was stopped and nobody was told`);
    this.#untold.clear();
    if (!this.#touched) return;
    this.#touched = false;
    for (const [taskId, { fence }] of this.#aside) {
      if (this.#leases.get(taskId)?.fence !== fence)
        this.faults.push(`G2: ${taskId} has money set aside under fence ${fence} and no lease`);
    }
    for (const [id, { reserved, spent }] of this.#accounts) {
      const limit = this.#limitOf(id);
      if (reserved < 0 || reserved + spent > limit)
        this.faults.push(`G1: ${id} has ${reserved} reserved and ${spent} spent of ${limit}`);
    }
  }

  #leased({ taskId, fence, sessionId }: Of<'task.leased'>): void {
    const swarm = this.#swarmOf.get(sessionId);
    const breaker = swarm === undefined ? undefined : this.#breakers.get(swarm);
    if (breaker === 'open') this.faults.push(`G4: ${taskId} was leased to the stopped ${swarm}`);
    if (breaker === 'half-open') {
      const live = [...this.#leases.values()].filter(
        (lease) => this.#swarmOf.get(lease.sessionId) === swarm,
      );
      if (live.length > 0)
        this.faults.push(`G4: ${taskId} was leased to ${swarm}, which was being tried already`);
    }
    this.#leases.set(taskId, { fence, sessionId });
    this.#touched = true;
  }

  #ended(taskIds: readonly string[]): void {
    for (const taskId of taskIds) this.#leases.delete(taskId);
    this.#touched = true;
  }

  #limited({ account, limitMicroUsd, parent }: Of<'budget.limited'>): void {
    if (parent !== undefined && limitMicroUsd > this.#limitOf(parent))
      this.faults.push(`G3: ${account} was given more than ${parent} has`);
    this.#account(account, parent).limit = limitMicroUsd;
    this.#touched = true;
  }

  #reserved(event: Of<'budget.reserved'>): void {
    const { taskId, planId, sessionId, swarmId, fence, amountMicroUsd, limitMicroUsd } = event;
    if (this.#aside.has(taskId)) this.faults.push(`G2: ${taskId} has money set aside twice`);
    const worker = swarmId === undefined ? [] : [`swarm:${swarmId}`];
    const accounts = [`task:${taskId}`, `plan:${planId}`, `session:${sessionId}`, ...worker];
    this.#account(`plan:${planId}`, 'realm');
    for (const swarm of worker) this.#account(swarm, 'realm');
    this.#account(`session:${sessionId}`, worker[0] ?? 'realm');
    this.#account(`task:${taskId}`, `plan:${planId}`).limit = limitMicroUsd;
    this.#aside.set(taskId, {
      fence,
      accounts: [...accounts, 'realm'],
      left: amountMicroUsd,
      spent: 0,
    });
    this.#add([...accounts, 'realm'], { reserved: amountMicroUsd, spent: 0 });
  }

  #spent(event: Of<'usage.recorded'>): void {
    const { taskId, fence, chargedMicroUsd, overrunMicroUsd, microUsd } = event;
    const aside = this.#aside.get(taskId);
    if (aside?.fence !== fence) {
      this.faults.push(`G2: ${taskId} cost ${microUsd} under fence ${fence}, not its lease's`);
      return;
    }
    if (chargedMicroUsd + overrunMicroUsd !== microUsd)
      this.faults.push(`O1: ${microUsd} of ${taskId} are neither charged nor overrun`);
    const fromReserved = Math.min(chargedMicroUsd, aside.left);
    aside.left -= fromReserved;
    aside.spent += chargedMicroUsd;
    this.#add(aside.accounts, { reserved: -fromReserved, spent: chargedMicroUsd });
  }

  #settled({ taskId, fence, releasedMicroUsd, spentMicroUsd }: Of<'budget.settled'>): void {
    const aside = this.#aside.get(taskId);
    if (
      aside?.fence !== fence ||
      aside.left !== releasedMicroUsd ||
      aside.spent !== spentMicroUsd
    ) {
      this.faults.push(`G2: ${taskId} was settled with what was not set aside`);
      return;
    }
    this.#aside.delete(taskId);
    this.#add(aside.accounts, { reserved: -releasedMicroUsd, spent: 0 });
  }

  #add(accounts: readonly string[], by: { readonly reserved: number; readonly spent: number }) {
    for (const id of accounts) {
      const known = this.#account(id, 'realm');
      known.reserved += by.reserved;
      known.spent += by.spent;
    }
    this.#touched = true;
  }

  #account(id: string, parent: string | undefined): Balance {
    let known = this.#accounts.get(id);
    if (known === undefined)
      this.#accounts.set(id, (known = { limit: undefined, parent, reserved: 0, spent: 0 }));
    return known;
  }

  /** Its own limit, or that of the nearest account above that has one. */
  #limitOf(id: string): number {
    const known = this.#accounts.get(id) ?? this.#account('realm', undefined);
    return known.limit ?? this.#limitOf(known.parent ?? 'realm');
  }
}
