/**
 * Where a granted name leads. The question to the DNS is asked here, in the parent, once a call; the answer is judged
 * as a whole, and what was judged is what is dialled (net/pinned-lookup.ts).
 */
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';

import type { Resolve } from '../../net/pinned-lookup.ts';
import { refusedAddress } from '../../net/public-address.ts';
import { refuse, type Refused } from './refusals.ts';
import { bareHost } from './request-url.ts';

/** Addresses of one name that are looked at; a name has a handful, an attacker's answer may have thousands. */
const ADDRESSES_MAX = 32;

/**
 * Reasons that no name is granted for, even inside: credentials of the machine itself wait at such addresses, and the
 * one who answers for a name could point it there. A grant may still write such an address as its origin.
 */
const NEVER_BY_NAME: ReadonlySet<string> = new Set([
  'cloud metadata',
  'link-local',
  'multicast',
  'protocol assignments',
  'reserved',
  'unspecified',
  'no address',
]);

export interface Addresses {
  readonly ok: true;
  readonly addresses: readonly LookupAddress[];
  /** Whether all of them are inside: what is said to them in the clear stays there. */
  readonly isInside: boolean;
}

/**
 * The addresses of `hostname`, all of them permitted; one that is not refuses them all, as an attacker who answers with
 * both would only have to wait for the other to be tried.
 */
export const addressesOf = async (
  { hostname, privateAddress }: { readonly hostname: string; readonly privateAddress: boolean },
  resolve: Resolve,
): Promise<Addresses | Refused> => {
  const host = bareHost(hostname);
  const family = isIP(host);
  const addresses = family === 0 ? await resolved(host, resolve) : [{ address: host, family }];
  if (addresses.length === 0) return refuse('upstream.unresolved', host);
  let isInside = true;
  for (const { address } of addresses) {
    const why = refusedAddress(address);
    if (why === undefined) {
      isInside = false;
      continue;
    }
    const isGranted = privateAddress && (family !== 0 || !NEVER_BY_NAME.has(why));
    if (!isGranted) return refuse('address.refused', `${host} (${why})`, 'address');
  }
  return { ok: true, addresses, isInside };
};

const resolved = async (host: string, resolve: Resolve): Promise<readonly LookupAddress[]> => {
  try {
    return (await resolve(host)).slice(0, ADDRESSES_MAX);
  } catch {
    // Why a name does not resolve is not the guest's to know; that it does not is the whole answer.
    return [];
  }
};

/** Whether a connection ended up at one of the addresses that were judged. */
export const isOneOf = (addresses: readonly LookupAddress[], remote: string | undefined): boolean =>
  remote !== undefined && addresses.some(({ address }) => canonical(address) === canonical(remote));

/** One spelling an address; an IPv4 address stays what it is inside of its mapped form. */
const canonical = (address: string): string => {
  const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  return isIP(plain) === 6 && !plain.includes('%') ? new URL(`http://[${plain}]`).hostname : plain;
};
