/**
 * Changes copies of a realm's folder in fourteen ways and asks the verifier. Everything happens in
 * memory and by seed: a change that is not found, or that keeps the verifier busy, is named by kind and seed.
 */
import { Buffer } from 'node:buffer';
import {
  memoryDisk,
  sampleLogKey,
  verifyFolder,
  writeSampleRealm,
  type SampleRealm,
} from '@infrafabric/fabric';
import { formatSignatureLine, parseNote } from '@infrafabric/tlog';

import { seededRandom, type Random } from './random.ts';

export const TAMPER_KINDS = [
  'bit',
  'byte',
  'truncate',
  'duplicate',
  'swap',
  'zero',
  'delete',
  'old file',
  'rollback',
  'splice',
  'header',
  'signature moved',
  'wrong key',
  'fork',
] as const;
export type TamperKind = (typeof TAMPER_KINDS)[number];

/** A verification that takes longer hangs, ms. */
const VERIFY_MS_MAX = 5_000;
const FOLDER = '/realm';
const ENTRIES = 1_500;
const OLDER_ENTRIES = 700;

export interface TamperOptions {
  /** Changes in all, spread evenly over the kinds. */
  readonly n: number;
  readonly seed: number;
  /** Stops early; what was not run is counted. */
  readonly budgetS: number;
}

export interface Undetected {
  readonly kind: TamperKind;
  readonly seed: number;
  readonly what: string;
}

export interface TamperReport {
  readonly ok: boolean;
  readonly run: number;
  readonly found: number;
  /** Changes that left every byte that a verifier reads as it was: not counted as run. */
  readonly harmless: number;
  readonly notRun: number;
  readonly undetected: readonly Undetected[];
  readonly slowestMs: number;
  readonly byKind: Readonly<Record<string, number>>;
}

type Files = ReadonlyMap<string, Uint8Array>;

interface Specimens {
  readonly realm: SampleRealm;
  readonly files: Files;
  /** The same realm at an earlier time. */
  readonly older: Files;
  /** Another realm, under another key. */
  readonly foreign: Files;
  /** The same realm under the same key, where history went another way. */
  readonly forked: Files;
  /** The newest checkpoint, as somebody outside kept it. */
  readonly held: string;
}

/** Runs `n` seeded changes. Rejects only where a specimen cannot be written. */
export async function tamperRun({ n, seed, budgetS }: TamperOptions): Promise<TamperReport> {
  const specimens = await makeSpecimens(seed);
  const endsAt = performance.now() + budgetS * 1_000;
  const undetected: Undetected[] = [];
  const byKind: Record<string, number> = {};
  let run = 0;
  let found = 0;
  let harmless = 0;
  let slowestMs = 0;
  let i = 0;
  for (; i < n && performance.now() < endsAt; i += 1) {
    const kind = TAMPER_KINDS[i % TAMPER_KINDS.length] ?? 'bit';
    const changeSeed = seed * 1_000_003 + i;
    const changed = tamper(kind, seededRandom(changeSeed), specimens);
    if (changed === undefined) {
      harmless += 1;
      continue;
    }
    const start = performance.now();
    const isFound = await isRefused(changed.files, specimens);
    const ms = performance.now() - start;
    slowestMs = Math.max(slowestMs, ms);
    run += 1;
    byKind[kind] = (byKind[kind] ?? 0) + 1;
    if (isFound && ms <= VERIFY_MS_MAX) found += 1;
    else undetected.push({ kind, seed: changeSeed, what: changed.what });
  }
  const notRun = n - i;
  return {
    ok: undetected.length === 0,
    run,
    found,
    harmless,
    notRun,
    undetected,
    slowestMs,
    byKind,
  };
}

/** V0 and V1 by somebody who knows the log key and kept its newest checkpoint. */
async function isRefused(files: Files, { realm, held }: Specimens): Promise<boolean> {
  const report = await verifyFolder(FOLDER, {
    disk: memoryDisk(files),
    log: { origin: realm.origin, vkeys: [realm.vkey] },
    heldCheckpoints: [held],
  });
  return !report.ok;
}

