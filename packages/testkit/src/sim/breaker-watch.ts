/**
 * G4, from the events alone: a swarm whose breaker is open gets no lease, a half-open one has one at a time, and only
 * an operator opens the way. A trip is told to a person once, and comes when failures in a row are as many as may be, when all of the
 * limit is spent, and when too much is spent while nothing comes of it.
 */
import type { DomainEvent, World } from '@infrafabric/core';
import type { Committed } from '@infrafabric/fabric';
import { RESOURCE_POLICY_DEFAULT, resourcesOf, type PolicySpec } from '@infrafabric/protocol';

import { trustedOutput } from './judge.ts';

type Broken = (law: string) => never;
type State = 'closed' | 'open' | 'half-open';

interface Swarm {
  state: State;
  /** Failures in a row. */
  failures: number;
  /** Micro-dollars since anything came of its work. */
  spent: number;
}

/** What the watch of leases knows. */
export interface Leases {
  readonly live: ReadonlyMap<string, { readonly sessionId: string; readonly fence: number }>;
}

/** What the watch of accounts knows. */
export interface Money {
  usedOf(account: string): number;
  limitOf(account: string): number | undefined;
}

export class BreakerWatch {
  readonly #swarms = new Map<string, Swarm>();
  readonly #swarmOf = new Map<string, string>();
  readonly #broken: Broken;
  readonly #leases: Leases;
  readonly #money: Money;
  #resource = RESOURCE_POLICY_DEFAULT;

  constructor(
    { leases, money }: { readonly leases: Leases; readonly money: Money },
    broken: Broken,
  ) {
    this.#leases = leases;
    this.#money = money;
    this.#broken = broken;
  }

  /** The registered swarm of a session. */
  swarmOf(sessionId: string): string | undefined {
    const swarmId = this.#swarmOf.get(sessionId);
    return swarmId !== undefined && this.#swarms.has(swarmId) ? swarmId : undefined;
  }

  event(event: DomainEvent, entry: Committed): void {
    switch (event.type) {
      case 'session.opened':
        if (event.swarm !== undefined) this.#swarmOf.set(event.sessionId, event.swarm);
        break;
      case 'swarm.registered':
        if (!this.#swarms.has(event.swarmId))
          this.#swarms.set(event.swarmId, { state: 'closed', failures: 0, spent: 0 });
        break;
      case 'policy.set': {
        const { policy } = trustedOutput<{ policy: PolicySpec }>(entry.args);
        this.#resource = resourcesOf(policy);
        break;
      }
      case 'task.leased':
        this.#leased(event, entry);
        break;
      case 'breaker.tripped':
        this.#tripped(event.swarmId, entry);
        break;
      case 'breaker.reset':
        this.#reset(event, entry);
        break;
      case 'breaker.closed':
        this.#closed(event.swarmId, entry);
        break;
      case 'usage.recorded':
        this.#spent(event.sessionId, event.microUsd);
        break;
      case 'task.progressed':
        if (event.artifact !== undefined || event.evidence === 'commit')
          this.#spent(event.sessionId, 'progress');
        break;
      case 'task.completed':
        this.#result(event.sessionId, 'success');
        break;
      case 'task.accepted':
        this.#result(event.author, 'success');
        break;
      case 'task.failed':
      case 'lease.expired':
        this.#result(event.sessionId, 'failure');
        break;
      case 'task.rejected':
        this.#result(event.author, 'failure');
        break;
      case 'session.closed':
        if (event.how === 'expired')
          event.released.forEach(() => {
            this.#result(event.sessionId, 'failure');
          });
        // What is judged later was the work of nobody's.
        this.#swarmOf.delete(event.sessionId);
        break;
      default:
    }
  }

  /** After the entry: who has failed too often in a row has tripped, and the governor sees what is seen here. */
  end({ index, events }: Committed, world: World): void {
    for (const [id, { state, failures, spent }] of this.#swarms) {
      const failed = events.some((event) => this.#isFailureOf(event, id));
      if (failed && failures >= this.#resource.failureThreshold && state !== 'open')
        this.#broken(`G4: entry ${index}: ${id} failed ${failures} times in a row and is ${state}`);
      const paid = events.some(
        (one) => one.type === 'usage.recorded' && one.swarmId === id && one.microUsd > 0,
      );
      const used = this.#money.usedOf(`swarm:${id}`);
      const isSpent = used >= (this.#money.limitOf(`swarm:${id}`) ?? Number.POSITIVE_INFINITY);
      if (paid && state !== 'open' && (isSpent || spent >= this.#resource.noProgressMicroUsd))
        this.#broken(
          `G4: entry ${index}: ${id} has spent ${used}, ${spent} for nothing, and is ${state}`,
        );
      const theirs = world.governor.swarms.get(id)?.breaker.state;
      if (theirs !== state)
        this.#broken(
          `G4: entry ${index}: the breaker of ${id} is ${theirs}, the log says ${state}`,
        );
    }
  }

  #isFailureOf(event: DomainEvent, swarmId: string): boolean {
    const isFailure =
      event.type === 'task.failed' ||
      event.type === 'lease.expired' ||
      event.type === 'task.rejected';
    if (!isFailure) return false;
    const sessionId = event.type === 'task.rejected' ? event.author : event.sessionId;
    return this.#swarmOf.get(sessionId) === swarmId;
  }

  #leased(
    { sessionId, taskId }: { sessionId: string; taskId: string },
    { index, op }: Committed,
  ): void {
    const swarmId = this.swarmOf(sessionId);
    if (swarmId === undefined) return;
    const { state } = this.#named(swarmId);
    if (state === 'open')
      this.#broken(
        `G4: entry ${index} (${op}) leases ${taskId} to ${swarmId}, whose breaker is open`,
      );
    if (state === 'closed') return;
    const live = [...this.#leases.live.values()].filter(
      (one) => this.swarmOf(one.sessionId) === swarmId,
    );
    if (live.length > 1)
      this.#broken(
        `G4: entry ${index} (${op}) leases ${taskId} to half-open ${swarmId}, which holds ${live.length}`,
      );
  }

