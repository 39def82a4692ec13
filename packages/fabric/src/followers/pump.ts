/**
 * Moves the followers along the journal, up to the size that the leader said is durable.
 *
 * U1  Followers read the journal, not a queue: what waits costs no memory, however far behind they are.
 * U2  Each frame is read and hashed once for all followers that stand at it; one that is far behind gets pages of its
 *     own between theirs, so that a rebuilt index does not delay checkpoints.
 * U3  A follower that fails stands still and is reported; the others and the leader go on. A damaged log is final, a
 *     full disk is tried again.
 */
import type { Clock } from '../engine/clock.ts';
import { Fault } from '../fault.ts';
import { systemCode } from '../ports/disk.ts';
import type { Frame, FrameLimit, Position } from '../ports/journal.ts';
import { checkFrame, entriesOf, type ChainHead, type CheckedFrame } from './checked-frame.ts';
import type { LogEntry, ReadBlob } from './log-entry.ts';

/** One read. Larger: a page is held in memory, and it delays the next checkpoint while it is parsed. */
const PAGE: FrameLimit = { bytes: 524_288, frames: 256 };

/** How long a follower rests after a failure that may pass, ms. */
const RETRY_MS = 1_000;

/** Least time between two samples of what the leader said, ms. */
const SAMPLE_MS = 100;
/** Samples kept: a quarter of an hour of falling behind. */
const SAMPLES_MAX = 9_000;

/** Frames of the journal up to a durable size. `JournalReader` fits. */
export interface FrameReader {
  read(after: Position, limit: FrameLimit, upTo: Position): Promise<readonly Frame[]>;
  close(): void;
}

/** One that is moved along. `take` gets the entries from its position on where it asked for them, else none. */
export interface Moved {
  readonly name: 'tree' | 'fold' | 'index';
  readonly wants: 'leaves' | 'entries';
  position(): Position;
  take(frame: CheckedFrame, entries: readonly LogEntry[]): void;
  /** Called after each page that moved it. */
  paused(): Promise<void> | void;
}

export interface PumpOptions {
  readonly reader: FrameReader;
  readonly readBlob: ReadBlob;
  readonly clock: Clock;
  readonly moved: readonly Moved[];
  readonly onFault: (name: Moved['name'] | 'journal', cause: unknown) => void;
}

/** A full disk, a busy database, a fault that says so. A broken promise of ours does not pass by waiting. */
function mayPass(cause: unknown): boolean {
  return cause instanceof Fault ? cause.transient : systemCode(cause) !== undefined;
}

interface Sample {
  readonly size: Position;
  readonly atMs: number;
}

/** What is left of the samples that somebody who stands still would have needed. */
interface Left {
  /** Of the oldest. */
  readonly atMs: number;
  /** Of the newest: until it is there, it is behind since `atMs`. */
  readonly upTo: Position;
}

export class Pump {
  readonly #options: PumpOptions;
  readonly #heads = new Map<Position, ChainHead>();
  /** Whoever failed: until the retry, or for good. */
  readonly #stopped = new Map<Moved['name'] | 'journal', 'resting' | 'ended'>();
  readonly #samples: Sample[] = [];
  readonly #left = new Map<Moved['name'], Left>();
  readonly #waiting: { readonly size: Position; readonly done: () => void }[] = [];
  #durable: Position = 0;
  /** When the leader last said more. */
  #toldAtMs = 0;
  #running: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  /** The size that the leader said is durable. */
  get durable(): Position {
    return this.#durable;
  }

