import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { refusedAddress } from './public-address.ts';

const REFUSED: readonly (readonly [string, string])[] = [
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'unspecified'],
  ['10.0.0.1', 'private'],
  ['10.255.255.255', 'private'],
  ['100.64.0.1', 'carrier-grade NAT'],
  ['100.100.100.200', 'cloud metadata'],
  ['100.100.100.201', 'carrier-grade NAT'],
  ['100.127.255.255', 'carrier-grade NAT'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['168.63.129.16', 'cloud metadata'],
  ['169.254.0.1', 'link-local'],
  ['169.254.169.254', 'link-local'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.0.0.192', 'protocol assignments'],
  ['192.0.2.1', 'documentation'],
  ['192.88.99.1', '6to4 relay'],
  ['192.168.1.1', 'private'],
  ['198.18.0.1', 'benchmarking'],
  ['198.19.255.255', 'benchmarking'],
  ['198.51.100.7', 'documentation'],
  ['203.0.113.7', 'documentation'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'reserved'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['0:0:0:0:0:0:0:1', 'loopback'],
  ['::127.0.0.1', 'IPv4-compatible'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['0:0:0:0:0:ffff:a9fe:a9fe', 'link-local'],
  ['::ffff:10.0.0.1', 'private'],
  ['::ffff:0:127.0.0.1', 'not global unicast'],
  ['64:ff9b::127.0.0.1', 'loopback'],
  ['64:ff9b::a9fe:a9fe', 'link-local'],
  ['64:ff9b:1::1', 'local NAT64'],
  ['100::1', 'discard'],
  ['2001::1', 'protocol assignments'],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'protocol assignments'],
  ['2001:20::1', 'protocol assignments'],
  ['2001:db8::1', 'documentation'],
  ['2002:7f00:1::', 'loopback'],
  ['2002:c0a8:101::1', 'private'],
  ['2002:a9fe:a9fe::1', 'link-local'],
  ['3fff::1', 'documentation'],
  ['4000::1', 'not global unicast'],
  ['5f00::1', 'not global unicast'],
  ['fc00::1', 'private'],
  ['fd00:ec2::254', 'cloud metadata'],
  ['fd00:ec2::255', 'private'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['febf::1', 'link-local'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
  ['FF02::1', 'multicast'],
  ['localhost', 'no address'],
  ['', 'no address'],
  ['1.2.3', 'no address'],
];

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '93.184.216.34',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.167.255.255',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '2002:808:808::1',
  '2001:200::1',
  '2606:4700:4700::1111',
  '2a00:1450:4001:82b::200e',
];

describe('what may be connected to', () => {
  test.each(REFUSED)('%s is refused: %s', (address, why) => {
    expect(refusedAddress(address)).toBe(why);
  });

  test.each(PUBLIC)('%s is public', (address) => {
    expect(refusedAddress(address)).toBeUndefined();
  });
});

/** Node's own list, made of the same blocks: another parser, another comparison. */
const nodeList = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  nodeList.addSubnet(net, bits, 'ipv4');
}

// Property: agrees with Node's BlockList on any IPv4 address, in each of its forms. Method: one in two near a boundary.
test('every form of an IPv4 address is decided as the address is, and as another implementation does', () => {
  const octet = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0, 10, 16, 31, 63, 64, 100, 127, 128, 168, 169, 172, 192, 198, 224, 254),
  );
  fc.assert(
    fc.property(octet, octet, octet, octet, (a, b, c, d) => {
      const address = `${a}.${b}.${c}.${d}`;
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      const isRefused = nodeList.check(address, 'ipv4');
      for (const form of [address, `::ffff:${address}`, `::ffff:${hex}`, `64:ff9b::${hex}`]) {
        expect(refusedAddress(form) !== undefined, form).toBe(isRefused);
      }
      expect(refusedAddress(`2002:${hex}::1`) !== undefined).toBe(isRefused);
    }),
    { numRuns: 2_000 },
  );
});

// Property: of random IPv6 addresses only those in 2000::/3 (and embedded public IPv4) are let through.
test('outside global unicast nothing of IPv6 is public', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      expect(isIP(address)).toBe(6);
      const first = Number.parseInt(address.split(':')[0] ?? '', 16) || 0;
      const isGlobal = first >= 0x2000 && first <= 0x3fff;
      if (!isGlobal && refusedAddress(address) === undefined) {
        expect(address).toMatch(/^(?:::ffff:|0*:.*ffff:|0*64:ff9b:)/i);
      }
    }),
    { numRuns: 2_000 },
  );
});
