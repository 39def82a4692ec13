/**
 * The governor's laws at every position of the log, from the events alone (see `OwnLedger`, `BreakerWatch`, `PriceWatch`, `PolicyWatch`)
 * and from what callers hear:
 *
 * G2  The entry that ends a lease settles what it had reserved, and no other entry does; a lease that may cost something
 *     has its worst case set aside in the entry that grants it.
 * G3  Help with a blocked task may cost no more, all of it together, than the task itself, and than its plan.
 * G5  A cost is what its tokens cost; nobody's price is nought.
 * E1  A person is told once: ids are new, marks of a budget rise, a blocker is called late once.
 */
import type { DomainEvent, World } from '@infrafabric/core';
import type { Committed } from '@infrafabric/fabric';
import { findOperation } from '@infrafabric/protocol';

import { BreakerWatch } from './breaker-watch.ts';
import { countOne } from './counts.ts';
import type { GovernorPlan } from './governor-plan.ts';
import { trustedOutput, type Answer } from './judge.ts';
import { figuresOf, OwnLedger } from './own-ledger.ts';
import { OwnWorth } from './own-worth.ts';
import { PolicyWatch } from './policy-watch.ts';
import { PriceWatch } from './price-watch.ts';
import type { RoomLaws } from './room.ts';

type Of<T extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: T }>;

interface LiveLease {
  readonly sessionId: string;
  readonly fence: number;
}

/** Codes that any operation may answer with: who calls, and whether the fabric can answer now. */
const COMMON_CODES = /^(?:auth|log|fabric|session)\./;
/** Operations that a session's credential never does. */
const OPERATORS_ONLY: ReadonlySet<string> = new Set(['breakers.reset', 'budgets.set']);

export class GovernorWatch implements RoomLaws {
  readonly counts: Record<string, number> = {};
  readonly live = new Map<string, LiveLease>();
  readonly #broken: (law: string) => never;
  readonly #ledger: OwnLedger;
  readonly #worth: OwnWorth;
  readonly #breakers: BreakerWatch;
  readonly #policy: PolicyWatch;
  readonly #prices = new PriceWatch();
  readonly #help = new Map<string, { readonly blocked: string; readonly blockerId: string }>();
  readonly #openHelp = new Set<string>();
  readonly #blocked = new Map<string, string>();
  readonly #told = new Set<string>();
  readonly #marks = new Map<string, number>();
  readonly #acknowledged: { readonly index: number; readonly microUsd: number }[] = [];
  readonly #usages = new Map<number, number>();

  constructor(plans: readonly GovernorPlan[], broken: (law: string) => never) {
    this.#broken = broken;
    this.#ledger = new OwnLedger(broken);
    this.#worth = new OwnWorth(plans);
    this.#breakers = new BreakerWatch({ leases: this, money: this.#ledger }, broken);
    this.#policy = new PolicyWatch(broken);
  }

  entry(entry: Committed, world: World): void {
    const { index, events } = entry;
    const reservedBefore = new Set(this.#ledger.reservations.keys());
    const helpBefore = new Set(this.#openHelp);
    const ended = new Set<string>();
    this.#prices.entry(entry);
    for (const event of events) {
      for (const taskId of endedBy(event)) {
        ended.add(taskId);
        this.live.delete(taskId);
      }
      // A reservation follows its grant, and its amount is judged by what was left before it.
      this.#worth.event(event, entry);
      this.#event(event, entry);
      this.#breakers.event(event, entry);
      this.#policy.event(event, entry);
      this.#overWith(event);
    }
    for (const event of events) {
      if (event.type === 'task.leased') this.#setAside(event, entry);
      if (event.type === 'budget.settled' && !ended.has(event.taskId))
        this.#broken(`G2: entry ${index} settles ${event.taskId}, whose lease goes on`);
    }
    for (const taskId of ended) {
      const still = this.#ledger.reservations.get(taskId);
      if (
        still !== undefined &&
        reservedBefore.has(taskId) &&
        this.live.get(taskId)?.fence !== still.fence
      )
        this.#broken(`G2: entry ${index} ends the lease of ${taskId} and settles nothing`);
    }
    for (const [taskId, { fence, sessionId }] of this.#ledger.reservations) {
      const lease = this.live.get(taskId);
      if (lease?.fence !== fence || lease.sessionId !== sessionId)
        this.#broken(
          `G2: after entry ${index} ${taskId} is reserved for fence ${fence}, and no such lease lives`,
        );
    }
    this.#shared(entry, helpBefore);
    this.#breakers.end(entry, world);
  }

  answer({ call, reply }: Answer): void {
    if (reply.kind === 'reject') {
      const { errors = [] } = findOperation(call.op) ?? {};
      if (!COMMON_CODES.test(reply.code) && !errors.some((code) => code === reply.code))
        this.#broken(
          `${call.op} was answered by ${reply.code}, which it does not name: ${reply.detail}`,
        );
      return;
    }
    if (call.bearer !== undefined && OPERATORS_ONLY.has(call.op))
      this.#broken(`G4: ${call.op} was taken from ${call.by.name}, who is no operator`);
    if (call.op === 'usage.record' && reply.index !== undefined) {
      const { microUsd } = trustedOutput<{ microUsd: number }>(reply.output);
      this.#acknowledged.push({ index: reply.index, microUsd });
    }
  }

