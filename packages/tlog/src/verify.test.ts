import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  SLACK_BYTES,
  buildLog,
  logKey,
  memorySource,
  nodeSha256,
  primitives,
  type Folder,
} from '../test/log-fixture.ts';
import {
  EMPTY_ROOT,
  checkpointText,
  cosigner,
  decodeFrameHeader,
  encodeEntry,
  encodeFrame,
  encodeHistoryRecord,
  formatVkey,
  leafHash,
  parsePolicy,
  parseSegmentPath,
  partialTiles,
  publicKeyOf,
  segmentPath,
  signNote,
  tilePath,
  verifyLog,
  type VerifyOptions,
} from './index.ts';

const SHAPE = {
  frames: [1, 3, 250, 0, 17, 200, 0, 50, 5],
  checkpointsAt: [0, 1, 4, 256, 300, 526],
};
const LOG = buildLog(SHAPE);
/** The same frames under the same key, with other words in them. */
const OTHER = buildLog({ ...SHAPE, salt: 'other' });
/** The same entries under another key. */
const FOREIGN = buildLog({ ...SHAPE, seedByte: 9 });
const SIZE = 526;
const TRUST: VerifyOptions = { log: { origin: LOG.origin, keys: [LOG.key] } };
const SEGMENTS = [...LOG.folder.keys()].filter((path) => path.startsWith('journal/')).toSorted();
const [FIRST = '', MIDDLE = '', LAST = ''] = SEGMENTS;
const HISTORY = 'checkpoints/2026-11-21.notes';

const copy = (folder: Folder = LOG.folder): Folder =>
  new Map([...folder].map(([path, bytes]) => [path, Uint8Array.from(bytes)]));
const verify = (folder: Folder, options: VerifyOptions = TRUST, pieceBytes?: number) =>
  verifyLog(memorySource(folder, pieceBytes), primitives, options);
const bytesOf = (folder: Folder, path: string): Uint8Array => folder.get(path) ?? new Uint8Array();
const edited = (path: string, edit: (bytes: Buffer) => Uint8Array): Folder => {
  const folder = copy();
  return folder.set(path, edit(Buffer.from(bytesOf(folder, path))));
};
/** Offsets of the frames of a segment, and of its end. */
const framesOf = (bytes: Uint8Array): number[] => {
  const offsets = [0];
  for (;;) {
    const decoded = decodeFrameHeader(bytes, offsets.at(-1) ?? 0);
    if (decoded.kind !== 'frame') return offsets;
    offsets.push(decoded.endOffset);
  }
};
const expectBad = async (folder: Folder, bad: object, options?: VerifyOptions): Promise<void> => {
  const report = await verify(folder, options);
  expect(report.ok).toBe(false);
  expect(report.firstBad).toMatchObject(bad);
};

