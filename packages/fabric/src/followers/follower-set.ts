/** Tree, fold and index over one journal, with what the surfaces read of them. */
import { join } from 'node:path';
import {
  CHECKPOINT_PATH,
  NOTE_BYTES_MAX,
  formatVkey,
  genesisLeaf,
  noteVerifier,
  openCheckpoint,
  type Hash,
} from '@infrafabric/tlog';

import type { Clock } from '../engine/clock.ts';
import { Fault } from '../fault.ts';
import type { Position } from '../ports/journal.ts';
import { entryAt } from './checked-frame.ts';
import { CheckpointHistory } from './checkpoint-history.ts';
import { Checkpointer, type PublishedCheckpoint } from './checkpointer.ts';
import { readWhole, type FollowerDisk } from './follower-disk.ts';
import { FoldFollower, SNAPSHOT_EVERY_ENTRIES, type HashedState } from './fold-follower.ts';
import { IndexFollower } from './index-follower.ts';
import type { ReadBlob } from './log-entry.ts';
import { nodePrimitives, nodeSha256, poolSigner, type PoolSigner } from './node-crypto.ts';
import { Pump, type FrameReader, type Moved } from './pump.ts';
import { ProofReads } from './proof-reads.ts';
import { QueryReads } from './query-reads.ts';
import { SignedState, readSigned, type Signed } from './signed-state.ts';
import { TileStore } from './tile-store.ts';
import { TreeFollower } from './tree-follower.ts';
import { UsageReads } from './usage-reads.ts';

export interface FollowerSetOptions {
  readonly disk: FollowerDisk;
  readonly dataFolder: string;
  /** A file beside the journal, or `:memory:`. */
  readonly indexPath: string;
  readonly origin: string;
  /** The log's signing key, `PRIVATE+KEY+…`. */
  readonly logKey: string;
  readonly reader: FrameReader;
  readonly readBlob: ReadBlob;
  readonly clock: Clock;
  readonly snapshotEveryEntries?: number;
  /** A state hash for the leader to put into the log. */
  readonly onStateHash: (state: HashedState) => void;
  readonly onFault: (name: string, cause: unknown) => void;
}

/** How far the followers are. */
export interface FollowerLag {
  readonly durable: Position;
  readonly tree: Position;
  readonly fold: Position;
  readonly index: Position;
  /** Entries under the newest checkpoint. */
  readonly signed: Position;
  /** Age of the oldest entry that each has not taken, ms. Above 5,000 somebody must look. */
  readonly treeBehindMs: number;
  readonly foldBehindMs: number;
  readonly indexBehindMs: number;
}

/** How long a read waits for followers that are in step, ms: so that a caller finds what it has just written. */
const SETTLE_MS = 200;

export class FollowerSet {
  readonly proofs: ProofReads;
  readonly queries: QueryReads;
  readonly usage: UsageReads;
  readonly #parts: Parts;
  readonly #pump: Pump;
  readonly #clock: Clock;
  readonly #onStateHash: (state: HashedState) => void;

  private constructor(options: FollowerSetOptions, parts: Parts) {
    const { clock, reader, readBlob, onFault, onStateHash } = options;
    this.#parts = parts;
    this.#clock = clock;
    this.#onStateHash = onStateHash;
    this.#pump = new Pump({ reader, readBlob, clock, onFault, moved: this.#moved() });
    const { tiles, index, checkpointer, tree } = parts;
    const durable = (): Position => this.#pump.durable;
    this.proofs = new ProofReads({
      reader,
      tiles,
      checkpointer,
      durable,
      onWrongTiles: () => {
        onFault('tree', wrongTiles());
        tree.restart(checkpointer.last);
      },
    });
    const leafOf = (at: Position): Promise<Hash | undefined> => this.proofs.leafOf(at);
    this.queries = new QueryReads({ reader, readBlob, index, durable, leafOf });
    this.usage = new UsageReads({ index, durable });
  }