  end(world: World): void {
    for (const { index, microUsd } of this.#acknowledged)
      if (this.#usages.get(index) !== microUsd)
        this.#broken(
          `A1: a cost of ${microUsd} was acknowledged as entry ${index}, which has ${this.#usages.get(index)}`,
        );
    const [left] = this.#ledger.reservations.keys();
    if (left !== undefined) this.#broken(`G2: the world is over, and ${left} is reserved for`);
    const own = this.#ledger.figures();
    for (const [id, account] of world.governor.accounts) {
      const mine = own.get(id) ?? figuresOf({ reserved: 0, spent: 0, overrun: 0 });
      if (mine !== figuresOf(account))
        this.#broken(
          `O1: the governor says that ${id} has ${figuresOf(account)}, and the log ${mine}`,
        );
    }
  }

  #event(event: DomainEvent, entry: Committed): void {
    switch (event.type) {
      case 'task.leased':
        this.live.set(event.taskId, { sessionId: event.sessionId, fence: event.fence });
        if (this.#help.has(event.taskId)) countOne(this.counts, 'helped');
        break;
      case 'budget.limited':
        this.#ledger.limited(event);
        this.#marks.delete(event.account);
        countOne(this.counts, 'limits');
        break;
      case 'budget.reserved':
        this.#reserved(event, entry);
        break;
      case 'budget.settled':
        this.#ledger.settled(event);
        countOne(this.counts, 'settlements');
        break;
      case 'usage.recorded':
        this.#used(event, entry);
        break;
      case 'budget.alerted':
        this.#alerted(event, entry);
        break;
      case 'blocker.raised':
        this.#blocked.set(event.blockerId, event.taskId);
        break;
      case 'help.offered':
        this.#offered(event, entry);
        break;
      case 'blocker.escalated':
        this.#once(`late ${event.blockerId}`, entry);
        break;
      case 'escalation.raised':
        this.#once(event.escalationId, entry);
        if (!event.escalationId.startsWith(`esc_${entry.index}`))
          this.#broken(`E1: entry ${entry.index} raises ${event.escalationId}`);
        countOne(this.counts, 'escalations');
        break;
      case 'escalation.acknowledged':
        this.#once(`seen ${event.escalationId}`, entry);
        break;
      default:
        if (COUNTED[event.type] !== undefined) countOne(this.counts, COUNTED[event.type] ?? '');
    }
  }

  #once(what: string, { index }: Committed): void {
    if (this.#told.has(what)) this.#broken(`E1: entry ${index} says a second time: ${what}`);
    this.#told.add(what);
  }

