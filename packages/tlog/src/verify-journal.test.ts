import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeSha256 } from '../test/log-fixture.ts';
import { encodeEntry } from './entry.ts';
import { FRAME_BYTES_MAX, FRAME_ENTRIES_MAX, encodeFrame } from './frame.ts';
import { leafHash } from './hash.ts';
import type { Hash } from './hash.ts';
import { segmentPath } from './layout.ts';
import { JournalCheck } from './verify-journal.ts';
import type { Advance } from './verify-journal.ts';

// The check by itself, on journals of a few entries: a whole log is verified in verify.test.ts.

const GENESIS = leafHash(nodeSha256, Uint8Array.of(7));
const OTHER_LINK = leafHash(nodeSha256, Uint8Array.of(8));
const AT_MS = Date.parse('2026-11-21T08:00:07.998Z');
const HEADER_BYTES = 60;
const ALL = Number.POSITIVE_INFINITY;

interface Written {
  readonly frames: readonly Buffer[];
  readonly leaves: readonly Hash[];
}

type Fields = Partial<Parameters<typeof encodeEntry>[0]>;

/** Frames of so many entries each. Two entries share a millisecond, two frames an epoch. */
const write = (counts: readonly number[], from = { index: 0, link: GENESIS }): Written => {
  const leaves: Hash[] = [];
  let { index, link } = from;
  const frames = counts.map((count, number) => {
    const epoch = 1 + (number >> 1);
    const head = { firstIndex: index, epoch, previousLeaf: link };
    const entries = Array.from({ length: count }, () => {
      const entry = entryAt({ index, previousLeaf: link, epoch });
      link = leafHash(nodeSha256, entry);
      leaves.push(link);
      index += 1;
      return entry;
    });
    return Buffer.from(encodeFrame(head, entries, crc32));
  });
  return { frames, leaves };
};

const timeOf = (index: number): number => AT_MS + (index >> 1);

const entryAt = (fields: { index: number; previousLeaf: Hash; epoch: number } & Fields) =>
  encodeEntry({
    atIso: new Date(timeOf(fields.index)).toISOString(),
    outcome: '{}',
    call: '{"op":"x"}',
    ...fields,
  });

/** A frame whose CRC fits what was done to it, as whoever tampers would make it. */
const resealed = (frame: Buffer, edit: (bytes: Buffer) => unknown): Buffer => {
  const bytes = Buffer.from(frame);
  edit(bytes);
  bytes.writeUInt32BE(crc32(bytes.subarray(60), crc32(bytes.subarray(0, 56))), 56);
  return bytes;
};

interface Segment {
  readonly path: string;
  readonly bytes: Buffer;
}

const segment = (firstIndex: number, ...parts: readonly Uint8Array[]): Segment => ({
  path: segmentPath(firstIndex),
  bytes: Buffer.concat(parts),
});

const start = (previousLeaf: Hash | undefined, size = 0) => {
  const leaves: Hash[] = [];
  const tree = {
    get size() {
      return size + leaves.length;
    },
    append: (leaf: Hash) => leaves.push(leaf),
  };
  const check = new JournalCheck(tree, { sha256: nodeSha256, crc32 }, { previousLeaf });
  return { check, leaves };
};

/** Reads segments as the verifier does, up to the first `bad`. */
const drive = (segments: readonly Segment[], pieceBytes = 100_000, from = start(GENESIS)) => {
  const { check, leaves } = from;
  const answers: Advance[] = [];
  const isBad = (answer: Advance): boolean => {
    answers.push(answer);
    return answer === 'bad';
  };
  const read = ({ path, bytes }: Segment): boolean => {
    if (isBad(check.openSegment(path))) return false;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      check.push(bytes.subarray(at, at + pieceBytes));
      if (isBad(check.advance(ALL))) return false;
    }
    return !isBad(check.closeSegment());
  };
  segments.every(read);
  return {
    last: answers.at(-1),
    sound: answers.slice(0, -1).every((answer) => answer === 'more'),
    leaves,
    bad: check.bad,
    tear: check.tear,
    lastAtMs: check.lastAtMs,
  };
};

