import { isIP } from 'node:net';
import type { HttpGrant } from '@infrafabric/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { bareHost, fullUrl, grantFor, hostOf, strictUrl } from './request-url.ts';

const grant = (origin: string, pathPrefix = '/v1/', more: Partial<HttpGrant> = {}): HttpGrant => ({
  alias: 'api',
  origin,
  methods: ['GET', 'POST'],
  pathPrefix,
  privateAddress: false,
  ...more,
});

const GRANTED = grant('https://api.example.org');

/** `refused` where the URL is not read at all, `missing` where no grant covers it, else `host:port path`. */
const verdict = (text: string, grants: readonly HttpGrant[] = [GRANTED], method = 'GET') => {
  const read = strictUrl(text);
  if (!read.ok) return 'refused';
  const found = grantFor(read.url, { method, alias: undefined }, grants);
  if (found === undefined) return 'missing';
  return `${hostOf(read.url)} ${read.url.path}${read.url.query}`;
};

const TRICKS: readonly (readonly [string, 'refused' | 'missing'])[] = [
  // Who is meant.
  ['https://api.example.org@evil.test/v1/', 'refused'],
  ['https://user:secret@api.example.org/v1/', 'refused'],
  ['https://@api.example.org/v1/', 'refused'],
  ['https://evil.test/v1/', 'missing'],
  ['https://evil.test/https://api.example.org/v1/', 'missing'],
  ['https://evil.test?https://api.example.org/v1/', 'missing'],
  ['https://evil.test#@api.example.org/v1/', 'missing'],
  ['https://api.example.org.evil.test/v1/', 'missing'],
  ['https://xapi.example.org/v1/', 'missing'],
  ['https://example.org/v1/', 'missing'],
  ['https://api.example.org%2eevil.test/v1/', 'refused'],
  ['https://api.example.org%00.evil.test/v1/', 'refused'],
  ['https://api%2eexample.org/v1/', 'refused'],
  // Trailing dots and empty labels.
  ['https://api.example.org./v1/', 'refused'],
  ['https://api.example.org。/v1/', 'refused'],
  ['https://api..example.org/v1/', 'refused'],
  ['https://.example.org/v1/', 'refused'],
  // Look-alikes: punycode is another name.
  ['https://аpi.example.org/v1/', 'missing'],
  ['https://xn--pi-7kc.example.org/v1/', 'missing'],
  ['https://ⓐpi.example.com/v1/', 'missing'],
  // Ports.
  ['https://api.example.org:8443/v1/', 'missing'],
  ['https://api.example.org:80/v1/', 'missing'],
  ['https://api.example.org:/v1/', 'refused'],
  ['https://api.example.org:0443/v1/', 'refused'],
  ['https://api.example.org:443:80/v1/', 'refused'],
  ['https://api.example.org:65536/v1/', 'refused'],
  ['https://api.example.org:443@evil.test/v1/', 'refused'],
  // Schemes.
  ['http://api.example.org/v1/', 'missing'],
  ['http://api.example.org:443/v1/', 'missing'],
  ['ftp://api.example.org/v1/', 'refused'],
  ['file:///v1/', 'refused'],
  ['javascript:alert(1)', 'refused'],
  ['//api.example.org/v1/', 'refused'],
  ['https:api.example.org/v1/', 'refused'],
  ['https:/api.example.org/v1/', 'refused'],
  ['https:///api.example.org/v1/', 'refused'],
  ['https://', 'refused'],
  ['', 'refused'],
  // Backslashes, white space, control characters.
  ['https://evil.test\\@api.example.org/v1/', 'refused'],
  ['https:\\\\api.example.org\\v1\\', 'refused'],
  ['https://api.example.org/v1/\\..\\admin', 'refused'],
  [' https://api.example.org/v1/', 'refused'],
  ['https://api.example.org/v1/ HTTP/1.1\r\nx: y', 'refused'],
  ['https://api.exa\tmple.org/v1/', 'refused'],
  ['https://api.example.org/v1/\n', 'refused'],
  ['https://api.example.org/v1/\0', 'refused'],
  // Paths that climb.
  ['https://api.example.org/', 'missing'],
  ['https://api.example.org/v1', 'missing'],
  ['https://api.example.org/v1x/', 'missing'],
  ['https://api.example.org/V1/', 'missing'],
  ['https://api.example.org//v1/', 'missing'],
  ['https://api.example.org/%76%31/', 'missing'],
  ['https://api.example.org/v1/..', 'refused'],
  ['https://api.example.org/v1/../admin', 'refused'],
  ['https://api.example.org/v1/./a', 'refused'],
  ['https://api.example.org/v1/%2e%2e/admin', 'refused'],
  ['https://api.example.org/v1/%2E./admin', 'refused'],
  ['https://api.example.org/v1/..%2fadmin', 'refused'],
  ['https://api.example.org/v1/a%2Fb', 'refused'],
  ['https://api.example.org/v1/..%5cadmin', 'refused'],
  ['https://api.example.org/v1/%252e%252e/admin', 'refused'],
  ['https://api.example.org/v1/%252fadmin', 'refused'],
  ['https://api.example.org/v1/%25252525252e', 'refused'],
  ['https://api.example.org/v1/..;/admin', 'refused'],
  ['https://api.example.org/v1/..;a=b/admin', 'refused'],
  ['https://api.example.org/v1/..%3b/admin', 'refused'],
  ['https://api.example.org/v1/%c0%ae%c0%ae/admin', 'refused'],
  ['https://api.example.org/v1/%ef%bc%8e%ef%bc%8e/admin', 'refused'],
  ['https://api.example.org/v1/%e2%84%80', 'refused'],
  ['https://api.example.org/v1/．．/admin', 'refused'],
  ['https://api.example.org/v1/%00', 'refused'],
  ['https://api.example.org/v1/a%0d%0ax', 'refused'],
  ['https://api.example.org/v1/%', 'refused'],
  ['https://api.example.org/v1/%zz', 'refused'],
];

