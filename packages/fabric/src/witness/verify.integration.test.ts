import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  encodeEntry,
  encodeFrame,
  leafHash,
  parseEntry,
  segmentPath,
  Tree,
  checkpointText,
  parseSkey,
  signNote,
  noteSigner,
} from '@infrafabric/tlog';
import { DECIDER_VERSION } from '@infrafabric/core';

import { memoryDisk } from '../followers/memory-disk.ts';
import { nodePrimitives, nodeSha256 } from '../followers/node-crypto.ts';
import { openJournalReader } from '../adapters/journal-file/reader.ts';
import { nodeChecksums } from '../adapters/batch.ts';
import { writeSampleRealm, sampleLogKey, type SampleRealm } from './sample-realm.ts';
import { verifyFolder } from './verify.ts';

const FOLDER = '/realm';
let realm: SampleRealm;
let files: ReadonlyMap<string, Uint8Array>;

beforeAll(async () => {
  const disk = memoryDisk();
  realm = await writeSampleRealm(FOLDER, {
    entries: 3_000,
    seed: 11,
    disk,
    indexPath: ':memory:',
    frameEntries: 16,
  });
  files = disk.contents();
});

const trust = () => ({ origin: realm.origin, vkeys: [realm.vkey] });

describe('an honest realm', () => {
  test('passes V0, V1 and V5; every stated hash is compared; the end has the hash of the followers', async () => {
    const report = await verifyFolder(FOLDER, {
      disk: memoryDisk(files),
      levels: [0, 1, 5],
      log: trust(),
    });
    expect(report.ok).toBe(true);
    expect(report.log).toMatchObject({
      anchored: 'ANCHORED',
      size: realm.size,
      tilesMissing: 0,
      tornTailBytes: 0,
    });
    expect(report.log.checkpointsChecked).toBeGreaterThan(3);
    expect(report.replay).toMatchObject({
      decided: realm.size,
      foldedOnly: 0,
      hashesSkipped: 0,
      stateHash: realm.hashed?.hash,
    });
    expect(report.replay?.hashesCompared).toBeGreaterThanOrEqual(2);
  });

  test('cannot be falsified', async () => {
    const report = await verifyFolder(FOLDER, {
      disk: memoryDisk(files),
      levels: [5],
      log: trust(),
      mode: 'falsify',
    });
    expect(report.replay).toMatchObject({ ok: true });
    expect(report.replay?.invariantChecks).toBeGreaterThan(500);
  });

  test('without a key it is unanchored, and is refused where more is required', async () => {
    const bare = await verifyFolder(FOLDER, { disk: memoryDisk(files) });
    expect(bare).toMatchObject({ ok: true, log: { anchored: 'UNANCHORED' } });
    const required = await verifyFolder(FOLDER, { disk: memoryDisk(files), require: 'anchored' });
    expect(required.log.firstBad?.code).toBe('witness.unanchored');
    const witnessed = await verifyFolder(FOLDER, {
      disk: memoryDisk(files),
      log: trust(),
      require: 'witnessed',
    });
    expect(witnessed.log.firstBad?.code).toBe('witness.unanchored');
  });

  test('under another key it is refused', async () => {
    const other = sampleLogKey(99);
    const report = await verifyFolder(FOLDER, {
      disk: memoryDisk(files),
      log: { origin: realm.origin, vkeys: [other.vkey] },
    });
    expect(report.ok).toBe(false);
  });

  test.each([{ vkeys: [] }, { vkeys: ['nonsense'] }])(
    "a key that is none is the caller's mistake",
    async ({ vkeys }) => {
      const verifying = verifyFolder(FOLDER, {
        disk: memoryDisk(files),
        log: { origin: realm.origin, vkeys },
      });
      await expect(verifying).rejects.toMatchObject({ code: 'config.invalid' });
    },
  );

  test("a policy that is none is the caller's mistake; one without witnesses anchors nothing more", async () => {
    const verifying = verifyFolder(FOLDER, { disk: memoryDisk(files), policy: 'what' });
    await expect(verifying).rejects.toMatchObject({ code: 'config.invalid' });
    const report = await verifyFolder(FOLDER, {
      disk: memoryDisk(files),
      log: trust(),
      policy: 'quorum none\n',
    });
    expect(report.log.anchored).toBe('ANCHORED');
  });

  test('an older state of it does not extend a checkpoint that somebody kept', async () => {
    const held = Buffer.from(files.get(`${FOLDER}/checkpoint`) ?? []).toString();
    const disk = memoryDisk();
    await writeSampleRealm(FOLDER, {
      entries: 1_000,
      seed: 11,
      disk,
      indexPath: ':memory:',
      frameEntries: 16,
    });
    const report = await verifyFolder(FOLDER, { disk, log: trust(), heldCheckpoints: [held] });
    expect(report.log.firstBad).toMatchObject({
      code: 'witness.tampered',
      reason: 'journal_short',
    });
  });
});

