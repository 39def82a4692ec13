import { expect, test } from 'vitest';
import { describeThrown, plainText, utf8Prefix } from './text.ts';

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

test('text is cut between characters, never within one', () => {
  expect(Buffer.from(utf8Prefix('häé€😀', 3)).toString()).toBe('hä');
  expect(Buffer.from(utf8Prefix('€€', 5)).toString()).toBe('€');
  expect(utf8Prefix('abc', 100)).toHaveLength(3);
});

test('what was thrown is told by name and message, and by nothing else where it is no error', () => {
  expect(describeThrown(new RangeError('too far'))).toBe('RangeError: too far');
  expect(describeThrown('text')).toBe('something was thrown');
});
