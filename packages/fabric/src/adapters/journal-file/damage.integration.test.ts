import { Buffer } from 'node:buffer';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SimDisk,
  TEST_GENESIS_LEAF,
  appendNext,
  batchOf,
  entriesOf,
  readAll,
  seededRandom,
  textEntries,
  type SimOperation,
} from '@infrafabric/testkit';
import { decodeFrameHeader } from '@infrafabric/tlog';
import { expect, onTestFinished, test } from 'vitest';

import { Fault } from '../../fault.ts';
import { localFileSystem } from '../disk-node.ts';
import { NODE_PORTS, openFileJournal, type FileJournal } from './journal.ts';
import { openJournalReader } from './reader.ts';

/** Small: three batches of ten entries fill the first segment. */
const SEGMENT_BYTES = [4_096, 8_192];
const BATCHES = 12;

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'journal-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

const openIn = (folder: string, more: object = {}): Promise<FileJournal> =>
  openFileJournal({
    folder,
    genesisLeaf: TEST_GENESIS_LEAF,
    segmentBytes: SEGMENT_BYTES,
    ...more,
  });

/** A journal of several segments, closed. Answers the paths of its segments. */
async function filled(folder: string): Promise<readonly string[]> {
  const journal = await openIn(folder);
  for (let i = 0; i < BATCHES; i += 1) {
    await appendNext(journal, batchOf(textEntries(`batch ${i}`, 10, 90)));
  }
  await journal.close();
  return segmentsOf(folder);
}

const segmentsOf = (folder: string): readonly string[] =>
  readdirSync(join(folder, 'journal'))
    .toSorted()
    .map((name) => join(folder, 'journal', name));

/** Offsets of the frames of a segment, and where they end. */
function frameOffsets(bytes: Uint8Array): readonly number[] {
  const offsets = [0];
  for (;;) {
    const decoded = decodeFrameHeader(bytes, offsets.at(-1) ?? 0);
    if (decoded.kind !== 'frame') return offsets;
    offsets.push(decoded.endOffset);
  }
}

async function faultOf(attempt: Promise<unknown>): Promise<Fault> {
  const fault: unknown = await attempt.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (fault instanceof Fault) return fault;
  throw new Error(`expected a fault, met ${String(fault)}`);
}

test('a torn tail is cut, counted, and written over', async () => {
  const folder = dataFolder();
  const path = (await filled(folder)).at(-1) ?? '';
  const bytes = readFileSync(path);
  const end = frameOffsets(bytes).at(-1) ?? 0;
  bytes.fill(0xa5, end, end + 300);
  bytes.write('IFW1', end + 100, 'latin1');
  writeFileSync(path, bytes);
  const journal = await openIn(folder);
  expect(journal.recovery).toMatchObject({ cutBytes: 300, rewritten: true });
  expect(journal.head().size).toBe(BATCHES * 10);
  expect(
    readFileSync(path)
      .subarray(end)
      .equals(Buffer.alloc(bytes.length - end)),
  ).toBe(true);
  await appendNext(journal, batchOf(textEntries('next', 1)));
  await journal.close();
  expect((await openIn(folder)).recovery).toMatchObject({ cutBytes: 0, rewritten: false });
});

test('a frame cut anywhere is a torn tail: the frames before it stay', async () => {
  const folder = dataFolder();
  const path = (await filled(folder)).at(-1) ?? '';
  const whole = readFileSync(path);
  const offsets = frameOffsets(whole);
  const [start = 0, end = 0] = offsets.slice(-2);
  for (let cut = start; cut < end; cut += 37) {
    const bytes = Buffer.from(whole).fill(0, cut);
    writeFileSync(path, bytes);
    const journal = await openIn(folder);
    expect(journal.head().size).toBe((BATCHES - 1) * 10);
    await journal.close();
  }
});

test('one flipped byte anywhere but in the last frame is refused, by file and offset', async () => {
  const folder = dataFolder();
  const paths = await filled(folder);
  const random = seededRandom(7);
  for (let round = 0; round < 100; round += 1) {
    const path = random.pick(paths);
    const whole = readFileSync(path);
    const offsets = frameOffsets(whole);
    const last = path === paths.at(-1);
    const limit = offsets.at(last ? -2 : -1) ?? 0;
    const at = random.below(limit);
    const frame = offsets.findLast((offset) => offset <= at) ?? 0;
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    writeFileSync(path, bytes);
    const fault = await faultOf(openIn(folder));
    expect(fault).toMatchObject({ code: 'log.damaged', transient: false });
    expect(fault.detail).toContain(`${path} at byte ${frame}:`);
    writeFileSync(path, whole);
  }
  await (await openIn(folder)).close();
});