/** All entries of the realm, as bytes. */
async function entriesOfRealm(): Promise<Buffer[]> {
  const disk = memoryDisk(files);
  const reader = openJournalReader(FOLDER, { disk, checksums: nodeChecksums });
  const entries: Buffer[] = [];
  while (entries.length < realm.size) {
    for (const frame of await reader.read(
      entries.length,
      { bytes: 1e6, frames: 100 },
      realm.size,
    )) {
      let end = 0;
      for (let i = 0; i < frame.count; i += 1) {
        const start = end + 2;
        end = start + frame.entries.readUInt16BE(end);
        entries.push(Buffer.from(frame.entries.subarray(start, end)));
      }
    }
  }
  return entries;
}

/** The log written again by somebody who holds the log key: `change` gets outcome and call of each entry. */
async function rewritten(
  change: (entry: { index: number; outcome: string; call: string }) => {
    outcome: string;
    call: string;
  },
): Promise<Map<string, Uint8Array>> {
  const tree = new Tree({ sha256: nodeSha256 });
  let previousLeaf = realm.genesisLeaf;
  const frames: Uint8Array[] = [];
  for (const bytes of await entriesOfRealm()) {
    const parsed = parseEntry(bytes);
    if (parsed.kind !== 'entry') throw new Error(parsed.reason);
    const { index, atMs, epoch, outcome, call } = parsed.entry;
    const again = encodeEntry({
      index,
      previousLeaf,
      atIso: new Date(atMs).toISOString(),
      epoch,
      ...change({ index, outcome, call }),
    });
    frames.push(
      encodeFrame({ firstIndex: index, epoch, previousLeaf }, [again], nodePrimitives.crc32),
    );
    previousLeaf = leafHash(nodeSha256, again);
    tree.append(previousLeaf);
  }
  const skey = parseSkey(nodePrimitives, realm.logKey);
  if (skey === undefined) throw new Error('no key');
  const text = checkpointText({ origin: realm.origin, size: tree.size, root: tree.root() });
  const note = signNote(text, [noteSigner(nodePrimitives, skey.key, skey.seed)]);
  const again = new Map<string, Uint8Array>([
    [`${FOLDER}/${segmentPath(0)}`, Buffer.concat([...frames, Buffer.alloc(100)])],
    [`${FOLDER}/checkpoint`, Buffer.from(note)],
  ]);
  for (const [path, bytes] of files) if (path.includes('/blobs/')) again.set(path, bytes);
  return again;
}