  /**
   * Opens all three over a log of `size` durable entries. Faults: `log.damaged` where the log is shorter than what was
   * signed, or `state/signed` or the checkpoint are not ours; then the realm must not be led.
   */
  static async open(options: FollowerSetOptions, size: Position): Promise<FollowerSet> {
    const parts = await openParts(options, size);
    const set = new FollowerSet(options, parts);
    set.told(size);
    return set;
  }

  /** The first `size` entries are durable. Returns at once. */
  told(size: Position): void {
    this.#pump.told(size);
  }

  /** Resolves when all have taken what is durable, or 200 ms have passed: what is far behind answers as it is. */
  async settled(): Promise<void> {
    const clock = this.#clock;
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = clock.setTimer(clock.monotonic() + SETTLE_MS, resolve);
    });
    await Promise.race([this.#pump.reached(this.#pump.durable), late]);
    cancel();
  }

  lag(): FollowerLag {
    const { tree, fold, index, checkpointer } = this.#parts;
    return {
      durable: this.#pump.durable,
      tree: tree.position,
      fold: fold.position,
      index: index.position,
      signed: checkpointer.last?.size ?? 0,
      treeBehindMs: this.#pump.behindMs('tree'),
      foldBehindMs: this.#pump.behindMs('fold'),
      indexBehindMs: this.#pump.behindMs('index'),
    };
  }

  /** Takes what is durable, writes a snapshot and answers its state hash, if anything was folded since the last one. */
  async snapshot(): Promise<HashedState | undefined> {
    await this.#pump.drain();
    return this.#parts.fold.snapshot();
  }

  /** A last checkpoint over all that was told, then everything is closed. */
  async close(): Promise<void> {
    await this.#pump.drain();
    await this.#pump.close();
    const { checkpointer, signedState, history, index } = this.#parts;
    await checkpointer.stop();
    signedState.close();
    history.close();
    index.close();
  }

  #moved(): readonly Moved[] {
    const { tree, fold, index, checkpointer } = this.#parts;
    return [
      {
        name: 'tree',
        wants: 'leaves',
        position: () => tree.position,
        take: (frame) => {
          tree.take(frame);
        },
        paused: () => {
          checkpointer.grown();
        },
      },
      {
        name: 'index',
        wants: 'entries',
        position: () => index.position,
        take: (frame, entries) => {
          index.take(frame, entries);
        },
        paused: () => {
          index.paused(this.#pump.durable);
        },
      },
      {
        name: 'fold',
        wants: 'entries',
        position: () => fold.position,
        take: (frame, entries) => {
          fold.take(frame, entries);
        },
        paused: async () => {
          if (!fold.isSnapshotDue) return;
          const hashed = await fold.snapshot();
          if (hashed !== undefined) this.#onStateHash(hashed);
        },
      },
    ];
  }
}

const wrongTiles = (): Fault =>
  new Fault('log.unavailable', { transient: true, detail: 'tiles are wrong and made again' });

interface Parts {
  readonly tiles: TileStore;
  readonly tree: TreeFollower;
  readonly fold: FoldFollower;
  readonly index: IndexFollower;
  readonly checkpointer: Checkpointer;
  readonly signedState: SignedState;
  readonly history: CheckpointHistory;
}

