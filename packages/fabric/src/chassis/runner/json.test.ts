import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRecord, parseJson } from './json.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string): unknown => {
  const parsed = parseJson<unknown>(bytesOf(text));
  return parsed.ok ? parsed.value : parsed.reason;
};

test('case 58: __proto__ and constructor are names like any other, and objects have no prototype', () => {
  const value = parse('{"__proto__":{"admin":true},"constructor":1,"toString":2}');
  expect(Object.getPrototypeOf(value)).toBeNull();
  expect(isRecord(value) && Object.keys(value)).toStrictEqual([
    '__proto__',
    'constructor',
    'toString',
  ]);
  expect(isRecord(value) && 'admin' in value).toBe(false);
  expect(Reflect.get({}, 'admin')).toBeUndefined();
});

test('case 57: a document that is 100,001 levels deep is refused before it is parsed', () => {
  const deep = '['.repeat(100_001) + ']'.repeat(100_001);
  expect(parse(deep)).toBe('JSON nests deeper than 64 levels');
  expect(parse('['.repeat(64) + ']'.repeat(64))).toBeInstanceOf(Array);
  expect(parse('['.repeat(65) + ']'.repeat(65))).toMatch('deeper');
});

test('case 57: brackets and quotes within strings do not count', () => {
  expect(parse(`"${'['.repeat(1_000)}"`)).toBe('['.repeat(1_000));
  expect(parse(String.raw`["\"${'['.repeat(100)}\\"]`)).toStrictEqual([`"${'['.repeat(100)}\\`]);
});

test('case 57: numbers beyond a double and lone surrogates are values, and bytes that are no UTF-8 are refused', () => {
  expect(parse('1e999')).toBe(Infinity);
  expect(parse(String.raw`"\ud800"`)).toBe('\ud800');
  expect(parseJson(new Uint8Array([0x22, 0xff, 0x22]))).toStrictEqual({
    ok: false,
    reason: 'not JSON in UTF-8',
  });
});

test('more bytes than the limit are refused unread', () => {
  expect(parseJson(bytesOf('[1,2,3]'), { bytesMax: 6 })).toStrictEqual({
    ok: false,
    reason: 'JSON of 7 bytes; the limit is 6',
  });
});

// Property, by comparison with JSON.parse: the same value but for prototypes; text that it refuses is refused.
test('every document means what it means to JSON.parse', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 20 }), (text) => {
      expect(JSON.stringify(parse(text))).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseJson<unknown>(bytesOf(text));
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      expect(parsed.ok).toBe(valid);
    }),
  );
});