describe('a log that its key holder wrote again: V0 passes, V5 names the entry', () => {
  const verified = async (written: ReadonlyMap<string, Uint8Array>) => {
    const report = await verifyFolder(FOLDER, {
      disk: memoryDisk(written),
      levels: [0, 5],
      log: trust(),
      tiles: 'check',
    });
    expect(report.log).toMatchObject({ ok: true, anchored: 'ANCHORED', size: realm.size });
    return report.replay;
  };

  test('unchanged, it passes', async () => {
    expect(await verified(await rewritten((entry) => entry))).toMatchObject({ ok: true });
  });

  test('an event that was changed', async () => {
    let at = -1;
    const written = await rewritten(({ index, outcome, call }) => {
      if (at >= 0 || index < 500 || !outcome.includes('"type":"task.leased"'))
        return { outcome, call };
      at = index;
      return { outcome: outcome.replace('"leaseMs":30000', '"leaseMs":30001'), call };
    });
    expect((await verified(written))?.diverged).toMatchObject({
      code: 'replay.diverged',
      kind: 'events',
      index: at,
    });
  });

  test('an event that was left out', async () => {
    let at = -1;
    const written = await rewritten(({ index, outcome, call }) => {
      if (at >= 0 || index < 500 || !outcome.includes('"type":"task.completed"'))
        return { outcome, call };
      at = index;
      return { outcome: outcome.replace(/"events":\[.*\],"idem"/, '"events":[],"idem"'), call };
    });
    expect((await verified(written))?.diverged).toMatchObject({ kind: 'events', index: at });
  });

  test('a call that was changed: what it asks for now would have been decided otherwise', async () => {
    let at = -1;
    const written = await rewritten(({ index, outcome, call }) => {
      if (
        at >= 0 ||
        index < 500 ||
        !call.includes('"op":"tasks.complete"') ||
        !outcome.includes('task.completed')
      )
        return { outcome, call };
      at = index;
      return { outcome, call: call.replace(/"n":\d+/, '"n":77') };
    });
    expect((await verified(written))?.diverged).toMatchObject({ index: at });
  });

  test('a caller that was changed', async () => {
    let at = -1;
    const written = await rewritten(({ index, outcome, call }) => {
      if (at >= 0 || index < 500 || !outcome.includes('task.completed')) return { outcome, call };
      at = index;
      return {
        outcome: outcome.replace(/"session":"ses_.{16}"/, '"session":"ses_0000000000000000"'),
        call,
      };
    });
    const replay = await verified(written);
    // Who called matters where the decision depends on it; where it does not, V2 and V3 are what finds it.
    expect(replay?.ok === true || replay?.diverged?.index === at).toBe(true);
  });

  test('a state hash that was changed', async () => {
    let at = -1;
    const written = await rewritten(({ outcome, call }) => {
      if (at >= 0 || !outcome.includes('"type":"realm.state_hashed"')) return { outcome, call };
      at = Number(/"index":(\d+)/.exec(outcome)?.[1]);
      const change = (text: string): string => text.replace(/sha256:[0-9a-f]{4}/, 'sha256:0000');
      return { outcome: change(outcome), call: change(call) };
    });
    expect((await verified(written))?.diverged).toMatchObject({ kind: 'state', index: at });
  });

  test('V3: entries of another version of the decisions are folded and counted apart', async () => {
    const version = (text: string): string =>
      text.replace(`"decider":${DECIDER_VERSION}`, `"decider":${DECIDER_VERSION + 1}`);
    const written = await rewritten(({ index, outcome, call }) =>
      index === 0 ? { outcome: version(outcome), call: version(call) } : { outcome, call },
    );
    const replay = await verified(written);
    expect(replay).toMatchObject({ decided: 0, diverged: { kind: 'state' } });
    expect(replay?.foldedOnly).toBeGreaterThan(100);
  });
});

test('a sample is the same on every run of its seed', async () => {
  const disk = memoryDisk();
  const again = await writeSampleRealm(FOLDER, {
    entries: 3_000,
    seed: 11,
    disk,
    indexPath: ':memory:',
    frameEntries: 16,
  });
  expect(again.hashed).toEqual(realm.hashed);
  const digest = (bytes: Uint8Array | undefined) =>
    createHash('sha256')
      .update(bytes ?? '')
      .digest('hex');
  const segment = [...files.keys()].find((path) => path.endsWith('.seg'));
  expect(digest(disk.contents().get(segment ?? ''))).toBe(digest(files.get(segment ?? '')));
});
