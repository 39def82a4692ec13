/** The witness as the engine starts it: one follower that keeps tree, fold and index, and answers the witness's reads. */
import {
  EntryRow,
  digestFrom,
  entryIndex,
  type OutputOf,
  type Rejection,
} from '@infrafabric/protocol';
import { formatVkey } from '@infrafabric/tlog';

import type { Clock } from '../engine/clock.ts';
import type { Follower, FollowerContext, FollowerLag, WitnessReads } from '../engine/follower.ts';
import { Fault } from '../fault.ts';
import type { Journal, Position } from '../ports/journal.ts';
import { FollowerSet, type FollowerSetOptions } from './follower-set.ts';
import { FollowerThread, type FollowerHost } from './follower-thread.ts';
import type { HashedState } from './fold-follower.ts';
import { memoryDisk } from './memory-disk.ts';
import { answerOf, type Asked, type Question, type Questions } from './messages.ts';
import { poolSigner } from './node-crypto.ts';
import type { FrameReader } from './pump.ts';
import type { CostReads } from './usage-reads.ts';

/** A follower that is behind by more than this is reported, ms. */
export const MERGE_DELAY_MS_MAX = 5_000;

/** How often a busy leader asks its followers how far they are, ms. */
const LAG_EVERY_MS = 1_000;

export interface WitnessOptions {
  /** The log's signing key, `PRIVATE+KEY+…` with the origin as its name or any other. */
  readonly logKey: string;
  readonly clock: Clock;
  /** Where a file journal lives; without it the journal is in memory, and so is all that follows it. */
  readonly dataFolder?: string;
  readonly snapshotEveryEntries?: number;
}

/** The engine's `Follower`, and the tiles that HTTP serves. */
export interface WitnessFollower extends Follower {
  readonly reads: WitnessReads;
  readonly costs: CostReads;
  /** The bytes under `tile/…`; undefined where the newest checkpoint does not cover them. Rejects with a Fault. */
  tile(path: string): Promise<Uint8Array | undefined>;
  lag(): readonly FollowerLag[];
}

/**
 * Makes the witness's follower. For a file journal it lives in a thread of its own, which starts with the first entry
 * or the first question; for a journal in memory it lives in the caller's.
 */
export function makeWitness(context: FollowerContext, options: WitnessOptions): WitnessFollower {
  const signer = poolSigner(options.logKey);
  if (signer === undefined) {
    throw new Fault('config.invalid', {
      transient: false,
      detail: 'the log key is no signing key',
    });
  }
  const report = (name: string, cause: unknown): void => {
    const detail = cause instanceof Error ? cause.message : String(cause);
    context.log.error({ event: 'follower.failed', name, detail });
  };
  const record = async ({ index, hash }: HashedState): Promise<void> => {
    try {
      await context.recordStateHash({ index, hash });
    } catch (cause) {
      // The next snapshot brings another hash; this one is lost with the leader that could have journaled it.
      if (cause instanceof Fault && cause.code === 'fabric.stopping') return;
      report('fold', cause);
    }
  };
  const onStateHash = (state: HashedState): void => {
    void record(state);
  };
  const host = hostOf(context, options, { onStateHash, onFault: report });
  const vkey = formatVkey(signer.key);
  return new Witness({ host, vkey, record, report, context, clock: options.clock });
}

interface WitnessParts {
  readonly host: FollowerHost;
  readonly vkey: string;
  readonly record: (state: HashedState) => Promise<void>;
  readonly report: (name: string, cause: unknown) => void;
  readonly context: FollowerContext;
  readonly clock: Clock;
}

class Witness implements WitnessFollower {
  readonly reads: WitnessReads;
  readonly costs: CostReads;
  readonly #parts: WitnessParts;
  #lag: readonly FollowerLag[] = [];
  #lagAskedAt = Number.NEGATIVE_INFINITY;
  /** Since when nobody says how far they are, ms. */
  #silentSince: number | undefined;
  /** Parts that were reported as late. */
  #late: ReadonlySet<string> = new Set();
  #cancelAsk = (): void => undefined;
  #closed = false;

  constructor(parts: WitnessParts) {
    this.#parts = parts;
    const { host, vkey } = parts;
    this.costs = {
      report: (ask) => host.ask('costsReport', ask),
      history: (ask) => host.ask('costsHistory', ask),
      entries: (ask) => host.ask('costsEntries', ask),
      burn: (ask) => host.ask('costsBurn', ask),
    };
    this.reads = {
      query: async ({ sessionId, ...input }) => {
        const found = await host.ask('query', { ...input, sessionId });
        const next = found.next === undefined ? {} : { next: entryIndex(found.next) };
        const entries = found.entries.map((row) => EntryRow.parse(row));
        return { entries, ...next, indexedTo: found.indexedTo };
      },
      proof: async ({ index }): Promise<OutputOf<'witness.proof'> | Rejection> => {
        const proof = await host.ask('proof', index);
        return 'kind' in proof ? proof : { ...proof, index: entryIndex(proof.index) };
      },
      checkpoint: async (): Promise<OutputOf<'witness.checkpoint'> | Rejection> => {
        const newest = await host.ask('checkpoint', undefined);
        if ('kind' in newest) return newest;
        return { checkpoint: newest.note, key: vkey, size: newest.size, root: newest.root };
      },
    };
  }

