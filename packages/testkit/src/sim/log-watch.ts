/**
 * Reads the log of a simulated world as an outsider does, entry by entry, and holds it to what nobody may break:
 *
 * W1  Entry i never changes.
 * W2  The size never falls below what was seen or acknowledged.
 * W3  There is one root a size: a root is a function of the leaves before it, so W1 on every leaf is W3.
 * V5  `decide` on the recorded inputs gives the recorded events, and the world that they fold to keeps C1–C5, G1–G5, O1.
 * C1  Fences of a task are 1, 2, 3, …  C2  A task is completed once, by its holder.
 * C3  A lease ends by time neither before what its holder was told, nor lives on after it.
 * C4  A task is leased only when the plan allows it, by the plan alone (see `whyNotLeasable`).
 */
import {
  createWorld,
  decide,
  evolve,
  worldFaults,
  type DomainEvent,
  type World,
} from '@infrafabric/core';
import {
  celConditions,
  eventListText,
  memoryBlobs,
  readFrame,
  type Committed,
  type Frame,
  type Head,
} from '@infrafabric/fabric';

import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';

import type { Medium } from './media.ts';
import { SIM_GENESIS_LEAF } from './media.ts';
import { whyNotLeasable, type SimPlan, type SimTask } from './sim-plan.ts';

export interface TaskWatch {
  fence: number;
  holder: string;
  /** Every session that ever held it. */
  readonly holders: Set<string>;
  leaseMs: number;
  /** Leased by the log. */
  live: boolean;
  done: boolean;
  /** Done or cancelled. */
  over: boolean;
  /** When its holder stops by its own clock, as far as anything was acknowledged to it; world time, ms. */
  holderUntil: number;
  /** From here on no write of its holder may be accepted; world time, ms. */
  endsBy: number;
}

type Broken = (law: string) => never;
const blobs = memoryBlobs();
/** How long a key's first reply is kept, by the time of entries; core's own figure, written here a second time. */
export const IDEMPOTENCY_WINDOW_MS = 3_600_000;
const conditions = celConditions();
const GENESIS: Head = { size: 0, leaf: SIM_GENESIS_LEAF, epoch: 0 };

export interface LogWatchOptions {
  readonly broken: Broken;
  readonly nowMs: () => number;
  readonly plans: () => readonly SimPlan[];
  /** What a session was opened with. */
  readonly sessionNeeds: (sessionId: string) => readonly string[] | undefined;
  /** After each entry was folded into the watched world. */
  readonly onFolded?: (entry: Committed, world: World) => void;
}

export class LogWatch {
  readonly world: World = createWorld();
  readonly entries: Committed[] = [];
  readonly byKey = new Map<string, Committed>();
  readonly tasks = new Map<string, TaskWatch>();
  /** Told of each entry as it is seen. */
  onEntry: (entry: Committed) => void = () => undefined;
  readonly #options: LogWatchOptions;
  readonly #leaves: string[] = [];
  readonly #approvals = new Map<string, number>();
  readonly #plan = new Map<string, SimTask>();
  #head: Head = GENESIS;
  /** Least share of what a task needs, as the policy in force says. */
  #minMatchPermille = RESOURCE_POLICY_DEFAULT.minMatchPermille;

  constructor(options: LogWatchOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#head.size;
  }

  get epoch(): number {
    return this.#head.epoch;
  }

