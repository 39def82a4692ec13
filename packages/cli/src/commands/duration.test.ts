import { expect, test } from 'vitest';
import { agoText, durationText, parseDurationMs, parseTimeMs } from './duration.ts';

test.each([
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['1d', 86_400_000],
  ['1500ms', 1_500],
  ['1500', 1_500],
  ['0', 0],
  ['', undefined],
  ['s', undefined],
  ['-1s', undefined],
  ['1.5s', undefined],
  ['1w', undefined],
  ['999999999999d', undefined],
])('%s is %s ms', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test('a time is a length before now, a moment, or milliseconds', () => {
  const nowMs = Date.UTC(2026, 10, 21);
  expect(parseTimeMs('1h', nowMs)).toBe(nowMs - 3_600_000);
  expect(parseTimeMs('2026-11-20T00:00:00Z', nowMs)).toBe(nowMs - 86_400_000);
  expect(parseTimeMs('1700000000000', nowMs)).toBe(1_700_000_000_000);
  expect(parseTimeMs('yesterday', nowMs)).toBeUndefined();
  expect(parseTimeMs('2026-99-99', nowMs)).toBeUndefined();
});

test('spans are said in their largest unit', () => {
  expect(durationText(90_000)).toBe('1m');
  expect(durationText(10)).toBe('0s');
  expect(agoText(1_000, 4_000)).toBe('3s ago');
  expect(agoText(4_000, 1_000)).toBe('in 3s');
});
