/**
 * Claim tickets: who waits for work, in the order in which they came. A lease is granted first and then pushed, so
 * nobody is woken without work.
 *
 * K1  Work that becomes ready while a ticket waits is granted to some ticket that it suits: no lost wake-up.
 * K2  The most urgent work goes first, to whom it suits best: by match × reputation ÷ price, then to the oldest ticket.
 * K3  An arrival costs the number of distinct (capability set, swarm, plan) triples, not the number of tickets.
 */
import { reject, type Rejection } from '@infrafabric/protocol';
import {
  offerFor,
  sessionOf,
  taskPhase,
  type DomainEvent,
  type WaitingOffer,
  type World,
} from '@infrafabric/core';

import type { Committed, OnOutcome, Outcome, Submission } from './call.ts';
import { TICKETS_MAX } from './limits.ts';
import type { View } from './term-parts.ts';

export interface TicketRequest {
  readonly sessionId: string;
  readonly planId: string | undefined;
  /** The `tasks.next` that is submitted when there is work. */
  readonly call: Submission;
  /** `once` ends with the first grant; `standing` waits again while its session has room. */
  readonly kind: 'once' | 'standing';
  /** A committed grant, or the rejection that ends the ticket. */
  readonly on: OnOutcome;
}

interface Ticket extends TicketRequest {
  readonly order: number;
  state: 'queued' | 'full' | 'granting' | 'over';
  group: Set<Ticket> | undefined;
  /** Taken back while a grant was under way: it does not wait again. */
  isLast: boolean;
  /** A grant that another's call made while one of its own was under way. */
  pushed: Committed | undefined;
}

/** Agents of one group that are asked for in vain in one pass. More: agents that wait behind their own blockers slow it. */
const PASSED_OVER_MAX = 8;

/** What the tickets need of the leader. */
export interface TicketLeader {
  view(): View | Rejection;
  submit(call: Submission, on: OnOutcome): void;
}

const TOO_MANY = reject('fabric.overloaded', `${TICKETS_MAX} claim tickets wait already.`);

const NOTHING: Outcome = { kind: 'unchanged', output: { grants: [] } };

/** Events that end leases without naming whose: an operator's word, a plan's end, help that is over with its blocker. */
const ENDS_OTHERS: ReadonlySet<DomainEvent['type']> = new Set([
  'task.cancelled',
  'task.parked',
  'plan.cancelled',
]);

export class Tickets {
  readonly #leader: TicketLeader;
  /** Queues by capability set, swarm and plan; a Set keeps the order of arrival and forgets in O(1). */
  readonly #groups = new Map<string, Set<Ticket>>();
  readonly #keys = new WeakMap<Set<Ticket>, string>();
  readonly #bySession = new Map<string, Set<Ticket>>();
  /** Tickets whose session has no room. */
  readonly #full = new Set<Ticket>();
  #order = 0;
  #count = 0;
  #matching = false;
  /** A grant found the batch full: to be tried again when it is durable. */
  #retry = false;

  constructor(leader: TicketLeader) {
    this.#leader = leader;
  }

  get count(): number {
    return this.#count;
  }