const PIECES = [1, 7, 50, 64, 100_000];
const LOG = write([2, 3, 1, 2]);
const [A, B, C, D] = LOG.frames as [Buffer, Buffer, Buffer, Buffer];
const SIZE = 8;
/** What an unfinished or damaged write behind the log starts at. */
const behind = (reason: string) => ({
  index: SIZE,
  file: segmentPath(5),
  reason,
  code: 'journal.damaged',
});
const withEnd = (...end: readonly Uint8Array[]): Segment[] => [
  segment(0, A, B, Buffer.alloc(9)),
  segment(5, C, D, ...end),
];

describe('whole frames', () => {
  test('are taken leaf by leaf, whatever the pieces and however many zeros are behind them', () => {
    for (const pieceBytes of PIECES) {
      for (const slack of [0, 1, 2, 3, 4, 5, 6, 7, 8, 33]) {
        expect(drive(withEnd(Buffer.alloc(slack)), pieceBytes)).toStrictEqual({
          last: 'more',
          sound: true,
          leaves: LOG.leaves,
          bad: undefined,
          tear: undefined,
          lastAtMs: timeOf(SIZE - 1),
        });
      }
    }
  });

  test('stop at each size that is asked for, and nowhere else', () => {
    const { check, leaves } = start(GENESIS);
    expect(check.openSegment(segmentPath(0))).toBe('more');
    check.push(Buffer.concat([A, B]));
    const sizes = [1, 2, 4, 5].map((size) => [check.advance(size), leaves.length]);
    expect(sizes).toStrictEqual([
      ['stop', 1],
      ['stop', 2],
      ['stop', 4],
      ['stop', 5],
    ]);
    expect([check.advance(9), check.closeSegment(), leaves.length]).toStrictEqual([
      'more',
      'more',
      5,
    ]);
  });

  test('go on behind what a checkpoint vouches for, where their first link is unknown', () => {
    const later = write([2, 1], { index: 40, link: OTHER_LINK });
    const parts = [segment(40, ...later.frames)];
    expect(drive(parts, 64, start(undefined, 40))).toMatchObject({
      last: 'more',
      leaves: later.leaves,
    });
    const unlinked = resealed(later.frames[1] ?? A, (bytes) => bytes.fill(1, 24, 56));
    const forked = [segment(40, later.frames[0] ?? A, unlinked)];
    expect(drive(forked, 64, start(undefined, 40)).bad).toMatchObject({ reason: 'frame_chain' });
    expect(drive(parts, 64, start(OTHER_LINK, 40)).bad).toBeUndefined();
    expect(drive(parts, 64, start(GENESIS, 40)).bad).toMatchObject({ reason: 'frame_chain' });
  });

  test('may be as long as a frame may be, one after the other', () => {
    const call = `{"x":"${'y'.repeat(65_000)}"}`;
    const frames: Buffer[] = [];
    const leaves: Hash[] = [];
    let link = GENESIS;
    for (let number = 0; number < 4; number += 1) {
      const head = { firstIndex: leaves.length, epoch: 1, previousLeaf: link };
      const entries: Uint8Array[] = [];
      for (let i = 0; i < 8; i += 1) {
        const entry = entryAt({ index: leaves.length, previousLeaf: link, epoch: 1, call });
        link = leafHash(nodeSha256, entry);
        leaves.push(link);
        entries.push(entry);
      }
      frames.push(Buffer.from(encodeFrame(head, entries, crc32)));
    }
    expect(frames[0]?.length).toBeGreaterThan(FRAME_BYTES_MAX - 5_000);
    for (const pieceBytes of [FRAME_BYTES_MAX, 300_000]) {
      expect(drive([segment(0, ...frames)], pieceBytes)).toMatchObject({ last: 'more', leaves });
    }
  });
});

