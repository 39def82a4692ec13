/** A fabric over a data folder: the embedded default, one process, no service. The composition root of a node. */
import type { RealmId } from '@infrafabric/protocol';

import { nodeDisk } from '../adapters/disk-node.ts';
import { openFileJournal, type FileJournalOptions } from '../adapters/journal-file/journal.ts';
import { readSigned } from '../followers/signed-state.ts';
import { startSnapshot } from '../followers/start-snapshot.ts';
import { makeWitness, type WitnessFollower } from '../followers/witness-follower.ts';
import { systemClock } from './clock.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { openFabric, type LeadingFabric, type OpenOptions } from './open.ts';

export type FolderFabricOptions = Pick<
  OpenOptions,
  'clock' | 'random' | 'log' | 'onFatal' | 'node'
> &
  Pick<FileJournalOptions, 'durability' | 'segmentBytes'> & {
    readonly folder: string;
    readonly realm: RealmId;
    readonly version: string;
    /** Entries between two snapshots; see `makeWitness`. */
    readonly snapshotEveryEntries?: number;
  };

export interface FolderFabric {
  readonly fabric: LeadingFabric;
  readonly data: DataFolder;
  /** Tree, checkpoints, state hash and index of the realm, in a thread of their own. */
  readonly witness: WitnessFollower;
}

/**
 * Opens the folder, takes its lock, reads its journal from the newest snapshot that the log vouches for, and leads the
 * realm. Faults: `log.locked` (another process leads; its holder is named), `log.damaged` (also where the log is
 * shorter than what was signed of it), `config.invalid` (the folder is another realm's).
 */
export async function openFolderFabric(options: FolderFabricOptions): Promise<FolderFabric> {
  const {
    folder,
    realm,
    version,
    durability,
    segmentBytes,
    snapshotEveryEntries,
    clock = systemClock,
    ...rest
  } = options;
  const data = openDataFolder(folder, options);
  const { origin, genesisLeaf, secrets, blobs } = data;
  const signed = await readSigned(nodeDisk, folder);
  const journal = await openFileJournal({
    folder,
    genesisLeaf,
    ...(durability === undefined ? {} : { durability }),
    ...(signed === undefined ? {} : { atLeast: { size: signed.size } }),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
  });
  const { cutBytes } = journal.recovery;
  let witness: WitnessFollower | undefined;
  try {
    const fabric = await openFabric({
      realm,
      origin,
      version,
      journal,
      blobs,
      secrets,
      genesisLeaf,
      cutBytes,
      clock,
      snapshot: () => startSnapshot(folder, journal.head().size),
      followers: (context) => {
        const every = snapshotEveryEntries === undefined ? {} : { snapshotEveryEntries };
        witness = makeWitness(context, { logKey: data.skey, clock, dataFolder: folder, ...every });
        return [witness];
      },
      ...rest,
    });
    if (witness === undefined) throw new Error('defect: a fabric opened without its followers');
    return { fabric, data, witness };
  } catch (cause) {
    await journal.close();
    throw cause;
  }
}
