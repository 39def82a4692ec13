import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  bytesOf,
  countOf,
  JSON_DEPTH_MAX,
  JsonFault,
  membersOf,
  readJson,
  textOf,
} from './json-bytes.ts';

/** The whole value again, as `JSON.parse` makes it, from objects, strings and numbers alone. */
const rebuilt = (text: Buffer, slot = readJson(text)): unknown => {
  switch (slot.kind) {
    case 'object':
      return Object.fromEntries(
        [...membersOf(text, slot)].map(([key, value]) => [key, rebuilt(text, value)]),
      );
    case 'string':
      return textOf(text, slot);
    default:
      return JSON.parse(text.toString('utf8', slot.start, slot.end));
  }
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

test('property: a text of JSON is read as JSON.parse reads it', () => {
  // Property: same value, escapes and spaces included. Method: any JSON, written with and without indentation.
  const leaf = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.double(), fc.boolean());
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(fc.string({ unit: 'grapheme' }), tie('any'), { maxKeys: 4 }),
    ),
  })).any;
  fc.assert(
    fc.property(value, fc.constantFrom(0, 1, '\t', '\r\n '), (any, indent) => {
      const text = JSON.stringify(any, undefined, indent);
      expect(rebuilt(Buffer.from(text))).toEqual(JSON.parse(text));
    }),
    { numRuns: 500 },
  );
});

test('property: what JSON.parse refuses is refused, and what it takes is taken', () => {
  // Property: the same language. Method: a text of JSON with one character taken out, put in or changed.
  const damage = fc.record({
    at: fc.nat(200),
    cut: fc.nat(1),
    put: fc.constantFrom(
      '',
      '"',
      '\\',
      ',',
      '{',
      '}',
      ']',
      '1',
      'e',
      '\u0000',
      ' ',
      '\\u12',
      '-',
      '.',
    ),
  });
  const source = fc
    .jsonValue({ maxDepth: 3, stringUnit: 'grapheme-ascii' })
    .map((any) => JSON.stringify(any));
  fc.assert(
    fc.property(source, damage, (text, { at, cut, put }) => {
      const place = at % (text.length + 1);
      const damaged = text.slice(0, place) + put + text.slice(place + cut);
      let isTaken = true;
      try {
        readJson(Buffer.from(damaged));
      } catch (cause) {
        expect(cause).toBeInstanceOf(JsonFault);
        isTaken = false;
      }
      expect(isTaken, damaged).toBe(isJson(damaged));
    }),
    { numRuns: 2_000 },
  );
});

describe('strings', () => {
  test.each([
    ['"\\u00e9\\u20ac\\ud83d\\ude00"', 'é€😀'],
    ['"\\b\\f\\n\\r\\t\\/\\\\\\""', '\b\f\n\r\t/\\"'],
    ['"\\uD83D"', '\ufffd'],
    ['"\\ude00\\ud83d"', '\ufffd\ufffd'],
    ['"\\ud83d\\u0041"', '\ufffdA'],
    ['""', ''],
  ])('%s is read as UTF-8', (json, said) => {
    const text = Buffer.from(json);
    expect(bytesOf(text, readJson(text))).toEqual(Buffer.from(said));
  });

  test('bytes are the caller’s own: zeroing them leaves the text and the next reader’s alone', () => {
    const text = Buffer.from('"canary"');
    const slot = readJson(text);
    bytesOf(text, slot).fill(0);
    expect(bytesOf(text, slot).toString()).toBe('canary');
  });
});

describe('refusals', () => {
  test.each([
    '',
    ' ',
    '{',
    '[1',
    '"a',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a" 1}',
    '[1 2]',
    '1 1',
    '01',
    '+1',
    '.5',
    'nul',
    '"\u0001"',
    '"\\x"',
    '"\\u12g4"',
  ])('%j is no JSON', (json) => {
    expect(() => readJson(Buffer.from(json))).toThrow(JsonFault);
  });

  test('nesting has its limit', () => {
    const nested = (depth: number): Buffer =>
      Buffer.from('['.repeat(depth + 1) + ']'.repeat(depth + 1));
    expect(readJson(nested(JSON_DEPTH_MAX)).kind).toBe('array');
    expect(() => readJson(nested(JSON_DEPTH_MAX + 1))).toThrow(JsonFault);
  });

  test('a member that is named twice is refused: two readers would take two values', () => {
    const text = Buffer.from('{"a":1,"\\u0061":2}');
    expect(() => membersOf(text, readJson(text))).toThrow(JsonFault);
  });

  test.each(['-1', '1.5', '1e3', '9007199254740993', '"1"', 'true'])('%s is no count', (json) => {
    const text = Buffer.from(json);
    expect(() => countOf(text, readJson(text))).toThrow(JsonFault);
  });

  test('a value of another kind than asked for is refused', () => {
    const text = Buffer.from('[]');
    expect(() => membersOf(text, readJson(text))).toThrow(JsonFault);
    expect(() => bytesOf(text, readJson(text))).toThrow(JsonFault);
  });

  test('no refusal holds any of the text', () => {
    for (const json of ['"canary', '{"canary" canary}', '[canary]', '"canary" "canary"']) {
      let said = '';
      try {
        readJson(Buffer.from(json));
      } catch (cause) {
        said = cause instanceof Error ? `${cause.message}${cause.stack ?? ''}` : String(cause);
      }
      expect(said).toContain('JsonFault');
      expect(said.replaceAll(/\n.*/g, '')).not.toContain('canary');
    }
  });
});
