/** A whole realm's folder of sample work: journal, checkpoints, tiles, snapshots, index. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { digestFrom } from '@infrafabric/protocol';
import { formatSkey, formatVkey, genesisLeaf, publicKeyOf } from '@infrafabric/tlog';

import { nodeChecksums } from '../adapters/batch.ts';
import { NODE_PORTS, openFileJournal } from '../adapters/journal-file/journal.ts';
import { openJournalReader } from '../adapters/journal-file/reader.ts';
import { systemClock, type Clock } from '../engine/clock.ts';
import type { BlobStore } from '../engine/ports.ts';
import { blobReader } from '../followers/blob-files.ts';
import {
  nodeFollowerDisk,
  readWhole,
  replaceFile,
  type FollowerDisk,
} from '../followers/follower-disk.ts';
import { FollowerSet } from '../followers/follower-set.ts';
import type { HashedState } from '../followers/fold-follower.ts';
import { nodePrimitives, nodeSha256 } from '../followers/node-crypto.ts';
import type { LogRecorder } from './recorder.ts';
import { recordSample } from './sample-log.ts';

/** Small ones, so that a small log has several. */
const SEGMENT_BYTES = [65_536, 262_144, 1_048_576, 67_108_864];

const KEY_SEED_BYTES = 32;

export interface SampleLogKey {
  readonly origin: string;
  /** `PRIVATE+KEY+…` */
  readonly logKey: string;
  readonly vkey: string;
  readonly genesisLeaf: string;
}

/** A log key that follows from its seed: for samples only. */
export function sampleLogKey(seed: number, origin = 'sample.local/ifab/main'): SampleLogKey {
  const bytes = createHash('sha256')
    .update(`sample log key ${seed}`)
    .digest()
    .subarray(0, KEY_SEED_BYTES);
  const key = publicKeyOf(nodePrimitives, { name: origin, use: 'note', seed: bytes });
  const vkey = formatVkey(key);
  const genesis = genesisLeaf(nodeSha256, { origin, vkey });
  return { origin, logKey: formatSkey(key, bytes), vkey, genesisLeaf: genesis };
}

export interface SampleRealmOptions {
  readonly entries: number;
  readonly seed: number;
  /** Of the log key. Default: the seed. */
  readonly keySeed?: number;
  readonly frameEntries?: number;
  readonly disk?: FollowerDisk;
  /** Default: the file beside the journal. */
  readonly indexPath?: string;
  /** Checkpoints over the log while it grows. Default 4. */
  readonly checkpoints?: number;
}

export interface SampleRealm extends SampleLogKey {
  readonly size: number;
  /** Of the followers' fold at the end. */
  readonly hashed: HashedState | undefined;
}

/** Writes the realm into the empty `folder`. Rejects with the faults of journal and followers. */
export async function writeSampleRealm(
  folder: string,
  options: SampleRealmOptions,
): Promise<SampleRealm> {
  const { entries, seed, frameEntries = 64, disk = nodeFollowerDisk, checkpoints = 4 } = options;
  const key = sampleLogKey(options.keySeed ?? seed);
  const ports = disk === nodeFollowerDisk ? NODE_PORTS : { ...NODE_PORTS, disk, lock: noLock };
  const journal = await openFileJournal(
    { folder, genesisLeaf: key.genesisLeaf, durability: 'os', segmentBytes: SEGMENT_BYTES },
    ports,
  );
  const failed: unknown[] = [];
  const set = await FollowerSet.open(
    {
      ...key,
      disk,
      dataFolder: folder,
      indexPath: options.indexPath ?? join(folder, 'index.sqlite'),
      reader: openJournalReader(folder, { disk, checksums: nodeChecksums }),
      readBlob: blobReader(disk, folder),
      clock: waitingClock,
      onStateHash: () => undefined,
      onFault: (_name, cause) => failed.push(cause),
    },
    0,
  );
  let hashed: HashedState | undefined;
  const growing = {
    ...options,
    journal,
    blobs: sampleBlobs(disk, folder),
    origin: key.origin,
    frameEntries,
  };
  await recordSample({
    ...growing,
    entries,
    seed,
    every: {
      entries: Math.max(1, Math.floor(entries / checkpoints)),
      call: async (recorder: LogRecorder) => {
        set.told(recorder.durableSize);
        hashed = await set.snapshot();
        await set.proofs.proof(recorder.durableSize - 1);
        return hashed;
      },
    },
  });
  set.told(journal.head().size);
  hashed = (await set.snapshot()) ?? hashed;
  await set.close();
  await journal.close();
  if (failed.length > 0) throw failed[0];
  return { ...key, size: journal.head().size, hashed };
}

/** Blobs of the realm's folder, as the followers read them. */
function sampleBlobs(disk: FollowerDisk, folder: string): BlobStore {
  const pathOf = (hex: string): string => join(folder, 'blobs', hex.slice(0, 2), hex.slice(2));
  return {
    put: (bytes) => {
      const hex = createHash('sha256').update(bytes).digest('hex');
      replaceFile(disk, pathOf(hex), bytes);
      return Promise.resolve(digestFrom(hex));
    },
    get: (digest) => readWhole(disk, pathOf(digest.slice('sha256:'.length))),
  };
}

/** The system's clock, but for timers that keep the process alive: where all else is memory nothing else does. */
const waitingClock: Clock = {
  ...systemClock,
  setTimer: (at, fn) => {
    const timer = setTimeout(fn, Math.max(Math.ceil(at - performance.now()), 0));
    return () => {
      clearTimeout(timer);
    };
  },
};

/** A disk in memory has one user. */
const noLock = () => ({ lastStop: 'clean' as const, release: () => undefined });
