/**
 * Who calls a simulated fabric: agents that work, stall, die, come back with old tokens and guess; an operator that
 * pauses, parks, cancels and judges. An actor has one call under way; where it never hears the answer it sends the
 * same call with the same idempotency key again, or gives up.
 */
import type { World } from '@infrafabric/core';
import type { Grant } from '@infrafabric/protocol';

import type { Random } from '../random.ts';
import type { SimPlan } from './sim-plan.ts';

/** What an actor may look at. */
export interface ActorWorld {
  readonly random: Random;
  readonly nowMs: number;
  /** The world that the log folds to. */
  readonly world: World;
  readonly plans: readonly SimPlan[];
  readonly agents: readonly SimAgent[];
  /** From the log: what waits for a person. */
  readonly submitted: readonly string[];
  readonly paused: readonly string[];
  readonly parked: readonly string[];
  /** Tasks that wait for a cancelled one: for ever, unless somebody ends them too. */
  readonly hopeless: readonly string[];
  readonly openBlockers: readonly string[];
  readonly approvable: readonly { readonly planId: string; readonly phase: string }[];
  nextKey(): string;
}

export interface Lease {
  readonly taskId: string;
  readonly fencingToken: string;
  readonly fence: number;
  readonly leaseMs: number;
}

/** One intention of an actor, sent once or more. */
export interface SimCall {
  readonly by: Actor;
  readonly op: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly key: string | undefined;
  /** The token under which it is sent: the operator's, or this one of a session. */
  readonly bearer: { readonly sessionId: string; readonly token: string } | undefined;
  /** The lease whose token it carries, and whose it is. */
  readonly lease?: Lease | undefined;
  readonly token: 'own' | 'stale' | 'forged' | 'foreign';
  attempts: number;
  firstSentAtMs: number;
  sentAtMs: number;
  /** Entries that the log had when it was first sent. */
  sizeAtFirst: number;
  /** Moments of the history: when it was first sent, when the answer came. */
  calledAt: number;
}

export type Wish = Pick<SimCall, 'op' | 'input'> &
  Partial<Pick<SimCall, 'lease' | 'token' | 'bearer'>> & { readonly keyed?: boolean };

const LEASES_MS = [1_000, 1_500, 2_500, 4_000] as const;
const STALE_KEPT_MAX = 6;

export abstract class Actor {
  readonly name: string;
  /** Sent, and not answered. */
  pending: SimCall | undefined;
  /** Was never answered: to be sent again. */
  unanswered: SimCall | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** What it wants next; undefined: nothing. */
  abstract wish(world: ActorWorld): Wish | undefined;
  /** What it wants when all it wants is that the work gets done. */
  abstract work(world: ActorWorld): Wish | undefined;
}

export class SimAgent extends Actor {
  readonly capabilities: readonly string[];
  readonly leasesMax: number;
  session: { readonly sessionId: string; readonly token: string } | undefined;
  readonly held = new Map<string, Lease>();
  /** Tokens of leases that ended, and of sessions that ended. */
  readonly stale: (Lease & { readonly bearer: NonNullable<SimCall['bearer']> })[] = [];

  constructor(name: string, capabilities: readonly string[], leasesMax: number) {
    super(name);
    this.capabilities = capabilities;
    this.leasesMax = leasesMax;
  }

  granted({ taskId, fencingToken, fence, leaseMs }: Grant): void {
    this.held.set(taskId, { taskId, fencingToken, fence, leaseMs });
  }

  /** Its lease ended, by its own doing or by what it was told; the token stays in its drawer. */
  lost(taskId: string): void {
    const lease = this.held.get(taskId);
    this.held.delete(taskId);
    if (lease === undefined || this.session === undefined) return;
    this.stale.push({ ...lease, bearer: this.session });
    if (this.stale.length > STALE_KEPT_MAX) this.stale.shift();
  }

  sessionOver(): void {
    for (const taskId of this.held.keys()) this.lost(taskId);
    this.session = undefined;
  }

  wish(world: ActorWorld): Wish | undefined {
    const { random } = world;
    const { session } = this;
    if (session === undefined) return this.#open();
    const dice = random.below(100);
    if (dice < 8) return this.mischief(world);
    if (dice < 10) return soft('sessions.heartbeat', { sessionId: session.sessionId });
    if (dice < 12) return soft('tasks.show', { taskId: randomTaskId(world) });
    if (dice < 13) return { op: 'sessions.close', input: { sessionId: session.sessionId } };
    const leases = [...this.held.values()];
    const lease = leases[random.below(leases.length + 1)];
    if (lease !== undefined) return this.#withLease(lease, world, session.sessionId);
    return this.#seek(world, session.sessionId);
  }

  work(world: ActorWorld): Wish | undefined {
    const { session } = this;
    if (session === undefined) return this.#open();
    const [lease] = this.held.values();
    if (lease !== undefined) return held('tasks.complete', lease, {});
    const waits = world.random.chance(0.4) ? { waitMs: 3_000 } : {};
    return { op: 'tasks.next', input: { sessionId: session.sessionId, leaseMs: 4_000, ...waits } };
  }