test('a missing segment is refused: first, middle, and last where a size is known', async () => {
  for (const which of [0, 1, -1]) {
    const folder = dataFolder();
    const paths = await filled(folder);
    rmSync(paths.at(which) ?? '');
    const fault = await faultOf(openIn(folder, { atLeast: { size: BATCHES * 10 } }));
    expect(fault.code).toBe('log.damaged');
  }
});

test('a log shorter than what was signed is refused, naming both sizes', async () => {
  const folder = dataFolder();
  await filled(folder);
  const fault = await faultOf(openIn(folder, { atLeast: { size: 121 } }));
  expect(fault).toMatchObject({ code: 'log.damaged' });
  expect(fault.detail).toMatch(/120.*121/);
  await (await openIn(folder, { atLeast: { size: 120 } })).close();
});

test('the log of another realm is refused at its first frame', async () => {
  const folder = dataFolder();
  await filled(folder);
  const fault = await faultOf(openIn(folder, { genesisLeaf: `${'B'.repeat(43)}=` }));
  expect(fault).toMatchObject({ code: 'log.damaged' });
});

test('from a snapshot on only the segments behind it are read, and its history must be ours', async () => {
  const folder = dataFolder();
  const paths = await filled(folder);
  const journal = await openIn(folder);
  const frames = await readAll(journal);
  await journal.close();
  const at = frames[8];
  if (at === undefined) throw new Error('the journal is too short');
  const snapshot = { size: at.first, leaf: at.previousLeaf };
  const early = readFileSync(paths[0] ?? '');
  // What stands before the snapshot is not looked at: not even broken bytes are.
  writeFileSync(paths[0] ?? '', Buffer.from(early).fill(1, 70, 80));
  const again = await openIn(folder, { scanFrom: snapshot });
  expect(again.head().size).toBe(BATCHES * 10);
  expect(again.recovery.frames).toBeLessThan(BATCHES);
  const [frame] = await again.read(snapshot.size, { bytes: 1, frames: 1 });
  expect(frame?.first).toBe(snapshot.size);
  expect((await faultOf(readAll(again))).code).toBe('log.damaged');
  await again.close();
  writeFileSync(paths[0] ?? '', early);
  const foreign = { ...snapshot, leaf: TEST_GENESIS_LEAF };
  expect((await faultOf(openIn(folder, { scanFrom: foreign }))).code).toBe('log.damaged');
});

test('data folder and files are their owner’s alone', async () => {
  const folder = join(dataFolder(), 'realm');
  const paths = await filled(folder);
  for (const path of [folder, join(folder, 'journal')]) {
    expect(statSync(path).mode & 0o777).toBe(0o700);
  }
  for (const path of [...paths, join(folder, 'LOCK'), join(folder, 'LOCK.json')]) {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  }
});

test('a second opener in the same process is refused, and free after close', async () => {
  const folder = dataFolder();
  const journal = await openIn(folder);
  const fault = await faultOf(openIn(folder));
  expect(fault).toMatchObject({ code: 'log.locked', transient: false });
  expect(fault.detail).toContain(`process ${process.pid}`);
  await journal.close();
  await (await openIn(folder)).close();
});

test('a reader beside the leader reads up to the size that it is told', async () => {
  const folder = dataFolder();
  const journal = await openIn(folder);
  const reader = openJournalReader(folder);
  const page = { bytes: 1e6, frames: 1_000 };
  for (let i = 0; i < BATCHES; i += 1) {
    await appendNext(journal, batchOf(textEntries(`batch ${i}`, 10, 90)));
    const size = journal.head().size;
    const found = (await reader.read(0, page, size)).flatMap(entriesOf);
    expect(found).toHaveLength(size);
    expect(await reader.read(size, page, size)).toEqual([]);
    expect(await reader.read(0, page, size - 10)).toHaveLength(i);
  }
  // A size that the journal does not have is damage: the leader never tells one.
  expect((await faultOf(reader.read(0, page, 1_000))).code).toBe('log.damaged');
  reader.close();
  expect((await faultOf(reader.read(0, page, 10))).code).toBe('log.unavailable');
  await journal.close();
});

test('a reader follows into a segment that a new leader has rewritten', async () => {
  const folder = dataFolder();
  const first = await openIn(folder);
  await appendNext(first, batchOf(textEntries('one', 2)));
  const reader = openJournalReader(folder);
  const page = { bytes: 1e6, frames: 1_000 };
  expect(await reader.read(0, page, 2)).toHaveLength(1);
  await first.close();
  rmSync(join(folder, 'LOCK.json'));
  const second = await openIn(folder);
  expect(second.recovery.rewritten).toBe(true);
  await appendNext(second, batchOf(textEntries('two', 2)));
  expect(await reader.read(0, page, 4)).toHaveLength(2);
  reader.close();
  await second.close();
});

test('the disk of the tests is local, and a folder that is not there is an error', () => {
  expect(localFileSystem(tmpdir())).toEqual({ kind: 'local' });
  expect(() => localFileSystem(join(tmpdir(), 'no such folder'))).toThrow('ENOENT');
});