  /** Takes in what the medium shows behind the last look. */
  async follow(medium: Medium): Promise<void> {
    for (;;) {
      const frames = await medium.read(this.#head.size);
      if (frames.length === 0) return;
      for (const frame of frames) await this.#take(frame);
    }
  }

  /** Reads everything again and compares (W1–W3). */
  async reread(medium: Medium): Promise<void> {
    let head = GENESIS;
    for (;;) {
      const frames = await medium.read(head.size);
      if (frames.length === 0) break;
      for (const frame of frames) {
        for (const { entry, leaf } of await this.#read(frame, head)) {
          const known = this.#leaves[entry.index];
          if (known !== undefined && known !== leaf)
            this.#options.broken(`W1: entry ${entry.index} is not what it was`);
          head = { size: entry.index + 1, leaf, epoch: entry.epoch };
        }
      }
    }
    // The power may have gone while it was read.
    if (!medium.isReadable) return;
    if (head.size < this.#head.size)
      this.#options.broken(`W2: the log has ${head.size} entries and had ${this.#head.size}`);
    await this.follow(medium);
  }

  async #read(frame: Frame, head: Head): ReturnType<typeof readFrame> {
    try {
      return await readFrame(frame, head, blobs);
    } catch (cause) {
      return this.#options.broken(`the chain is broken: ${String(cause)}`);
    }
  }

  async #take(frame: Frame): Promise<void> {
    for (const { entry, leaf } of await this.#read(frame, this.#head)) {
      this.#decideAgain(entry);
      this.#leaves.push(leaf);
      this.entries.push(entry);
      this.onEntry(entry);
      if (entry.idem !== undefined) this.#key(entry.idem, entry);
      this.#head = { size: entry.index + 1, leaf, epoch: entry.epoch };
      try {
        evolve(this.world, entry);
      } catch (cause) {
        this.#options.broken(`V5: entry ${entry.index} does not fold: ${String(cause)}`);
      }
      for (const event of entry.events) this.#event(event, entry);
      const [fault] = worldFaults(this.world);
      if (fault !== undefined) this.#options.broken(`after entry ${entry.index}: ${fault}`);
      this.#options.onFolded?.(entry, this.world);
    }
  }

