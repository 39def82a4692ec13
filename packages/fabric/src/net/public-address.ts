/**
 * Which addresses are of the public internet. A webhook, or a call of code that nobody trusts, reaches nothing else
 * unless somebody said so: whoever can choose a name or answer for it in the DNS could else make the fabric call services
 * inside: databases, metadata of a cloud, itself.
 *
 * What is public is decided by the special-purpose registries of IANA (RFC 6890; IPv4 and IPv6, as of 2025): every block
 * that is not globally reachable is refused, and of IPv6 only global unicast (2000::/3) and NAT64 are let through at all.
 */
import { isIPv4, isIPv6 } from 'node:net';

interface Block {
  /** High bits that are compared, left aligned as in the address. */
  readonly prefix: bigint;
  readonly bits: number;
  readonly why: string;
}

type Table = readonly (readonly [string, string])[];

const IPV4_REFUSED: Table = [
  ['0.0.0.0/8', 'unspecified'],
  ['10.0.0.0/8', 'private'],
  // Alibaba's metadata.
  ['100.100.100.200/32', 'cloud metadata'],
  ['100.64.0.0/10', 'carrier-grade NAT'],
  ['127.0.0.0/8', 'loopback'],
  // Azure's agent answers here: a public address that is only ever inside.
  ['168.63.129.16/32', 'cloud metadata'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'protocol assignments'],
  ['192.0.2.0/24', 'documentation'],
  ['192.88.99.0/24', '6to4 relay'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
];

/** Inside 2000::/3. What lies outside is named below, for the message only. */
const IPV6_REFUSED: Table = [
  ['2001::/23', 'protocol assignments'],
  ['2001:db8::/32', 'documentation'],
  ['3fff::/20', 'documentation'],
];
const IPV6_OUTSIDE: Table = [
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['::/96', 'IPv4-compatible'],
  ['64:ff9b:1::/48', 'local NAT64'],
  ['100::/64', 'discard'],
  // Amazon's metadata.
  ['fd00:ec2::254/128', 'cloud metadata'],
  ['fc00::/7', 'private'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
];

const IPV4_BITS = 32;
const IPV6_BITS = 128;

/** Why a connection to `address` (a literal without brackets) is refused, or undefined where it is public. */
export const refusedAddress = (address: string): string | undefined => {
  if (isIPv4(address)) return refusedIpv4(ipv4Of(address));
  // A zone names a link of this machine: no address of the internet has one.
  if (address.includes('%')) return 'link-local';
  return isIPv6(address) ? refusedIpv6(ipv6Of(address)) : 'no address';
};

const refusedIpv4 = (bits: bigint): string | undefined => found(IPV4_BLOCKS, IPV4_BITS, bits);

const refusedIpv6 = (bits: bigint): string | undefined => {
  const embedded = embeddedIpv4(bits);
  if (embedded !== undefined) return refusedIpv4(embedded);
  if (GLOBAL_UNICAST.prefix === bits >> BigInt(IPV6_BITS - GLOBAL_UNICAST.bits)) {
    return found(IPV6_BLOCKS, IPV6_BITS, bits);
  }
  return found(OUTSIDE_BLOCKS, IPV6_BITS, bits) ?? 'not global unicast';
};

/**
 * The IPv4 address that a packet to this one ends at: mapped (::ffff:0:0/96, RFC 4291 §2.5.5.2), NAT64 (64:ff9b::/96,
 * RFC 6052 §2.1), 6to4 (2002::/16, RFC 3056 §2).
 */
const embeddedIpv4 = (bits: bigint): bigint | undefined => {
  const low = bits & 0xffff_ffffn;
  const high96 = bits >> 32n;
  if (high96 === 0xffffn || high96 === 0x64_ff9bn << 64n) return low;
  return bits >> 112n === 0x2002n ? (bits >> 80n) & 0xffff_ffffn : undefined;
};

const found = (blocks: readonly Block[], width: number, bits: bigint): string | undefined =>
  blocks.find((block) => bits >> BigInt(width - block.bits) === block.prefix)?.why;

const ipv4Of = (address: string): bigint =>
  address.split('.').reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);

/** Of a valid literal: eight groups, of which `::` stands for as many zeros as are missing. */
const ipv6Of = (address: string): bigint => {
  const tail = address.slice(address.lastIndexOf(':') + 1);
  const hex = isIPv4(tail) ? withoutDots(address, tail) : address;
  const [left = '', right] = hex.split('::');
  const [before, after] = [groupsOf(left), groupsOf(right ?? '')];
  const zeros: readonly bigint[] = Array.from(
    { length: right === undefined ? 0 : 8 - before.length - after.length },
    () => 0n,
  );
  return [...before, ...zeros, ...after].reduce((bits, group) => (bits << 16n) | group, 0n);
};

const withoutDots = (address: string, tail: string): string => {
  const bits = ipv4Of(tail);
  const groups = `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`;
  return address.slice(0, -tail.length) + groups;
};

const groupsOf = (text: string): readonly bigint[] =>
  text === '' ? [] : text.split(':').map((group) => BigInt(`0x${group}`));

const blockOf = ([cidr, why]: readonly [string, string]): Block => {
  const [address = '', length = ''] = cidr.split('/');
  const bits = Number(length);
  const v4 = isIPv4(address);
  const whole = v4 ? ipv4Of(address) : ipv6Of(address);
  return { prefix: whole >> BigInt((v4 ? IPV4_BITS : IPV6_BITS) - bits), bits, why };
};

const IPV4_BLOCKS = IPV4_REFUSED.map(blockOf);
const IPV6_BLOCKS = IPV6_REFUSED.map(blockOf);
const OUTSIDE_BLOCKS = IPV6_OUTSIDE.map(blockOf);
const GLOBAL_UNICAST = blockOf(['2000::/3', 'global unicast']);