  /** Says that the first `size` entries are durable. Returns at once. */
  told(size: Position): void {
    if (size <= this.#durable || this.#closed) return;
    this.#durable = size;
    const now = this.#options.clock.monotonic();
    this.#toldAtMs = now;
    const last = this.#samples.at(-1);
    if (
      (last === undefined || now - last.atMs >= SAMPLE_MS) &&
      this.#samples.length < SAMPLES_MAX
    ) {
      this.#samples.push({ size, atMs: now });
    }
    this.#start();
  }

  /**
   * Age of the oldest entry that `name` has not taken, ms, by when the leader said that it is durable; 0 in step. Whoever
   * stands still grows older with the clock, and after its rest until it has taken all that was said meanwhile.
   */
  behindMs(name: Moved['name']): number {
    const at = this.#options.moved.find((moved) => moved.name === name)?.position() ?? 0;
    if (at >= this.#durable) return 0;
    const oldest = this.#leftOf(name, at) ?? this.#samples.find(({ size }) => size > at);
    return this.#options.clock.monotonic() - (oldest?.atMs ?? this.#toldAtMs);
  }

  /** Resolves when all that run have taken the first `size` entries, or nothing moves any more. */
  async reached(size: Position): Promise<void> {
    if (this.#lowest() >= size || this.#running === undefined) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push({ size, done: resolve });
    });
  }

  /** Takes what is durable, then ends. */
  async drain(): Promise<void> {
    this.#cancelRetry?.();
    while (this.#running !== undefined) await this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    await this.#running;
  }

  #start(): void {
    if (this.#running !== undefined || this.#closed || this.#laggards().length === 0) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      for (const { done } of this.#waiting.splice(0)) done();
      // What was said between the last look and now.
      if (this.#laggards().length > 0) this.#start();
    });
  }

  /** Ends: each round moves somebody on, or stops somebody. */
  async #run(): Promise<void> {
    for (let behind = this.#laggards(); behind.length > 0; behind = this.#laggards()) {
      // The one in front first: that is the tree, unless it is being made again.
      const places = new Set(behind.map((moved) => moved.position()));
      for (const place of [...places].toSorted((a, b) => b - a)) {
        if (this.#closed) return;
        await this.#page(place);
      }
      this.#forgetSamples();
      this.#wake();
      // Over a journal in memory nothing else would ever get a turn.
      await new Promise<void>((resolve) => {
        this.#options.clock.endOfTurn(resolve);
      });
    }
  }

  async #page(place: Position): Promise<void> {
    const behind = this.#laggards();
    if (!behind.some((moved) => moved.position() === place)) return;
    try {
      const frames = await this.#options.reader.read(place, PAGE, this.#durable);
      if (frames.length === 0)
        throw new Fault('log.damaged', { transient: false, detail: `nothing at entry ${place}` });
      for (const frame of frames) await this.#frame(frame, behind);
    } catch (cause) {
      this.#stop('journal', cause);
    }
    for (const moved of behind) {
      if (this.#stopped.has(moved.name)) continue;
      try {
        await moved.paused();
      } catch (cause) {
        this.#stop(moved.name, cause);
      }
    }
  }

  async #frame(frame: Frame, behind: readonly Moved[]): Promise<void> {
    const { first, previousLeaf } = frame;
    const head = this.#heads.get(first) ?? { size: first, leaf: previousLeaf, epoch: 0, atMs: 0 };
    const checked = checkFrame(frame, head);
    this.#heads.delete(first);
    this.#heads.set(checked.after.size, checked.after);
    const there = behind.filter(
      (moved) => moved.position() >= first && moved.position() < checked.after.size,
    );
    const parsedFrom = Math.min(
      ...there.filter(({ wants }) => wants === 'entries').map((moved) => moved.position()),
    );
    const entries = Number.isFinite(parsedFrom)
      ? await entriesOf(checked, parsedFrom, this.#options.readBlob)
      : [];
    for (const moved of there) {
      if (this.#stopped.has(moved.name)) continue;
      try {
        const own =
          moved.position() > parsedFrom ? entries.slice(moved.position() - parsedFrom) : entries;
        moved.take(checked, own);
      } catch (cause) {
        this.#stop(moved.name, cause);
      }
    }
  }

  #stop(name: Moved['name'] | 'journal', cause: unknown): void {
    const rest = mayPass(cause) && !this.#closed;
    this.#stopped.set(name, rest ? 'resting' : 'ended');
    this.#options.onFault(name, cause);
    if (!rest) return;
    const { clock } = this.#options;
    this.#cancelRetry ??= clock.setTimer(clock.monotonic() + RETRY_MS, () => {
      this.#cancelRetry = undefined;
      for (const [one, how] of this.#stopped) if (how === 'resting') this.#stopped.delete(one);
      this.#start();
    });
  }

  #laggards(): readonly Moved[] {
    if (this.#stopped.has('journal')) return [];
    return this.#options.moved.filter(
      (moved) => !this.#stopped.has(moved.name) && moved.position() < this.#durable,
    );
  }

  #lowest(): Position {
    const running = this.#options.moved.filter(({ name }) => !this.#stopped.has(name));
    return Math.min(this.#durable, ...running.map((moved) => moved.position()));
  }

  #wake(): void {
    const lowest = this.#lowest();
    for (let i = this.#waiting.length - 1; i >= 0; i -= 1) {
      const waiting = this.#waiting[i];
      if (waiting === undefined || waiting.size > lowest) continue;
      this.#waiting.splice(i, 1);
      waiting.done();
    }
  }

  #forgetSamples(): void {
    const lowest = this.#lowest();
    const known = this.#samples.findIndex(({ size }) => size > lowest);
    const forgotten = this.#samples.splice(0, known === -1 ? this.#samples.length : known);
    this.#keepOldest(forgotten);
    // One head for each place where a follower stands.
    for (const size of this.#heads.keys()) {
      if (!this.#options.moved.some((moved) => moved.position() === size)) this.#heads.delete(size);
    }
  }

  /** Samples go as those that run go on; of who stands still, the oldest one that it lacks is kept. */
  #keepOldest(forgotten: readonly Sample[]): void {
    const upTo = forgotten.at(-1)?.size;
    if (upTo === undefined) return;
    for (const moved of this.#options.moved) {
      const at = moved.position();
      const oldest = this.#leftOf(moved.name, at) ?? forgotten.find(({ size }) => size > at);
      if (oldest !== undefined) this.#left.set(moved.name, { atMs: oldest.atMs, upTo });
    }
  }

  #leftOf(name: Moved['name'], at: Position): Left | undefined {
    const left = this.#left.get(name);
    return left !== undefined && at < left.upTo ? left : undefined;
  }
}
