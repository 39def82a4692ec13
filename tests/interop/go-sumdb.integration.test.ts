import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  EMPTY_ROOT,
  Tree,
  checkpointText,
  consistencyProof,
  encodeEntry,
  formatVkey,
  genesisLeaf,
  inclusionProof,
  leafHash,
  nodesOfTiles,
  noteSigner,
  parseEntry,
  portableEd25519,
  publicKeyOf,
  signNote,
  tilePath,
  type Hash,
  type TileId,
} from '@infrafabric/tlog';
import { afterAll, describe, expect, test } from 'vitest';

// The Go checksum database's library as second opinion: what we write it must accept, and what was
// tampered with it must refuse, or our formats are formats of our own.

const GOPATH = '/usr/share/gocode';
const LIBRARY = join(GOPATH, 'src/golang.org/x/mod/sumdb/tlog');
/** A cold build compiles Go's standard library. */
const BUILD_MS_MAX = 180_000;
const SIZES = [1, 255, 256, 257, 70_000];
const INCLUSIONS = 200;
const CONSISTENCIES = 50;

const sha256 = (bytes: Uint8Array): Hash => hash('sha256', bytes, 'base64');
const primitives = { sha256, ed25519: portableEd25519 };

const hasGo = existsSync(LIBRARY) && spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'tlog-go-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// In CI a missing component is a failure; elsewhere it is said.
test.skipIf(hasGo)('Go and golang.org/x/mod are here', () => {
  const missing = 'apt packages golang-go and golang-golang-x-mod-dev';
  process.stderr.write(`NOT RUN: tests/interop needs the ${missing}\n`);
  expect(process.env['CI'], `not installed: ${missing}`).toBeFalsy();
});

// Not every machine has Go; the test above says so where it is missing.
describe.runIf(hasGo)('Go’s sumdb library', () => {
  test(
    'it accepts our proofs, checkpoints, notes and leaves, and refuses tampered ones',
    () => {
      const log = growLog([...SIZES, ...randomSizes(5)]);
      const inclusions = inclusionsOf(log);
      const consistencies = consistenciesOf(log);
      const openings = openingsOf(log);
      const entries = [
        { Entry: Buffer.from(log.entry).toString('base64'), Leaf: leafHash(sha256, log.entry) },
      ];
      expect(inclusions).toHaveLength(INCLUSIONS);
      expect(consistencies).toHaveLength(CONSISTENCIES);

      const good = askGo({
        Inclusions: inclusions,
        Consistencies: consistencies,
        Openings: openings,
        Entries: entries,
      });
      expect(good, `sizes ${log.sizes.join(' ')}`).toEqual(good.map(() => 'ok'));
      expect(good).toHaveLength(INCLUSIONS + CONSISTENCIES + openings.length + 1);

      const bad = askGo({
        Inclusions: inclusions.map(
          (claim, i) =>
            [
              { ...claim, Leaf: EMPTY_ROOT },
              { ...claim, Root: EMPTY_ROOT },
              { ...claim, Proof: [...claim.Proof, EMPTY_ROOT] },
              {
                ...claim,
                Proof: claim.Size === 1 ? [EMPTY_ROOT] : claim.Proof.toSpliced(-1, 1, EMPTY_ROOT),
              },
            ][i % 4],
        ),
        Consistencies: consistencies.map(
          (claim, i) =>
            [
              { ...claim, FromRoot: EMPTY_ROOT },
              { ...claim, ToRoot: EMPTY_ROOT },
              { ...claim, Proof: [...claim.Proof, EMPTY_ROOT] },
            ][i % 3],
        ),
        Openings: openings.flatMap((opening) => [
          {
            ...opening,
            Note: opening.Note.replace(/[0-9]/, (digit) => String((Number(digit) + 1) % 10)),
          },
          { ...opening, Note: opening.Note.replace(/....\n$/, 'AAA=\n') },
          { ...opening, Vkey: openings.find(({ Vkey }) => Vkey !== opening.Vkey)?.Vkey },
        ]),
        Entries: entries.map((entry) => ({ ...entry, Leaf: EMPTY_ROOT })),
      });
      expect(bad).toEqual(bad.map(() => 'no'));
      expect(bad).toHaveLength(INCLUSIONS + CONSISTENCIES + openings.length * 3 + 1);
    },
    BUILD_MS_MAX,
  );
});

interface Log {
  readonly origin: string;
  readonly vkey: string;
  readonly sizes: readonly number[];
  readonly roots: ReadonlyMap<number, Hash>;
  readonly checkpoints: readonly { readonly size: number; readonly note: string }[];
  readonly leaves: readonly Hash[];
  readonly readTile: (tile: TileId) => Uint8Array | undefined;
  readonly entry: Uint8Array;
}

