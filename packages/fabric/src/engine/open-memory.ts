/** A fabric without a disk: for tests, simulations and programs that want the rules and not the record. */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { RealmId } from '@infrafabric/protocol';
import { genesisLeaf } from '@infrafabric/tlog';

import type { AppendFaults } from '../adapters/journal-memory/faults.ts';
import { openMemoryJournal } from '../adapters/journal-memory/journal.ts';
import { MemoryLog } from '../adapters/journal-memory/log.ts';
import { memoryBlobs } from './blob-folder.ts';
import { openFabric, type LeadingFabric, type OpenOptions } from './open.ts';
import type { BlobStore } from './ports.ts';
import { operatorTokenFrom, sha256Hex } from './tokens.ts';

const ORIGIN = 'memory.local/ifab/main';
/** Nobody else reaches the process; the token keeps programs written against it honest. */
const SECRET = Buffer.alloc(32, 'memory');

/** What outlives a fabric that is closed: open another one over it to restart. */
export interface MemoryRealm {
  readonly log: MemoryLog;
  readonly blobs: BlobStore;
  readonly operatorToken: string;
}

export const createMemoryRealm = (): MemoryRealm => ({
  log: new MemoryLog(GENESIS),
  blobs: memoryBlobs(),
  operatorToken: operatorTokenFrom(SECRET),
});

const GENESIS = genesisLeaf((bytes) => hash('sha256', bytes, 'base64'), {
  origin: ORIGIN,
  vkey: 'memory',
});

export type MemoryFabricOptions = Partial<
  Pick<OpenOptions, 'clock' | 'random' | 'log' | 'followers' | 'onFatal' | 'snapshot' | 'node'>
> & { readonly faults?: AppendFaults };

/** What a fabric over this realm is opened with, its journal included. */
export const memoryOptions = (realm: MemoryRealm, faults?: AppendFaults): OpenOptions => ({
  realm: RealmId.parse('main'),
  origin: ORIGIN,
  version: '0.1.0',
  journal: openMemoryJournal({ log: realm.log, ...(faults === undefined ? {} : { faults }) }),
  blobs: realm.blobs,
  secrets: { realm: SECRET, operatorTokenSha256: sha256Hex(realm.operatorToken) },
  genesisLeaf: GENESIS,
});

/** Opens a fabric over the realm; a second one is a second leader, and the position fences the first. */
export function openMemoryFabric(
  realm: MemoryRealm,
  { faults, ...options }: MemoryFabricOptions = {},
): Promise<LeadingFabric> {
  return openFabric({ ...memoryOptions(realm, faults), ...options });
}
