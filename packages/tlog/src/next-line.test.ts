import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeSha256 } from '../test/log-fixture.ts';
import { utf8Encode } from './bytes.ts';
import { EPOCH_MAX, newSequencerLine, readSequencerLine, sequencerLine } from './entry.ts';
import type { SequencerLine } from './entry.ts';
import { HASH_CHARS, leafHash } from './hash.ts';
import { NextLine } from './next-line.ts';

// What is foretold must be what the grammar reads, wherever the guess says yes; and it must say yes
// where it can, or it saves nothing.

const LINK = leafHash(nodeSha256, Uint8Array.of(1));
const OTHER_LINK = leafHash(nodeSha256, Uint8Array.of(2));
const AT_MS = Date.parse('2026-11-21T08:00:07.314Z');
const BITS = [1, 2, 4, 8, 16, 32, 64, 128];
const BEFORE = '.... ';
const BEHIND = '{"events":[]}\n{}\n';

interface Place {
  readonly index: number;
  readonly atMs: number;
  readonly epoch?: number;
  readonly link?: string;
}

/** An entry that begins with the line, between other bytes. */
const entryOf = ({ index, atMs, epoch = 3, link = LINK }: Place) => {
  const first = sequencerLine(index, link, new Date(atMs).toISOString(), epoch);
  const bytes = utf8Encode(`${BEFORE}${first}${BEHIND}`);
  const start = BEFORE.length;
  return { bytes, start, end: bytes.length, lineEnd: start + first.length };
};

/** What the grammar makes of the bytes, or `undefined`. */
const read = (bytes: Uint8Array, start: number, end: number): SequencerLine | undefined => {
  const line = newSequencerLine();
  return readSequencerLine(bytes, start, end, line) === undefined ? line : undefined;
};

const learnt = (place: Place) => {
  const { bytes, start, end } = entryOf(place);
  const line = newSequencerLine();
  expect(readSequencerLine(bytes, start, end, line)).toBeUndefined();
  const next = new NextLine();
  next.learn(bytes, start, line);
  return { next, line };
};

const follows = (before: Place, after: Place): boolean => {
  const { next, line } = learnt(before);
  const { bytes, start, end } = entryOf(after);
  return next.matches(bytes, { start, end }, after.link ?? LINK, line);
};

test('the line that follows is foretold, and is what the grammar reads there', () => {
  const { next, line } = learnt({ index: 1_198, atMs: AT_MS });
  let index = 1_198;
  // One line after the other, over a carry of two digits and with times that rise and fall.
  for (const ms of [315, 315, 999, 0, 86, 409]) {
    index += 1;
    const link = index % 2 === 0 ? LINK : OTHER_LINK;
    const { bytes, start, end } = entryOf({ index, atMs: AT_MS - 314 + ms, link });
    expect(next.matches(bytes, { start, end }, link, line)).toBe(true);
    expect(line).toStrictEqual(read(bytes, start, end));
  }
});

/** Each place in a line, any number of digits long; property: every next line in the same second. */
test('lines of every length are foretold, up to the longest that there can be', () => {
  const place = fc.record({
    index: fc.oneof(
      fc.nat(2_000),
      fc.maxSafeNat().filter((index) => index < Number.MAX_SAFE_INTEGER),
      fc.constant(Number.MAX_SAFE_INTEGER - 1),
    ),
    second: fc.integer({ min: 0, max: 4_000_000_000 }),
    ms: fc.tuple(fc.nat(999), fc.nat(999)),
    epoch: fc.oneof(fc.nat(EPOCH_MAX), fc.constant(EPOCH_MAX)),
  });
  fc.assert(
    fc.property(place, ({ index, second, ms, epoch }) => {
      const { next, line } = learnt({ index, atMs: second * 1_000 + ms[0], epoch });
      const after = { index: index + 1, atMs: second * 1_000 + ms[1], epoch, link: OTHER_LINK };
      const { bytes, start, end } = entryOf(after);
      const isLonger = String(index + 1).length > String(index).length;
      expect(next.matches(bytes, { start, end }, OTHER_LINK, line)).toBe(!isLonger);
      if (!isLonger) expect(line).toStrictEqual(read(bytes, start, end));
    }),
    { numRuns: 200 },
  );
});

