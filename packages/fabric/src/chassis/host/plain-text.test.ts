import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainLine, textOf } from './plain-text.ts';

test('a line is one line and no longer than it may be', () => {
  expect(plainLine(' a\n\n b\t\tc ', 80)).toBe('a b c');
  expect(plainLine('abcdef', 4)).toBe('abc…');
});

// The fabric refuses JSON with half a pair in it: a run that ends with one could not be told of.
test('a line holds no half of a surrogate pair, whatever was said and wherever it was cut', () => {
  expect(plainLine('a\ud83db', 80)).toBe('a\ufffdb');
  expect(plainLine('a💥💥', 4)).toBe('a💥…');
  expect(plainLine('💥💥', 2)).toBe('…');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(20), (text, charsMax) => {
      const line = plainLine(`${text}💥${text}`, charsMax + 1);
      expect(line.isWellFormed() && line.length <= charsMax + 1).toBe(true);
    }),
  );
});

test('bytes that are no UTF-8 are text all the same, and no more of them is read than asked', () => {
  expect(textOf(Uint8Array.of(0x61, 0xff, 0x62), 10)).toBe('a\ufffdb');
  expect(textOf(new Uint8Array(100).fill(0x61), 3)).toBe('aaa');
});
