import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asciiDecode,
  base64Decode,
  base64Encode,
  bytesEqual,
  concatBytes,
  hashWrite,
  parseDecimal,
  readU64,
  utf8Decode,
  utf8Encode,
  writeU64,
} from './bytes.ts';
import { crc32 } from './crc.ts';

describe('UTF-8', () => {
  test('every well-formed text is encoded as the platform encodes it, and comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const bytes = utf8Encode(text);
        expect(Buffer.from(bytes)).toEqual(Buffer.from(text));
        expect(utf8Decode(bytes)).toBe(text);
      }),
    );
  });

  test('every byte string is accepted exactly where the platform decodes it strictly', () => {
    // Bytes around the boundaries of the encoding, so that random strings meet them often.
    const edges = [0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0x9f, 0xa0, 0xed, 0xef];
    const byte = fc.oneof(
      fc.constantFrom(...edges, 0xf0, 0x8f, 0x90, 0xf4, 0xf5, 0xf8, 0xff),
      fc.nat(255),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 8 }), (list) => {
        expect(utf8Decode(Uint8Array.from(list))).toBe(strictDecode(list));
      }),
      { numRuns: 20_000 },
    );
  });

  test('the first and the last code point of each length are encoded as the platform does', () => {
    const edges = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x103ff, 0x10ffff];
    for (const point of edges) {
      const text = String.fromCodePoint(point);
      const bytes = utf8Encode(text);
      expect(Buffer.from(bytes), point.toString(16)).toEqual(Buffer.from(text));
      expect(utf8Decode(bytes), point.toString(16)).toBe(text);
    }
    // The surrogates, and what is above U+10FFFF.
    for (const bytes of [
      [0xed, 0xa0, 0x80],
      [0xed, 0xbf, 0xbf],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf7, 0xbf, 0xbf, 0xbf],
    ]) {
      expect(utf8Decode(Uint8Array.from(bytes)), String(bytes)).toBeUndefined();
    }
  });

  test('a character is decoded only where all of it lies before the end', () => {
    const bytes = utf8Encode('aé€😀');
    expect(utf8Decode(bytes, 1, 3)).toBe('é');
    expect(utf8Decode(bytes, 3, 6)).toBe('€');
    for (const end of [2, 4, 5, 7, 8, 9]) expect(utf8Decode(bytes, 0, end)).toBeUndefined();
  });

  test('text longer than one piece of code units comes back', () => {
    const text = 'é😀a'.repeat(5_000);
    expect(utf8Decode(utf8Encode(text))).toBe(text);
    expect(asciiDecode(new Uint8Array(10_000).fill(0x61), 0, 10_000)).toBe('a'.repeat(10_000));
  });

  test('a lone surrogate is a defect of the caller', () => {
    expect(() => utf8Encode('a\ud800')).toThrow(/lone surrogate/);
    expect(() => utf8Encode('\udc00')).toThrow(/lone surrogate/);
    expect(() => utf8Encode('\ud800\ud800')).toThrow(/lone surrogate/);
    expect(() => utf8Encode('\ud800\ue000')).toThrow(/lone surrogate/);
  });
});

describe('base64', () => {
  test('it is the platform’s, both ways, with one text a value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64');
        expect(base64Encode(bytes)).toBe(text);
        expect(base64Decode(text)).toEqual(bytes);
      }),
    );
  });

  test('what is not the one text of a value is refused', () => {
    for (const text of [
      'a',
      'aa',
      'aaa',
      'aa=a',
      'ab==',
      'aab=',
      '====',
      'a===',
      'aa-_',
      'aaa\n',
      'aaaé',
      'aaa…',
    ]) {
      expect(base64Decode(text), text).toBeUndefined();
    }
  });

  test('a digest is read from its 44 characters only', () => {
    const target = new Uint8Array(40);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
        expect(hashWrite(base64Encode(digest), target, 3)).toBe(true);
        expect(target.slice(3, 35)).toEqual(digest);
      }),
    );
    const good = base64Encode(new Uint8Array(32).fill(255));
    expect(hashWrite(good, target, 0)).toBe(true);
    expect(hashWrite(good.slice(0, 43), target, 0)).toBe(false);
    for (let at = 0; at < 44; at += 1) {
      for (const wrong of ['-', '\u0141', '\u1f600', '\n']) {
        const text = good.slice(0, at) + (wrong[0] ?? '') + good.slice(at + 1);
        expect(hashWrite(text, target, 0), text).toBe(false);
      }
    }
    // Bits beyond 256.
    expect(hashWrite(`${good.slice(0, 42)}9=`, target, 0)).toBe(false);
  });
});

test('numbers are big-endian, and none above 2^53 reads as a small one', () => {
  const bytes = new Uint8Array(8);
  for (const value of [0, 1, 255, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
    writeU64(bytes, 0, value);
    expect(Buffer.from(bytes).readBigUInt64BE()).toBe(BigInt(value));
    expect(readU64(bytes, 0)).toBe(value);
  }
  expect(readU64(new Uint8Array(8).fill(255), 0)).toBeGreaterThan(2 ** 53);
});

test('decimals have one form and a bound', () => {
  expect(parseDecimal('0')).toBe(0);
  expect(parseDecimal('9007199254740991')).toBe(2 ** 53 - 1);
  for (const text of [
    '',
    '00',
    '01',
    '+1',
    '-1',
    '1.0',
    ' 1',
    '1 ',
    '1\n',
    '9007199254740992',
    '1e3',
  ]) {
    expect(parseDecimal(text), text).toBeUndefined();
  }
});

test('bytes are equal when all of them are', () => {
  expect(bytesEqual(Uint8Array.of(1, 2), concatBytes(Uint8Array.of(1), Uint8Array.of(2)))).toBe(
    true,
  );
  expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
  expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
});

test('the CRC is zlib’s, in one piece and in two', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
      const whole = crc32(bytes);
      expect(whole).toBe(zlibCrc32(bytes));
      expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(whole);
    }),
  );
});

function strictDecode(list: readonly number[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(list));
  } catch {
    return undefined;
  }
}
