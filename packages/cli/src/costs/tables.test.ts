import { expect, test } from 'vitest';
import { timestamp, entryIndex } from '@infrafabric/protocol';
import { createTerminal } from '../output/terminal.ts';
import { historyText, reportText } from './tables.ts';

const figures = {
  microUsd: 12_345_678,
  chargedMicroUsd: 12_345_678,
  overrunMicroUsd: 0,
  measuredMicroUsd: 12_345_678,
  reportedMicroUsd: 0,
  inputTokens: 1_234_567,
  outputTokens: 123_456,
  cachedTokens: 7_654_321,
  records: 1_234,
  firstIndex: entryIndex(3),
  lastIndex: entryIndex(9),
};

test('a narrow terminal gets short bars and short names, and whole figures', () => {
  const narrow = createTerminal(false, 80);
  const half = { ...figures, microUsd: 6_172_839 };
  const steps = [figures, half, { ...figures, microUsd: 0 }].map((row, i) => ({
    ...row,
    from: timestamp(Date.UTC(2026, 10, 16 + i)),
  }));
  const history = historyText('day', { rows: steps, indexedTo: 10 }, narrow);
  expect(history).toContain(
    `$12.345678    1,234  1,234,567  123,456  7,654,321  ${'█'.repeat(12)}\n`,
  );
  expect(history).toContain(` ${'█'.repeat(6)}\n`);
  expect(history).toContain('7,654,321\n');
  const group = { plan: 'p'.repeat(64), model: 'claude-haiku-4-5-20251001' };
  const report = { rows: [{ ...figures, group }], total: figures, indexedTo: 10 };
  const text = reportText(['plan', 'model'], report, narrow);
  for (const line of text.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(text).toContain('…');
  expect(text).toContain('$12.345678    1,234  1,234,567  123,456  7,654,321\n');
});

test('steps that cost nothing have no bars', () => {
  const free = { ...figures, microUsd: 0, from: timestamp(0), inputTokens: 0, outputTokens: 0 };
  const rows = [{ ...free, cachedTokens: 0 }];
  expect(historyText('week', { rows, indexedTo: 1 }, createTerminal(false, 120))).toBe(
    'WEEK        COST   RECORDS\n1970-01-01  $0.00    1,234\n',
  );
});

test('names that agents chose cannot act on the terminal', () => {
  const rows = [{ ...figures, group: { model: 'a\u001b[2J' } }];
  const text = reportText(
    ['model'],
    { rows, total: figures, indexedTo: 1 },
    createTerminal(false, 120),
  );
  expect(text).toContain('a\\u{1b}[2J');
});