/** Entries short enough that 70,000 of them are quick; the last stored one is signed by its caller. */
function growLog(sizes: readonly number[]): Log {
  const origin = 'example.org/ifab/main';
  const seed = new Uint8Array(32).fill(11);
  const key = publicKeyOf(primitives, { name: origin, use: 'note', seed });
  const signer = noteSigner(primitives, key, seed);
  const tiles = new Map<string, Uint8Array>();
  const tree = new Tree({ sha256, onTile: (tile, bytes) => tiles.set(tilePath(tile), bytes) });
  const wanted = new Set(sizes);
  const roots = new Map<number, Hash>();
  const leaves: Hash[] = [];
  const checkpoints: { size: number; note: string }[] = [];
  let previousLeaf = genesisLeaf(sha256, { origin, vkey: formatVkey(key) });
  let entry = new Uint8Array();
  for (let size = 1; size <= Math.max(...sizes); size += 1) {
    const head = { index: size - 1, previousLeaf, atIso: '2026-11-21T08:00:00.140Z', epoch: 1 };
    const call = '{"args":{"id":"approval_1"},"op":"approvals.grant"}';
    entry = encodeEntry({
      ...head,
      outcome: '{"events":[]}',
      call: size === 257 ? callerNote(`${call}\n`) : call,
    }).slice();
    if (size === 257) signedEntry = entry;
    previousLeaf = leafHash(sha256, entry);
    leaves.push(previousLeaf);
    tree.append(previousLeaf);
    if (!wanted.has(size)) continue;
    roots.set(size, tree.root());
    const note = signNote(checkpointText({ origin, size, root: tree.root() }), [signer]);
    checkpoints.push({ size, note });
    for (const { tile, bytes } of tree.partialTiles()) tiles.set(tilePath(tile), bytes);
  }
  return {
    origin,
    vkey: formatVkey(key),
    sizes: [...roots.keys()],
    roots,
    checkpoints,
    leaves,
    readTile: (tile) => tiles.get(tilePath(tile)) ?? tiles.get(tilePath({ ...tile, width: 256 })),
    entry: signedEntry,
  };
}

let signedEntry: Uint8Array = new Uint8Array();
const CALLER_SEED = new Uint8Array(32).fill(12);
const CALLER = publicKeyOf(primitives, {
  name: 'ada.ops.example.org',
  use: 'note',
  seed: CALLER_SEED,
});

function callerNote(text: string): string {
  return signNote(text, [noteSigner(primitives, CALLER, CALLER_SEED)]);
}

function nodesAt(log: Log, size: number) {
  return nodesOfTiles(sha256, size, log.readTile);
}

function inclusionsOf(log: Log) {
  return Array.from({ length: INCLUSIONS }, (_, i) => {
    const size = log.sizes[i % log.sizes.length] ?? 1;
    const edges = [0, size - 1, Math.min(255, size - 1), Math.min(256, size - 1)];
    const index = edges[Math.floor(i / log.sizes.length)] ?? Math.floor(Math.random() * size);
    return {
      Index: index,
      Size: size,
      Leaf: log.leaves[index] ?? '',
      Root: log.roots.get(size) ?? '',
      Proof: inclusionProof(sha256, { index, size }, nodesAt(log, size)),
    };
  });
}

function consistenciesOf(log: Log) {
  const pairs = log.sizes.flatMap((to) =>
    log.sizes.filter((from) => from < to).map((from) => ({ from, to })),
  );
  return Array.from({ length: CONSISTENCIES }, (_, i) => {
    const { from, to } = pairs[i % pairs.length] ?? { from: 1, to: 1 };
    return {
      From: from,
      To: to,
      FromRoot: log.roots.get(from) ?? '',
      ToRoot: log.roots.get(to) ?? '',
      Proof: consistencyProof(sha256, { from, to }, nodesAt(log, to)),
    };
  });
}

function openingsOf(log: Log) {
  const parsed = parseEntry(log.entry);
  if (parsed.kind === 'bad') throw new Error(parsed.reason);
  const { call, callNote = '' } = parsed.entry;
  const checkpoints = log.checkpoints.map(({ size, note }) => ({
    Vkey: log.vkey,
    Note: note,
    Text: '',
    Size: size,
    Root: log.roots.get(size) ?? '',
  }));
  return [
    ...checkpoints,
    { Vkey: formatVkey(CALLER), Note: callNote, Text: `${call}\n`, Size: 0, Root: '' },
  ];
}

function askGo(claims: object): readonly string[] {
  const program = join(folder, 'check');
  if (!existsSync(program)) {
    const build = spawnSync('go', ['build', '-o', program, '.'], {
      cwd: join(import.meta.dirname, 'go-sumdb'),
      env: {
        ...process.env,
        GO111MODULE: 'off',
        GOPATH,
        GOFLAGS: '',
        GOCACHE: join(folder, 'cache'),
      },
      encoding: 'utf8',
    });
    expect(build.status, build.stderr).toBe(0);
  }
  const run = spawnSync(program, {
    input: JSON.stringify(claims),
    encoding: 'utf8',
    maxBuffer: 16 << 20,
  });
  expect(run.status, run.stderr).toBe(0);
  return run.stdout.trim().split('\n');
}

function randomSizes(count: number): readonly number[] {
  return Array.from({ length: count }, () => 258 + Math.floor(Math.random() * 69_000));
}