  /** The sessions that wait, in the order in which they came. */
  get waiting(): { has(sessionId: string): boolean; readonly loose: Iterable<string> } {
    return { has: (sessionId) => this.#bySession.has(sessionId), loose: this.#bySession.keys() };
  }

  /**
   * Waits. The answer takes the ticket back and says whether it did: a grant that is on its way to disk is not taken
   * back, its lease stands and the ticket hears of it.
   */
  add(request: TicketRequest): () => boolean {
    if (this.#count >= TICKETS_MAX) {
      request.on(TOO_MANY);
      return () => false;
    }
    this.#order += 1;
    const ticket: Ticket = {
      ...request,
      order: this.#order,
      state: 'full',
      group: undefined,
      isLast: false,
      pushed: undefined,
    };
    this.#count += 1;
    const siblings = this.#bySession.get(ticket.sessionId) ?? new Set<Ticket>();
    siblings.add(ticket);
    this.#bySession.set(ticket.sessionId, siblings);
    const view = this.#leader.view();
    if ('world' in view) {
      view.presence.waits(ticket.sessionId, 1);
      this.#queue(ticket, view.world);
      // Work may have become ready between the refusal that led here and now (K1); all others were offered it by then.
      if (ticket.group !== undefined) this.#matchOf([ticket.group]);
    }
    return () => {
      if (ticket.state === 'over') return false;
      if (ticket.state === 'granting') {
        ticket.isLast = true;
        return false;
      }
      this.#drop(ticket);
      return true;
    };
  }

  /** Grants what is ready to who waits for it. Called in the turn in which work became ready. */
  match(): void {
    this.#matchOf(this.#groups.values());
  }

  #matchOf(groups: Iterable<Set<Ticket>>): void {
    const view = this.#leader.view();
    if (this.#matching || !('world' in view)) return;
    this.#matching = true;
    const { world } = view;
    const candidates: Candidate[] = [];
    const enterGroup = (group: Set<Ticket>): void => {
      const candidate = this.#judge(group, world);
      if (candidate !== undefined) enter(candidates, candidate);
    };
    for (const group of groups) enterGroup(group);
    // Ends: each round takes a ticket out of its queue, a queue out of this pass, or a task that is gone out of an offer.
    for (let next = takeBest(candidates); next !== undefined; next = takeBest(candidates)) {
      // Another one got the task: what there is instead is no better, so whoever stands before it still does.
      const isGone = taskPhase(world, next.offer.taskId) !== 'ready';
      if (isGone || !this.#offer(next.ticket)) enterGroup(next.group);
    }
    this.#matching = false;
  }

  /** Follows what became durable: sessions that have room again, sessions that ended. */
  onDurable(entries: readonly Committed[]): void {
    const view = this.#leader.view();
    if (this.#count === 0 || !('world' in view)) return;
    let woken = this.#retry;
    this.#retry = false;
    for (const entry of entries) {
      if (entry.op === 'blockers.raise') this.#push(entry);
      for (const event of entry.events)
        for (const ticket of this.#freedBy(event, view.world)) {
          this.#queue(ticket, view.world);
          woken = true;
        }
    }
    if (woken) this.match();
  }

  /** Tickets that found no room, of sessions that may have some after the event. */
  #freedBy(event: DomainEvent, world: World): readonly Ticket[] {
    if (event.type === 'task.leased') return [];
    // Leases that end so are named by their tasks, which nobody holds any more: who has room is looked up.
    if (ENDS_OTHERS.has(event.type)) return [...this.#full].filter((one) => hasRoom(world, one));
    if (!('sessionId' in event)) return [];
    const tickets = [...(this.#bySession.get(event.sessionId) ?? [])];
    return tickets.filter(({ state }) => state === 'full');
  }

  /** Leases of help that another's call granted: pushed to who waits, as if it had asked for them. */
  #push(entry: Committed): void {
    for (const leased of entry.events) {
      if (leased.type !== 'task.leased') continue;
      const [ticket] = this.#bySession.get(leased.sessionId) ?? [];
      if (ticket === undefined) continue;
      const events = entry.events.filter(
        (event) =>
          event === leased || (event.type === 'budget.reserved' && event.taskId === leased.taskId),
      );
      const grant: Committed = { ...entry, op: 'tasks.next', events };
      // A grant of its own is on its way to disk: both are told at once.
      if (ticket.state === 'granting') ticket.pushed = grant;
      else if (ticket.kind === 'once') this.#end(ticket, grant);
      else ticket.on(grant);
    }
  }

  /** A new term: its world interns capability sets anew, its memory knows of no ticket. */
  onTerm(): void {
    const view = this.#leader.view();
    if (!('world' in view)) return;
    this.#groups.clear();
    const all = [...this.#bySession.values()].flatMap((tickets) => [...tickets]);
    for (const ticket of all.toSorted((a, b) => a.order - b.order)) {
      ticket.group = undefined;
      view.presence.waits(ticket.sessionId, 1);
      if (ticket.state !== 'granting') this.#queue(ticket, view.world);
    }
    this.match();
  }

  /** Ends every ticket. */
  close(why: Rejection): void {
    // Sets and maps may shrink while they are walked.
    for (const tickets of this.#bySession.values()) {
      for (const ticket of tickets) this.#end(ticket, why);
    }
  }

  #queue(ticket: Ticket, world: World): void {
    const { capabilities = -1, swarm = '' } = sessionOf(world, ticket.sessionId) ?? {};
    const key = `${capabilities}|${swarm}|${ticket.planId ?? ''}`;
    const group = this.#groups.get(key) ?? new Set<Ticket>();
    this.#groups.set(key, group);
    this.#keys.set(group, key);
    group.add(ticket);
    ticket.group = group;
    ticket.state = 'queued';
    this.#full.delete(ticket);
  }

  #unqueue(ticket: Ticket, state: 'full' | 'granting' | 'over'): void {
    ticket.group?.delete(ticket);
    ticket.group = undefined;
    ticket.state = state;
    if (state === 'full') this.#full.add(ticket);
    else this.#full.delete(ticket);
  }

  /** What the oldest ticket of a group that can take anything would be given; tickets that cannot leave the group. */
  #judge(group: Set<Ticket>, world: World): Candidate | undefined {
    const passedOver = new Set<string>();
    for (const ticket of group) {
      const session = sessionOf(world, ticket.sessionId);
      if (session === undefined || session.closed !== undefined) {
        this.#end(ticket, reject('session.ended', `Session ${ticket.sessionId} has ended.`));
        continue;
      }
      if (session.leases.size >= session.leasesMax) {
        this.#unqueue(ticket, 'full');
        continue;
      }
      // Nobody is given help with a blocker of their own: what an agent cannot have, the next one of its group may.
      if (passedOver.has(session.agent)) continue;
      const offer = offerFor(world, ticket.sessionId, ticket.planId);
      if (offer !== undefined) return { group, ticket, offer };
      passedOver.add(session.agent);
      if (passedOver.size >= PASSED_OVER_MAX || world.coordinator.openBlockers === 0)
        return undefined;
    }
    // Who was passed over waits on.
    if (group.size === 0) this.#groups.delete(this.#keys.get(group) ?? '');
    return undefined;
  }

  /** Asks for the lease. True: it was refused in the same turn and waits again; another try would end the same way. */
  #offer(ticket: Ticket): boolean {
    this.#unqueue(ticket, 'granting');
    this.#leader.submit(ticket.call, (outcome) => {
      this.#granted(ticket, outcome);
    });
    return ticket.group !== undefined;
  }

  #granted(ticket: Ticket, own: Outcome): void {
    if (ticket.state === 'over') return;
    const outcome = withPushed(own, ticket.pushed);
    ticket.pushed = undefined;
    const isGrant = outcome.kind === 'committed' || outcome.kind === 'done';
    const isLater = outcome.kind === 'unchanged' || isTransient(outcome);
    if (ticket.isLast || (!isLater && (ticket.kind === 'once' || !isGrant))) {
      this.#end(ticket, isLater ? NOTHING : outcome);
      return;
    }
    if (!isLater) ticket.on(outcome);
    const view = this.#leader.view();
    if ('world' in view) this.#queue(ticket, view.world);
    else ticket.state = 'full';
    this.#retry = true;
  }

  #end(ticket: Ticket, why: Outcome): void {
    this.#drop(ticket);
    ticket.on(why);
  }

  #drop(ticket: Ticket): void {
    if (ticket.state === 'over') return;
    this.#unqueue(ticket, 'over');
    this.#count -= 1;
    const siblings = this.#bySession.get(ticket.sessionId);
    siblings?.delete(ticket);
    if (siblings?.size === 0) this.#bySession.delete(ticket.sessionId);
    const view = this.#leader.view();
    if ('world' in view) view.presence.waits(ticket.sessionId, -1);
  }
}

