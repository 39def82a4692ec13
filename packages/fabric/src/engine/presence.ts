/**
 * What only the leader's memory knows: when leases were renewed, when each session was last seen. None of it is
 * journaled; after a (re)start every lease begins again at full length: late, never early.
 *
 * P1  A lease ends `leaseMs` after its grant or last renewal on the monotonic clock, half-open (C3).
 * P2  A renewal moves the end on, never back.
 */
import { SESSION_IDLE_MS, type EvidenceKind } from '@infrafabric/protocol';
import {
  blockersToEscalate,
  leaseOf,
  liveLeases,
  openSessions,
  sessionOf,
  type LiveLease,
  type Soft,
  type World,
} from '@infrafabric/core';

import type { Committed } from './call.ts';
import type { Clock } from './clock.ts';
import { Deadline, Deadlines } from './deadlines.ts';
import { LeaseDeadlines } from './lease-deadlines.ts';
import { EXPIRY_RETRY_MS } from './limits.ts';
import { OrphanRuns } from './orphan-runs.ts';

/** What is due, and from when it was counted by the wall clock. */
export type Due =
  | {
      readonly kind: 'lease';
      readonly taskId: string;
      readonly fence: number;
      readonly renewedAt: number;
    }
  | { readonly kind: 'session'; readonly sessionId: string; readonly seenAt: number }
  | { readonly kind: 'blocker'; readonly blockerId: string }
  | { readonly kind: 'run'; readonly runId: string };

/** From when a lease is counted, where that is not its grant. Wall and monotonic time, ms. */
interface Renewal {
  readonly fence: number;
  readonly renewedAt: number;
  readonly countedFrom: number;
}

/** Whole ms, upwards: late rather than early, and a small integer costs no memory of its own. */
const whole = Math.ceil;

class TrackedSession extends Deadline {
  readonly sessionId: string;
  /** Wall time of what was last seen of it: at first its opening, or the start of this leader. */
  seenAt: number;
  seen: EvidenceKind | undefined = undefined;
  workedAt: number | undefined = undefined;
  countedFrom: number;
  /** Claim tickets of the session that wait now. */
  tickets = 0;

  constructor(sessionId: string, at: number, now: number) {
    super();
    this.sessionId = sessionId;
    this.seenAt = at;
    this.countedFrom = whole(now);
  }

  see(kind: EvidenceKind, at: number, now: number): void {
    this.seen = kind;
    if (at > this.seenAt) this.seenAt = at;
    this.countedFrom = whole(now);
    if (kind !== 'heartbeat') this.workedAt = this.seenAt;
  }

  endsAt(): number {
    return this.countedFrom + SESSION_IDLE_MS;
  }
}

/** A blocker of which a person is told unless it is resolved before. */
class WaitingBlocker extends Deadline {
  readonly blockerId: string;
  /** Monotonic, ms. */
  dueAt: number;

  constructor(blockerId: string, dueAt: number) {
    super();
    this.blockerId = blockerId;
    this.dueAt = whole(dueAt);
  }

  endsAt(): number {
    return this.dueAt;
  }
}

const NOTHING_SEEN = { waiting: false } as const;

export class Presence implements Pick<Soft, 'presence' | 'renewedAt'> {
  readonly #clock: Clock;
  readonly #world: World;
  readonly #leases: LeaseDeadlines;
  /** Only leases that were renewed, or that an earlier leader granted. */
  readonly #renewals = new Map<string, Renewal>();
  readonly #sessions = new Map<string, TrackedSession>();
  readonly #idle = new Deadlines<TrackedSession>();
  readonly #blockers = new Map<string, WaitingBlocker>();
  readonly #unresolved = new Deadlines<WaitingBlocker>();
  readonly #orphans: OrphanRuns;

