import { describe, expect, test } from 'vitest';

import { redirectOf } from './redirect.ts';

const url = {
  scheme: 'https',
  hostname: 'api.test',
  port: 8443,
  path: '/v1/a',
  query: '?b=1',
} as const;

const redirect = (status: number, location: string | undefined, method = 'GET') =>
  redirectOf({ status, location }, { url, method });

test('what does not redirect is the answer itself', () => {
  for (const status of [200, 201, 300, 304, 305, 404, 500])
    expect(redirect(status, '/elsewhere')).toBeUndefined();
  expect(redirect(302, undefined)).toBeUndefined();
});

describe('a location is read against the address that sent it', () => {
  test.each([
    ['/b', 'https://api.test:8443/b'],
    ['b?c=1', 'https://api.test:8443/v1/b?c=1'],
    ['?c=1', 'https://api.test:8443/v1/a?c=1'],
    ['//other.test/x', 'https://other.test/x'],
    ['http://[::1]:80/', 'http://[::1]/'],
    ['../../etc', 'https://api.test:8443/etc'],
  ])('%s', (location, expected) => {
    expect(redirect(302, location)).toMatchObject({ url: expected });
  });

  test.each(['/\\evil.test', 'http://a b/', '/x\r\ny', 'http://[', 'https://'])(
    '%j is not followed',
    (location) => {
      expect(redirect(302, location)).toBe(false);
    },
  );
});

describe('the method and the body of what follows', () => {
  test.each([
    [301, 'GET', 'GET', true],
    [301, 'POST', 'GET', false],
    [302, 'POST', 'GET', false],
    [302, 'PUT', 'PUT', true],
    [303, 'POST', 'GET', false],
    [303, 'PUT', 'GET', false],
    [303, 'HEAD', 'HEAD', true],
    [307, 'POST', 'POST', true],
    [308, 'DELETE', 'DELETE', true],
  ])('%i after %s: %s', (status, method, next, keepsBody) => {
    expect(redirect(status, '/b', method)).toMatchObject({ method: next, keepsBody });
  });
});
