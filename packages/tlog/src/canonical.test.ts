import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, checkCanonicalLine, type JsonValue } from './index.ts';

const key = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => !/^\d+$/.test(text));
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger().map((number) => (number === 0 ? 0 : number)),
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));
const reasonOf = (line: string): string => {
  const checked = checkCanonicalLine(line);
  return checked.kind === 'refused' ? checked.reason : 'none';
};
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

test('what is written is RFC 8785’s text, and passes the check', () => {
  fc.assert(
    fc.property(value, (any) => {
      const line = canonicalJson(any);
      expect(line).toBe(canonicalize(any));
      expect(checkCanonicalLine(line)).toEqual({ kind: 'canonical', value: JSON.parse(line) });
    }),
    { numRuns: 500 },
  );
});

test('every other text of a value is refused', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'syntax'],
    ['{', 'syntax'],
    ['{"a":1}x', 'syntax'],
    ["{'a':1}", 'syntax'],
    ['NaN', 'syntax'],
    ['{"a":1,"a":1}', 'text'],
    ['{"a": 1}', 'text'],
    ['{"a":1} ', 'text'],
    ['1.0', 'text'],
    ['1e3', 'text'],
    ['"\\u0061"', 'text'],
    ['"\\/"', 'text'],
    ['-0', 'number'],
    ['1e400', 'number'],
    ['0.5', 'number'],
    ['9007199254740992', 'number'],
    ['-9007199254740993', 'number'],
    ['"\\ud800"', 'string'],
    ['{"\\udc00":1}', 'string'],
    ['{"b":1,"a":2}', 'key_order'],
    ['{"a":{"c":1,"b":2}}', 'key_order'],
    ['{"0":1}', 'index_key'],
    ['{"10":1}', 'index_key'],
    ['{"a":[{"7":1}]}', 'index_key'],
    ['[[0.5]]', 'number'],
    ['[1,0.5]', 'number'],
    ['{"a":1,"b":[2,0.5]}', 'number'],
    [nested(65), 'depth'],
    [nested(20_000), 'depth'],
  ];
  for (const [line, reason] of cases) expect(reasonOf(line), line.slice(0, 40)).toBe(reason);
  for (const line of [
    '0',
    '-1',
    '9007199254740991',
    '{}',
    '[]',
    'null',
    'true',
    '"é\\n"',
    '{"01":1,"__proto__":2,"a":[{"b":1},3]}',
    nested(64),
  ]) {
    expect(reasonOf(line), line.slice(0, 40)).toBe('none');
  }
});

test('a value without a canonical text is a defect to write', () => {
  const wrong: readonly JsonValue[] = [
    0.5,
    -0,
    2 ** 53,
    Number.NaN,
    '\ud800',
    { 1: 1 },
    { '\ud800': 1 },
    [[{ a: 0.1 }]],
  ];
  for (const bad of wrong) expect(() => canonicalJson(bad)).toThrow(/no canonical text/);
  expect(canonicalJson({ b: 1, a: [true, null, { d: 'x', c: -1 }] })).toBe(
    '{"a":[true,null,{"c":-1,"d":"x"}],"b":1}',
  );
});
