/** A fabric over a data folder: the embedded default, one process, no service. */
import type { RealmId } from '@infrafabric/protocol';

import { openFileJournal, type FileJournalOptions } from '../adapters/journal-file/journal.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { openFabric, type LeadingFabric, type OpenOptions } from './open.ts';

export type FolderFabricOptions = Pick<
  OpenOptions,
  'clock' | 'random' | 'log' | 'snapshot' | 'followers' | 'onFatal' | 'node'
> &
  Pick<FileJournalOptions, 'durability' | 'atLeast' | 'scanFrom' | 'segmentBytes'> & {
    readonly folder: string;
    readonly realm: RealmId;
    readonly version: string;
  };

export interface FolderFabric {
  readonly fabric: LeadingFabric;
  readonly data: DataFolder;
}

/**
 * Opens the folder, takes its lock, reads its journal and leads the realm. Faults: `log.locked` (another process
 * leads; its holder is named), `log.damaged`, `config.invalid` (the folder is another realm's).
 */
export async function openFolderFabric(options: FolderFabricOptions): Promise<FolderFabric> {
  const { folder, realm, version, durability, atLeast, scanFrom, segmentBytes, ...rest } = options;
  const data = openDataFolder(folder, options);
  const { origin, genesisLeaf, secrets, blobs } = data;
  const journal = await openFileJournal({
    folder,
    genesisLeaf,
    ...(durability === undefined ? {} : { durability }),
    ...(atLeast === undefined ? {} : { atLeast }),
    ...(scanFrom === undefined ? {} : { scanFrom }),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
  });
  try {
    const { cutBytes } = journal.recovery;
    const fabric = await openFabric({
      realm,
      origin,
      version,
      journal,
      blobs,
      secrets,
      genesisLeaf,
      cutBytes,
      ...rest,
    });
    return { fabric, data };
  } catch (cause) {
    await journal.close();
    throw cause;
  }
}