describe('an unfinished write', () => {
  const [whole] = write([3], { index: SIZE, link: LOG.leaves.at(-1) ?? '' }).frames as [Buffer];
  const trimmed = (bytes: Uint8Array): number => bytes.findLastIndex((byte) => byte !== 0) + 1;

  test('is counted up to its last byte that is not zero, and is no proof of damage', () => {
    for (let length = 1; length < whole.length; length += length < 64 ? 3 : 61) {
      const cut = whole.subarray(0, length);
      for (const zeros of [0, 99]) {
        for (const pieceBytes of [50, 100_000]) {
          const found = drive(withEnd(cut, Buffer.alloc(zeros)), pieceBytes);
          expect(found).toMatchObject({ last: 'more', sound: true, leaves: LOG.leaves });
          expect(found.bad).toBeUndefined();
          expect(found.tear).toMatchObject({ bytes: trimmed(cut), flaw: { index: SIZE } });
        }
      }
    }
  });

  test('is told by what is wrong with it', () => {
    const reasonOf = (...end: readonly Uint8Array[]) => {
      const { tear, bad } = drive(withEnd(...end));
      expect(bad).toBeUndefined();
      return tear;
    };
    expect(reasonOf(Buffer.of(1))).toStrictEqual({ flaw: behind('short'), bytes: 1 });
    expect(reasonOf(Buffer.of(0, 0, 1))).toStrictEqual({ flaw: behind('short'), bytes: 1 });
    expect(reasonOf(whole.subarray(0, 100))).toStrictEqual({ flaw: behind('short'), bytes: 100 });
    const zeros = Buffer.alloc(whole.length - 100);
    expect(reasonOf(whole.subarray(0, 100), zeros)).toStrictEqual({
      flaw: behind('crc'),
      bytes: 100,
    });
    const broken = Buffer.from(whole).fill(0x20, 90, 92);
    expect(reasonOf(broken)).toStrictEqual({ flaw: behind('crc'), bytes: whole.length });
    expect(reasonOf(Buffer.from('xyz\0z'))).toStrictEqual({ flaw: behind('magic'), bytes: 5 });
  });

  test('may be a single byte anywhere among the zeros behind the last frame', () => {
    for (const pieceBytes of [1, 5, 61, 100_000]) {
      for (let at = 4; at < 24; at += 1) {
        const end = Buffer.alloc(28);
        end[at] = 0x41;
        expect(drive(withEnd(end), pieceBytes).tear).toStrictEqual({
          flaw: behind('after_end'),
          bytes: 1,
        });
      }
    }
  });

  test('takes the zeros between its bytes with it, over the end of a segment too', () => {
    const parts = [...withEnd(Buffer.of(9, 9, 9, 9, 0, 0)), segment(SIZE, Buffer.of(0, 5, 0))];
    for (const pieceBytes of PIECES) {
      expect(drive(parts, pieceBytes)).toMatchObject({
        last: 'more',
        tear: { bytes: 8, flaw: behind('magic') },
      });
    }
  });
});

describe('what stands behind a flaw', () => {
  const header = (bodyBytes: number, count: number, firstIndex: number): Buffer => {
    const bytes = Buffer.alloc(20, 'IFW1');
    bytes.writeUInt32BE(bodyBytes, 4);
    bytes.writeUInt32BE(count, 8);
    bytes.writeBigUInt64BE(BigInt(firstIndex), 12);
    return bytes;
  };
  const proves = (...end: readonly Uint8Array[]): boolean => {
    const found = PIECES.map((pieceBytes) => {
      const { last, bad, tear } = drive(withEnd(...end), pieceBytes);
      expect(bad).toStrictEqual(last === 'bad' ? tear?.flaw : undefined);
      return last === 'bad';
    });
    expect(new Set(found).size).toBe(1);
    return found[0] === true;
  };

  test('proves damage where it could begin a frame of this or a later index', () => {
    for (const [bodyBytes, count, firstIndex] of [
      [9, 1, SIZE],
      [0, 1, SIZE],
      [FRAME_BYTES_MAX, 1, SIZE],
      [9, FRAME_ENTRIES_MAX, SIZE],
      [9, 1, Number.MAX_SAFE_INTEGER],
    ] as const) {
      expect(proves(Buffer.from('x'), header(bodyBytes, count, firstIndex))).toBe(true);
    }
    for (const [bodyBytes, count, firstIndex] of [
      [FRAME_BYTES_MAX + 1, 1, SIZE],
      [9, 0, SIZE],
      [9, FRAME_ENTRIES_MAX + 1, SIZE],
      [9, 1, SIZE - 1],
      [9, 1, 2 ** 53],
    ] as const) {
      expect(proves(Buffer.from('x'), header(bodyBytes, count, firstIndex))).toBe(false);
    }
    const noMagic = header(9, 1, SIZE).fill('J', 0, 1);
    expect(proves(Buffer.from('x'), noMagic)).toBe(false);
  });

  test('is looked at byte by byte, to the last place where a header fits', () => {
    const sound = header(9, 1, SIZE);
    for (let junk = 1; junk < 9; junk += 1) {
      expect(proves(Buffer.alloc(junk, 'x'), sound)).toBe(true);
      expect(proves(Buffer.alloc(junk, 'x'), sound.subarray(0, 19))).toBe(false);
      expect(proves(Buffer.alloc(8 + junk), Buffer.from('x'), sound)).toBe(true);
    }
    // A frame whose bytes changed is no header of its own, only what follows it.
    const [whole = A] = write([1], { index: SIZE, link: LOG.leaves.at(-1) ?? '' }).frames;
    const broken = Buffer.from(whole).fill(0x20, 90, 92);
    expect([proves(broken), proves(broken, sound), proves(broken, whole)]).toStrictEqual([
      false,
      true,
      true,
    ]);
  });

  test('is the flaw’s own segment that is named, though a later one proves it', () => {
    const next = write([1], { index: SIZE, link: LOG.leaves.at(-1) ?? '' });
    for (const end of ['x', 'xxxx\0\0', '\0\0\0\0\0x']) {
      for (const pieceBytes of PIECES) {
        const parts = [...withEnd(Buffer.from(end)), segment(SIZE, ...next.frames)];
        const { last, bad, tear, leaves } = drive(parts, pieceBytes);
        expect([last, leaves.length]).toStrictEqual(['bad', SIZE]);
        expect(bad).toMatchObject({ file: segmentPath(5), code: 'journal.damaged' });
        expect(tear?.flaw).toStrictEqual(bad);
      }
    }
    // Found by the end of a segment, not by the bytes of the next: a frame cut short before a whole one.
    const cut = [segment(0, A.subarray(0, 70), A.subarray(0, 30), Buffer.alloc(3))];
    const { last, bad } = drive(cut);
    expect(last).toBe('bad');
    expect(bad).toMatchObject({ index: 0, reason: 'short', code: 'journal.damaged' });
  });
});