  #reserved(event: Of<'budget.reserved'>, { index, op }: Committed): void {
    const { taskId, sessionId, fence, amountMicroUsd: amount } = event;
    const lease = this.live.get(taskId);
    if (lease?.fence !== fence || lease.sessionId !== sessionId)
      this.#broken(
        `G2: entry ${index} reserves for fence ${fence} of ${taskId}, and no such lease lives`,
      );
    if (op !== 'usage.record') {
      const worst = this.#worstOf(event);
      if (amount !== worst)
        this.#broken(`G1: entry ${index} sets ${amount} aside for ${taskId}, not ${worst}`);
    } else if (amount !== 0)
      this.#broken(`G2: entry ${index} sets ${amount} aside for a cost of ${taskId}`);
    this.#ledger.reserved(event);
    countOne(this.counts, 'reservations');
  }

  #worstOf({ taskId, sessionId }: { readonly taskId: string; readonly sessionId: string }): number {
    const account = `task:${taskId}`;
    const limit = this.#ledger.ownLimitOf(account) ?? this.#worth.limitOf(taskId);
    const left = this.#ledger.has(account) ? limit - this.#ledger.spentOf(account) : undefined;
    return this.#worth.worstOf(taskId, this.#breakers.swarmOf(sessionId), left);
  }

  /** A lease that may cost something has it set aside in its own entry. */
  #setAside({ taskId, sessionId }: Of<'task.leased'>, { index, op }: Committed): void {
    if (this.#ledger.reservations.has(taskId) || !this.live.has(taskId)) return;
    const worst = this.#worstOf({ taskId, sessionId });
    if (worst > 0)
      this.#broken(`G1: entry ${index} (${op}) leases ${taskId} and sets none of ${worst} aside`);
  }

  #used(event: Of<'usage.recorded'>, entry: Committed): void {
    const cost = this.#prices.costOf(entry);
    if (typeof cost === 'string') this.#broken(`${cost} in entry ${entry.index}`);
    if (cost !== event.microUsd)
      this.#broken(`G5: entry ${entry.index} charges ${event.microUsd} for what costs ${cost}`);
    const { extended } = this.#ledger.used(event);
    this.#usages.set(entry.index, event.microUsd);
    countOne(this.counts, 'usages');
    if (extended > 0) countOne(this.counts, 'extensions');
    if (event.overrunMicroUsd > 0) countOne(this.counts, 'overruns');
  }

  #alerted(
    { account, percent, limitMicroUsd: limit }: Of<'budget.alerted'>,
    { index }: Committed,
  ): void {
    if (percent <= (this.#marks.get(account) ?? 0))
      this.#broken(`E1: entry ${index} alerts ${percent} % of ${account} again`);
    this.#marks.set(account, percent);
    if (
      limit !== this.#ledger.limitOf(account) ||
      this.#ledger.usedOf(account) * 100 < limit * percent
    )
      this.#broken(
        `E1: entry ${index} alerts ${percent} % of ${account}, which has spent ${this.#ledger.usedOf(account)}`,
      );
    countOne(this.counts, 'alerts');
  }

  #offered({ taskId, blockerId }: Of<'help.offered'>, { index }: Committed): void {
    const blocked =
      this.#blocked.get(blockerId) ?? this.#broken(`entry ${index} offers help with no blocker`);
    this.#help.set(taskId, { blocked, blockerId });
    this.#openHelp.add(taskId);
    countOne(this.counts, 'offers');
  }

  /** G3: of what the blocked task may cost, what is given to older help is gone; the rest is shared. */
  #shared({ index, events }: Committed, before: ReadonlySet<string>): void {
    const offers = events.filter((event) => event.type === 'help.offered');
    const [first] = offers;
    if (first === undefined) return;
    const blocked = this.#help.get(first.taskId)?.blocked ?? '';
    const plan = this.#ledger.limitOf(`plan:${blocked.slice(0, blocked.indexOf('/'))}`) ?? 0;
    const limitOf = (taskId: string): number =>
      Math.min(plan, this.#ledger.ownLimitOf(`task:${taskId}`) ?? this.#worth.limitOf(taskId));
    const given = [...before]
      .filter((taskId) => this.#help.get(taskId)?.blocked === blocked)
      .reduce((sum, taskId) => sum + limitOf(taskId), 0);
    const offered = offers.reduce((sum, { limitMicroUsd }) => sum + limitMicroUsd, 0);
    const limit = limitOf(blocked);
    if (offered > Math.max(0, limit - given))
      this.#broken(
        `G3: entry ${index} offers help for ${offered} with ${blocked}, which may cost ${limit}, ${given} given`,
      );
  }

  /** Accounts of what is over. */
  #overWith(event: DomainEvent): void {
    switch (event.type) {
      case 'task.completed':
      case 'task.accepted':
      case 'task.cancelled':
        this.#ledger.closed(`task:${event.taskId}`);
        this.#openHelp.delete(event.taskId);
        break;
      case 'session.closed':
        this.#ledger.closed(`session:${event.sessionId}`);
        break;
      default:
    }
  }
}

/** What is counted of the events that no law looks at. */
const COUNTED: Partial<Record<DomainEvent['type'], string>> = {
  'breaker.tripped': 'trips',
  'breaker.reset': 'resets',
  'breaker.closed': 'closes',
  'blocker.declared': 'declarations',
  'blocker.resolved': 'resolutions',
  'policy.set': 'policies',
  'policy.denied': 'denials',
  'claim.refused': 'claimsRefused',
};

/** Tasks whose leases an event ends, if they are leased. Its own list, not core’s: a kind forgotten there is found here. */
const endedBy = (event: DomainEvent): readonly string[] => {
  switch (event.type) {
    case 'task.completed':
    case 'task.submitted':
    case 'task.released':
    case 'task.failed':
    case 'lease.expired':
    case 'task.parked':
    case 'task.cancelled':
      return [event.taskId];
    case 'session.closed':
      return event.released;
    case 'plan.cancelled':
      return event.ended;
    case 'blocker.raised':
      return event.released ? [event.taskId] : [];
    default:
      return [];
  }
};
