/**
 * Signs the tree and publishes the signature.
 *
 * W2  Published sizes never fall.
 * W3  A size is signed with one root: `state/signed` is on the medium before a signature is released.
 * T5  What a checkpoint covers is durable in the journal, and its tiles stand on disk before it does.
 * T6  One publication at a time, none sooner than 20 ms after the last, none where nothing is new.
 */
import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { CHECKPOINT_PATH, checkpointText } from '@infrafabric/tlog';

import type { Clock } from '../engine/clock.ts';
import { Fault } from '../fault.ts';
import { isSyncFailure } from '../ports/disk.ts';
import type { CheckpointHistory } from './checkpoint-history.ts';
import { replaceFile, type FollowerDisk } from './follower-disk.ts';
import type { PoolSigner } from './node-crypto.ts';
import type { Signed, SignedState } from './signed-state.ts';
import type { TileStore } from './tile-store.ts';
import type { TreeFollower } from './tree-follower.ts';

/** How old an entry may be that no checkpoint covers, ms. Smaller: more signatures. Larger: a longer blind window. */
export const CHECKPOINT_EVERY_MS = 1_000;
/** Entries after which a checkpoint is signed before its time. */
export const CHECKPOINT_EVERY_ENTRIES = 4_096;
/** Least time between two signatures, ms: each costs a sync of the disk that the leader writes to. */
export const CHECKPOINT_GAP_MS = 20;

export interface PublishedCheckpoint extends Signed {
  /** The signed note. */
  readonly note: string;
}

export interface CheckpointerOptions {
  readonly disk: FollowerDisk;
  readonly dataFolder: string;
  readonly origin: string;
  readonly signer: PoolSigner;
  readonly signedState: SignedState;
  readonly history: CheckpointHistory;
  readonly tiles: TileStore;
  readonly tree: TreeFollower;
  readonly clock: Clock;
  /** What was published before this life, if its note is at hand. */
  readonly last: PublishedCheckpoint | undefined;
  readonly onFault: (cause: unknown) => void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #last: PublishedCheckpoint | undefined;
  #publishedAt = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #retryAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#last = options.last;
  }

  /** The newest checkpoint that was released. */
  get last(): PublishedCheckpoint | undefined {
    return this.#last;
  }

  /** The tree has grown: sees to it that a checkpoint follows in time. */
  grown(): void {
    const fresh = this.#options.tree.position - (this.#last?.size ?? 0);
    if (fresh === 0 || this.#stopped) return;
    const now = this.#options.clock.monotonic();
    const wait = fresh >= CHECKPOINT_EVERY_ENTRIES ? 0 : CHECKPOINT_EVERY_MS;
    this.#arm(Math.max(now + wait, this.#publishedAt + CHECKPOINT_GAP_MS, this.#retryAt));
  }

  /**
   * Resolves when a checkpoint covers the first `size` entries, or when none will: the caller looks at `last`.
   * Somebody waits, so it is signed as soon as the gap allows.
   */
  async covering(size: number): Promise<void> {
    const { tree, clock } = this.#options;
    // Two rounds: the one under way may have begun before the tree was large enough.
    for (let round = 0; round < 2; round += 1) {
      if (this.#stopped || (this.#last?.size ?? 0) >= size || tree.position < size) return;
      await this.#underWay;
      const sinceMs = clock.monotonic() - this.#publishedAt;
      if (sinceMs < CHECKPOINT_GAP_MS) await this.#pause(CHECKPOINT_GAP_MS - sinceMs);
      if ((this.#last?.size ?? 0) < size) await this.publish();
    }
  }

  /** Publishes now what is new, if anything is. Never rejects: `onFault` is told. */
  publish(): Promise<void> {
    this.#disarm();
    this.#underWay ??= this.#publishing().finally(() => {
      this.#underWay = undefined;
      this.grown();
    });
    return this.#underWay;
  }

  /** A last checkpoint over all that there is; afterwards nothing is signed any more. */
  async stop(): Promise<void> {
    await this.#underWay;
    await this.publish();
    this.#stopped = true;
    this.#disarm();
  }

  async #publishing(): Promise<void> {
    try {
      if (!this.#stopped) await this.#publishNew();
    } catch (cause) {
      // After a failed sync nothing is known of what is on the medium; a disk without room is tried again.
      if (cause instanceof Fault || isSyncFailure(cause)) this.#stopped = true;
      this.#retryAt = this.#options.clock.monotonic() + CHECKPOINT_EVERY_MS;
      this.#options.onFault(cause);
    } finally {
      this.#publishedAt = this.#options.clock.monotonic();
    }
  }

  async #publishNew(): Promise<void> {
    const { disk, dataFolder, origin, tiles, tree, clock, history } = this.#options;
    const before = this.#last?.size ?? 0;
    if (!tree.isTrusted || tree.position === before) return;
    tree.writePending();
    const { size, root, partials } = tree.end();
    for (const { tile, bytes } of partials) tiles.write(tile, bytes);
    const text = checkpointText({ origin, size, root });
    await this.#options.signedState.record({ size, root });
    const note = await this.#options.signer.signedNote(text);
    // Readers of a log that is being written rely on this order: journal, checkpoint, history.
    replaceFile(disk, join(dataFolder, CHECKPOINT_PATH), Buffer.from(note));
    history.append(note, clock.now());
    this.#last = { size, root, note };
    tiles.dropPartials({ old: before, size });
  }

  #arm(at: number): void {
    if (at >= this.#dueAt || this.#underWay !== undefined) return;
    this.#disarm();
    this.#dueAt = at;
    this.#cancelTimer = this.#options.clock.setTimer(at, () => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#cancelTimer = undefined;
      void this.publish();
    });
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  #pause(ms: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      clock.setTimer(clock.monotonic() + ms, resolve);
    });
  }
}