describe('a whole frame that contradicts the log', () => {
  const link = LOG.leaves.at(-1) ?? '';
  const sound = { index: SIZE, previousLeaf: link, epoch: 2 };
  const frameOf = (fields: readonly Fields[], head: object = {}): Buffer => {
    const entries = fields.map((one) => entryAt({ ...sound, ...one }));
    const own = { firstIndex: SIZE, epoch: 2, previousLeaf: link, ...head };
    return Buffer.from(encodeFrame(own, entries, crc32));
  };
  const reasonOf = (frame: Buffer): string | undefined => {
    const { bad, last, tear, leaves } = drive(withEnd(frame, Buffer.alloc(80)));
    if (bad === undefined) return undefined;
    expect([last, tear]).toStrictEqual(['bad', undefined]);
    const { reason, ...rest } = bad;
    expect(rest).toStrictEqual({
      index: leaves.length,
      file: segmentPath(5),
      code: 'witness.tampered',
    });
    return reason;
  };
  const at = (ms: number) => ({ atIso: new Date(ms).toISOString() });

  test('is told field by field, of the frame and of its first entry', () => {
    const last = timeOf(SIZE - 1);
    expect(reasonOf(frameOf([{}]))).toBeUndefined();
    expect(reasonOf(frameOf([{ epoch: 3 }], { epoch: 3 }))).toBeUndefined();
    expect(reasonOf(frameOf([{ epoch: 1 }], { epoch: 1 }))).toBe('frame_epoch');
    expect(reasonOf(frameOf([{}], { previousLeaf: OTHER_LINK }))).toBe('frame_chain');
    expect(reasonOf(frameOf([{}], { firstIndex: SIZE + 1 }))).toBe('frame_index');
    expect(reasonOf(frameOf([{}], { firstIndex: SIZE - 1 }))).toBe('frame_index');
    expect(reasonOf(frameOf([{ index: SIZE + 1 }]))).toBe('index');
    expect(reasonOf(frameOf([{ index: SIZE - 1 }]))).toBe('index');
    expect(reasonOf(frameOf([{ previousLeaf: OTHER_LINK }]))).toBe('chain');
    expect(reasonOf(frameOf([{ epoch: 1 }]))).toBe('epoch');
    expect(reasonOf(frameOf([{ epoch: 3 }]))).toBe('epoch');
    // The line before would foretell the older epoch.
    expect(reasonOf(frameOf([{ epoch: 2 }], { epoch: 3 }))).toBe('epoch');
    expect(reasonOf(frameOf([at(last)]))).toBeUndefined();
    expect(reasonOf(frameOf([at(last - 1)]))).toBe('time');
    expect(reasonOf(frameOf([at(last - 60_000)]))).toBe('time');
    expect(reasonOf(frameOf([at(last + 86_400_000)]))).toBeUndefined();
  });

  test('also where the line before foretells the one that is wrong', () => {
    const second = { index: SIZE + 1, previousLeaf: leafHash(nodeSha256, entryAt(sound)) };
    const now = Date.parse(new Date(timeOf(SIZE)).toISOString());
    const two = (fields: Fields): string | undefined =>
      reasonOf(frameOf([{}, { ...second, ...fields }]));
    expect(two({})).toBeUndefined();
    expect(two(at(now + 3))).toBeUndefined();
    expect(two(at(now - 1))).toBe('time');
    expect(two({ index: SIZE })).toBe('index');
    expect(two({ index: SIZE + 2 })).toBe('index');
    expect(two({ previousLeaf: link })).toBe('chain');
    expect(two({ epoch: 3 })).toBe('epoch');
    expect(two({ epoch: 1 })).toBe('epoch');
    const long = resealed(frameOf([{}, second]), (bytes) => bytes.write('\x01', bytes.length - 3));
    expect(reasonOf(long)).toBe('text');
  });

  test('has entries that fill it, each of them whole', () => {
    const frame = frameOf([{}]);
    const first = HEADER_BYTES;
    const length = frame.readUInt16BE(first);
    const sized = (bytes: number): Buffer => resealed(frame, (b) => b.writeUInt16BE(bytes, first));
    expect(reasonOf(sized(length))).toBeUndefined();
    expect(reasonOf(sized(0))).toBe('lengths');
    expect(reasonOf(sized(length + 1))).toBe('lengths');
    expect(reasonOf(sized(length + 256))).toBe('lengths');
    expect(reasonOf(sized(length - 1))).toBe('lines');
    // A count too many, with nothing, one byte or a whole length behind the last entry.
    for (const more of [0, 1, 2, 3]) {
      const longer = Buffer.concat([frame, Buffer.alloc(more)]);
      const counted = resealed(longer, (b) => {
        b.writeUInt32BE(b.length - HEADER_BYTES, 4);
        b.writeUInt32BE(2, 8);
      });
      expect(reasonOf(counted)).toBe('lengths');
      const uncounted = resealed(longer, (b) => b.writeUInt32BE(b.length - HEADER_BYTES, 4));
      expect(reasonOf(uncounted)).toBe(more === 0 ? undefined : 'lengths');
    }
    const second = { index: SIZE + 1, previousLeaf: leafHash(nodeSha256, entryAt(sound)) };
    const one = resealed(frameOf([{}, second]), (bytes) => bytes.writeUInt32BE(1, 8));
    expect(reasonOf(one)).toBe('lengths');
  });

  test('or a segment of another name', () => {
    const named = (path: string) => drive([{ path, bytes: A }]).bad;
    expect(named(segmentPath(0))).toBeUndefined();
    const wrong = { index: 0, code: 'witness.tampered' };
    expect(named(segmentPath(1))).toStrictEqual({
      ...wrong,
      file: segmentPath(1),
      reason: 'segment_index',
    });
    expect(named('journal/0.seg')).toStrictEqual({
      ...wrong,
      file: 'journal/0.seg',
      reason: 'segment_name',
    });
    // Only the first frame of a segment bears its name.
    const second = drive([segment(0, A, B), segment(5, C), segment(5, D)]).bad;
    expect(second).toMatchObject({ index: 6, file: segmentPath(5), reason: 'segment_index' });
  });
});

/** Property: what is cut off or changed at any place never yields other leaves, and never throws. */
test('of any edit the leaves that were taken are the log’s own', () => {
  const whole = Buffer.concat([A, B, C, D, Buffer.alloc(30)]);
  const edit = fc.record({
    at: fc.nat(whole.length - 1),
    cut: fc.nat(40),
    put: fc.uint8Array({ maxLength: 40 }),
    pieceBytes: fc.constantFrom(...PIECES),
  });
  fc.assert(
    fc.property(edit, ({ at, cut, put, pieceBytes }) => {
      const bytes = Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + cut)]);
      const { leaves } = drive([{ path: segmentPath(0), bytes }], pieceBytes);
      expect(leaves).toStrictEqual(LOG.leaves.slice(0, leaves.length));
    }),
    { numRuns: 80 },
  );
});