const hasRoom = (world: World, { sessionId }: Ticket): boolean => {
  const session = sessionOf(world, sessionId);
  return session === undefined || session.leases.size < session.leasesMax;
};

/** A queue whose first ticket could have a lease now. */
interface Candidate {
  readonly group: Set<Ticket>;
  readonly ticket: Ticket;
  readonly offer: WaitingOffer;
}

/** Puts a candidate into a binary heap whose best stands in front. */
const enter = (heap: Candidate[], candidate: Candidate): void => {
  let slot = heap.length;
  for (;;) {
    const above = (slot - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBetter(candidate, parent)) break;
    heap[slot] = parent;
    slot = above;
  }
  heap[slot] = candidate;
};

/** Takes the best out of the heap. */
const takeBest = (heap: Candidate[]): Candidate | undefined => {
  const [best] = heap;
  const last = heap.pop();
  if (last === undefined || last === best) return best;
  let slot = 0;
  for (;;) {
    const [left, right] = [heap[slot * 2 + 1], heap[slot * 2 + 2]];
    const isRight = left !== undefined && right !== undefined && isBetter(right, left);
    const child = isRight ? right : left;
    if (child === undefined || !isBetter(child, last)) break;
    heap[slot] = child;
    slot = slot * 2 + (isRight ? 2 : 1);
  }
  heap[slot] = last;
  return best;
};

/** K2. */
const isBetter = (a: Candidate, b: Candidate): boolean => {
  if (a.offer.rank !== b.offer.rank) return a.offer.rank < b.offer.rank;
  return a.offer.score === b.offer.score
    ? a.ticket.order < b.ticket.order
    : a.offer.score > b.offer.score;
};

/** A ticket's own outcome and the grant that came to it meanwhile. */
const withPushed = (own: Outcome, pushed: Committed | undefined): Outcome => {
  if (pushed === undefined) return own;
  return own.kind === 'committed' ? { ...own, events: [...own.events, ...pushed.events] } : pushed;
};

/** Nothing was decided: the same ticket may still get its lease. */
const isTransient = (outcome: Outcome): boolean =>
  outcome.kind === 'reject' &&
  (outcome.code === 'fabric.overloaded' ||
    outcome.code === 'fabric.starting' ||
    outcome.code === 'session.full' ||
    outcome.code === 'log.unavailable' ||
    outcome.code === 'log.full');