describe('a sound log', () => {
  test('it verifies whatever the size of the pieces it comes in', async () => {
    for (const pieceBytes of [1, 61, 4_096, 1_048_576]) {
      const report = await verify(LOG.folder, TRUST, pieceBytes);
      expect(report).toEqual({
        ok: true,
        anchored: 'ANCHORED',
        size: SIZE,
        root: LOG.roots[SIZE],
        firstBad: undefined,
        checkpoint: { origin: LOG.origin, size: SIZE, root: LOG.roots[SIZE], extensions: [] },
        checkpointsChecked: 7,
        tilesChecked: 4,
        tilesMissing: 0,
        witnesses: [],
        inversionMs: 0,
        tornTailBytes: 0,
      });
    }
  });

  test('level 0 reads neither history nor held notes', async () => {
    const folder = copy().set(HISTORY, Buffer.from('nonsense'));
    const report = await verify(folder, { ...TRUST, level: 0, held: ['nonsense'] });
    expect([report.ok, report.checkpointsChecked]).toEqual([true, 1]);
  });

  test('without a key the answer is UNANCHORED, unless the caller holds a checkpoint', async () => {
    expect(await verify(LOG.folder, {})).toMatchObject({ ok: true, anchored: 'UNANCHORED' });
    const held = [LOG.notes[2] ?? ''];
    expect(await verify(LOG.folder, { held })).toMatchObject({
      ok: true,
      anchored: 'ANCHORED',
      checkpointsChecked: 8,
    });
    await expectBad(
      LOG.folder,
      { code: 'witness.unanchored', reason: 'UNANCHORED' },
      { require: 'anchored' },
    );
    await expectBad(
      LOG.folder,
      { code: 'witness.unanchored', reason: 'ANCHORED' },
      { ...TRUST, require: 'witnessed' },
    );
    expect(await verify(LOG.folder, { ...TRUST, require: 'anchored' })).toMatchObject({ ok: true });
  });

  test('an empty folder is an empty log without an anchor', async () => {
    expect(await verify(new Map(), TRUST)).toMatchObject({
      ok: true,
      anchored: 'UNANCHORED',
      size: 0,
      root: EMPTY_ROOT,
    });
  });

  test('entries behind the newest checkpoint are checked and wait for their tiles', async () => {
    const log = buildLog({ frames: [200, 400], checkpointsAt: [200] });
    log.folder.delete('tile/0/000');
    log.folder.delete('tile/0/001');
    expect(await verify(log.folder)).toMatchObject({
      ok: true,
      size: 600,
      checkpoint: { size: 200 },
      tilesMissing: 0,
    });
  });

  test('a partial tile may have made way for the full one', async () => {
    const log = buildLog({ frames: [300], checkpointsAt: [200] });
    log.folder.delete('tile/0/000.p/200');
    expect(await verify(log.folder)).toMatchObject({ ok: true, tilesMissing: 0 });
    log.folder.delete('tile/0/000');
    await expectBad(log.folder, { file: 'tile/0/000.p/200', reason: 'tile_missing' });
    expect(await verify(log.folder, { ...TRUST, tiles: 'check' })).toMatchObject({
      ok: true,
      tilesMissing: 1,
    });
    expect(await verify(log.folder, { ...TRUST, tiles: 'skip' })).toMatchObject({
      ok: true,
      tilesMissing: 0,
    });
  });

  test('an unfinished write behind the last frame is counted, not condemned', async () => {
    const end = framesOf(bytesOf(LOG.folder, LAST)).at(-1) ?? 0;
    const whole = encodeFrame(
      { firstIndex: SIZE, epoch: 9, previousLeaf: EMPTY_ROOT },
      [Buffer.from('x'.repeat(300))],
      crc32,
    );
    for (const length of [1, 3, 40, 100, whole.length - 1]) {
      const folder = edited(LAST, (bytes) =>
        Buffer.concat([bytes.subarray(0, end), whole.subarray(0, length), Buffer.alloc(99)]),
      );
      for (const pieceBytes of [1, 50, 65_536]) {
        const report = await verify(folder, TRUST, pieceBytes);
        expect(report.ok).toBe(true);
        expect(report.tornTailBytes).toBe(length);
      }
      const cut = edited(LAST, (bytes) =>
        Buffer.concat([bytes.subarray(0, end), whole.subarray(0, length)]),
      );
      expect(await verify(cut)).toMatchObject({ ok: true, tornTailBytes: length });
    }
  });

  test('tiles of a log without a checkpoint are compared where they are, and missed nowhere', async () => {
    const log = buildLog({ frames: [300], checkpointsAt: [] });
    expect(await verify(log.folder)).toMatchObject({
      ok: true,
      anchored: 'UNANCHORED',
      tilesChecked: 1,
    });
    log.folder.delete('tile/0/000');
    expect(await verify(log.folder)).toMatchObject({ ok: true, tilesChecked: 0, tilesMissing: 0 });
  });

  test('frames longer than the buffer’s rest are moved to its front', async () => {
    const frames = [15, 14, 15, 13, 15, 15, 12, 15];
    const log = buildLog({ frames, checkpointsAt: [114], salt: 'x'.repeat(30_000) });
    for (const pieceBytes of [4_096, 300_000, 2_000_000]) {
      expect(await verify(log.folder, TRUST, pieceBytes)).toMatchObject({ ok: true, size: 114 });
    }
  });

  test('what looks like a frame in an unfinished write must be one that could be', async () => {
    const end = framesOf(bytesOf(LOG.folder, LAST)).at(-1) ?? 0;
    const header = (bodyBytes: number, count: number, firstIndex: number): Buffer => {
      const bytes = Buffer.alloc(21, 'xIFW1');
      bytes.writeUInt32BE(bodyBytes, 5);
      bytes.writeUInt32BE(count, 9);
      bytes.writeBigUInt64BE(BigInt(firstIndex), 13);
      return bytes;
    };
    const put = (bytes: Buffer): Folder =>
      edited(LAST, (whole) => Buffer.concat([whole.subarray(0, end), bytes, Buffer.alloc(50)]));
    const noFrames = [
      [2 ** 20, 1, SIZE],
      [9, 0, SIZE],
      [9, 1_025, SIZE],
      [9, 1, SIZE - 1],
      [9, 1, 2 ** 53],
    ];
    for (const [bodyBytes = 0, count = 0, firstIndex = 0] of noFrames) {
      expect(await verify(put(header(bodyBytes, count, firstIndex)))).toMatchObject({ ok: true });
    }
    await expectBad(put(header(9, 1, SIZE)), {
      code: 'journal.damaged',
      index: SIZE,
      reason: 'magic',
    });
    // A length that reaches behind the file hides the frames that follow, but not for long.
    const long = edited(LAST, (bytes) => bytes.fill(Buffer.of(0, 7, 0, 0), 4, 8));
    await expectBad(long, { code: 'journal.damaged', index: 471, reason: 'short' });
  });

  test('an incomplete record ends the last history file only', async () => {
    const torn = edited(HISTORY, (bytes) => Buffer.concat([bytes, Buffer.of(0, 0, 1)]));
    expect(await verify(torn)).toMatchObject({ ok: true });
    torn.set('checkpoints/2026-11-22.notes', new Uint8Array());
    await expectBad(torn, { reason: 'history_record', code: 'witness.tampered' });
  });
});