describe('case 67: what is not the granted host and path is refused', () => {
  test.each(TRICKS)('%j: %s', (url, expected) => {
    expect(verdict(url)).toBe(expected);
  });
});

/** Every spelling of an inside address: normalised, and then it is not what was granted. */
const NUMBERS = [
  'http://127.1/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.1/',
  'http://0177.0.0.1/',
  'http://017700000001/',
  'http://0/',
  'http://2852039166/latest/meta-data/',
  'http://0xA9FEA9FE/',
  'http://１２７.０.０.１/',
  'http://127。0。0。1/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[0:0:0:0:0:ffff:a9fe:a9fe]/',
  'http://[64:ff9b::7f00:1]/',
];

describe('case 67: numbers are normalised before they are compared', () => {
  test.each(NUMBERS)('%s', (url) => {
    const read = strictUrl(url);
    if (!read.ok) throw new Error(read.why);
    expect(isIP(bareHost(read.url.hostname))).not.toBe(0);
    expect(verdict(url, [grant('http://localhost', '/'), grant('https://127.0.0.1', '/')])).toBe(
      'missing',
    );
  });

  test.each(['http://[fe80::1%25eth0]/', 'http://[::1', 'http://1.2.3.4.5/', 'http://256.1.1.1/'])(
    '%s is no address at all',
    (url) => {
      expect(verdict(url)).toBe('refused');
    },
  );

  test('a granted address is met in each of its spellings', () => {
    const inside = [grant('http://127.0.0.1:8080', '/')];
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1']) {
      expect(verdict(`http://${host}:8080/a`, inside)).toBe('127.0.0.1:8080 /a');
    }
    expect(verdict('http://[::FFFF:127.0.0.1]:8080/a', inside)).toBe('missing');
    expect(verdict('http://[0::1]:8080/a', [grant('http://[::1]:8080', '/')])).toBe(
      '[::1]:8080 /a',
    );
  });
});

const PLAIN: readonly (readonly [string, string])[] = [
  ['https://api.example.org/v1/', 'api.example.org:443 /v1/'],
  ['https://api.example.org:443/v1/a', 'api.example.org:443 /v1/a'],
  ['HTTPS://API.Example.ORG/v1/A', 'api.example.org:443 /v1/A'],
  ['https://api.example.org/v1/a//b', 'api.example.org:443 /v1/a//b'],
  ['https://api.example.org/v1/a?b=c/../d&e=%2f', 'api.example.org:443 /v1/a?b=c/../d&e=%2f'],
  ['https://api.example.org/v1/?', 'api.example.org:443 /v1/'],
  ['https://api.example.org/v1/a#fragment', 'api.example.org:443 /v1/a'],
  ['https://api.example.org/v1/%e2%82%ac', 'api.example.org:443 /v1/%e2%82%ac'],
  ['https://api.example.org/v1/a%20b', 'api.example.org:443 /v1/a%20b'],
  ['https://api.example.org/v1/100%25', 'api.example.org:443 /v1/100%25'],
  ['https://api.example.org/v1/...', 'api.example.org:443 /v1/...'],
  ['https://api.example.org/v1/.well-known', 'api.example.org:443 /v1/.well-known'],
  ['https://api.example.org/v1/a;b=c', 'api.example.org:443 /v1/a;b=c'],
];