  #tripped(swarmId: string, { index, events }: Committed): void {
    const swarm = this.#named(swarmId);
    if (swarm.state === 'open') this.#broken(`G4: entry ${index} trips ${swarmId}, which is open`);
    swarm.state = 'open';
    const told = events.filter(
      (one) =>
        one.type === 'escalation.raised' && one.kind === 'breaker' && one.subject === swarmId,
    );
    if (told.length !== 1 || told[0]?.type !== 'escalation.raised' || told[0].severity !== 'high')
      this.#broken(`G4: entry ${index} trips ${swarmId}, and tells ${told.length} times`);
  }

  #reset(
    { swarmId, by, reason }: { swarmId: string; by: string; reason: string },
    entry: Committed,
  ): void {
    const swarm = this.#named(swarmId);
    const { index, op, cred, principal, session } = entry;
    if (swarm.state !== 'open')
      this.#broken(`G4: entry ${index} resets ${swarmId}, which is ${swarm.state}`);
    const isOperators = cred === 'operator' && session === undefined && op === 'breakers.reset';
    if (!isOperators || by !== principal || reason === '')
      this.#broken(
        `G4: entry ${index}: ${op} of ${principal} (${cred}) resets the breaker of ${swarmId}`,
      );
    swarm.state = 'half-open';
    swarm.failures = 0;
    swarm.spent = 0;
  }

  #closed(swarmId: string, { index, events }: Committed): void {
    const swarm = this.#named(swarmId);
    const succeeded = events.some(
      (event) =>
        (event.type === 'task.completed' && this.swarmOf(event.sessionId) === swarmId) ||
        (event.type === 'task.accepted' && this.swarmOf(event.author) === swarmId),
    );
    if (swarm.state !== 'half-open' || !succeeded)
      this.#broken(`G4: entry ${index} closes ${swarm.state} ${swarmId} without a success`);
    swarm.state = 'closed';
  }

  #result(sessionId: string, how: 'success' | 'failure'): void {
    const swarmId = this.swarmOf(sessionId);
    if (swarmId === undefined) return;
    const swarm = this.#named(swarmId);
    swarm.failures = how === 'success' ? 0 : swarm.failures + 1;
    if (how === 'success') swarm.spent = 0;
  }

  #spent(sessionId: string, what: number | 'progress'): void {
    const swarmId = this.swarmOf(sessionId);
    if (swarmId === undefined) return;
    const swarm = this.#named(swarmId);
    swarm.spent = what === 'progress' ? 0 : swarm.spent + what;
  }

  #named(swarmId: string): Swarm {
    return this.#swarms.get(swarmId) ?? this.#broken(`an event of no swarm ${swarmId}`);
  }
}
