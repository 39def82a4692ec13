import { JSON_DEPTH_MAX } from '@infrafabric/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson, parseJsonBytes } from './json.ts';

test('what JSON.stringify writes is read back', () => {
  // Property: parseJson ∘ stringify = identity on JSON values without the two things that are
  // refused.
  const json = fc.jsonValue({ maxDepth: 6, stringUnit: 'grapheme' });
  fc.assert(
    fc.property(json, (value) => {
      const text = JSON.stringify(value);
      fc.pre(!text.includes('__proto__'));
      expect(parseJson(text)).toEqual({ kind: 'ok', value: JSON.parse(text) });
    }),
  );
});

test.each([
  [
    'nesting one too deep',
    '['.repeat(JSON_DEPTH_MAX + 1) + ']'.repeat(JSON_DEPTH_MAX + 1),
    'request.too_deep',
  ],
  ['a million brackets', '[{"a":'.repeat(500_000), 'request.too_deep'],
  ['garbage', '{{', 'request.malformed'],
  ['nothing', '', 'request.malformed'],
  ['a string that never ends', '"\\', 'request.malformed'],
  ['the key __proto__', '{"a":[{"__proto__":{"role":"operator"}}]}', 'request.malformed'],
  [
    'the key __proto__, twice and escaped',
    '{"\\u005f_proto__":1,"__proto__":2}',
    'request.malformed',
  ],
  ['half a surrogate pair', '{"a":"\\ud800"}', 'request.malformed'],
  ['half a surrogate pair in a key', '{"\\udc00":1}', 'request.malformed'],
])('%s is refused', (_, text, code) => {
  expect(parseJson(text)).toMatchObject({ kind: 'reject', code });
});

test('brackets, quotes and escapes inside strings do not nest', () => {
  const value = { a: '[{'.repeat(1_000), b: '\\"[[\\\\', c: '__proto__' };
  expect(parseJson(JSON.stringify(value))).toEqual({ kind: 'ok', value });
  const deepest = '['.repeat(JSON_DEPTH_MAX) + ']'.repeat(JSON_DEPTH_MAX);
  expect(parseJson(deepest)).toMatchObject({ kind: 'ok' });
});

test('bytes that are not UTF-8 are refused, not replaced', () => {
  expect(parseJsonBytes(Uint8Array.of(0x22, 0xff, 0x22))).toMatchObject({
    code: 'request.malformed',
  });
});
