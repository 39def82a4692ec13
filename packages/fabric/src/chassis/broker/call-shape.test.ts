import { describe, expect, test } from 'vitest';

import { HEADERS_MAX, REQUEST_BYTES_MAX, shapeOf, URL_CHARS_MAX } from './call-shape.ts';

const codeOf = (call: unknown): string => {
  const shaped = shapeOf(call);
  return shaped.ok ? 'ok' : shaped.code;
};

test('a call with a URL alone is a GET without headers and body', () => {
  expect(shapeOf({ url: 'https://a.test/' })).toEqual({
    ok: true,
    alias: undefined,
    method: 'GET',
    url: 'https://a.test/',
    headers: [],
    body: Buffer.alloc(0),
  });
  const full = { alias: 'a', method: 'post', url: '/', headers: { A: '1' }, body: 'YQ==' };
  expect(shapeOf(full)).toMatchObject({
    method: 'POST',
    headers: [['A', '1']],
    body: Buffer.from('a'),
  });
  expect(codeOf({ url: '/', alias: null, method: null, headers: null, body: null })).toBe('ok');
});

describe('case 57, 58: what is no call is refused', () => {
  test.each([
    [null],
    [undefined],
    ['https://a.test/'],
    [[]],
    [{}],
    [{ url: 1 }],
    [{ url: null }],
    [{ url: { toString: 'x' } }],
    [{ url: '\ud800' }],
    [{ url: '/', alias: 1 }],
    [{ url: '/', alias: 'a'.repeat(64) }],
    [{ url: '/', alias: '\udc00' }],
    [{ url: '/', method: 1e308 }],
    [{ url: '/', method: 'M'.repeat(17) }],
    [{ url: '/', headers: 'a: b' }],
    [{ url: '/', headers: ['a', 'b'] }],
    [{ url: '/', headers: { a: 1 } }],
    [{ url: '/', headers: { a: ['1', '2'] } }],
    [{ url: '/', body: 1 }],
    [{ url: '/', body: 'not base64!' }],
    [{ url: '/', body: 'YQ' }],
    [{ url: '/', body: 'YQ=a' }],
    [{ url: '/', body: { length: 4 } }],
  ])('%j', (call) => {
    expect(codeOf(call)).toBe('call.malformed');
  });

  test('fields are its own, not those of a prototype', () => {
    expect(codeOf(JSON.parse('{"__proto__":{"url":"https://a.test/"}}'))).toBe('call.malformed');
    expect(codeOf(Object.create({ url: 'https://a.test/' }))).toBe('call.malformed');
    const nothing: object = Object.assign(Object.create(null), { url: '/' });
    expect(codeOf(nothing)).toBe('ok');
    const shaped = shapeOf(JSON.parse('{"url":"/","headers":{"__proto__":"1","constructor":"2"}}'));
    expect(shaped).toMatchObject({
      headers: [
        ['__proto__', '1'],
        ['constructor', '2'],
      ],
    });
  });
});

describe('a call above a limit is refused, one at it passes', () => {
  test('url', () => {
    expect(codeOf({ url: 'x'.repeat(URL_CHARS_MAX) })).toBe('ok');
    expect(codeOf({ url: 'x'.repeat(URL_CHARS_MAX + 1) })).toBe('call.too_large');
  });

  test('headers, by number and by bytes', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_each, at) => [`x-${at}`, '1']));
    expect(codeOf({ url: '/', headers: many(HEADERS_MAX) })).toBe('ok');
    expect(codeOf({ url: '/', headers: many(HEADERS_MAX + 1) })).toBe('call.too_large');
    expect(codeOf({ url: '/', headers: { a: 'x'.repeat(16_384) } })).toBe('call.too_large');
  });

  test('body, after and before it is decoded', () => {
    const body = (bytes: number) => Buffer.alloc(bytes).toString('base64');
    expect(codeOf({ url: '/', body: body(REQUEST_BYTES_MAX) })).toBe('ok');
    expect(codeOf({ url: '/', body: body(REQUEST_BYTES_MAX + 1) })).toBe('call.too_large');
    expect(codeOf({ url: '/', body: '!'.repeat(2 * REQUEST_BYTES_MAX) })).toBe('call.too_large');
  });
});