  onDurable(position: Position): void {
    this.#parts.host.told(position);
    const now = this.#parts.clock.monotonic();
    if (now - this.#lagAskedAt < LAG_EVERY_MS) return;
    this.#lagAskedAt = now;
    if (this.#parts.host.isRunning) void this.#askLag();
    else this.#askAgain();
  }

  tile(path: string): Promise<Uint8Array | undefined> {
    return this.#parts.host.ask('tile', path);
  }

  /** As of the last time that the followers were asked: each second while entries come or somebody is behind. */
  lag(): readonly FollowerLag[] {
    const since = this.#silentSince;
    if (since === undefined) return this.#lag;
    const behindMs = Math.round(this.#parts.clock.monotonic() - since);
    return [...this.#lag, { name: 'thread', position: 0, behindMs }];
  }

  /** Hands a last state hash to the leader, which must still run, and signs a checkpoint over everything. */
  async close(): Promise<void> {
    const { host, record, report } = this.#parts;
    this.#closed = true;
    this.#cancelAsk();
    try {
      const hashed = await host.ask('snapshot', undefined);
      if (hashed !== undefined) await record(hashed);
    } catch (cause) {
      report('fold', cause);
    }
    try {
      await host.ask('close', undefined);
    } catch (cause) {
      // The leader's own end must not hang on followers: what they lack is made again at the next start.
      report('close', cause);
    }
  }

  async #askLag(): Promise<void> {
    const { host, context, clock } = this.#parts;
    try {
      const lag = await host.ask('lag', undefined);
      this.#silentSince = undefined;
      this.#lag = PARTS.map((name) => ({
        name,
        position: lag[name],
        behindMs: Math.round(lag[`${name}BehindMs`]),
      }));
      this.#report();
      if (this.#lag.some(({ position }) => position < lag.durable)) this.#askAgain();
    } catch (cause) {
      this.#silentSince ??= clock.monotonic();
      context.log.debug({ event: 'follower.silent', detail: String(cause) });
      this.#askAgain();
    }
  }

  /** Whoever is behind is asked again also where no entry follows: an idle realm must not look better than it is. */
  #askAgain(): void {
    this.#cancelAsk();
    if (this.#closed) return;
    const { clock, host } = this.#parts;
    this.#cancelAsk = clock.setTimer(clock.monotonic() + LAG_EVERY_MS, () => {
      this.#lagAskedAt = clock.monotonic();
      if (host.isRunning && !this.#closed) void this.#askLag();
    });
  }

  #report(): void {
    const late = this.#lag.filter(({ behindMs }) => behindMs > MERGE_DELAY_MS_MAX);
    for (const { name, behindMs } of late) {
      if (this.#late.has(name)) continue;
      this.#parts.context.log.warn({ event: 'follower.behind', name, behindMs });
    }
    this.#late = new Set(late.map(({ name }) => name));
  }
}

const PARTS = ['tree', 'fold', 'index'] as const;

type Hooks = Pick<FollowerSetOptions, 'onStateHash' | 'onFault'>;

function hostOf(context: FollowerContext, options: WitnessOptions, hooks: Hooks): FollowerHost {
  const { clock, dataFolder, logKey, snapshotEveryEntries } = options;
  const every = snapshotEveryEntries === undefined ? {} : { snapshotEveryEntries };
  const { origin, head } = context;
  if (dataFolder !== undefined) {
    return new FollowerThread({
      dataFolder,
      origin,
      logKey,
      size: head.size,
      clock,
      ...every,
      ...hooks,
    });
  }
  const opening = FollowerSet.open(
    {
      disk: memoryDisk(),
      dataFolder: '/realm',
      indexPath: ':memory:',
      origin,
      logKey,
      reader: readerOf(context.journal),
      readBlob: async (digest) => context.blobs.get(digestFrom(digest.slice('sha256:'.length))),
      clock,
      ...every,
      ...hooks,
    },
    head.size,
  );
  return new LocalHost(opening, (cause) => {
    hooks.onFault('opening', cause);
  });
}

/** Followers in the caller's own thread. */
class LocalHost implements FollowerHost {
  readonly isRunning = true;
  readonly #opening: Promise<FollowerSet>;
  readonly #onFault: (cause: unknown) => void;
  #set: FollowerSet | undefined;
  #size = 0;

  constructor(opening: Promise<FollowerSet>, onFault: (cause: unknown) => void) {
    this.#opening = opening;
    this.#onFault = onFault;
    void this.#opened();
  }

  told(size: Position): void {
    this.#size = size;
    this.#set?.told(size);
  }

  async ask<Q extends Question>(
    question: Q,
    ask: Questions[Q]['ask'],
  ): Promise<Questions[Q]['answer']> {
    const set = await this.#opening;
    set.told(this.#size);
    // The pair was checked by this method's own signature.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const answer = await answerOf(set, { question, ask } as Asked);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return answer as Questions[Q]['answer'];
  }

  async #opened(): Promise<void> {
    try {
      this.#set = await this.#opening;
      this.#set.told(this.#size);
    } catch (cause) {
      this.#onFault(cause);
    }
  }
}

/** A journal as followers read it: up to what was told. */
const readerOf = (journal: Journal): FrameReader => ({
  read: async (after, limit, upTo) =>
    (await journal.read(after, limit)).filter(({ first }) => first < upTo),
  // The leader closes its own journal.
  close: () => undefined,
});
