import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainText } from './plain-text.ts';

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

test('case 49: colours, titles, links and cursor movements leave nothing but their text', () => {
  expect(plainText('a\x1b[31mred\x1b[0m b')).toBe('ared b');
  expect(plainText('\x1b]0;title\x07after')).toBe('after');
  expect(plainText('\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\')).toBe('link');
  expect(plainText('\x1bP+q544e\x1b\\x\x1b^private\x1b\\y')).toBe('xy');
  expect(plainText('\x9b31mC1\x9d0;t\x9cend')).toBe('C1end');
  expect(plainText('\x1b(B\x1b7\x1bc!')).toBe('!');
});

test('an escape string that does not end takes no more than its line', () => {
  expect(plainText('\x1b]0;never ends\nnext line')).toBe('\nnext line');
});

test('line feeds and tabs stay; other controls, and marks that reorder or hide text, go', () => {
  expect(plainText('a\tb\nc\rd\0e\x7ff\u202eg\u200bh\ufeffi')).toBe('a\tb\ncdefghi');
});

test('no text takes more than linear time', () => {
  const started = performance.now();
  plainText('\x1b['.repeat(200_000));
  plainText('\x1b]'.repeat(200_000));
  plainText(`\x1b[${'1;'.repeat(400_000)}`);
  // Quadratic time would take minutes.
  expect(performance.now() - started).toBeLessThan(5_000);
});
