import { expect, test } from 'vitest';
import { NOTE_BYTES_MAX, parseSegmentPath, segmentPath } from './index.ts';
import { decodeHistoryRecord, encodeHistoryRecord } from './layout.ts';

test('a segment’s path is read back, and no other path is one', () => {
  for (const firstIndex of [0, 7, 2 ** 53 - 1]) {
    expect(parseSegmentPath(segmentPath(firstIndex))).toBe(firstIndex);
  }
  expect(segmentPath(42)).toBe('journal/0000000000000042.seg');
  for (const path of [
    'journal/42.seg',
    'journal/00000000000000042.seg',
    'a/journal/0000000000000042.seg',
    'journal/0000000000000042.seg.old',
    'journal/000000000000004x.seg',
    'journal/9007199254740992.seg',
    '0000000000000042.seg',
  ]) {
    expect(parseSegmentPath(path), path).toBeUndefined();
  }
  for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN]) {
    expect(() => segmentPath(wrong)).toThrow(/a count/);
  }
});

test('a history record comes back, and an unfinished one is short, byte for byte', () => {
  const notes = [Buffer.from('one\n'), Buffer.from('two two\n')];
  const bytes = Buffer.concat(notes.map((note) => encodeHistoryRecord(note)));
  expect(bytes.readUInt32BE(0)).toBe(4);
  const first = decodeHistoryRecord(bytes, 0);
  expect(first).toMatchObject({ kind: 'record', endOffset: 8 });
  const second = decodeHistoryRecord(bytes, 8);
  expect(second).toMatchObject({ kind: 'record', endOffset: bytes.length });
  expect(second.kind === 'record' && Buffer.from(second.note).toString()).toBe('two two\n');
  expect(decodeHistoryRecord(bytes, bytes.length)).toEqual({ kind: 'short' });
  for (let end = 8; end < bytes.length; end += 1) {
    expect(decodeHistoryRecord(bytes.subarray(0, end), 8)).toEqual({ kind: 'short' });
  }
});

test('a record holds a note of at least a byte and at most the limit', () => {
  const lengthOnly = (length: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(length);
    return bytes;
  };
  expect(decodeHistoryRecord(lengthOnly(0), 0)).toEqual({ kind: 'bad' });
  expect(decodeHistoryRecord(lengthOnly(1), 0)).toEqual({ kind: 'short' });
  expect(decodeHistoryRecord(lengthOnly(NOTE_BYTES_MAX), 0)).toEqual({ kind: 'short' });
  expect(decodeHistoryRecord(lengthOnly(NOTE_BYTES_MAX + 1), 0)).toEqual({ kind: 'bad' });
  expect(encodeHistoryRecord(new Uint8Array(1))).toHaveLength(5);
  expect(encodeHistoryRecord(new Uint8Array(NOTE_BYTES_MAX))).toHaveLength(NOTE_BYTES_MAX + 4);
  for (const length of [0, NOTE_BYTES_MAX + 1]) {
    expect(() => encodeHistoryRecord(new Uint8Array(length))).toThrow(/length of a note/);
  }
});
