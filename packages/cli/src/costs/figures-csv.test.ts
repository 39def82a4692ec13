import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CliError } from '../output/problem.ts';
import { FIGURES, figuresCsv, readFiguresCsv } from './figures-csv.ts';

const BY = ['plan', 'model', 'day'];
const Row = fc.record({
  group: fc.record({ plan: fc.string(), model: fc.string(), day: fc.string() }),
  microUsd: fc.maxSafeNat(),
  chargedMicroUsd: fc.maxSafeNat(),
  overrunMicroUsd: fc.maxSafeNat(),
  measuredMicroUsd: fc.maxSafeNat(),
  reportedMicroUsd: fc.maxSafeNat(),
  inputTokens: fc.maxSafeNat(),
  outputTokens: fc.maxSafeNat(),
  cachedTokens: fc.maxSafeNat(),
  records: fc.maxSafeNat(),
  firstIndex: fc.maxSafeNat(),
  lastIndex: fc.maxSafeNat(),
});

// Property: rows with any names and any safe integers; to the micro-dollar.
test('sums are read again as they were written', () => {
  fc.assert(
    fc.property(fc.array(Row), fc.nat(3), (rows, count) => {
      const by = BY.slice(0, count);
      const kept = rows.map((row) => ({
        ...row,
        group: Object.fromEntries(Object.entries(row.group).filter(([name]) => by.includes(name))),
      }));
      expect(readFiguresCsv(figuresCsv(by, kept))).toEqual({ by, rows: kept });
    }),
  );
});

const HEAD = `plan,${FIGURES.join(',')}\r\n`;
test.each([
  ['', 'its head has other columns'],
  ['plan,money\r\n', 'its head has other columns'],
  ['"', 'it stops being CSV at character 0'],
  [`${HEAD}shop,1\r\n`, 'line 2 has other columns'],
  [`${HEAD}shop,1,1,1,1,1,1,1,1,1,1,x\r\n`, 'line 2 has “x” for lastIndex'],
  [`${HEAD}shop,9007199254740992,1,1,1,1,1,1,1,1,1,1\r\n`, 'for microUsd'],
])('what is no table of costs is refused: %j', (text, why) => {
  expect(() => readFiguresCsv(text)).toThrow(CliError);
  expect(() => readFiguresCsv(text)).toThrow(why);
});