  #key(idem: string, entry: Committed): void {
    const first = this.byKey.get(idem);
    if (first !== undefined && entry.at < first.at + IDEMPOTENCY_WINDOW_MS)
      this.#options.broken(`one idempotency key, two entries: ${first.index} and ${entry.index}`);
    this.byKey.set(idem, entry);
  }

  #decideAgain(entry: Committed): void {
    const decision = decide(this.world, entry, conditions);
    const events =
      decision.kind === 'accept'
        ? decision.events
        : decision.kind === 'refuse'
          ? [decision.record]
          : undefined;
    const computed = events === undefined ? JSON.stringify(decision) : eventListText(events);
    const recorded = eventListText(entry.events);
    if (computed !== recorded)
      this.#options.broken(`V5: entry ${entry.index} says ${recorded}, decide says ${computed}`);
  }

  watched(taskId: string): TaskWatch {
    let task = this.tasks.get(taskId);
    if (task === undefined) {
      task = {
        fence: 0,
        holder: '',
        holders: new Set(),
        leaseMs: 0,
        live: false,
        done: false,
        over: false,
        holderUntil: Number.NEGATIVE_INFINITY,
        endsBy: Number.NEGATIVE_INFINITY,
      };
      this.tasks.set(taskId, task);
    }
    return task;
  }

  /** A leader has begun: it counts every lease from now on, at full length. */
  #restart(): void {
    const now = this.#options.nowMs();
    for (const task of this.tasks.values()) if (task.live) task.endsBy = now + task.leaseMs;
  }

  #event(event: DomainEvent, entry: Committed): void {
    switch (event.type) {
      case 'realm.opened':
        this.#restart();
        break;
      case 'task.leased':
        this.#leased(event, entry);
        break;
      case 'task.completed':
        this.#ended(event, entry);
        this.#over(event.taskId, 'done');
        break;
      case 'task.submitted':
      case 'task.released':
      case 'task.failed':
        this.#ended(event, entry);
        break;
      case 'task.progressed':
        this.#held(event, entry);
        break;
      case 'blocker.raised':
        this.#held(event, entry);
        if (event.released) this.watched(event.taskId).live = false;
        break;
      case 'lease.expired':
        this.#expired(event, entry);
        break;
      case 'task.accepted':
        this.#over(event.taskId, 'done');
        break;
      case 'task.cancelled':
        this.#over(event.taskId, 'cancelled');
        break;
      case 'task.parked':
        this.watched(event.taskId).live = false;
        break;
      case 'plan.cancelled':
        for (const taskId of event.ended) this.watched(taskId).live = false;
        break;
      case 'session.closed':
        for (const taskId of event.released) this.watched(taskId).live = false;
        break;
      case 'help.offered':
        this.#plan.set(event.taskId, helpTask(event.taskId, event.needs));
        break;
      case 'policy.set':
        this.#minMatchPermille = event.minMatchPermille;
        break;
      case 'phase.approved':
        this.#approve(`${event.planId} ${event.phase}`);
        break;
      default:
    }
  }

  #approve(phase: string): void {
    this.#approvals.set(phase, (this.#approvals.get(phase) ?? 0) + 1);
  }

  #leased(event: Extract<DomainEvent, { readonly type: 'task.leased' }>, entry: Committed): void {
    const { broken, nowMs, plans, sessionNeeds } = this.#options;
    const { taskId, fence, sessionId, leaseMs } = event;
    const watch = this.watched(taskId);
    if (fence !== watch.fence + 1)
      broken(`C1: entry ${entry.index} grants fence ${fence} of ${taskId} after ${watch.fence}`);
    if (watch.live) broken(`entry ${entry.index} grants ${taskId}, which ${watch.holder} holds`);
    if (watch.over) broken(`C2: entry ${entry.index} grants ${taskId}, which is over`);
    const task = this.#taskOf(taskId);
    const whyNot = whyNotLeasable(
      task,
      plans(),
      (id) => this.watched(id),
      (planId, phase) => this.#approvals.get(`${planId} ${phase}`) ?? 0,
    );
    if (whyNot !== undefined) broken(`C4: entry ${entry.index}: ${whyNot}`);
    const has = sessionNeeds(sessionId);
    const lacks = task.needs.filter((need) => has !== undefined && !has.includes(need));
    const match = (task.needs.length - lacks.length) * 1_000;
    if (match < task.needs.length * this.#minMatchPermille)
      broken(`C4: ${sessionId} got ${taskId} without ${lacks.join(', ')}`);
    const endsBy = nowMs() + leaseMs;
    Object.assign(watch, { fence, holder: sessionId, leaseMs, live: true, endsBy });
    watch.holders.add(sessionId);
    watch.holderUntil = Number.NEGATIVE_INFINITY;
  }

  #taskOf(taskId: string): SimTask {
    const known = this.#plan.get(taskId);
    if (known !== undefined) return known;
    for (const plan of this.#options.plans())
      for (const task of plan.tasks) this.#plan.set(task.id, task);
    return this.#plan.get(taskId) ?? this.#options.broken(`a lease of no task ${taskId}`);
  }

  #held({ taskId, fence, sessionId }: Ending, entry: Committed): void {
    const watch = this.watched(taskId);
    if (!watch.live || watch.fence !== fence || watch.holder !== sessionId)
      this.#options.broken(
        `C5: entry ${entry.index}: ${sessionId} wrote to ${taskId} with fence ${fence}; ` +
          `the log says ${watch.live ? 'held by' : 'last held by'} ${watch.holder} with ${watch.fence}`,
      );
  }

  #ended(event: Ending, entry: Committed): void {
    this.#held(event, entry);
    this.watched(event.taskId).live = false;
  }

  #expired(event: Ending, entry: Committed): void {
    this.#held(event, entry);
    const watch = this.watched(event.taskId);
    watch.live = false;
    const earlyMs = watch.holderUntil - this.#options.nowMs();
    if (earlyMs > 0)
      this.#options.broken(
        `C3: entry ${entry.index} ends the lease of ${event.taskId} ${earlyMs} ms before its holder was told`,
      );
  }

  #over(taskId: string, how: 'done' | 'cancelled'): void {
    const watch = this.watched(taskId);
    if (watch.done) this.#options.broken(`C2: ${taskId} is done twice`);
    watch.live = false;
    watch.over = true;
    watch.done = how === 'done';
  }
}

interface Ending {
  readonly taskId: string;
  readonly fence: number;
  readonly sessionId: string;
}

/** A help task waits for nothing and owns nothing: its blocker made it. */
const helpTask = (id: string, needs: readonly string[]): SimTask => ({
  id,
  key: id,
  dependsOn: [],
  phase: undefined,
  needs,
  owns: undefined,
  filler: true,
  gated: false,
});