describe('what is granted passes as it is written', () => {
  test.each(PLAIN)('%s', (url, expected) => {
    expect(verdict(url)).toBe(expected);
  });

  test('a name in another script is its punycode', () => {
    const grants = [grant('https://bücher.example', '/')];
    expect(verdict('https://xn--bcher-kva.example/a', grants)).toBe('xn--bcher-kva.example:443 /a');
    expect(verdict('https://BÜCHER.example/a', grants)).toBe('xn--bcher-kva.example:443 /a');
  });
});

test('a prefix that does not end with a slash names one path', () => {
  const exact = [grant('https://api.example.org', '/v1/send')];
  expect(verdict('https://api.example.org/v1/send?a=1', exact)).toContain('/v1/send?a=1');
  for (const path of ['/v1/send/', '/v1/sender', '/v1/send/..;/x', '/v1/', '/v1/sen%64']) {
    expect(['refused', 'missing']).toContain(verdict(`https://api.example.org${path}`, exact));
  }
});

test('a method that the grant does not list is not granted', () => {
  expect(verdict('https://api.example.org/v1/', [GRANTED], 'DELETE')).toBe('missing');
  expect(verdict('https://api.example.org/v1/', [GRANTED], 'get')).toBe('missing');
  expect(verdict('https://api.example.org/v1/', [GRANTED], 'POST')).not.toBe('missing');
});

test('an alias narrows the grants to its own; a grant whose origin cannot be read covers nothing', () => {
  const read = strictUrl('https://api.example.org/v1/');
  if (!read.ok) throw new Error(read.why);
  const other = grant('https://api.example.org', '/v1/', { alias: 'other' });
  const find = (alias: string | undefined, grants: readonly HttpGrant[]) =>
    grantFor(read.url, { method: 'GET', alias }, grants)?.alias;
  expect(find('other', [GRANTED, other])).toBe('other');
  expect(find(undefined, [GRANTED, other])).toBe('api');
  expect(find('nobody', [GRANTED, other])).toBeUndefined();
  expect(find(undefined, [grant('https://api.example.org.')])).toBeUndefined();
});

test('a path alone is read below its alias, and nothing else is', () => {
  expect(fullUrl('/v1/a', GRANTED)).toBe('https://api.example.org/v1/a');
  expect(fullUrl('//evil.test/v1/', GRANTED)).toBe('//evil.test/v1/');
  expect(fullUrl('@evil.test/', GRANTED)).toBe('@evil.test/');
  expect(fullUrl('/v1/a', undefined)).toBe('/v1/a');
});

// Property: what passes is dialled at the granted origin, inside its prefix, as WHATWG and RFC 3986 both read it.
// Method: URLs glued together from the pieces that tricks are made of.
test('U1: whatever passes is read as the granted place by another parser, too', () => {
  const piece = fc.constantFrom(
    ...'https:// http:// api.example.org evil.test @ : 443 / // \\ .. . %2e %2f %5c'.split(' '),
    ...'%00 ? # v1 /v1/ ; [::1] %25 é'.split(' '),
    ' ',
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 9 }), (pieces) => {
      const text = `https://api.example.org${pieces.join('')}`;
      for (const url of [text, pieces.join('')]) {
        if (['refused', 'missing'].includes(verdict(url))) continue;
        const other = new URL(url);
        expect(other.origin).toBe('https://api.example.org');
        expect(other.username + other.password).toBe('');
        expect(other.pathname.startsWith('/v1/')).toBe(true);
        expect(decodeURIComponent(other.pathname)).not.toMatch(/\\|(?:^|\/)\.{1,2}(?:\/|;|$)/);
      }
    }),
    { numRuns: 5_000 },
  );
});
