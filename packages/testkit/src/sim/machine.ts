/**
 * The machine on which processes of a simulated world run: at most a leader and a former one that does not know it. It
 * starts, stops, pauses and kills them, and lets time pass for all of them at once.
 */
import { memoryBlobs, type Log } from '@infrafabric/fabric';

import type { Random } from '../random.ts';
import type { SimCounts } from './counts.ts';
import type { Doubles } from './doubles.ts';
import type { Medium } from './media.ts';
import { startProcess, type SimProcess } from './processes.ts';
import { microtasksDone } from './virtual-time.ts';

/** Steps of the wall clock are larger than what a leader takes for drift. */
const CLOCK_JUMPS_MS = [-86_400_000, -60_000, -5_000, 5_000, 60_000, 86_400_000] as const;
/** Timers that may fire in one step of time; more is a loop. */
const TIMERS_A_STEP_MAX = 5_000;

export interface MachineParts {
  readonly random: Random;
  readonly medium: Medium;
  readonly doubles: Doubles;
  readonly counts: SimCounts;
  readonly trace: (line: () => string) => void;
  readonly broken: (law: string) => never;
  /** Nothing moves any more: what there is to see and to hear can be looked at. */
  readonly onSettled: () => Promise<void>;
  /** A process is gone; who waits for its answers waits in vain. */
  readonly onBuried: () => void;
}

export class Machine {
  nowMs = 0;
  leader: SimProcess | undefined;
  /** A leader that was deposed and does not know it. */
  former: SimProcess | undefined;
  readonly medium: Medium;
  readonly blobs = memoryBlobs();
  readonly #parts: MachineParts;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.medium = parts.medium;
  }

  start(): void {
    const { random, doubles } = this.#parts;
    const { medium, blobs } = this;
    this.leader = startProcess({ world: this, medium, blobs, random, doubles, log: this.#log });
  }

  /** What the fabric would write for people, in the trace. A decision or a fold that throws is a defect, whoever asked. */
  readonly #log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields) => {
      this.#parts.trace(() => `    ${JSON.stringify(fields)}`);
      if (fields['event'] === 'leader.broken' && fields['why'] === 'internal')
        this.#defect ??= JSON.stringify(fields);
    },
    error: (fields) => {
      this.#parts.trace(() => `    ${JSON.stringify(fields)}`);
      if (fields['event'] === 'decide.defect') this.#defect ??= JSON.stringify(fields);
    },
  };
  #defect: string | undefined;

  /** Runs every process until nothing moves, then looks at the log and at what was answered. */
  async settle(): Promise<void> {
    let moved = true;
    while (moved) {
      await microtasksDone();
      moved = false;
      for (const one of [this.leader, this.former]) {
        if (one !== undefined && one.phase !== 'dead' && one.clock.endTurn()) moved = true;
      }
    }
    if (this.#defect !== undefined)
      this.#parts.broken(`a decision or its fold threw: ${this.#defect}`);
    await this.#parts.onSettled();
  }

  /** Ends a leader that asked for it, or whose machine has no power. */
  endBroken(): void {
    const { leader } = this;
    const { counts, broken } = this.#parts;
    if (leader === undefined) return;
    const { phase, why } = leader;
    if (this.medium.isCut) {
      if (this.medium.kind === 'file') counts.powerCuts += 1;
      this.kill(leader);
    } else if (phase === 'refused' || phase === 'fatal') {
      if (why.includes('log.damaged')) broken(`a leader refused its own log: ${why}`);
      if (why.includes('internal')) broken(`a leader ended by a defect: ${why}`);
      this.kill(leader);
    }
  }

  async advance(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    // Ends: a timer that fires is gone, and each new one lies behind now or is due at once and gone too.
    for (let fired = 0; fired < TIMERS_A_STEP_MAX; fired += 1) {
      const processes = [this.leader, this.former].filter((one) => one !== undefined);
      const next = Math.min(end, ...processes.map(({ clock }) => clock.nextAt));
      this.nowMs = Math.max(this.nowMs, next);
      let moved = false;
      for (const { clock } of processes) if (clock.fire()) moved = true;
      if (!moved) break;
      await this.settle();
    }
    this.nowMs = Math.max(this.nowMs, end);
    await this.settle();
  }

  /** The leader stops in order, or dies. Says whether there was one. */
  async crash(): Promise<boolean> {
    const { leader } = this;
    const { random, trace, counts } = this.#parts;
    if (leader === undefined) return false;
    const orderly = leader.phase === 'open' && random.chance(0.2);
    trace(() => (orderly ? 'the leader stops' : 'the leader dies'));
    if (orderly && (await this.#stop(leader))) this.medium.closed();
    else this.medium.crash();
    counts.crashes += 1;
    this.bury(leader);
    return true;
  }

  /** Closes a fabric in order, if its medium lets it; what hangs is killed. */
  async #stop(leader: SimProcess): Promise<boolean> {
    let closed = false;
    // From here on its journal may be closed, and shows nothing.
    leader.phase = 'closing';
    leader.fabric?.close().then(
      () => {
        closed = true;
      },
      () => undefined,
    );
    await this.settle();
    return closed && !this.medium.isCut;
  }

  kill(leader: SimProcess): void {
    this.#parts.trace(() => `the leader ends: ${leader.why}`);
    this.medium.crash();
    this.#parts.counts.crashes += 1;
    this.bury(leader);
  }

  bury(one: SimProcess): void {
    one.phase = 'dead';
    one.clock.phase = 'dead';
    if (one === this.leader) this.leader = undefined;
    if (one === this.former) this.former = undefined;
    this.#parts.onBuried();
  }

  /** The wall clock of the leader jumps. */
  jump(): void {
    const { leader } = this;
    const { random, trace, counts } = this.#parts;
    if (leader === undefined) return;
    counts.clockJumps += 1;
    trace(() => 'the wall clock jumps');
    leader.clock.wallErrorMs += random.pick(CLOCK_JUMPS_MS);
  }

  /**
   * Who leads is told by the log alone, and a leader without commands to write never learns that it was deposed (a
   * lease of leadership tells it; there is none here). So both end, and a new one begins.
   */
  endRivalry(): void {
    if (this.former === undefined) return;
    this.bury(this.former);
    if (this.leader !== undefined) this.kill(this.leader);
    this.start();
  }
}