  #open(): Wish {
    const { name: agent, capabilities, leasesMax } = this;
    // Two sessions of one agent's name are two holders (C5): the name ends before the mark.
    const input = { agent: agent.split('~')[0], capabilities, leasesMax };
    return { op: 'sessions.open', input, bearer: undefined };
  }

  #seek({ random, plans }: ActorWorld, sessionId: string): Wish {
    const leaseMs = random.pick(LEASES_MS);
    if (random.chance(0.5)) {
      const taskId = random.pick(random.pick(plans).tasks).id;
      return { op: 'tasks.claim', input: { sessionId, taskId, leaseMs } };
    }
    const count = random.chance(0.3) ? { count: 1 + random.below(3) } : {};
    const waits = random.chance(0.4) ? { waitMs: 500 + random.below(3_000) } : {};
    return { op: 'tasks.next', input: { sessionId, leaseMs, ...count, ...waits } };
  }

  #withLease(lease: Lease, { random }: ActorWorld, sessionId: string): Wish {
    const { taskId, fencingToken } = lease;
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
        return held('tasks.complete', lease, random.chance(0.4) ? { next: true } : {});
      case 3:
        return held('tasks.progress', lease, { percent: random.below(100) });
      case 4:
        return held('tasks.release', lease, {});
      case 5:
        return held('tasks.fail', lease, { reason: 'it broke' });
      case 6:
        return held('blockers.raise', lease, {
          kind: 'question',
          title: 'how?',
          ...(random.chance(0.5) ? { release: true } : {}),
        });
      default:
        return soft('tasks.renew', {
          sessionId,
          ...(random.chance(0.5) ? { leases: [{ taskId, fencingToken }] } : {}),
        });
    }
  }

  /** What a broken or hostile agent does with tokens. */
  protected mischief(world: ActorWorld): Wish | undefined {
    const { random } = world;
    const [lease] = this.held.values();
    const stale = this.stale.length > 0 ? random.pick(this.stale) : undefined;
    switch (random.below(4)) {
      case 0:
        if (lease === undefined) return undefined;
        return { ...anyWrite(forged(lease), random), token: 'forged' };
      case 1: {
        const other = random.pick(world.agents);
        const [theirs] = other === this ? [] : other.held.values();
        return theirs === undefined ? undefined : { ...anyWrite(theirs, random), token: 'foreign' };
      }
      default:
        if (stale === undefined) return undefined;
        return { ...anyWrite(stale, random), token: 'stale', bearer: stale.bearer };
    }
  }
}

export class SimOperator extends Actor {
  /** Plans that the fabric has not acknowledged yet. */
  readonly toSubmit: SimPlan[];

  constructor(plans: readonly SimPlan[]) {
    super('operator');
    this.toSubmit = [...plans];
  }

  wish(world: ActorWorld): Wish | undefined {
    const { random } = world;
    const submission = this.submission();
    if (submission !== undefined) return submission;
    switch (random.below(16)) {
      case 0: {
        const [paused] = world.paused;
        return paused === undefined
          ? { op: 'plans.pause', input: { planId: random.pick(world.plans).id } }
          : { op: 'plans.resume', input: { planId: paused } };
      }
      case 1:
        return random.chance(0.3)
          ? { op: 'tasks.cancel', input: { taskId: randomTaskId(world), reason: 'not needed' } }
          : undefined;
      case 2:
        return { op: 'tasks.park', input: { taskId: randomTaskId(world), reason: 'later' } };
      case 3: {
        const session = random.pick(world.agents).session;
        if (session === undefined || random.chance(0.6)) return undefined;
        return { op: 'sessions.revoke', input: { sessionId: session.sessionId, reason: 'test' } };
      }
      default:
        return this.duty(world);
    }
  }

  work(world: ActorWorld): Wish | undefined {
    const submission = this.submission();
    if (submission !== undefined) return submission;
    const [planId] = world.paused;
    if (planId !== undefined) return { op: 'plans.resume', input: { planId } };
    const [taskId] = world.hopeless;
    if (taskId !== undefined)
      return { op: 'tasks.cancel', input: { taskId, reason: 'waits for a cancelled one' } };
    return this.duty(world);
  }

  protected submission(): Wish | undefined {
    const [plan] = this.toSubmit;
    return plan === undefined ? undefined : { op: 'plans.submit', input: { plan: plan.spec } };
  }

  protected duty({
    random,
    submitted,
    parked,
    openBlockers,
    approvable,
  }: ActorWorld): Wish | undefined {
    const duties: Wish[] = [
      ...submitted.map((taskId): Wish => {
        const verdict = random.chance(0.8) ? 'accept' : 'reject';
        return { op: 'tasks.judge', input: { taskId, verdict, reason: 'looked at it' } };
      }),
      ...parked.map((taskId): Wish => ({ op: 'tasks.unpark', input: { taskId } })),
      ...openBlockers.map((blockerId): Wish => ({
        op: 'blockers.resolve',
        input: { blockerId, resolution: 'answered' },
      })),
      ...approvable.map((input): Wish => ({ op: 'phases.approve', input })),
    ];
    return duties.length === 0 ? undefined : random.pick(duties);
  }
}

export const soft = (op: string, input: Wish['input']): Wish => ({ op, input, keyed: false });

export const held = (op: string, lease: Lease, more: Wish['input']): Wish => {
  const { taskId, fencingToken } = lease;
  return { op, input: { taskId, fencingToken, ...more }, lease };
};

const anyWrite = (lease: Lease, random: Random): Wish => {
  switch (random.below(5)) {
    case 0:
      return held('tasks.progress', lease, { percent: 1 });
    case 1:
      return held('tasks.release', lease, {});
    case 2:
      return held('tasks.fail', lease, { reason: 'late' });
    case 3:
      return held('blockers.raise', lease, { kind: 'other', title: 'late' });
    default:
      return held('tasks.complete', lease, {});
  }
};

/** The token of the next grant, guessed: everything but the number as it was. */
const forged = (lease: Lease): Lease => {
  const [epoch, , ...rest] = lease.fencingToken.split('.');
  const fence = lease.fence + 1;
  return { ...lease, fence, fencingToken: [epoch, fence, ...rest].join('.') };
};

export const randomTaskId = ({ random, plans }: ActorWorld): string =>
  random.pick(random.pick(plans).tasks).id;
