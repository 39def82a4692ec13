import { describe, expect, test } from 'vitest';

import { guestHeaders, isInjectable, pairsOf, replyHeaders } from './headers.ts';

const NOT_A_GUESTS = [
  'Authorization',
  'proxy-authorization',
  'Proxy-Connection',
  'cookie',
  'Cookie2',
  'HOST',
  'connection',
  'Keep-Alive',
  'te',
  'Trailer',
  'transfer-encoding',
  'Upgrade',
  'http2-settings',
  'Content-Length',
  'accept-encoding',
  'expect',
  'Forwarded',
  'via',
  'X-Forwarded-For',
  'x-forwarded-host',
  'X-Real-IP',
  'true-client-ip',
  'x-http-method-override',
  'X-HTTP-Method',
  'x-method-override',
  'X-Original-URL',
  'x-rewrite-url',
  'x-host',
  'Proxy',
  'X_Forwarded_For',
  'transfer_encoding',
  'AUTHORIZATION',
];

describe('case 71: headers that are not a guest’s to set', () => {
  test.each(NOT_A_GUESTS)('%s', (name) => {
    expect(guestHeaders([[name, 'x']], [])).toEqual([]);
  });

  test.each([
    ['x-a', 'a\r\nhost: evil.test'],
    ['x-a', 'a\nb'],
    ['x-a', 'a\0b'],
    ['x-a', '€'],
    ['x-a\r\nhost', 'evil.test'],
    ['x a', '1'],
    ['x:a', '1'],
    ['', '1'],
    ['authorization ', '1'],
  ])('%j: %j', (name, value) => {
    expect(guestHeaders([[name, value]], [])).toEqual([]);
  });

  test('the broker’s own name is taken in any case', () => {
    expect(guestHeaders([['X-Api-Key', 'mine']], ['x-api-key'])).toEqual([]);
    expect(guestHeaders([['X_Api-Key', 'mine']], ['x-api-key'])).toEqual([]);
  });
});

test('a guest’s other headers are sent once a name, in lower case', () => {
  const headers = [
    ['Content-Type', ' application/json '],
    ['X-Trace', '1'],
    ['x-trace', '2'],
    ['__proto__', 'plain'],
  ] as const;
  expect(guestHeaders(headers, [])).toEqual([
    ['content-type', 'application/json'],
    ['x-trace', '2'],
    ['__proto__', 'plain'],
  ]);
});

test('a reply keeps what is for the guest, and nothing of credentials or of the connection', () => {
  const raw = [
    'Content-Type: text/plain',
    'Set-Cookie: a=b',
    'WWW-Authenticate: Bearer',
    'Authorization: x',
    'Proxy-Authenticate: x',
    'Authentication-Info: x',
    'Connection: close, X-Hop',
    'X-Hop: x',
    'Transfer-Encoding: chunked',
    'Content-Encoding: gzip',
    'Content-Length: 9',
    'Alt-Svc: h3',
    'X-Many: 1',
    'x-many: 2',
  ].flatMap((line) => line.split(': '));
  expect(replyHeaders(raw)).toEqual([
    ['content-type', 'text/plain'],
    ['x-many', '1, 2'],
  ]);
});

test('a list of odd length has an empty last value', () => {
  expect(pairsOf(['A', '1', 'B'])).toEqual([
    ['a', '1'],
    ['b', ''],
  ]);
});

test('a secret may stand where credentials do, and not where a connection is described', () => {
  for (const name of ['authorization', 'cookie', 'x-api-key', 'proxy-authorization'])
    expect(isInjectable(name)).toBe(true);
  for (const name of ['host', 'content-length', 'transfer-encoding', 'x-forwarded-for'])
    expect(isInjectable(name)).toBe(false);
});