describe('damage and tampering', () => {
  test('every kind of tampering is found, with its first leaf', async () => {
    expect.hasAssertions();
    const frames = framesOf(bytesOf(LOG.folder, MIDDLE));
    const [, second = 0, end = 0] = frames;
    const tampered = { code: 'witness.tampered' };
    const damaged = { code: 'journal.damaged' };
    // A frame damaged in the middle of its segment, and of the last one, which a checkpoint covers.
    await expectBad(
      edited(MIDDLE, (b) => b.fill(0x20, 100, 110)),
      { ...damaged, index: 254, file: MIDDLE, reason: 'crc' },
    );
    await expectBad(
      edited(LAST, (b) => b.fill(0x20, 100, 110)),
      { ...damaged, index: 471, reason: 'crc' },
    );
    await expectBad(
      edited(LAST, (b) => b.fill(0, 0, 4)),
      { ...damaged, reason: 'after_end' },
    );
    await expectBad(
      edited(MIDDLE, (b) => b.subarray(0, end - 5)),
      { ...damaged, index: 271, reason: 'short' },
    );
    await expectBad(
      edited(LAST, (b) => b.subarray(0, 2_000)),
      { ...damaged, reason: 'short' },
    );
    await expectBad(
      edited(LAST, (b) => b.fill(0)),
      { ...tampered, index: 471, reason: 'journal_short' },
    );
    await expectBad(
      edited(MIDDLE, (b) => Buffer.concat([b.subarray(0, second), b])),
      { ...tampered, index: 271, reason: 'frame_index' },
    );
    await expectBad(
      edited(MIDDLE, (b) =>
        Buffer.concat([b.subarray(second, end), b.subarray(0, second), b.subarray(end)]),
      ),
      { ...tampered, index: 254, reason: 'frame_index' },
    );
    const without = (path: string): Folder => {
      const folder = copy();
      folder.delete(path);
      return folder;
    };
    await expectBad(without(FIRST), { ...tampered, index: 0, reason: 'frame_index' });
    await expectBad(without(LAST), { ...tampered, index: 471, reason: 'journal_short' });
    await expectBad(without('checkpoint'), { ...tampered, reason: 'checkpoint_stale' });
    await expectBad(without('tile/0/000'), { ...tampered, index: 0, reason: 'tile_missing' });
    await expectBad(copy().set('checkpoint', Buffer.from(LOG.notes[2] ?? '')), {
      reason: 'checkpoint_stale',
    });
    await expectBad(copy().set(MIDDLE, bytesOf(OTHER.folder, MIDDLE)), {
      ...tampered,
      index: 254,
      reason: 'frame_chain',
    });
    await expectBad(FOREIGN.folder, { ...tampered, file: 'checkpoint', reason: 'unverified' });
    await expectBad(
      edited('tile/0/001', (b) => b.fill(1, 40, 41)),
      { ...tampered, index: 256, file: 'tile/0/001' },
    );
    await expectBad(
      edited('tile/1/000.p/2', (b) => b.subarray(0, 32)),
      { ...tampered, file: 'tile/1/000.p/2' },
    );
    await expectBad(
      edited('tile/0/000', (b) => Buffer.concat([b, b])),
      { ...tampered, reason: 'tile' },
    );
  });

  test('a rollback to an older sound state is found by whoever holds a newer checkpoint', async () => {
    const old = buildLog({ ...SHAPE, frames: [1, 3, 250], checkpointsAt: [0, 1, 4] });
    expect(await verify(old.folder)).toMatchObject({ ok: true, size: 254 });
    await expectBad(
      old.folder,
      { file: 'held/0', index: 254, reason: 'journal_short' },
      { ...TRUST, held: [LOG.notes[5] ?? ''] },
    );
  });

  test('a fork under the log’s own key is found by a held checkpoint', async () => {
    expect(await verify(OTHER.folder)).toMatchObject({ ok: true });
    await expectBad(
      OTHER.folder,
      { file: 'held/0', index: 4, reason: 'root' },
      { ...TRUST, held: [LOG.notes[3] ?? ''] },
    );
    await expectBad(
      OTHER.folder,
      { file: 'held/0', reason: 'malformed' },
      { ...TRUST, held: ['no note'] },
    );
  });

  test('a checkpoint of other bytes, another log or another root is refused', async () => {
    expect.hasAssertions();
    const sign = (text: string) => Buffer.from(signNote(text, [LOG.signer]));
    const head = { origin: LOG.origin, size: SIZE, root: LOG.roots[SIZE] ?? '' };
    const refused = (note: Uint8Array, reason: string, options?: VerifyOptions) =>
      expectBad(copy().set('checkpoint', note), { file: 'checkpoint', reason }, options);
    await refused(sign(checkpointText({ ...head, origin: 'elsewhere' })), 'origin');
    await refused(sign(checkpointText({ ...head, root: EMPTY_ROOT })), 'root');
    await refused(sign(checkpointText({ ...head, size: SIZE + 1 })), 'journal_short');
    await refused(sign('no checkpoint\n'), 'checkpoint_body');
    await refused(sign('no checkpoint\n'), 'malformed', {});
    await refused(Buffer.from('no note'), 'malformed', {});
    await refused(Buffer.of(0xff, 0xfe), 'malformed');
    await refused(Buffer.alloc(300_000, 'a'), 'note_bytes');
    const moved = (LOG.notes[5] ?? '').replace(
      /— .*\n$/,
      (LOG.notes[4] ?? '').split('\n\n')[1] ?? '',
    );
    await refused(Buffer.from(moved), 'bad_signature');
    const elsewhere = checkpointText({ ...head, origin: 'elsewhere' });
    await expectBad(
      LOG.folder,
      { file: 'held/0', reason: 'origin' },
      { held: [sign(elsewhere).toString()] },
    );
  });

  test('history must be records of sound checkpoints in order', async () => {
    const record = (note: string) => encodeHistoryRecord(Buffer.from(note));
    const last = LOG.notes[5] ?? '';
    await expectBad(
      edited(HISTORY, (b) => Buffer.concat([b, record(LOG.notes[1] ?? '')])),
      { file: HISTORY, reason: 'history_order' },
    );
    await expectBad(
      edited(HISTORY, (b) => Buffer.concat([Buffer.alloc(4), b])),
      { reason: 'history_record' },
    );
    await expectBad(
      edited(HISTORY, (b) => Buffer.concat([Buffer.alloc(4, 255), b])),
      { reason: 'history_record' },
    );
    await expectBad(
      edited(HISTORY, (b) => Buffer.concat([b, record('x')])),
      { reason: 'malformed' },
    );
    const forked = signNote(checkpointText({ origin: LOG.origin, size: SIZE, root: EMPTY_ROOT }), [
      LOG.signer,
    ]);
    await expectBad(
      edited(HISTORY, (b) => Buffer.concat([b, record(forked)])),
      { reason: 'root' },
    );
    const twice = edited(HISTORY, (b) => Buffer.concat([b, record(last)]));
    expect(await verify(twice)).toMatchObject({ ok: true });
  });

  test('whole frames that contradict the log are tampering, field by field', async () => {
    const link = LOG.leaves[SIZE - 1] ?? '';
    const end = framesOf(bytesOf(LOG.folder, LAST)).at(-1) ?? 0;
    const sound = {
      index: SIZE,
      previousLeaf: link,
      atIso: '2026-11-21T08:00:00.140Z',
      epoch: 3,
      outcome: '{}',
      call: '{}',
    };
    const append = (
      entry: object,
      head: object = {},
      spoil = (bytes: Buffer): Buffer => bytes,
    ): Folder => {
      const body = encodeEntry({ ...sound, ...entry });
      const frame = encodeFrame(
        { firstIndex: SIZE, epoch: 3, previousLeaf: link, ...head },
        [body],
        crc32,
      );
      return edited(LAST, (bytes) =>
        Buffer.concat([bytes.subarray(0, end), spoil(Buffer.from(frame)), bytes.subarray(end)]),
      );
    };
    expect(await verify(append({}))).toMatchObject({ ok: true, size: SIZE + 1 });
    const cases: readonly (readonly [Folder, string])[] = [
      [append({ index: SIZE + 1 }), 'index'],
      [append({ previousLeaf: EMPTY_ROOT }), 'chain'],
      [append({ atIso: '2020-01-01T00:00:00.000Z' }), 'time'],
      [append({ epoch: 4 }), 'epoch'],
      [append({ epoch: 0 }, { epoch: 0 }), 'frame_epoch'],
      [append({}, { previousLeaf: EMPTY_ROOT }), 'frame_chain'],
      [append({}, { firstIndex: SIZE + 1 }), 'frame_index'],
      [append({}, {}, (b) => resealed(b, () => b.writeUInt16BE(0, 60))), 'lengths'],
      [append({}, {}, (b) => resealed(b, () => b.writeUInt16BE(b.length - 61, 60))), 'lengths'],
      [append({}, {}, (b) => resealed(b, () => b.writeUInt16BE(b.length - 63, 60))), 'lines'],
      [append({}, {}, (b) => resealed(b, () => b.write('X', 62))), 'version'],
      [append({}, {}, (b) => resealed(b, () => b.writeUInt32BE(2, 8))), 'lengths'],
      [
        append({}, {}, (b) =>
          resealed(Buffer.concat([b, Buffer.alloc(1)]), (c) => c.writeUInt32BE(c.length - 60, 4)),
        ),
        'lengths',
      ],
    ];
    for (const [folder, reason] of cases) {
      await expectBad(folder, { code: 'witness.tampered', reason });
    }
  });

  test('a segment must bear the name of its first index', async () => {
    const folder = copy();
    folder.delete(LAST);
    await expectBad(folder.set(segmentPath(472), bytesOf(LOG.folder, LAST)), {
      reason: 'segment_index',
    });
    await expectBad(copy().set('journal/zzz.seg', Buffer.of(1)), {
      reason: 'segment_name',
      index: SIZE,
    });
    expect(parseSegmentPath('journal/9999999999999999.seg')).toBeUndefined();
    expect(() => segmentPath(-1)).toThrow(/a count/);
  });

  test('a torn tail that another segment follows is damage', async () => {
    expect.hasAssertions();
    const end = framesOf(bytesOf(LOG.folder, MIDDLE)).at(-1) ?? 0;
    const folder = edited(MIDDLE, (b) => b.fill(0x41, end + 9, end + 12));
    await expectBad(folder, { code: 'journal.damaged', index: 471, reason: 'after_end' });
  });

  test('any changed bit of any file is found, wherever it lies', async () => {
    // Partial tiles of older checkpoints are superseded: nothing reads them again.
    const newest = new Set(partialTiles(SIZE).map(tilePath));
    const paths = [...LOG.folder.keys()].filter(
      (path) => !path.includes('.p/') || newest.has(path),
    );
    const spot = fc.record({
      path: fc.constantFrom(...paths),
      at: fc.double({ min: 0, max: 0.999, noNaN: true }),
      bit: fc.nat(7),
    });
    await fc.assert(
      fc.asyncProperty(spot, async ({ path, at, bit }) => {
        const folder = edited(path, (bytes) => {
          const where = Math.floor(at * bytes.length);
          bytes[where] = (bytes[where] ?? 0) ^ (1 << bit);
          return bytes;
        });
        const report = await verify(folder);
        // Behind the last frame a changed bit is no entry: it is counted as what a crash leaves.
        expect(report.ok && report.tornTailBytes === 0, `${path} ${at} ${bit}`).toBe(false);
      }),
      { numRuns: 250 },
    );
  });

  test('random edits of journal, history and checkpoint never throw and never hang', async () => {
    const paths = [FIRST, MIDDLE, LAST, HISTORY, 'checkpoint'];
    const edit = fc.record({
      path: fc.constantFrom(...paths),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(300),
      put: fc.oneof(
        fc.uint8Array({ maxLength: 80 }),
        fc.constant(Buffer.from('IFW1\0\0\0\x10\0\0\0\x01')),
        fc.constant(Buffer.alloc(500)),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const folder = copy();
        for (const { path, at, cut, put } of edits) {
          const bytes = Buffer.from(bytesOf(folder, path));
          const from = Math.floor(at * bytes.length);
          folder.set(
            path,
            Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]),
          );
        }
        const report = await verify(folder, { ...TRUST, tiles: 'skip' });
        expect(report.ok ? report.root : LOG.roots[SIZE]).toBe(LOG.roots[SIZE]);
        expect(report.size).toBeLessThanOrEqual(SIZE);
      }),
      { numRuns: 250 },
    );
  });

  test('what the source throws reaches the caller', async () => {
    const source = {
      ...memorySource(LOG.folder),
      read: () => Promise.reject(new Error('disk gone')),
    };
    await expect(verifyLog(source, primitives)).rejects.toThrow('disk gone');
  });
});