async function makeSpecimens(seed: number): Promise<Specimens> {
  const write = async (
    entries: number,
    one: number,
    keySeed: number,
  ): Promise<[SampleRealm, Files]> => {
    const disk = memoryDisk();
    const options = { entries, seed: one, keySeed, disk, indexPath: ':memory:', frameEntries: 8 };
    const realm = await writeSampleRealm(FOLDER, options);
    return [realm, witnessed(disk.contents())];
  };
  const [realm, files] = await write(ENTRIES, seed, seed);
  const [, older] = await write(OLDER_ENTRIES, seed, seed);
  const [, foreign] = await write(ENTRIES, seed + 1, seed + 1);
  const [, forked] = await write(ENTRIES, seed + 1, seed);
  const held = textOf(files.get(`${FOLDER}/checkpoint`));
  return { realm, files, older, foreign, forked, held };
}

/** What V0 and V1 vouch for: journal, checkpoints, tiles. */
function witnessed(files: Files): Files {
  return new Map(
    [...files].filter(([path]) => /\/(?:journal|checkpoints|tile)\/|\/checkpoint$/.test(path)),
  );
}

interface Changed {
  readonly files: Files;
  readonly what: string;
}

/** Undefined where the change changes nothing. */
function tamper(kind: TamperKind, random: Random, specimens: Specimens): Changed | undefined {
  const files = new Map([...specimens.files].map(([path, bytes]) => [path, bytes.slice()]));
  const what = CHANGES[kind](random, files, specimens);
  return what === undefined || isSame(files, specimens.files) ? undefined : { files, what };
}

type Change = (
  random: Random,
  files: Map<string, Uint8Array>,
  specimens: Specimens,
) => string | undefined;

const CHANGES: Readonly<Record<TamperKind, Change>> = {
  bit: (random, files) =>
    edit(random, files, (bytes, at) => {
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    }),
  byte: (random, files) =>
    edit(random, files, (bytes, at) => {
      bytes[at] = random.below(256);
    }),
  truncate: (random, files) => {
    // The end of the history is not synced: a power cut may take it, and the newest checkpoint covers what it said.
    const paths = [...files.keys()].filter((one) => !isHistory(one));
    return replace(random, files, (bytes) => bytes.subarray(0, random.below(usedOf(bytes))), paths);
  },
  duplicate: (random, files) =>
    replace(random, files, (bytes) => {
      const { from, to } = range(random, usedOf(bytes));
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to)]);
    }),
  swap: (random, files) =>
    replace(random, files, (bytes) => {
      const length = 1 + random.below(Math.max(1, Math.floor(usedOf(bytes) / 4)));
      const from = random.below(usedOf(bytes) - 2 * length + 1);
      const [one, two] = [from, from + length];
      const rest = bytes.subarray(two + length);
      return Buffer.concat([
        bytes.subarray(0, one),
        bytes.subarray(two, two + length),
        bytes.subarray(one, two),
        rest,
      ]);
    }),
  zero: (random, files) =>
    replace(random, files, (bytes) => {
      const { from, to } = range(random, usedOf(bytes));
      return Uint8Array.from(bytes).fill(0, from, to);
    }),
  delete: (random, files) => {
    // History is derived; all of it may be gone. A tile or a segment may not.
    const path = random.pick([...files.keys()].filter((one) => !one.includes('/checkpoints/')));
    files.delete(path);
    return `without ${path}`;
  },
  'old file': (random, files, { older }) => {
    const path = random.pick(
      [...older.keys()].filter((one) => !isHistory(one) && !one.includes('.p/')),
    );
    files.set(path, older.get(path)?.slice() ?? new Uint8Array());
    return `old ${path}`;
  },
  rollback: (random, files, { older }) => {
    files.clear();
    for (const [path, bytes] of older) files.set(path, bytes.slice());
    return 'the whole realm as it was';
  },
  splice: (random, files, { foreign }) => splice(random, files, foreign),
  header: (random, files) => {
    const path = random.pick([...files.keys()].filter((one) => one.endsWith('.seg')));
    const bytes = files.get(path) ?? new Uint8Array();
    const offsets = frameOffsets(bytes);
    const at = random.pick(offsets) + random.below(60);
    bytes[at] = (bytes[at] ?? 0) ^ (1 + random.below(255));
    return `header byte ${at} of ${path}`;
  },
  'signature moved': (random, files, { older, foreign }) => {
    const from = random.pick([older, foreign]);
    const signature = textOf(from.get(`${FOLDER}/checkpoint`)).split('\n\n')[1] ?? '';
    const body = textOf(files.get(`${FOLDER}/checkpoint`)).split('\n\n')[0] ?? '';
    files.set(`${FOLDER}/checkpoint`, Buffer.from(`${body}\n\n${signature}`));
    return 'the signature of another checkpoint';
  },
  'wrong key': (random, files, { realm }) => {
    const note = parseNote(textOf(files.get(`${FOLDER}/checkpoint`)));
    if (note.kind !== 'note') return undefined;
    const line = formatSignatureLine({
      name: sampleLogKey(random.below(1_000_000) + 1, realm.origin).origin,
      keyId: note.signatures[0]?.keyId ?? 0,
      signature: random.bytes(64),
    });
    files.set(`${FOLDER}/checkpoint`, Buffer.from(`${note.text}\n${line}`));
    return 'a signature that the key did not make';
  },
  fork: (random, files, { forked }) => {
    // Everything is signed by the right key, and contradicts the checkpoint that was kept.
    if (random.chance(0.5)) return splice(random, files, forked);
    files.clear();
    for (const [path, bytes] of forked) files.set(path, bytes.slice());
    return 'the whole realm, forked';
  },
};

