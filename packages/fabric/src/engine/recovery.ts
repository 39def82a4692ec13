/**
 * From the journal back to a world. Crash-only: there is no other way to get one, so what a start does and what a
 * leader does after an append of unknown outcome is the same code.
 */
import { createWorld, evolve, type World } from '@infrafabric/core';

import type { Head, Journal } from '../ports/journal.ts';
import { readFrame } from './entry-reader.ts';
import type { Snapshot } from './follower.ts';
import { READ_LIMIT } from './limits.ts';
import type { BlobStore } from './ports.ts';

export interface Replayed {
  readonly world: World;
  readonly head: Head;
  /** Time of the last entry, ms; 0 for an empty log. */
  readonly at: number;
  readonly entries: number;
}

export interface ReplaySource {
  readonly journal: Journal;
  readonly blobs: BlobStore;
  /** Leaf that entry 0 names as its previous one. */
  readonly genesisLeaf: string;
  /** The newest snapshot that can be trusted, if there is one. */
  readonly snapshot?: () => Promise<Snapshot | undefined>;
}

/**
 * Reads and folds to the end of the log, checking the chain. `onHead` is called behind each entry with its position
 * and leaf: how a leader learns whether a batch of unknown outcome is in. Throws Faults `log.damaged`,
 * `blob.not_found`, and what the journal throws.
 */
export async function replay(
  source: ReplaySource,
  onHead: (position: number, leaf: string) => void = () => undefined,
): Promise<Replayed> {
  const snapshot = await source.snapshot?.();
  const world = snapshot?.world ?? createWorld();
  let head: Head = snapshot?.head ?? { size: 0, leaf: source.genesisLeaf, epoch: 0 };
  const first = head.size;
  for (;;) {
    // An empty answer is where the journal sees its end; the append of `realm.open` proves it.
    const frames = await source.journal.read(head.size, READ_LIMIT);
    if (frames.length === 0) break;
    for (const frame of frames) {
      for (const { entry, leaf } of await readFrame(frame, head, source.blobs)) {
        evolve(world, entry);
        onHead(entry.index + 1, leaf);
        head = { size: entry.index + 1, leaf, epoch: entry.epoch };
      }
    }
  }
  return { world, head, at: world.realm.at, entries: head.size - first };
}
