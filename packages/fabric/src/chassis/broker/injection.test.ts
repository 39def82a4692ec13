import { describe, expect, test } from 'vitest';

import { headerOf, injected, SECRET_BYTES_MAX } from './injection.ts';

const SECRET = Buffer.from('s3cret/+ &=%');

test('a header holds its prefix and the secret', () => {
  expect(injected({ header: 'x-key' }, SECRET, '?a=1')).toEqual({
    header: ['x-key', 's3cret/+ &=%'],
    query: '?a=1',
  });
  expect(injected({ header: 'authorization', prefix: 'Bearer ' }, SECRET, '')?.header).toEqual([
    'authorization',
    'Bearer s3cret/+ &=%',
  ]);
});

test('Basic is the user, a colon and the secret in base64', () => {
  expect(injected({ basic: 'ops' }, SECRET, '')?.header).toEqual([
    'authorization',
    `Basic ${btoa('ops:s3cret/+ &=%')}`,
  ]);
});

describe('a parameter takes the place of every other of its name', () => {
  test.each([
    ['', '?key=s3cret%2F%2B%20%26%3D%25'],
    ['?', '?key=s3cret%2F%2B%20%26%3D%25'],
    ['?a=1&b', '?a=1&b&key=s3cret%2F%2B%20%26%3D%25'],
    ['?key=mine&a=1&key=x', '?a=1&key=s3cret%2F%2B%20%26%3D%25'],
    ['?k%65y=mine&key', '?key=s3cret%2F%2B%20%26%3D%25'],
    ['?keys=1&akey=2', '?keys=1&akey=2&key=s3cret%2F%2B%20%26%3D%25'],
  ])('%j', (query, expected) => {
    expect(injected({ query: 'key' }, SECRET, query)).toEqual({ query: expected });
  });
});

describe('a secret that would break the request is not sent', () => {
  test.each([
    'a\r\nb: c-d-e',
    'line-feed\n',
    'a\0bcdefgh',
    ' leading-space',
    'trailing-space ',
    'del\x7fdel-del',
  ])('%j', (text) => {
    expect(injected({ header: 'x-key' }, Buffer.from(text), '')).toBeUndefined();
    // Where it is encoded it can stand.
    expect(injected({ query: 'key' }, Buffer.from(text), '')?.query).toMatch(/^\?key=[\w%.~-]+$/);
  });

  test('too short, too long', () => {
    expect(injected({ header: 'x-key' }, Buffer.from('seven77'), '')).toBeUndefined();
    expect(injected({ header: 'x-key' }, Buffer.alloc(8, 'x'), '')).toBeDefined();
    expect(injected({ header: 'x-key' }, Buffer.alloc(SECRET_BYTES_MAX, 'x'), '')).toBeDefined();
    expect(
      injected({ header: 'x-key' }, Buffer.alloc(SECRET_BYTES_MAX + 1, 'x'), ''),
    ).toBeUndefined();
  });

  test('under a name that describes the connection', () => {
    expect(injected({ header: 'host' }, SECRET, '')).toBeUndefined();
    expect(injected({ header: 'transfer-encoding' }, SECRET, '')).toBeUndefined();
  });
});

test('the header that is taken by an injection', () => {
  expect(headerOf({ header: 'x-key' })).toBe('x-key');
  expect(headerOf({ basic: 'ops' })).toBe('authorization');
  expect(headerOf({ query: 'key' })).toBeUndefined();
});
