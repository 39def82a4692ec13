import { digestFrom } from '@infrafabric/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judged, misfit } from './output-schema.ts';

const DIGEST = digestFrom('a'.repeat(64));
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const judge = (output: Uint8Array, schema?: unknown) =>
  judged(
    { cause: 'completed', detail: '', output },
    schema === undefined ? undefined : DIGEST,
    async () => (schema instanceof Uint8Array ? schema : bytes(schema)),
  );

test('case 98: a result that is empty is no success, whatever the contract says', async () => {
  expect(await judge(new Uint8Array())).toEqual({
    cause: 'invalid',
    detail: 'the result is empty',
  });
});

test('what did not complete keeps its cause', async () => {
  const failed = { cause: 'trapped', detail: 'unreachable', output: new Uint8Array() } as const;
  expect(await judged(failed, DIGEST, async () => undefined)).toEqual({
    cause: 'trapped',
    detail: 'unreachable',
  });
});

test('a result that fits stays completed; without a schema any result does', async () => {
  expect((await judge(bytes({ n: 1 }), { type: 'object', required: ['n'] })).cause).toBe(
    'completed',
  );
  expect((await judge(Buffer.from('no json'))).cause).toBe('completed');
});

test.each([
  ['a result that is no JSON', Buffer.from('{'), { type: 'object' }, 'the result is no JSON'],
  ['a result that is no UTF-8', Buffer.from([0xff, 0x22]), {}, 'the result is no JSON'],
  ['a schema that is no JSON', bytes(1), Buffer.from('{'), 'is no JSON'],
  ['a schema that is too large', bytes(1), Buffer.alloc(65_537, ' '), '65536 are allowed'],
  ['a result that does not fit', bytes({}), { required: ['n'] }, 'the result.n is missing'],
])('%s is invalid', async (_what, output, schema, detail) => {
  const said = await judge(output, schema);
  expect(said.cause).toBe('invalid');
  expect(said.detail).toContain(detail);
});

test('a schema that the fabric does not have lets nothing pass', async () => {
  const said = await judged(
    { cause: 'completed', detail: '', output: bytes(1) },
    DIGEST,
    async () => undefined,
  );
  expect(said).toEqual({ cause: 'invalid', detail: `the output schema ${DIGEST} is not there` });
});

describe('words of a schema', () => {
  test.each([
    [{ type: 'integer' }, 1, 1.5],
    [{ type: ['string', 'null'] }, null, 1],
    [{ type: 'array' }, [], {}],
    [{ type: 'number' }, 1.5, '1'],
    [{ type: 'boolean' }, false, 0],
    [{ const: 'a' }, 'a', 'b'],
    [{ enum: [1, 'a', null] }, null, 2],
    [{ enum: [{}] }, undefined, {}],
    [{ required: ['a'] }, { a: null }, { b: 1 }],
    [{ properties: { a: { type: 'string' } } }, { a: 'x', b: 1 }, { a: 1 }],
    [{ properties: { a: true }, additionalProperties: false }, { a: 1 }, { a: 1, b: 2 }],
    [{ additionalProperties: { type: 'string' } }, { x: 'y' }, { x: 1 }],
    [{ items: { minimum: 2 } }, [2, 3], [1]],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, null, 1],
    [{ minimum: 1, maximum: 2 }, 1, 3],
    [{ minLength: 1, maxLength: 2 }, 'ab', 'abc'],
    [{ minItems: 1, maxItems: 1 }, [1], []],
    [{ minProperties: 1, maxProperties: 1 }, { a: 1 }, {}],
    [{ properties: { a: false } }, {}, { a: 1 }],
  ])('%j', (schema, fits, not) => {
    if (fits !== undefined) expect(misfit(fits, schema)).toBeUndefined();
    expect(misfit(not, schema)).toBeDefined();
  });

  test('title, description and other remarks say nothing of the result', () => {
    expect(misfit(1, { $schema: 'x', title: 't', description: 'd', default: 2 })).toBeUndefined();
  });

  test.each(['pattern', '$ref', 'format', 'uniqueItems', 'patternProperties', 'dependentSchemas'])(
    'a word whose cost is not bounded fits nothing: %s',
    (word) => {
      expect(misfit({}, { [word]: {} })).toContain(`“${word}”, which is not known here`);
    },
  );

  test('a field that every object inherits is not there unless the result has it', () => {
    expect(misfit({}, { required: ['constructor'] })).toContain('constructor is missing');
    expect(misfit(JSON.parse('{"__proto__":1}'), { required: ['__proto__'] })).toBeUndefined();
    expect(misfit({}, { properties: { toString: false } })).toBeUndefined();
  });

  test('the time is bounded, whatever schema and result multiply to', () => {
    const wide = { anyOf: Array.from({ length: 3_000 }, () => ({ items: { const: 1 } })) };
    const long = Array.from({ length: 100_000 }, (_, at) => (at === 99_999 ? 2 : 1));
    const before = performance.now();
    expect(misfit(long, wide)).toContain('none of the shapes');
    expect(performance.now() - before).toBeLessThan(10_000);
    const names = { enum: Array.from({ length: 400_000 }, () => 1) };
    expect(misfit([2], { items: { anyOf: [names, names, names, names, { const: 2 }] } })).toContain(
      'none of the shapes',
    );
  });

  // A throw here would end the run as if no runner had been there, which is nobody's failure.
  test('a schema that is too deep for the stack fits nothing, and throws nothing', () => {
    const depth = 6_500;
    const schema: unknown = JSON.parse(`${'{"items":'.repeat(depth)}{}${'}'.repeat(depth)}`);
    const value: unknown = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(misfit(value, schema)).toContain('is deeper than');
  });

  test('nothing that JSON can say makes it throw', () => {
    // Property: a schema and a result of any shape give a verdict.
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (value, schema) => {
        expect(['string', 'undefined']).toContain(typeof misfit(value, schema));
      }),
    );
  });
});