/** A journal on a simulated disk that fails as `failure` says, from `arm` on. */
async function onFailingDisk(
  failure: (operation: SimOperation, path: string) => string | undefined,
) {
  let armed = false;
  let nowMs = 0;
  const disk = new SimDisk({
    random: seededRandom(1),
    failure: (operation, path) => (armed ? failure(operation, path) : undefined),
  });
  const open = (): Promise<FileJournal> =>
    openFileJournal(
      { folder: '/data', genesisLeaf: TEST_GENESIS_LEAF, segmentBytes: SEGMENT_BYTES },
      {
        ...NODE_PORTS,
        disk,
        lock: () => ({ lastStop: 'unclean', release: () => undefined }),
        nowMs: () => nowMs,
      },
    );
  const journal = await open();
  await appendNext(journal, batchOf(textEntries('good', 3)));
  return {
    disk,
    journal,
    open,
    arm: () => (armed = true),
    disarm: () => (armed = false),
    wait: (ms: number) => (nowMs += ms),
  };
}

const next = (journal: FileJournal, word: string, more: object = {}) =>
  journal.append(journal.head(), batchOf(textEntries(word, 10, 90), more));

test('F3: a failed sync ends the journal, and nothing is synced again', async () => {
  const { journal, arm, disarm, disk, open } = await onFailingDisk((operation) =>
    operation === 'sync' ? 'EIO' : undefined,
  );
  arm();
  const fault = await faultOf(next(journal, 'lost'));
  expect(fault).toMatchObject({ code: 'log.fsync_failed', transient: false });
  disarm();
  const before = disk.operations;
  expect(await faultOf(next(journal, 'later'))).toBe(fault);
  expect(disk.operations).toBe(before);
  // What was in the page cache only is gone after the power cut, whatever a later read saw.
  disk.reboot();
  expect((await open()).head().size).toBe(3);
});

test('a write that fails is not in the log, now or after a crash, and the next one is', async () => {
  let failing = 1;
  const { journal, arm, disk, open } = await onFailingDisk((operation) => {
    if (operation !== 'write' || failing === 0) return undefined;
    failing -= 1;
    return 'EIO';
  });
  arm();
  expect(await faultOf(next(journal, 'refused'))).toMatchObject({
    code: 'log.unavailable',
    transient: true,
  });
  expect(journal.head().size).toBe(3);
  expect((await next(journal, 'accepted')).kind).toBe('appended');
  disk.reboot();
  const entries = (await readAll(await open())).flatMap(entriesOf).map(String);
  expect(entries.filter((entry) => entry.startsWith('refused'))).toEqual([]);
  expect(entries).toHaveLength(13);
});

test('a write that can neither happen nor be taken back has an unknown outcome, and ends the journal', async () => {
  const { journal, arm, disarm } = await onFailingDisk((operation) =>
    operation === 'write' ? 'EIO' : undefined,
  );
  arm();
  const fault = await faultOf(next(journal, 'unknown'));
  expect(fault.code).toBe('log.outcome_unknown');
  disarm();
  expect(await faultOf(next(journal, 'later'))).toBe(fault);
});

test('F4: a full disk refuses between frames, keeps the reserve, and takes appends again when there is room', async () => {
  const { journal, disk, open, wait } = await onFailingDisk(() => undefined);
  disk.limit(SEGMENT_BYTES[0] ?? 0);
  let accepted = 3;
  const fillUp = async (): Promise<void> => {
    for (let i = 0; i < 20; i += 1) {
      await next(journal, `batch ${i}`);
      accepted += 10;
    }
  };
  const fault = await faultOf(fillUp());
  expect(fault).toMatchObject({ code: 'log.full', transient: true });
  expect(journal.head().size).toBe(accepted);
  // The reserve takes what frees space; all else is refused at once.
  expect((await next(journal, 'degraded', { reserve: true })).kind).toBe('appended');
  expect((await faultOf(next(journal, 'refused'))).code).toBe('log.full');
  disk.limit(Number.POSITIVE_INFINITY);
  const operations = disk.operations;
  expect((await faultOf(next(journal, 'too soon'))).code).toBe('log.full');
  expect(disk.operations).toBe(operations);
  wait(1_000);
  expect((await next(journal, 'resumed')).kind).toBe('appended');
  disk.reboot();
  expect((await open()).head().size).toBe(accepted + 20);
});

test('after an unclean stop on a full disk the last segment is written over in place', async () => {
  const { journal, disk, open } = await onFailingDisk(() => undefined);
  await next(journal, 'kept');
  disk.kill();
  disk.limit(0);
  const again = await open();
  expect(again.recovery).toMatchObject({ rewritten: true });
  expect(again.head().size).toBe(13);
  disk.reboot();
  disk.limit(Number.POSITIVE_INFINITY);
  expect((await open()).head().size).toBe(13);
});