async function openParts(options: FollowerSetOptions, size: Position): Promise<Parts> {
  const { disk, dataFolder, origin, clock } = options;
  const signer = poolSigner(options.logKey);
  if (signer === undefined) {
    throw new Fault('log.unavailable', {
      transient: false,
      detail: 'the log key is no signing key',
    });
  }
  const genesis = genesisLeaf(nodeSha256, { origin, vkey: formatVkey(signer.key) });
  const last = await readCheckpointFile(options, signer);
  const known = knownRoots(await readSigned(disk, dataFolder), last, size);
  const tiles = new TileStore(disk, dataFolder);
  const tree = await TreeFollower.open({ tiles, genesisLeaf: genesis, known });
  if (!(await isOnLog(options, tree, size))) {
    throw new Fault('log.damaged', {
      transient: false,
      detail: `entry ${tree.position - 1} is not the one that was signed`,
    });
  }
  const history = new CheckpointHistory(disk, dataFolder);
  await history.repair();
  const signedState = await SignedState.open(disk, dataFolder);
  const checkpointer = new Checkpointer({
    disk,
    dataFolder,
    origin,
    signer,
    signedState,
    history,
    tiles,
    tree,
    clock,
    last,
    onFault: (cause) => {
      options.onFault('tree', cause);
    },
  });
  const fold = await openFold(options, genesis, size);
  const index = new IndexFollower({ path: options.indexPath, genesisLeaf: genesis });
  if (!(await isOnLog(options, index, size))) index.rebuild();
  return { tiles, tree, fold, index, checkpointer, signedState, history };
}

async function openFold(
  options: FollowerSetOptions,
  genesis: Hash,
  size: Position,
): Promise<FoldFollower> {
  const { disk, dataFolder, snapshotEveryEntries = SNAPSHOT_EVERY_ENTRIES } = options;
  const foldOptions = { disk, dataFolder, genesisLeaf: genesis, snapshotEveryEntries };
  const fold = await FoldFollower.open(foldOptions, size);
  return (await isOnLog(options, fold, size)) ? fold : FoldFollower.fresh(foldOptions);
}

/** Whether the entry before its position is the one that it took: else it followed a log that is gone. */
async function isOnLog(
  { reader, readBlob }: FollowerSetOptions,
  at: { readonly position: Position; readonly leaf: Hash },
  size: Position,
): Promise<boolean> {
  if (at.position === 0) return true;
  if (at.position > size) return false;
  const [frame] = await reader.read(at.position - 1, { bytes: 1, frames: 1 }, size);
  const found = frame && (await entryAt(frame, at.position - 1, readBlob));
  return found?.leaf === at.leaf;
}

/** The published checkpoint, if its file is there and whole. A power cut may leave an empty one: it is written again. */
async function readCheckpointFile(
  { disk, dataFolder, origin }: FollowerSetOptions,
  signer: PoolSigner,
): Promise<PublishedCheckpoint | undefined> {
  const bytes = await readWhole(disk, join(dataFolder, CHECKPOINT_PATH));
  if (bytes === undefined || bytes.length === 0 || bytes.length > NOTE_BYTES_MAX) return undefined;
  const note = bytes.toString('utf8');
  const opened = openCheckpoint(note, {
    origin,
    verifiers: [noteVerifier(nodePrimitives, signer.key)],
  });
  if (opened.kind === 'opened') {
    const { size, root } = opened.checkpoint;
    return { size, root, note };
  }
  throw new Fault('log.damaged', {
    transient: false,
    detail: `${CHECKPOINT_PATH}: ${opened.reason}`,
  });
}

/** What signatures bind this log to, ascending. */
function knownRoots(
  signed: Signed | undefined,
  last: PublishedCheckpoint | undefined,
  size: Position,
): readonly Signed[] {
  const known: Signed[] = [];
  for (const one of [last, signed]) {
    if (one === undefined || one.size === 0) continue;
    if (one.size > size) {
      throw new Fault('log.damaged', {
        transient: false,
        detail: `${one.size} entries were signed, the journal has ${size}: restore it from a mirror`,
      });
    }
    const same = known.find((other) => other.size === one.size);
    if (same !== undefined && same.root !== one.root) {
      throw new Fault('log.damaged', {
        transient: false,
        detail: `two roots were signed at size ${one.size}`,
      });
    }
    if (same === undefined) known.push({ size: one.size, root: one.root });
  }
  return known.toSorted((a, b) => a.size - b.size);
}
