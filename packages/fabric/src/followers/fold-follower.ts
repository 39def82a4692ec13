/**
 * Folds the log into a world of its own, so that the leader's state can be compared with one that never shared its
 * memory, and so that a start need not fold from the beginning.
 */
import { createWorld, evolve, restoreWorld, worldSections, type World } from '@infrafabric/core';
import type { Hash } from '@infrafabric/tlog';

import { Fault } from '../fault.ts';
import type { Disk } from '../ports/disk.ts';
import type { Position } from '../ports/journal.ts';
import { damagedEntry, type ChainHead, type CheckedFrame } from './checked-frame.ts';
import type { LogEntry } from './log-entry.ts';
import { loadNewestSnapshot, writeSnapshot, type Snapshot } from './snapshot.ts';
import { stateHash } from './state-hash.ts';

/** Entries between two snapshots. Smaller: more seconds of hashing and bytes of disk. Larger: a longer start. */
export const SNAPSHOT_EVERY_ENTRIES = 200_000;

/** The log states a hash within a few frames of its index. */
const HASHES_KEPT = 8;

/** A state hash at an index, for the leader to put into the log. */
export interface HashedState {
  /** The state after this entry. */
  readonly index: number;
  /** `sha256:<hex>` */
  readonly hash: string;
}

export interface FoldFollowerOptions {
  readonly disk: Disk;
  readonly dataFolder: string;
  readonly genesisLeaf: Hash;
  readonly snapshotEveryEntries: number;
}

export class FoldFollower {
  readonly #options: FoldFollowerOptions;
  readonly #world: World;
  #head: ChainHead;
  /** Size at the newest snapshot. */
  #snapshotSize: Position;
  /** Hashes of this world by index, the newest few: the log states them a little later. */
  readonly #hashes = new Map<number, string>();

  private constructor(options: FoldFollowerOptions, from: Snapshot | undefined) {
    this.#options = options;
    this.#world = from === undefined ? createWorld() : restoreWorld(from.sections);
    this.#head =
      from === undefined
        ? { size: 0, leaf: options.genesisLeaf, epoch: 0, atMs: 0 }
        : { size: from.index + 1, leaf: from.leaf, epoch: from.epoch, atMs: from.atMs };
    this.#snapshotSize = this.#head.size;
    if (from !== undefined) this.#hashes.set(from.index, from.stateHash);
  }

  /** Starts from the newest whole snapshot below `size` entries, else from nothing. */
  static async open(options: FoldFollowerOptions, size: Position): Promise<FoldFollower> {
    const snapshot = await loadNewestSnapshot(options.disk, options.dataFolder, size);
    return new FoldFollower(options, snapshot);
  }

  /** Starts from nothing. */
  static fresh(options: FoldFollowerOptions): FoldFollower {
    return new FoldFollower(options, undefined);
  }

  get position(): Position {
    return this.#head.size;
  }

  get leaf(): Hash {
    return this.#head.leaf;
  }

  get isSnapshotDue(): boolean {
    return this.position - this.#snapshotSize >= this.#options.snapshotEveryEntries;
  }

  /** Folds the entries of the frame that it does not have; `entries` are those from `position` on. Faults: `log.damaged`. */
  take(frame: CheckedFrame, entries: readonly LogEntry[]): void {
    const from = this.#head.size - frame.first;
    const before = from === 0 ? frame.previousLeaf : frame.leaves[from - 1];
    if (before !== this.#head.leaf)
      throw damagedEntry(this.#head.size, 'not the log of the snapshot');
    for (const entry of entries) {
      evolve(this.#world, entry);
      this.#compare(entry);
    }
    this.#head = frame.after;
  }

  /** A hash in the log that is not this world's: one of the two folded something else. */
  #compare(entry: LogEntry): void {
    for (const event of entry.events) {
      if (event.type !== 'realm.state_hashed') continue;
      const own = this.#hashes.get(event.index);
      if (own === undefined || own === event.hash) continue;
      const detail = `after entry ${event.index} the log says ${event.hash}, this fold ${own}`;
      throw new Fault('replay.diverged', { transient: false, detail });
    }
  }

  /** Hashes the state and writes a snapshot; undefined where nothing was folded since the last one. */
  async snapshot(): Promise<HashedState | undefined> {
    const { size, leaf, epoch, atMs } = this.#head;
    if (size === this.#snapshotSize) return undefined;
    const sections = worldSections(this.#world);
    const { digest } = stateHash(sections);
    const index = size - 1;
    await writeSnapshot(this.#options.disk, this.#options.dataFolder, {
      index,
      leaf,
      epoch,
      atMs,
      stateHash: digest,
      sections,
    });
    this.#snapshotSize = size;
    this.#hashes.set(index, digest);
    const [oldest] = this.#hashes.keys();
    if (this.#hashes.size > HASHES_KEPT && oldest !== undefined) this.#hashes.delete(oldest);
    return { index, hash: digest };
  }
}
