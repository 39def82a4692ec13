/**
 * `snapshots/<index>.snap`: the world after entry `index`, so that a start need not fold the whole log.
 *
 *   ifab-snapshot/1⏎
 *   {"atMs":…,"decider":…,"epoch":…,"index":…,"leaf":"…","sections":[["coordinator/tasks","text",1234],…],"stateHash":"sha256:…"}⏎
 *   <the sections' bytes, in that order>
 *   <SHA-256 of all of the above, 64 hex>⏎
 *
 * S1  A snapshot is never believed: its bytes are checked against its digest, its sections against its state hash,
 *     and the state hash stands in the log. One that fails a check is as one that is not there.
 * S2  Another version of the decisions folds otherwise: its snapshots are not there either.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DECIDER_VERSION, type Section } from '@infrafabric/core';
import { isHash } from '@infrafabric/tlog';

import type { Disk } from '../ports/disk.ts';
import { listOrNothing, readWhole, removeIfThere, replaceFileDurably } from './follower-disk.ts';
import { membersOf } from './log-entry.ts';
import { stateHash } from './state-hash.ts';

/** Snapshots kept. Two: the newest may be the one that a crash cut short. */
const SNAPSHOTS_KEPT = 2;

const MAGIC = 'ifab-snapshot/1\n';
const DIGEST_BYTES = 65;
const INDEX_DIGITS = 16;
const NAME = /^(\d{16})\.snap$/;

/** A fold of the log: what it holds after entry `index`. */
export interface Snapshot {
  /** Index of the last entry that is folded. */
  readonly index: number;
  /** Leaf of that entry: what the next one must name. */
  readonly leaf: string;
  readonly epoch: number;
  /** Its time, ms since 1970. */
  readonly atMs: number;
  /** `sha256:<hex>`, as in `realm.state_hashed {index}`. */
  readonly stateHash: string;
  readonly sections: readonly Section[];
}

/** Writes the snapshot durably and removes those before the newest two. Throws the system's error. */
export async function writeSnapshot(
  disk: Disk,
  dataFolder: string,
  snapshot: Snapshot,
): Promise<void> {
  const folder = snapshotFolder(dataFolder);
  const parts = snapshot.sections.map(({ content }) =>
    typeof content === 'string'
      ? Buffer.from(content)
      : Buffer.from(content.buffer, content.byteOffset, content.length),
  );
  const head = JSON.stringify({
    atMs: snapshot.atMs,
    decider: DECIDER_VERSION,
    epoch: snapshot.epoch,
    index: snapshot.index,
    leaf: snapshot.leaf,
    sections: snapshot.sections.map(({ name, content }, at) => [
      name,
      typeof content === 'string' ? 'text' : 'bytes',
      parts[at]?.length ?? 0,
    ]),
    stateHash: snapshot.stateHash,
  });
  const body = Buffer.concat([Buffer.from(`${MAGIC}${head}\n`), ...parts]);
  const digest = Buffer.from(`${digestOf(body)}\n`);
  await replaceFileDurably(
    disk,
    snapshotPath(folder, snapshot.index),
    Buffer.concat([body, digest]),
  );
  for (const index of snapshotIndices(disk, folder).slice(0, -SNAPSHOTS_KEPT)) {
    removeIfThere(disk, snapshotPath(folder, index));
  }
}

/**
 * The newest snapshot in `dataFolder` that is whole and ends below `size` entries; undefined where there is none: then
 * the log is folded from its beginning. The caller still compares its leaf with the log's. Throws the system's error.
 */
export async function loadNewestSnapshot(
  disk: Disk,
  dataFolder: string,
  size: number,
): Promise<Snapshot | undefined> {
  const folder = snapshotFolder(dataFolder);
  for (const index of snapshotIndices(disk, folder).toReversed()) {
    if (index >= size) continue;
    const bytes = await readWhole(disk, snapshotPath(folder, index));
    const snapshot = bytes === undefined ? undefined : parseSnapshot(bytes);
    if (snapshot?.index === index) return snapshot;
  }
  return undefined;
}

/** Reads a snapshot; undefined where any of it does not fit. Never throws. */
export function parseSnapshot(bytes: Buffer): Snapshot | undefined {
  const body = bytes.subarray(0, -DIGEST_BYTES);
  if (bytes.subarray(-DIGEST_BYTES).toString('latin1') !== `${digestOf(body)}\n`) return undefined;
  if (!body.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC))) return undefined;
  const headEnd = body.indexOf('\n', MAGIC.length);
  const head = parseHead(body.toString('utf8', MAGIC.length, headEnd));
  const sections = sectionsOf(head?.['sections'], body.subarray(headEnd + 1));
  const place = placeOf(head);
  if (place === undefined || sections === undefined) return undefined;
  if (stateHash(sections).digest !== place.stateHash) return undefined;
  return { ...place, sections };
}

function placeOf(
  head: Readonly<Record<string, unknown>> | undefined,
): Omit<Snapshot, 'sections'> | undefined {
  const { index, leaf, epoch, atMs, decider, stateHash: named } = head ?? {};
  if (decider !== DECIDER_VERSION || typeof leaf !== 'string' || !isHash(leaf)) return undefined;
  if (typeof index !== 'number' || typeof epoch !== 'number') return undefined;
  if (typeof atMs !== 'number' || typeof named !== 'string') return undefined;
  return { index, leaf, epoch, atMs, stateHash: named };
}

function sectionsOf(list: unknown, body: Buffer): readonly Section[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const sections: Section[] = [];
  let at = 0;
  for (const row of list) {
    const [name, form, bytes]: readonly unknown[] = Array.isArray(row) ? row : [];
    if (typeof name !== 'string' || typeof bytes !== 'number') return undefined;
    const part = body.subarray(at, at + bytes);
    if (part.length !== bytes) return undefined;
    // A copy: views of other element types must start at a multiple of their size.
    sections.push({
      name,
      content: form === 'text' ? part.toString('utf8') : new Uint8Array(part),
    });
    at += bytes;
  }
  return at === body.length ? sections : undefined;
}

function parseHead(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return membersOf(JSON.parse(text));
  } catch {
    // The digest fits and the head is no JSON: nobody of ours wrote it.
    return undefined;
  }
}

const snapshotFolder = (dataFolder: string): string => join(dataFolder, 'snapshots');

const snapshotPath = (folder: string, index: number): string =>
  join(folder, `${String(index).padStart(INDEX_DIGITS, '0')}.snap`);

const snapshotIndices = (disk: Disk, folder: string): readonly number[] =>
  listOrNothing(disk, folder)
    .flatMap((name) => {
      const digits = NAME.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    })
    .toSorted((a, b) => a - b);

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