test('a line with any other byte in it is foretold only where the milliseconds differ', () => {
  const before = { index: 41, atMs: AT_MS };
  const { bytes, start, end, lineEnd } = entryOf({ index: 42, atMs: AT_MS });
  const msAt = start + 'ifab-log/1 42 '.length + HASH_CHARS + ' 2026-11-21T08:00:07.'.length;
  const { next, line } = learnt(before);
  const { bytes: lineBefore, start: startBefore } = entryOf(before);
  const kept = { ...line };
  for (let at = start; at < lineEnd; at += 1) {
    const sound = bytes[at] ?? 0;
    // Every other bit, and the two next to the digits.
    for (const byte of [...BITS.map((bit) => sound ^ bit), 0x2f, 0x3a]) {
      if (byte === sound) continue;
      bytes[at] = byte;
      Object.assign(line, kept);
      next.learn(lineBefore, startBefore, line);
      const isMs = at >= msAt && at < msAt + 3 && byte >= 0x30 && byte <= 0x39;
      const matches = next.matches(bytes, { start, end }, LINK, line);
      expect(matches, `byte ${byte} at ${at - start} of the line`).toBe(isMs);
      expect(line).toStrictEqual(matches ? read(bytes, start, end) : kept);
    }
    bytes[at] = sound;
  }
});

test('a link is compared with the leaf before, not with the link of the line before', () => {
  const before = { index: 7, atMs: AT_MS };
  expect(follows(before, { index: 8, atMs: AT_MS, link: OTHER_LINK })).toBe(true);
  const { next, line } = learnt(before);
  const { bytes, start, end } = entryOf({ index: 8, atMs: AT_MS });
  expect(next.matches(bytes, { start, end }, OTHER_LINK, line)).toBe(false);
});

test('an index that gets longer is left to the grammar, one that carries is not', () => {
  for (const [index, isForetold] of [
    [0, true],
    [8, true],
    [9, false],
    [18, true],
    [19, true],
    [99, false],
    [109, true],
    [1_999, true],
    [9_999, false],
    [10_999, true],
  ] as const) {
    expect(follows({ index, atMs: AT_MS }, { index: index + 1, atMs: AT_MS }), `${index}`).toBe(
      isForetold,
    );
  }
});

test('a line behind the end of its entry is not foretold', () => {
  const { bytes, start, lineEnd } = entryOf({ index: 2, atMs: AT_MS });
  const endsAt = (end: number): boolean => {
    const { next, line } = learnt({ index: 1, atMs: AT_MS });
    return next.matches(bytes, { start, end }, LINK, line);
  };
  expect([endsAt(lineEnd), endsAt(lineEnd - 1), endsAt(start)]).toStrictEqual([true, false, false]);
});

test('nothing is foretold before a line was learnt, nor after one that did not match', () => {
  const { bytes, start, end } = entryOf({ index: 1, atMs: AT_MS });
  const isForetold = (next: NextLine, line: SequencerLine): boolean =>
    next.matches(bytes, { start, end }, LINK, line);
  expect(isForetold(new NextLine(), newSequencerLine())).toBe(false);
  const wrong = { start, end, bytes: Uint8Array.from(bytes, (byte) => byte ^ 1) };
  const { next, line } = learnt({ index: 0, atMs: AT_MS });
  expect(next.matches(wrong.bytes, wrong, LINK, line)).toBe(false);
  // Its index has been counted up: a second guess would be of the line after the next.
  expect(isForetold(next, line)).toBe(false);
  const two = entryOf({ index: 2, atMs: AT_MS });
  expect(next.matches(two.bytes, two, LINK, line)).toBe(false);
  // An index that got longer leaves nothing either: zeros stand where it was.
  expect(follows({ index: 9, atMs: AT_MS }, { index: 0, atMs: AT_MS })).toBe(false);
  const long = learnt({ index: 9, atMs: AT_MS });
  expect(isForetold(long.next, long.line)).toBe(false);
  expect(isForetold(long.next, long.line)).toBe(false);
});

test('what is learnt anew takes the place of what was, also where it is shorter', () => {
  const { next, line } = learnt({ index: 123_456, atMs: AT_MS, epoch: EPOCH_MAX });
  const before = entryOf({ index: 5, atMs: AT_MS + 60_100, epoch: 4 });
  expect(readSequencerLine(before.bytes, before.start, before.end, line)).toBeUndefined();
  next.learn(before.bytes, before.start, line);
  const { bytes, start, end } = entryOf({ index: 6, atMs: AT_MS + 60_203, epoch: 4 });
  expect(next.matches(bytes, { start, end }, LINK, line)).toBe(true);
  expect(line).toStrictEqual(read(bytes, start, end));
});
