import { expect, test } from 'vitest';
import { describeThrown, utf8Prefix } from './text.ts';

test('text is cut between characters, never within one', () => {
  expect(Buffer.from(utf8Prefix('häé€😀', 3)).toString()).toBe('hä');
  expect(Buffer.from(utf8Prefix('€€', 5)).toString()).toBe('€');
  expect(utf8Prefix('abc', 100)).toHaveLength(3);
});

test('what was thrown is told by name and message, and by nothing else where it is no error', () => {
  expect(describeThrown(new RangeError('too far'))).toBe('RangeError: too far');
  expect(describeThrown('text')).toBe('something was thrown');
});
