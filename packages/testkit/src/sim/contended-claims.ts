/**
 * 72 hours of contended claims, as fast as the decisions go: 100 claims a second, several claimers a
 * task, leases that expire, completions under stale and guessed tokens. No engine and no log: `decide` and `evolve`,
 * beside a second reading of who holds what in three arrays.
 *
 * Each hour is a world of its own, so that memory is bounded; at its end the world's own invariants are checked.
 */
import {
  coordinatorFaults,
  createWorld,
  DECIDER_VERSION,
  decide,
  evolve,
  type Fence,
  type World,
} from '@infrafabric/core';

import { seededRandom, type Random } from '../random.ts';

export interface ContendedCounts {
  granted: number;
  refused: number;
  expired: number;
  completed: number;
  released: number;
  staleRefused: number;
  forgedRefused: number;
  violations: string[];
}

export const noContention = (): ContendedCounts => ({
  granted: 0,
  refused: 0,
  expired: 0,
  completed: 0,
  released: 0,
  staleRefused: 0,
  forgedRefused: 0,
  violations: [],
});

/** 72 h at 100 claims a second. */
export const HOURS_72 = 72;
export const CLAIMS_AN_HOUR = 360_000;
const TASKS = 10_000;
const SESSIONS = 100;
/** Claimers of each task besides the one that gets it. */
const RIVALS = 4;
const CLAIM_EVERY_MS = 10;
const LEASE_MS = 1_000;
/** Leases that wait for their end at most; older ones end first. */
const HELD_MAX = 200;
const EXPIRE_SHARE = 0.05;
const STALE_SHARE = 0.1;
/** Violations that are told. */
const TOLD_MAX = 10;

/** Runs `claims` contended claims in a world of its own. */
export function contendedHour(seed: number, claims = CLAIMS_AN_HOUR): ContendedCounts {
  const hour = new Hour(seed);
  hour.run(claims);
  return hour.counts;
}

interface Held {
  readonly task: number;
  readonly fence: Fence;
  readonly grantedAt: number;
}

