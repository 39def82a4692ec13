import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildLog } from '../test/log-fixture.ts';
import {
  EMPTY_ROOT,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  crc32,
  decodeFrameHeader,
  encodeFrame,
  encodeFrameHeader,
  entryRanges,
  frameIsWhole,
  sealFrame,
  type FrameHeader,
} from './index.ts';

const HEAD = { firstIndex: 2 ** 40 + 9, epoch: 0xfffffffe, previousLeaf: EMPTY_ROOT };
const ENTRIES = [Buffer.from('one'), Buffer.from('two two'), Buffer.from('3')];

describe('frame', () => {
  test('it comes back: header, CRC and entries', () => {
    const bytes = encodeFrame(HEAD, ENTRIES, crc32);
    const padded = Buffer.concat([Buffer.alloc(5), bytes, Buffer.alloc(9)]);
    const decoded = decodeFrameHeader(padded, 5);
    expect(decoded).toEqual({
      kind: 'frame',
      header: { ...HEAD, bodyBytes: 17, count: 3 },
      endOffset: 5 + FRAME_HEADER_BYTES + 17,
    });
    expect(frameIsWhole(padded, 5, zlibCrc32)).toBe(true);
    const ranges = entryRanges(padded, 5, { ...HEAD, bodyBytes: 17, count: 3 }) ?? [];
    expect(padded.subarray(ranges[2], ranges[3]).toString()).toBe('two two');
  });

  test('its bytes are those of the format', () => {
    const bytes = Buffer.from(
      encodeFrame({ ...HEAD, firstIndex: 258, epoch: 3 }, [Buffer.from('x')], crc32),
    );
    expect(bytes.toString('latin1', 0, 4)).toBe('IFW1');
    expect([bytes.readUInt32BE(4), bytes.readUInt32BE(8)]).toEqual([3, 1]);
    expect([bytes.readBigUInt64BE(12), bytes.readUInt32BE(20)]).toEqual([258n, 3]);
    expect(bytes.toString('base64', 24, 56)).toBe(EMPTY_ROOT);
    const covered = Buffer.concat([bytes.subarray(0, 56), bytes.subarray(60)]);
    expect(bytes.readUInt32BE(56)).toBe(zlibCrc32(covered));
    expect(bytes.toString('hex', 60)).toBe('000178');
  });

  test('any changed bit is found: by the header’s bounds or by the CRC', () => {
    const good = encodeFrame(HEAD, ENTRIES, crc32);
    for (let bit = 0; bit < good.length * 8; bit += 1) {
      const bytes = good.slice();
      const at = bit >> 3;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      const decoded = decodeFrameHeader(bytes, 0);
      expect(decoded.kind === 'frame' && frameIsWhole(bytes, 0, crc32), `bit ${bit}`).toBe(false);
    }
  });

  test('numbers out of bounds are refused before they are used', () => {
    const with32 = (offset: number, value: number): Uint8Array => {
      const bytes = Buffer.from(encodeFrame(HEAD, ENTRIES, crc32));
      bytes.writeUInt32BE(value, offset);
      return bytes;
    };
    expect(decodeFrameHeader(with32(0, 0), 0)).toEqual({ kind: 'zeros' });
    expect(decodeFrameHeader(with32(0, 7), 0)).toEqual({ kind: 'bad', reason: 'magic' });
    expect(decodeFrameHeader(with32(4, 18), 0)).toEqual({ kind: 'bad', reason: 'short' });
    expect(decodeFrameHeader(with32(4, FRAME_BYTES_MAX), 0)).toEqual({
      kind: 'bad',
      reason: 'body_bytes',
    });
    expect(decodeFrameHeader(with32(8, 0), 0)).toEqual({ kind: 'bad', reason: 'count' });
    expect(decodeFrameHeader(with32(8, 1_025), 0)).toEqual({ kind: 'bad', reason: 'count' });
    expect(decodeFrameHeader(with32(8, 6), 0)).toEqual({ kind: 'bad', reason: 'count' });
    expect(decodeFrameHeader(with32(12, 0x00200000), 0)).toEqual({ kind: 'bad', reason: 'index' });
    const whole = encodeFrame(HEAD, ENTRIES, crc32);
    for (const end of [0, 3, 4, 59, 60, whole.length - 1]) {
      expect(decodeFrameHeader(whole, 0, end)).toEqual({ kind: 'bad', reason: 'short' });
    }
  });

  test('nothing behind the end decides: too few bytes are short, whatever follows them', () => {
    const at = 70;
    const zeros = new Uint8Array(200);
    expect(decodeFrameHeader(zeros, at, at + 3)).toEqual({ kind: 'bad', reason: 'short' });
    expect(decodeFrameHeader(zeros, at, at + 4)).toEqual({ kind: 'zeros' });
    const wrongCount = Buffer.concat([Buffer.alloc(at), encodeFrame(HEAD, ENTRIES, crc32)]);
    wrongCount.writeUInt32BE(0, at + 8);
    const short = { kind: 'bad', reason: 'short' };
    expect(decodeFrameHeader(wrongCount, at, at + 59)).toEqual(short);
    expect(decodeFrameHeader(wrongCount, at, at + 60)).toEqual({ kind: 'bad', reason: 'count' });
    const whole = encodeFrame(HEAD, ENTRIES, crc32);
    expect(decodeFrameHeader(whole, 0, whole.length)).toMatchObject({ endOffset: whole.length });
  });

  test('the greatest frame, count, entry and epoch are within the bounds, one more is not', () => {
    const reasonOf = (bodyBytes: number, count: number): unknown => {
      const bytes = Buffer.from(encodeFrame(HEAD, ENTRIES, crc32));
      bytes.writeUInt32BE(bodyBytes, 4);
      bytes.writeUInt32BE(count, 8);
      const decoded = decodeFrameHeader(bytes, 0);
      return decoded.kind === 'bad' && decoded.reason;
    };
    expect(reasonOf(FRAME_BYTES_MAX - FRAME_HEADER_BYTES, 1_024)).toBe('short');
    expect(reasonOf(FRAME_BYTES_MAX - FRAME_HEADER_BYTES + 1, 1_024)).toBe('body_bytes');
    expect(reasonOf(10_000, 1_025)).toBe('count');
    expect(reasonOf(3 * 1_024, 1_024)).toBe('short');
    expect(reasonOf(3 * 1_024 - 1, 1_024)).toBe('count');
    const bytes = encodeFrame({ ...HEAD, epoch: 2 ** 32 - 1 }, [new Uint8Array(65_535)], crc32);
    expect(decodeFrameHeader(bytes, 0)).toMatchObject({ header: { epoch: 2 ** 32 - 1 } });
    expect(frameIsWhole(bytes, 0, zlibCrc32)).toBe(true);
  });

  test('a header leaves an empty CRC and touches nothing before it', () => {
    const target = new Uint8Array(200).fill(0xff);
    encodeFrameHeader(target, 80, { ...HEAD, bodyBytes: 20, count: 1 });
    expect(target.subarray(0, 80).every((byte) => byte === 0xff)).toBe(true);
    expect(target.subarray(136, 140)).toEqual(new Uint8Array(4));
    expect(target.subarray(140).every((byte) => byte === 0xff)).toBe(true);
  });

  test('an empty entry is refused even where the lengths add up', () => {
    const body = Buffer.from([0, 0, 0, 1, 0x78]);
    const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), body]);
    expect(entryRanges(bytes, 0, { ...HEAD, bodyBytes: 5, count: 2 })).toBeUndefined();
    const behind = Buffer.concat([
      Buffer.alloc(FRAME_HEADER_BYTES),
      Buffer.from([0, 1, 0x78, 0, 0]),
    ]);
    expect(entryRanges(behind, 0, { ...HEAD, bodyBytes: 5, count: 2 })).toBeUndefined();
    expect(entryRanges(behind, 0, { ...HEAD, bodyBytes: 3, count: 1 })).toEqual(
      Uint32Array.of(62, 63),
    );
  });

  test('entry lengths must fill the body exactly, with no empty entry', () => {
    const bytes = Buffer.from(encodeFrame(HEAD, ENTRIES, crc32));
    const header: FrameHeader = { ...HEAD, bodyBytes: 17, count: 3 };
    expect(entryRanges(bytes, 0, header)).toBeDefined();
    expect(entryRanges(bytes, 0, { ...header, count: 2 })).toBeUndefined();
    expect(entryRanges(bytes, 0, { ...header, count: 4 })).toBeUndefined();
    for (const length of [0, 4, 16, 65_535]) {
      bytes.writeUInt16BE(length, 60);
      expect(entryRanges(bytes, 0, header), String(length)).toBeUndefined();
    }
  });

  test('random bytes never throw and never claim more than there is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(220), (noise, offset) => {
        const bytes = Buffer.concat([Buffer.from('IFW1'), noise]);
        const decoded = decodeFrameHeader(bytes, offset % bytes.length);
        if (decoded.kind !== 'frame') return;
        expect(decoded.endOffset).toBeLessThanOrEqual(bytes.length);
        frameIsWhole(bytes, offset % bytes.length, crc32);
        entryRanges(bytes, offset % bytes.length, decoded.header);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a real log’s frames carry their entries unchanged', () => {
    const log = buildLog({ frames: [3, 2], checkpointsAt: [5] });
    const bytes = log.folder.get('journal/0000000000000000.seg') ?? new Uint8Array();
    const first = decodeFrameHeader(bytes, 0);
    if (first.kind !== 'frame') throw new Error('no frame');
    const second = decodeFrameHeader(bytes, first.endOffset);
    expect(second.kind === 'frame' && second.header).toMatchObject({
      firstIndex: 3,
      count: 2,
      previousLeaf: log.leaves[2],
    });
  });

  test('what cannot be read back is a defect to write', () => {
    const target = new Uint8Array(100);
    const header: FrameHeader = { ...HEAD, bodyBytes: 20, count: 1 };
    expect(() => encodeFrameHeader(target, 30, header)).toThrow(/does not fit/);
    expect(() => encodeFrameHeader(target, 0, { ...header, count: 0 })).toThrow(/out of bounds/);
    expect(() => encodeFrameHeader(target, 0, { ...header, firstIndex: 2 ** 53 })).toThrow(
      /out of bounds/,
    );
    for (const epoch of [-1, 1.5, 2 ** 32]) {
      expect(() => encodeFrameHeader(target, 0, { ...header, epoch })).toThrow(/u32/);
    }
    expect(() => encodeFrameHeader(target, 0, { ...header, previousLeaf: '' })).toThrow(
      /no digest/,
    );
    expect(() => encodeFrame(HEAD, [], crc32)).toThrow(/out of bounds/);
    expect(() => encodeFrame(HEAD, [new Uint8Array(65_536)], crc32)).toThrow(/too long/);
    encodeFrameHeader(target, 0, header);
    sealFrame(target, 0, crc32);
    expect(frameIsWhole(target, 0, zlibCrc32)).toBe(true);
  });
});
