/**
 * What only the leader's memory knows: when each lease was last renewed, when each session was last seen. None of it
 * is journaled; after a (re)start every lease begins again at full length: late, never early.
 *
 * P1  A lease ends `leaseMs` after its grant or last renewal on the monotonic clock, half-open (C3).
 * P2  A renewal moves the end on, never back.
 */
import { SESSION_IDLE_MS, type EvidenceKind } from '@infrafabric/protocol';
import {
  leaseOf,
  liveLeases,
  openSessions,
  sessionOf,
  type Soft,
  type World,
} from '@infrafabric/core';

import type { Committed } from './call.ts';
import type { Clock } from './clock.ts';
import { Deadline, Deadlines } from './deadlines.ts';
import { EXPIRY_RETRY_MS } from './limits.ts';

type Granted = Pick<TrackedLease, 'taskId' | 'fence' | 'sessionId' | 'leaseMs'>;

/** Whole ms, upwards: a lease ends late rather than early, and a small integer costs no memory of its own. */
const whole = Math.ceil;

export class TrackedLease extends Deadline {
  readonly kind = 'lease';
  readonly taskId: string;
  readonly fence: number;
  readonly sessionId: string;
  readonly leaseMs: number;
  /** Wall and monotonic time of the renewal (or grant) from which it is counted, ms. */
  renewedAt: number;
  countedFrom: number;

  constructor(lease: Granted, at: number, now: number) {
    super();
    this.taskId = lease.taskId;
    this.fence = lease.fence;
    this.sessionId = lease.sessionId;
    this.leaseMs = lease.leaseMs;
    this.renewedAt = at;
    this.countedFrom = whole(now);
  }

  endsAt(): number {
    return this.countedFrom + this.leaseMs;
  }
}

export class TrackedSession extends Deadline {
  readonly kind = 'session';
  readonly sessionId: string;
  /** Wall time of its opening, or of the start of this leader; of what was last seen of it; of its last work. */
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

export type Tracked = TrackedLease | TrackedSession;

const NOTHING_SEEN = { waiting: false } as const;

export class Presence implements Pick<Soft, 'presence' | 'renewedAt'> {
  readonly #clock: Clock;
  readonly #leases = new Map<string, TrackedLease>();
  readonly #sessions = new Map<string, TrackedSession>();
  readonly #deadlines = new Deadlines<Tracked>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nothing is due before this moment of the monotonic clock. */
  get earliest(): number {
    return this.#deadlines.earliest;
  }

  get leases(): number {
    return this.#leases.size;
  }

  get waitingSessions(): number {
    let waiting = 0;
    for (const session of this.#sessions.values()) if (session.tickets > 0) waiting += 1;
    return waiting;
  }

  /** Begins anew from a rebuilt world: every lease at full length, every session seen now. `at` is wall time. */
  restart(world: World, at: number): void {
    this.#leases.clear();
    this.#sessions.clear();
    this.#deadlines.clear();
    const now = this.#clock.monotonic();
    for (const { id } of openSessions(world)) this.#open(id, at, now);
    for (const lease of liveLeases(world)) this.#grant(lease, at, now);
  }

  /** Follows a folded entry; `now` is the monotonic clock. */
  observe(entry: Committed, now: number): void {
    for (const event of entry.events) {
      switch (event.type) {
        case 'task.leased':
          this.#grant(event, entry.at, now);
          break;
        case 'task.completed':
        case 'task.submitted':
        case 'task.released':
        case 'task.failed':
        case 'lease.expired':
        case 'task.cancelled':
        case 'task.parked':
          this.#end(event.taskId);
          break;
        case 'blocker.raised':
          if (event.released) this.#end(event.taskId);
          break;
        case 'plan.cancelled':
          for (const taskId of event.ended) this.#end(taskId);
          break;
        case 'session.opened':
          this.#open(event.sessionId, entry.at, now);
          break;
        case 'session.closed':
          for (const taskId of event.released) this.#end(taskId);
          this.#forget(event.sessionId);
          break;
        default:
      }
    }
  }

  /** The lease as it is tracked, if `fence` is its fence. */
  lease(taskId: string, fence: number): TrackedLease | undefined {
    const lease = this.#leases.get(taskId);
    return lease?.fence === fence ? lease : undefined;
  }

  /** Counts a lease from now on. Answers when it ends by the wall clock, ms. */
  renew(lease: TrackedLease, at: number): number {
    lease.renewedAt = Math.max(lease.renewedAt, at);
    lease.countedFrom = whole(this.#clock.monotonic());
    return lease.renewedAt + lease.leaseMs;
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

  /** What is due at `now` (monotonic), the earliest first; undefined when nothing is. */
  next(now: number): Tracked | undefined {
    return this.#deadlines.next(now);
  }

  /**
   * The decision put an expiry off: the wall clock has not reached what the monotonic clock has. Counted again for
   * what is left by the wall clock, so late rather than early.
   */
  postpone(tracked: Tracked, world: World, at: number): void {
    const now = this.#clock.monotonic();
    if (tracked.kind === 'session') {
      const { sessionId, seenAt } = tracked;
      if (sessionOf(world, sessionId)?.closed !== undefined) return this.#forget(sessionId);
      tracked.countedFrom = whole(now) - SESSION_IDLE_MS + leftOf(seenAt + SESSION_IDLE_MS, at);
    } else {
      const { taskId, fence, renewedAt, leaseMs } = tracked;
      if (leaseOf(world, taskId)?.fence !== fence) return this.#drop(tracked);
      tracked.countedFrom = whole(now) - leaseMs + leftOf(renewedAt + leaseMs, at);
    }
    return this.#deadlines.moved(tracked);
  }

  renewedAt(taskId: string): number | undefined {
    return this.#leases.get(taskId)?.renewedAt;
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

  /** The task had no lease: whatever ended the one before was observed. */
  #grant(lease: Granted, at: number, now: number): void {
    const tracked = new TrackedLease(lease, at, now);
    this.#leases.set(lease.taskId, tracked);
    this.#deadlines.add(tracked);
    const session = this.#sessions.get(lease.sessionId);
    if (session !== undefined) session.see('tool', at, now);
  }

  #end(taskId: string): void {
    const lease = this.#leases.get(taskId);
    if (lease !== undefined) this.#drop(lease);
  }

  #drop(lease: TrackedLease): void {
    if (this.#leases.get(lease.taskId) === lease) this.#leases.delete(lease.taskId);
    this.#deadlines.remove(lease);
  }

  #open(sessionId: string, at: number, now: number): void {
    const session = new TrackedSession(sessionId, at, now);
    this.#sessions.set(sessionId, session);
    this.#deadlines.add(session);
  }

  #forget(sessionId: string): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return;
    this.#sessions.delete(sessionId);
    this.#deadlines.remove(session);
  }
}

/** What is left by the wall clock; where nothing is and the expiry was refused all the same, a pause. */
const leftOf = (endsAt: number, at: number): number =>
  endsAt > at ? endsAt - at : EXPIRY_RETRY_MS;
