/**
 * Verifying a log that somebody else wrote (WP7) and deciding every call of it again (WP13), an entry at a time of one
 * thread, in raw hashes of the same run: one SHA-256 of 500 bytes and one of 65, an entry and a node of the tree. And
 * folding it, as a start does.
 */
import { hash } from 'node:crypto';
import {
  openDataFolder,
  openFileJournal,
  openJournalReader,
  replay,
  verifyFolder,
  writeSampleRealm,
} from '@infrafabric/fabric';

import { BENCH_REALM } from './field.ts';
import { check, sized } from './probe.ts';
import type { MeasureOnce } from './scenarios.ts';
import { median } from './stats.ts';

const ENTRIES = { smoke: 2_000, short: 60_000, full: 1_000_000 };
const TIMES = { smoke: 1, short: 3, full: 5 };
const HASHES = 50_000;
/** What a goal counts in: about an entry, and two digests with their prefix. */
const RAW_ENTRY_BYTES = 500;
const RAW_NODE_BYTES = 65;
const SEED = 42;

export const verify: MeasureOnce = async ({ size, folder }) => {
  const entries = sized(size, ENTRIES);
  const realm = await writeSampleRealm(folder, { entries, seed: SEED });
  const entryBytes = await meanEntryBytes(folder, realm.size);
  const raw = (): number => hashOf(RAW_ENTRY_BYTES) + hashOf(RAW_NODE_BYTES);
  const hashUs: number[] = [];
  const framesUs: number[] = [];
  const log = { origin: realm.origin, vkeys: [realm.vkey] };
  const verifyUs: number[] = [];
  const replayUs: number[] = [];
  for (let time = 0; time < sized(size, TIMES); time += 1) {
    hashUs.push(raw());
    const beganAt = performance.now();
    const frames = await verifyFolder(folder, { levels: [0], log });
    const startedAt = performance.now();
    const plain = await verifyFolder(folder, { levels: [0, 1], log });
    const verifiedAt = performance.now();
    check(frames.ok && frames.log.size === realm.size, 'good frames were refused');
    framesUs.push(((startedAt - beganAt) * 1_000) / realm.size);
    check(plain.ok && plain.log.size === realm.size, 'a good log was refused');
    const deep = await verifyFolder(folder, { levels: [0, 1, 5], log });
    const plainMs = verifiedAt - startedAt;
    const deepMs = performance.now() - verifiedAt;
    check(deep.ok && deep.replay?.size === realm.size, 'a good log did not replay');
    verifyUs.push((plainMs * 1_000) / realm.size);
    replayUs.push(((deepMs - plainMs) * 1_000) / realm.size);
  }
  return {
    'verify.entries': realm.size,
    'verify.entryBytes': entryBytes,
    'verify.hashUs': median(hashUs),
    'verify.framesUs': median(framesUs),
    // The best of each, as the goals have it: what a machine can do, not what it did beside others.
    'verify.framesInHashes': Math.min(...framesUs) / Math.min(...hashUs),
    'verify.entryUs': median(verifyUs),
    'verify.entriesPerS': 1_000_000 / median(verifyUs),
    'verify.replayUs': median(replayUs),
    'verify.replayInHashes': Math.min(...replayUs) / Math.min(...hashUs),
  };
};

async function meanEntryBytes(folder: string, size: number): Promise<number> {
  const reader = openJournalReader(folder);
  let bytes = 0;
  let count = 0;
  for (let at = 0; at < size;) {
    const frames = await reader.read(at, { bytes: 4_194_304, frames: 1_024 }, size);
    for (const frame of frames) {
      bytes += frame.entries.length - 2 * frame.count;
      count += frame.count;
      at = frame.first + frame.count;
    }
  }
  reader.close();
  check(count === size, `${count} entries of ${size}`);
  return bytes / count;
}

/** µs of one SHA-256 of as many bytes, with a string result. */
function hashOf(bytes: number): number {
  const entry = new Uint8Array(Math.round(bytes)).fill(7);
  const startedAt = performance.now();
  let chars = 0;
  for (let i = 0; i < HASHES; i += 1) {
    entry[0] = i;
    chars += hash('sha256', entry, 'base64').length;
  }
  check(chars === HASHES * 44, 'a digest of another length');
  return ((performance.now() - startedAt) * 1_000) / HASHES;
}

/** µs an entry of reading a journal back into a world, as a start without a snapshot does. */
export async function foldUs(folder: string, size: number): Promise<number> {
  const { genesisLeaf, blobs } = openDataFolder(folder, { realm: BENCH_REALM });
  const journal = await openFileJournal({ folder, genesisLeaf });
  const startedAt = performance.now();
  const replayed = await replay({ journal, blobs, genesisLeaf });
  const us = ((performance.now() - startedAt) * 1_000) / size;
  check(replayed.entries >= size, `${replayed.entries} entries of ${size} came back`);
  await journal.close();
  return us;
}
