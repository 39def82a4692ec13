import { renewed } from './lease.ts';
import type { HeldLease } from './lease.ts';
import type { SessionCalls } from './session.ts';

// Keeps the leases of one session: renews them together at a third of their length, and ends those
// that could not be renewed before anybody else can have the task. One timer, armed for whatever
// comes first; none while nothing is held.
//
// K1  The signal of a lease aborts before the fabric may grant the task again.
// K2  A renewal names its leases: a grant that got lost on its way here is never kept alive.

/** Pause after a renewal that failed, as a share of the lease. */
const RETRY_SHARE = 1 / 10;
const PAUSE_MS_MIN = 10;

export class Keeper {
  readonly #calls: SessionCalls;
  readonly #held = new Map<string, HeldLease>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #renewing: Promise<void> | undefined;

  constructor(calls: SessionCalls) {
    this.#calls = calls;
  }

  get held(): ReadonlyMap<string, HeldLease> {
    return this.#held;
  }

  add(lease: HeldLease): void {
    this.#held.set(lease.lease.taskId, lease);
    this.#arm();
  }

  remove(taskId: string): void {
    if (this.#held.delete(taskId)) this.#arm();
  }

  /** Loses all: the session has ended. */
  loseAll(detail: string): void {
    for (const lease of this.#held.values()) lease.lose(detail);
    this.#arm();
  }

  /** Renews all now. Resolves when that was answered or has failed. */
  async renewNow(): Promise<void> {
    // One that is under way may have left before the newest lease was added: another one follows.
    await this.#renewing;
    await this.#startRenewal();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#held.size === 0) return;
    let next = Number.POSITIVE_INFINITY;
    for (const { safeUntil, renewAt } of this.#held.values()) {
      next = Math.min(next, safeUntil, this.#renewing === undefined ? renewAt : safeUntil);
    }
    this.#timer = setTimeout(() => this.#beat(), Math.max(next - performance.now(), 0));
  }

  #beat(): void {
    const now = performance.now();
    for (const lease of this.#held.values()) {
      if (lease.safeUntil <= now) lease.lose('The lease could not be renewed in time.');
    }
    const due = [...this.#held.values()].some(({ renewAt }) => renewAt <= now);
    if (due) void this.#startRenewal();
    this.#arm();
  }

  #startRenewal(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
      this.#arm();
    });
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const sentAt = performance.now();
    const asked = new Map(this.#held);
    if (asked.size === 0) return;
    const leases = [...asked.values()].map(({ lease: { grant } }) => ({
      taskId: grant.taskId,
      fencingToken: grant.fencingToken,
    }));
    const sessionId = this.#calls.sessionId();
    const input = { sessionId, leases, evidence: 'heartbeat' } as const;
    // Bounded by the shortest lease: what is answered later than that renews nothing that is held.
    const signal = AbortSignal.timeout(
      Math.min(...[...asked.values()].map(({ leaseMs }) => leaseMs)),
    );
    try {
      const answer = await this.#calls.call('tasks.renew', input, { retry: 'never', signal });
      for (const { taskId } of answer.renewed) {
        const lease = asked.get(taskId);
        if (lease !== undefined) renewed(lease, sentAt);
      }
      for (const { taskId, detail } of answer.lost) {
        // Handed in or granted anew while the renewal was on its way: not the lease that was lost.
        const lease = this.#held.get(taskId);
        if (lease !== undefined && lease === asked.get(taskId)) lease.lose(detail);
      }
    } catch {
      // Whatever it was, the leases still run: try again soon, until they end.
      const now = performance.now();
      for (const lease of asked.values()) {
        lease.renewAt = now + Math.max(PAUSE_MS_MIN, lease.leaseMs * RETRY_SHARE);
      }
    }
  }
}
