import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCsv, renderCsv } from './csv.ts';

const rowsOf = (text: string): unknown => {
  const parsed = parseCsv(text);
  return parsed.kind === 'rows' ? parsed.rows : parsed;
};

test('RFC 4180: lines end with CRLF, quotes are doubled, and only what needs them has some', () => {
  expect(
    renderCsv([
      ['a', 'b c', '1'],
      ['x,y', 'say "no"', 'two\nlines'],
      ['', '', ''],
    ]),
  ).toBe('a,b c,1\r\n"x,y","say ""no""","two\nlines"\r\n,,\r\n');
  expect(renderCsv([])).toBe('');
});

// Property: all texts, those that a spreadsheet would take for formulas and those with quotes and line ends among them.
test('what was written is read again, cell by cell', () => {
  const Odd = fc
    .array(
      fc.constantFrom(
        '=',
        '+',
        '-',
        '@',
        '\t',
        '\r',
        '\n',
        "'",
        '"',
        ',',
        ' ',
        '＝',
        'a',
        '1',
        '\u{1f4b8}',
      ),
      { maxLength: 6 },
    )
    .map((parts) => parts.join(''));
  const Cell = fc.oneof(Odd, fc.string(), fc.string({ unit: 'binary' }));
  const Rows = fc.array(fc.array(Cell, { minLength: 1, maxLength: 5 }), { maxLength: 6 });
  fc.assert(
    fc.property(Rows, (rows) => {
      expect(rowsOf(renderCsv(rows))).toEqual(rows);
    }),
    { numRuns: 2_000 },
  );
});

describe('a cell never begins as a formula', () => {
  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', "'=1", "''"])(
    '%j',
    (text) => {
      const written = renderCsv([['x', text]]);
      expect(written.replace(/^x,"?/, '').startsWith("'")).toBe(true);
      expect(rowsOf(written)).toEqual([['x', text]]);
    },
  );

  test('and what is none is left as it is', () => {
    expect(renderCsv([["o'clock", ' =1', '1-2']])).toBe("o'clock, =1,1-2\r\n");
  });
});

test.each([
  [
    'a,b\nc,d\n',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    'a,b\r\nc,d',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  ['a,', [['a', '']]],
  ['a,\r\n', [['a', '']]],
  ['""\r\n', [['']]],
  ['\r\n', [['']]],
  ['a"b', { kind: 'bad', at: 0 }],
  ['a,"b', { kind: 'bad', at: 2 }],
  ['"a"b', { kind: 'bad', at: 3 }],
  ['a\rb', { kind: 'bad', at: 1 }],
])('%j of another writer', (text, rows) => {
  expect(rowsOf(text)).toEqual(rows);
});