  constructor(clock: Clock, world: World) {
    this.#clock = clock;
    this.#world = world;
    this.#orphans = new OrphanRuns(world);
    this.#leases = new LeaseDeadlines(
      (taskId, fence) => leaseOf(world, taskId)?.fence === fence,
      () => livingOf(world),
    );
  }

  /** Nothing is due before this moment of the monotonic clock. */
  get earliest(): number {
    return Math.min(
      this.#leases.earliest,
      this.#idle.earliest,
      this.#unresolved.earliest,
      this.#orphans.earliest,
    );
  }

  get waitingSessions(): number {
    let waiting = 0;
    for (const session of this.#sessions.values()) if (session.tickets > 0) waiting += 1;
    return waiting;
  }

  /** Begins anew: every lease of the world at full length, every session seen now. `at` is wall time. */
  restart(at: number): void {
    this.#leases.clear();
    this.#renewals.clear();
    this.#sessions.clear();
    this.#idle.clear();
    this.#blockers.clear();
    this.#unresolved.clear();
    const now = this.#clock.monotonic();
    for (const { id } of openSessions(this.#world)) this.#open(id, at, now);
    for (const { taskId, fence, leaseMs } of liveLeases(this.#world)) {
      this.#renewals.set(taskId, { fence, renewedAt: at, countedFrom: whole(now) });
      this.#leases.add(whole(now) + leaseMs, taskId, fence);
    }
    for (const { blockerId, escalateAt } of blockersToEscalate(this.#world))
      this.#watch(blockerId, now + Math.max(0, escalateAt - at));
    this.#orphans.restart(at, now);
  }

  /** Follows a folded entry; `now` is the monotonic clock. */
  observe(entry: Committed, now: number): void {
    this.#orphans.observe(entry, now);
    for (const event of entry.events) {
      switch (event.type) {
        case 'task.leased':
          this.#leases.add(whole(now) + event.leaseMs, event.taskId, event.fence);
          this.#sessions.get(event.sessionId)?.see('tool', entry.at, now);
          break;
        case 'session.opened':
          this.#open(event.sessionId, entry.at, now);
          break;
        case 'session.closed':
          this.#forget(event.sessionId);
          for (const taskId of event.released) this.#endRenewal(taskId);
          break;
        case 'plan.cancelled':
          for (const taskId of event.ended) this.#endRenewal(taskId);
          break;
        case 'blocker.raised':
          this.#watch(event.blockerId, now + event.escalateAt - entry.at);
          break;
        case 'blocker.resolved':
        case 'blocker.escalated':
          this.#unwatch(event.blockerId);
          break;
        default:
      }
      // A renewal outlives its lease by nothing: a later grant must not be counted from it.
      if (this.#renewals.size > 0 && 'taskId' in event) this.#endRenewal(event.taskId);
    }
  }

  /** Counts a lease that lives from now on. Answers when it ends by the wall clock, ms. */
  renew({ taskId, fence, leaseMs, grantedAt }: LiveLease, at: number): number {
    const before = this.renewedAt(taskId) ?? grantedAt;
    const renewedAt = Math.max(before, at);
    this.#renewals.set(taskId, { fence, renewedAt, countedFrom: whole(this.#clock.monotonic()) });
    return renewedAt + leaseMs;
  }

  /** Something was seen of a session that is open. */
  seen(sessionId: string, kind: EvidenceKind, at: number): void {
    this.#sessions.get(sessionId)?.see(kind, at, this.#clock.monotonic());
  }

  /** A session has one waiting ticket more, or one less. */
  waits(sessionId: string, change: 1 | -1): void {
    const session = this.#sessions.get(sessionId);
    if (session !== undefined) session.tickets += change;
  }

  /** What is due at `now` (monotonic); undefined when nothing is. */
  next(now: number): Due | undefined {
    const heap = this.#leases;
    while (heap.earliest <= now) {
      const { topTaskId: taskId, topFence: fence } = heap;
      const lease = leaseOf(this.#world, taskId);
      const renewal = this.#renewals.get(taskId);
      if (lease?.fence !== fence) heap.removeTop();
      else if (renewal !== undefined && renewal.countedFrom + lease.leaseMs > now) {
        heap.putOffTop(renewal.countedFrom + lease.leaseMs);
      } else
        return { kind: 'lease', taskId, fence, renewedAt: renewal?.renewedAt ?? lease.grantedAt };
    }
    const idle = this.#idle.next(now);
    if (idle !== undefined)
      return { kind: 'session', sessionId: idle.sessionId, seenAt: idle.seenAt };
    const blocker = this.#unresolved.next(now);
    return blocker === undefined
      ? this.#orphans.next(now)
      : { kind: 'blocker', blockerId: blocker.blockerId };
  }

  /**
   * The decision put off what `next` just gave: the wall clock has not reached what the monotonic clock has. Counted
   * again for what is left by the wall clock, so late rather than early.
   */
  postpone(due: Due, at: number): void {
    const now = whole(this.#clock.monotonic());
    if (due.kind === 'run') return this.#orphans.postpone(due.runId, now + EXPIRY_RETRY_MS);
    if (due.kind === 'blocker') {
      const blocker = this.#blockers.get(due.blockerId);
      if (blocker === undefined) return;
      blocker.dueAt = now + EXPIRY_RETRY_MS;
      this.#unresolved.moved(blocker);
      return;
    }
    if (due.kind === 'lease') {
      const lease = leaseOf(this.#world, due.taskId);
      this.#leases.putOffTop(now + leftOf(due.renewedAt + (lease?.leaseMs ?? 0), at));
      return;
    }
    const session = this.#sessions.get(due.sessionId);
    const hasEnded = sessionOf(this.#world, due.sessionId)?.closed !== undefined;
    if (session === undefined || hasEnded) return this.#forget(due.sessionId);
    session.countedFrom = now - SESSION_IDLE_MS + leftOf(due.seenAt + SESSION_IDLE_MS, at);
    return this.#idle.moved(session);
  }

  renewedAt(taskId: string): number | undefined {
    return this.#renewals.get(taskId)?.renewedAt;
  }

  presence(sessionId: string): ReturnType<Soft['presence']> {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return NOTHING_SEEN;
    const { seen, seenAt, workedAt, tickets } = session;
    return {
      waiting: tickets > 0,
      ...(seen === undefined ? {} : { seen, seenAt }),
      ...(workedAt === undefined ? {} : { workedAt }),
    };
  }

  /** Forgets a renewal unless the lease that it belongs to still lives. */
  #endRenewal(taskId: string): void {
    const renewal = this.#renewals.get(taskId);
    if (renewal === undefined) return;
    if (leaseOf(this.#world, taskId)?.fence !== renewal.fence) this.#renewals.delete(taskId);
  }

  #open(sessionId: string, at: number, now: number): void {
    const session = new TrackedSession(sessionId, at, now);
    this.#sessions.set(sessionId, session);
    this.#idle.add(session);
  }

  #watch(blockerId: string, dueAt: number): void {
    const blocker = new WaitingBlocker(blockerId, dueAt);
    this.#blockers.set(blockerId, blocker);
    this.#unresolved.add(blocker);
  }

  #unwatch(blockerId: string): void {
    const blocker = this.#blockers.get(blockerId);
    if (blocker === undefined) return;
    this.#blockers.delete(blockerId);
    this.#unresolved.remove(blocker);
  }

  #forget(sessionId: string): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return;
    this.#sessions.delete(sessionId);
    this.#idle.remove(session);
  }
}

/** Leases that live now: a walk over the sessions, of which there are far fewer. */
const livingOf = (world: World): number => {
  let living = 0;
  for (const { leases } of openSessions(world)) living += leases.size;
  return living;
};

/** What is left by the wall clock; where nothing is and the expiry was refused all the same, a pause. */
const leftOf = (endsAt: number, at: number): number =>
  endsAt > at ? endsAt - at : EXPIRY_RETRY_MS;