/** Puts one file of another realm in the place of the same file, or in place of a part of it. */
function splice(random: Random, files: Map<string, Uint8Array>, from: Files): string | undefined {
  const path = random.pick(
    [...files.keys()].filter((one) => from.has(one) && !one.includes('.p/')),
  );
  const own = files.get(path) ?? new Uint8Array();
  const other = from.get(path) ?? new Uint8Array();
  if (!path.endsWith('.seg') || random.chance(0.5)) {
    files.set(path, other.slice());
    return `${path} of another realm`;
  }
  const at = random.pick(frameOffsets(own));
  files.set(
    path,
    Buffer.concat([own.subarray(0, at), other.subarray(random.pick(frameOffsets(other)))]),
  );
  return `${path} from a frame at ${at} on`;
}

const isHistory = (path: string): boolean => path.includes('/checkpoints/');

/** A byte that means something, of a file by chance. */
function edit(
  random: Random,
  files: Map<string, Uint8Array>,
  change: (bytes: Uint8Array, at: number) => void,
): string {
  const path = random.pick([...files.keys()]);
  const bytes = files.get(path) ?? new Uint8Array();
  const at = random.below(usedOf(bytes));
  change(bytes, at);
  return `byte ${at} of ${path}`;
}

function replace(
  random: Random,
  files: Map<string, Uint8Array>,
  change: (bytes: Uint8Array) => Uint8Array,
  paths: readonly string[] = [...files.keys()],
): string {
  const path = random.pick(paths);
  files.set(path, Uint8Array.from(change(files.get(path) ?? new Uint8Array())));
  return `a range of ${path}`;
}

/** Bytes up to the last that is not zero: the rest of a segment is empty. */
function usedOf(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 1 && bytes[end - 1] === 0) end -= 1;
  return end;
}

function range(random: Random, used: number): { readonly from: number; readonly to: number } {
  const from = random.below(used);
  return { from, to: from + 1 + random.below(used - from) };
}

/** Where frames start, by their magic: no entry holds it, entries are text. */
function frameOffsets(bytes: Uint8Array): readonly number[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const offsets: number[] = [];
  for (let at = buffer.indexOf('IFW1'); at !== -1; at = buffer.indexOf('IFW1', at + 4))
    offsets.push(at);
  return offsets.length === 0 ? [0] : offsets;
}

function isSame(one: Files, other: Files): boolean {
  return (
    one.size === other.size &&
    [...one].every(([path, bytes]) => {
      const before = other.get(path);
      return before !== undefined && Buffer.compare(bytes, before) === 0;
    })
  );
}

const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('utf8');