describe('witnesses', () => {
  const witness = (byte: number) => {
    const seed = new Uint8Array(32).fill(byte);
    const key = publicKeyOf(primitives, { name: `w${byte}.example`, use: 'cosignature', seed });
    return {
      vkey: formatVkey(key),
      at: (timeS: number) => cosigner(primitives, key, { seed, timeS }),
    };
  };
  const [a, b, c] = [witness(21), witness(22), witness(23)];
  const policyOf = (quorum: string) => {
    const text = `witness a ${a.vkey}\nwitness b ${b.vkey}\nwitness c ${c.vkey}\n${quorum}\n`;
    const parsed = parsePolicy(primitives, text);
    if (parsed.kind === 'refused') throw new Error(`${parsed.line}: ${parsed.reason}`);
    return parsed.policy;
  };
  const lastAtS = Math.ceil((1_790_000_000_000 + 7 * 4) / 1_000);
  const log = buildLog({
    frames: [5],
    checkpointsAt: [5],
    cosigners: [a.at(lastAtS + 2), b.at(lastAtS - 5)],
  });

  test('a quorum is named with its count, and less than one is ANCHORED', async () => {
    const two = policyOf('group g 2 a b c\nquorum g');
    const report = await verify(log.folder, { ...TRUST, policy: two, require: 'witnessed' });
    expect(report).toMatchObject({ ok: true, anchored: 'WITNESSED 2/3', witnesses: ['a', 'b'] });
    const all = policyOf('group g all a b c\nquorum g');
    expect(await verify(log.folder, { ...TRUST, policy: all })).toMatchObject({
      ok: true,
      anchored: 'ANCHORED',
    });
    await expectBad(
      log.folder,
      { code: 'witness.unanchored', reason: 'ANCHORED' },
      { ...TRUST, policy: all, require: 'witnessed' },
    );
    const none = policyOf('quorum none');
    expect(await verify(LOG.folder, { ...TRUST, policy: none })).toMatchObject({
      anchored: 'ANCHORED',
    });
    expect(await verify(log.folder, { ...TRUST, policy: two, level: 0 })).toMatchObject({
      anchored: 'ANCHORED',
    });
    expect(await verify(new Map(), { ...TRUST, policy: two })).toMatchObject({
      anchored: 'UNANCHORED',
    });
  });

  test('a cosignature from before the entries it covers is shown as an inversion', async () => {
    const report = await verify(log.folder, { ...TRUST, policy: policyOf('quorum a') });
    expect(report.inversionMs).toBe(1_790_000_000_000 + 7 * 4 - (lastAtS - 5) * 1_000);
    const later = buildLog({ frames: [5], checkpointsAt: [5], cosigners: [a.at(lastAtS + 2)] });
    expect(await verify(later.folder, { ...TRUST, policy: policyOf('quorum a') })).toMatchObject({
      inversionMs: 0,
    });
  });
});

test('the fixture is what it says: slack of zeros, leaves of its entries', () => {
  expect(
    bytesOf(LOG.folder, LAST)
      .subarray(-SLACK_BYTES)
      .every((byte) => byte === 0),
  ).toBe(true);
  expect(LOG.leaves).toEqual(LOG.entries.map((entry) => leafHash(nodeSha256, entry)));
  expect(logKey(LOG.origin, 7).vkey).toBe(LOG.vkey);
});

/** Edits a frame and makes its CRC fit again, as whoever tampers would. */
function resealed(bytes: Buffer, edit: (bytes: Buffer) => unknown): Buffer {
  edit(bytes);
  bytes.writeUInt32BE(crc32(bytes.subarray(60), crc32(bytes.subarray(0, 56))), 56);
  return bytes;
}
