import { describe, expect, test } from 'vitest';

import { Fault } from '../../fault.ts';
import type { Resolve } from '../../net/pinned-lookup.ts';
import { pinnedLookup, targetOf } from './target.ts';

const faultOf = async (run: () => unknown): Promise<Fault> => {
  try {
    await run();
  } catch (cause) {
    if (cause instanceof Fault) return cause;
    throw cause;
  }
  throw new Error('it was let through');
};

/** Each URL, and the word of the refusal. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['ftp://example.org/', 'an https URL'],
  ['file:///etc/passwd', 'an https URL'],
  ['gopher://example.org/', 'an https URL'],
  ['javascript:alert(1)', 'an https URL'],
  ['//example.org/', 'an https URL'],
  ['https://', 'an https URL'],
  ['https://[::1', 'an https URL'],
  ['https://[fe80::1%25eth0]/', 'an https URL'],
  ['http://example.org/', 'plain http'],
  ['https://user@example.org/', 'no user'],
  ['https://user:secret@example.org/', 'no user'],
  ['https://127.0.0.1/', 'loopback'],
  ['https://127.1/', 'loopback'],
  ['https://2130706433/', 'loopback'],
  ['https://0x7f000001/', 'loopback'],
  ['https://0x7f.1/', 'loopback'],
  ['https://0177.0.0.1/', 'loopback'],
  ['https://017700000001/', 'loopback'],
  ['https://0300.0250.1.1/', 'private'],
  ['https://0xA9FEA9FE/latest/meta-data', 'link-local'],
  ['https://0xa9.0xfe.0xa9.0xfe/', 'link-local'],
  ['https://2852039166/', 'link-local'],
  ['https://127.0.0.1./', 'loopback'],
  ['https://１２７.０.０.１/', 'loopback'],
  ['https://127。0。0。1/', 'loopback'],
  ['https://%31%32%37.0.0.1/', 'loopback'],
  ['https://0/', 'unspecified'],
  ['https://[::]/', 'unspecified'],
  ['https://[::1]:8443/', 'loopback'],
  ['https://[0:0:0:0:0:ffff:127.0.0.1]/', 'loopback'],
  ['https://[::ffff:7f00:1]/', 'loopback'],
  ['https://[64:ff9b::7f00:1]/', 'loopback'],
  ['https://[2002:7f00:1::]/', 'loopback'],
  ['https://[fd00:ec2::254]/', 'cloud metadata'],
  ['https://[fe80::1]/', 'link-local'],
  ['https://[ff02::1]/', 'multicast'],
];

describe('a URL that can never be called is refused when it is read', () => {
  test.each(REFUSED)('%s', async (url, why) => {
    const fault = await faultOf(() => targetOf(url, []));
    expect(fault).toMatchObject({ code: 'config.invalid', transient: false });
    expect(fault.detail).toContain(why);
    expect(fault.detail).not.toContain('secret');
  });
});

test('a receiver of the internet is taken, over https only', () => {
  expect(targetOf('https://Hooks.Example.org/a?token=t', [])).toMatchObject({
    shown: 'hooks.example.org:443',
    isAllowed: false,
  });
  expect(targetOf('https://8.8.8.8:8443/', []).shown).toBe('8.8.8.8:8443');
});

test('a receiver inside is taken where its host and port are named, and no other port of it', async () => {
  const allowed = ['localhost:9000', '[::1]:9000', 'Alerts.internal:80'];
  for (const url of [
    'http://localhost:9000/',
    'https://LOCALHOST:9000/',
    'http://[::1]:9000/',
    'http://alerts.internal/',
  ]) {
    expect(targetOf(url, allowed).isAllowed, url).toBe(true);
  }
  for (const url of ['http://localhost:9001/', 'https://[::1]/', 'http://127.0.0.1:9000/']) {
    expect(await faultOf(() => targetOf(url, allowed))).toMatchObject({ transient: false });
  }
});

const resolving =
  (...addresses: readonly string[]): Resolve =>
  () =>
    Promise.resolve(
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

/** Names whose owners answer with addresses inside. */
const INSIDE: readonly (readonly string[])[] = [
  ['127.0.0.1'],
  ['169.254.169.254'],
  ['10.1.2.3'],
  ['::1'],
  ['fd00:ec2::254'],
  ['::ffff:192.168.0.1'],
  ['64:ff9b::10.0.0.1'],
  ['2002:a00:1::'],
  ['93.184.216.34', '127.0.0.1'],
  ['2606:4700:4700::1111', 'fe80::1'],
];

describe('S2: a name that leads inside is refused, whatever else it leads to', () => {
  test.each(INSIDE)('%s %s', async (...addresses) => {
    const target = targetOf('https://hooks.example.org/', []);
    const found = addresses.filter((address) => typeof address === 'string');
    const fault = await faultOf(() => pinnedLookup(target, resolving(...found)));
    expect(fault).toMatchObject({ transient: false });
    expect(fault.detail).toContain('allowHosts');
  });
});

test('a name that does not resolve may do so later', async () => {
  const target = targetOf('https://hooks.example.org/', []);
  const failing: Resolve = () =>
    Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
  expect(await faultOf(() => pinnedLookup(target, failing))).toMatchObject({ transient: true });
  expect(await faultOf(() => pinnedLookup(target, resolving()))).toMatchObject({
    transient: true,
  });
});

type Answer = { readonly error: Error | null; readonly address: unknown; readonly family?: number };

test('S3: a resolver that changes its mind is asked once; every connection goes where was checked', async () => {
  let asked = 0;
  const rebinding: Resolve = (hostname) => {
    asked += 1;
    return resolving(asked === 1 ? '93.184.216.34' : '127.0.0.1')(hostname);
  };
  const target = targetOf('https://rebind.example.org/', []);
  const lookup = await pinnedLookup(target, rebinding);
  const look = (options: { all?: boolean; family?: number }): Promise<Answer> =>
    new Promise((resolve) => {
      lookup('rebind.example.org', options, (error, address, family) => {
        resolve({ error, address, ...(family === undefined ? {} : { family }) });
      });
    });
  const all = [{ address: '93.184.216.34', family: 4 }];
  expect(await look({ all: true })).toEqual({ error: null, address: all });
  expect(await look({})).toEqual({ error: null, address: '93.184.216.34', family: 4 });
  expect(await look({ family: 4 })).toMatchObject({ address: '93.184.216.34' });
  expect((await look({ family: 6 })).error).toMatchObject({ code: 'ENOTFOUND' });
  expect(asked).toBe(1);
  // The next delivery asks again, and is refused.
  expect(await faultOf(() => pinnedLookup(target, rebinding))).toMatchObject({ transient: false });
});
