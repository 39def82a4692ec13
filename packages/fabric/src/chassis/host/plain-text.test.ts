import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainLine, plainText, textOf } from './plain-text.ts';

test.each([
  ['\x1b[31mred\x1b[0m', 'red'],
  ['\x1b]0;title\x07end', 'end'],
  ['\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\', 'link'],
  ['\x1bPq#0\x1b\\six', 'six'],
  ['\x9b2Jgone', 'gone'],
  ['a\x1b(Bb\x1bcc', 'abc'],
  ['\x1b[', ''],
  ['\x1b', ''],
  ['bell\x07 back\x08 nul\x00', 'bell back nul'],
  ['tab\tand\nline', 'tab\tand\nline'],
  ['carriage\rreturn', 'carriagereturn'],
  ['\u202eright\u2066\u200f', 'right'],
  ['Grüße, 世界 🚀', 'Grüße, 世界 🚀'],
])('case 49: %j becomes %j', (text, plain) => {
  expect(plainText(text)).toBe(plain);
});

test('no text keeps a control character (property: any string)', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(plainText(text)).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
    }),
  );
});

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