class Hour {
  readonly counts = noContention();
  readonly #random: Random;
  readonly #world: World = createWorld();
  readonly #ids = Array.from({ length: TASKS }, (_, i) => `p/t${i}`);
  readonly #sessions = Array.from(
    { length: SESSIONS },
    (_, i) => `ses_${String(i).padStart(16, '0')}`,
  );
  /** The second reading: fence, holder (−1: nobody) and whether it is done, by task. */
  readonly #fences = new Int32Array(TASKS);
  readonly #holders = new Int32Array(TASKS).fill(-1);
  readonly #done = new Uint8Array(TASKS);
  readonly #open: number[] = Array.from({ length: TASKS }, (_, i) => i);
  readonly #held: Held[] = [];
  #at = 1_800_000_000_000;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const args = {
      release: '0',
      decider: DECIDER_VERSION,
      cutBytes: 0,
      cause: 'start',
      node: 'n',
      origin: 'sim/realm',
    };
    this.#submit('realm.open', args, 'realm');
    const tasks = this.#ids.map((id) => ({ key: id.slice(2), title: id, attemptsMax: 100 }));
    this.#submit('plans.submit', { plan: { id: 'p', tasks }, digest: `sha256:${'0'.repeat(64)}` });
    for (const [i, id] of this.#sessions.entries()) {
      this.#submit('sessions.open', { agent: `a${i}`, leasesMax: 1_000 }, 'operator', [id]);
    }
  }

  run(claims: number): void {
    for (let n = 0; n < claims && this.#open.length > 0; n += 1) {
      this.#at += CLAIM_EVERY_MS;
      this.#contend();
      if (this.#held.length > HELD_MAX || this.#random.chance(0.9)) this.#endOne(n, claims);
    }
    for (const fault of coordinatorFaults(this.#world.coordinator)) this.#violation(fault);
  }

  #contend(): void {
    const random = this.#random;
    const at = random.below(this.#open.length);
    const task = this.#open[at] ?? 0;
    const taskId = this.#ids[task] ?? '';
    const first = random.below(SESSIONS);
    // It is granted to whoever asks first; the rivals ask in the same instant.
    for (let i = 0; i <= RIVALS; i += 1) {
      const session = (first + i) % SESSIONS;
      const args = { sessionId: this.#sessions[session] ?? '', taskId, leaseMs: LEASE_MS };
      const { kind, events } = this.#submit('tasks.claim', args, 'session');
      const [leased] = events;
      if (kind !== 'accept') {
        this.counts.refused += 1;
        if (i === 0) this.#violation(`${taskId} was refused to its first claimer`);
        continue;
      }
      this.counts.granted += 1;
      if (i > 0) this.#violation(`${taskId} was granted to a rival while it was held`);
      const fence = leased !== undefined && 'fence' in leased ? leased.fence : 0;
      if (fence !== (this.#fences[task] ?? 0) + 1)
        this.#violation(`fence ${fence} of ${taskId} follows ${this.#fences[task]}`);
      this.#fences[task] = fence;
      this.#holders[task] = session;
    }
    this.#take(at);
    const holder = this.#sessions[this.#holders[task] ?? 0] ?? '';
    const fence = { epoch: 1, holder, n: this.#fences[task] ?? 0 };
    this.#held.push({ task, fence, grantedAt: this.#at });
  }

  #endOne(n: number, claims: number): void {
    const held = this.#held.shift();
    if (held === undefined) return;
    const random = this.#random;
    const { task, fence } = held;
    const taskId = this.#ids[task] ?? '';
    if (random.chance(0.02)) this.#guess(taskId, fence);
    if (random.chance(EXPIRE_SHARE)) return this.#expire(held);
    // Towards the end of the hour tasks are completed for good; before, they come back for the next claim.
    const isLast = this.#open.length + this.#held.length > 400 && random.below(claims) < n / 6;
    const op = isLast ? 'tasks.complete' : 'tasks.release';
    const { kind } = this.#submit(op, { taskId, fence }, 'session', [], fence.holder);
    if (kind !== 'accept') this.#violation(`${op} of ${taskId} by its holder was answered ${kind}`);
    this.#holders[task] = -1;
    if (isLast) {
      this.#done[task] = 1;
      this.counts.completed += 1;
    } else {
      this.counts.released += 1;
      this.#open.push(task);
    }
    if (random.chance(STALE_SHARE)) this.#stale(taskId, fence);
  }

  #expire({ task, fence, grantedAt }: Held): void {
    const taskId = this.#ids[task] ?? '';
    const end = grantedAt + LEASE_MS;
    const args = { taskId, fence: fence.n, renewedAt: grantedAt };
    // C3: not a millisecond before its end, and at its end.
    if (this.#at < end) {
      const early = this.#submit('leases.expire', args, 'realm');
      if (early.kind !== 'reject') this.#violation(`${taskId} expired ${end - this.#at} ms early`);
      this.#at = end;
    }
    if (this.#submit('leases.expire', args, 'realm').kind !== 'accept')
      this.#violation(`${taskId} did not expire at its end`);
    this.#holders[task] = -1;
    this.counts.expired += 1;
    this.#open.push(task);
    this.#stale(taskId, fence);
  }

  /** A write under a token whose lease has ended. */
  #stale(taskId: string, fence: Fence): void {
    const { kind } = this.#submit('tasks.complete', { taskId, fence }, 'session', [], fence.holder);
    if (kind === 'accept') this.#violation(`a stale completion of ${taskId} was accepted`);
    else this.counts.staleRefused += 1;
  }

  /** A write under the next number, guessed, and under another's name. */
  #guess(taskId: string, fence: Fence): void {
    for (const guessed of [
      { ...fence, n: fence.n + 1 },
      { ...fence, epoch: fence.epoch + 1 },
      { ...fence, holder: this.#sessions[this.#random.below(SESSIONS)] ?? '' },
    ]) {
      if (guessed.n === fence.n && guessed.epoch === fence.epoch && guessed.holder === fence.holder)
        continue;
      const { kind } = this.#submit('tasks.complete', { taskId, fence: guessed }, 'operator');
      if (kind === 'accept') this.#violation(`a guessed token completed ${taskId}`);
      else this.counts.forgedRefused += 1;
    }
  }

  #take(at: number): void {
    const last = this.#open.pop();
    if (last !== undefined && at < this.#open.length) this.#open[at] = last;
  }

  #submit(
    op: string,
    args: object,
    cred: 'realm' | 'operator' | 'session' = 'operator',
    ids: readonly string[] = [],
    session?: string,
  ): { readonly kind: string; readonly events: Parameters<typeof evolve>[1]['events'] } {
    const command = {
      op,
      args,
      at: this.#at,
      cred,
      principal: cred,
      ids,
      ...(session === undefined ? {} : { session }),
    };
    const decision = decide(this.#world, command);
    const events =
      decision.kind === 'accept'
        ? decision.events
        : decision.kind === 'refuse'
          ? [decision.record]
          : [];
    if (events.length > 0) {
      const { size, epoch } = this.#world.realm;
      const opened = op === 'realm.open' ? epoch + 1 : epoch;
      evolve(this.#world, { ...command, index: size, epoch: opened, events });
    }
    return { kind: decision.kind, events };
  }

  #violation(law: string): void {
    if (this.counts.violations.length < TOLD_MAX) this.counts.violations.push(law);
  }
}
