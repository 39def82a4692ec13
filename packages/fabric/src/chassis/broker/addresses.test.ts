import { describe, expect, test } from 'vitest';

import type { Resolve } from '../../net/pinned-lookup.ts';
import { addressesOf, isOneOf } from './addresses.ts';

const answering =
  (...addresses: readonly string[]): Resolve =>
  () =>
    Promise.resolve(
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

const judge = async (hostname: string, privateAddress: boolean, resolve: Resolve) => {
  const answer = await addressesOf({ hostname, privateAddress }, resolve);
  return answer.ok ? answer.addresses.map(({ address }) => address) : answer.code;
};

describe('case 69: a name leads to the public internet, or the grant says otherwise', () => {
  test.each([[['93.184.216.34']], [['2606:4700:4700::1111', '1.1.1.1']]])(
    '%j is public',
    async (addresses) => {
      expect(await judge('api.test', false, answering(...addresses))).toEqual(addresses);
    },
  );

  test.each([
    [['10.0.0.1']],
    [['127.0.0.1']],
    [['192.168.1.1']],
    [['fd12::1']],
    [['::1']],
    [['93.184.216.34', '10.0.0.1']],
  ])('%j is inside: only where that is granted', async (addresses) => {
    expect(await judge('api.test', false, answering(...addresses))).toBe('address.refused');
    expect(await judge('api.test', true, answering(...addresses))).toEqual(addresses);
  });

  test.each([
    '169.254.169.254',
    'fe80::1',
    'fe80::1%eth0',
    'fd00:ec2::254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '0.0.0.0',
    '::',
    '255.255.255.255',
    '224.0.0.1',
    'ff02::1',
    'nonsense',
  ])('no name leads to %s, whatever was granted', async (address) => {
    expect(await judge('api.test', true, answering(address))).toBe('address.refused');
  });

  test('an address that is the origin itself needs no name', async () => {
    const never: Resolve = () => Promise.reject(new Error('nobody asks'));
    expect(await judge('169.254.169.254', true, never)).toEqual(['169.254.169.254']);
    expect(await judge('[::1]', true, never)).toEqual(['::1']);
    expect(await judge('[::1]', false, never)).toBe('address.refused');
    expect(await judge('8.8.8.8', false, never)).toEqual(['8.8.8.8']);
  });
});

test('the refusal is a violation that names the host and the reason', async () => {
  const answer = await addressesOf(
    { hostname: 'api.test', privateAddress: false },
    answering('169.254.169.254'),
  );
  expect(answer).toMatchObject({
    violation: { violation: 'address', subject: 'api.test (link-local)' },
  });
});

test('no address, and a resolver that fails, are no violation', async () => {
  expect(await judge('api.test', true, answering())).toBe('upstream.unresolved');
  expect(await judge('api.test', true, () => Promise.reject(new Error('SERVFAIL')))).toBe(
    'upstream.unresolved',
  );
});

test('an endless answer is cut', async () => {
  const many = Array.from({ length: 1_000 }, (_each, at) => `8.8.${at >> 8}.${at & 255}`);
  expect(await judge('api.test', false, answering(...many))).toHaveLength(32);
});

test('a connection is where it was sent, in every spelling of its address', () => {
  const judged = [
    { address: '127.0.0.1', family: 4 },
    { address: '2001:DB8:0::1', family: 6 },
    { address: 'fe80::1%eth0', family: 6 },
  ];
  for (const remote of ['127.0.0.1', '::ffff:127.0.0.1', '2001:db8::1', 'fe80::1%eth0'])
    expect(isOneOf(judged, remote), remote).toBe(true);
  for (const remote of ['127.0.0.2', '2001:db8::2', 'fe80::1', '', undefined])
    expect(isOneOf(judged, remote), remote).toBe(false);
});
