/**
 * A receiver's address, checked twice: when it is configured, and by what its name resolves to each time it is called.
 *
 * S1  Only https reaches the internet; plain http is for receivers that somebody allowed by name and port.
 * S2  A name is resolved once a delivery. If any of its addresses is not public, none is used: an attacker who answers
 *     with both would only have to wait for the other one to be tried.
 * S3  The connection goes to the addresses that were checked and to nothing else: no second question to the DNS, whose
 *     answer may have changed (DNS rebinding).
 */
import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

import { answerWith, type Resolve } from '../../net/pinned-lookup.ts';
import { refusedAddress } from '../../net/public-address.ts';
import { undelivered } from '../../ports/notifier.ts';

export interface Target {
  readonly url: URL;
  /** `host:port`, what a person may read of it: path and query may hold a credential. */
  readonly shown: string;
  /** Somebody named this host and port: it may be inside, and may speak plain http. */
  readonly isAllowed: boolean;
}

/**
 * Reads a receiver's address. Throws a permanent Fault where it can never be called: another scheme, a user or password
 * in it, plain http, or an address literal that is not public, unless `allowHosts` has its `host:port`.
 */
export const targetOf = (text: string, allowHosts: readonly string[]): Target => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw refused('a webhook is an https URL');
  }
  if (url.username !== '' || url.password !== '') {
    throw refused(
      'the URL of a webhook carries no user or password: receivers check its signature',
    );
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const shown = `${url.hostname}:${port}`;
  const isAllowed = allowHosts.some((allowed) => allowed.toLowerCase() === shown);
  const target: Target = { url, shown, isAllowed };
  if (isAllowed) return target;
  if (url.protocol === 'http:') {
    throw refused(`${shown}: plain http is for receivers named in allowHosts`);
  }
  const literal = bareHost(url);
  if (isIP(literal) !== 0) refuseUnlessPublic(target, [literal]);
  return target;
};

/**
 * The addresses to connect to, as the `lookup` of a connection. Faults: transient where the name does not resolve now,
 * permanent where it leads to an address that is not public (S2).
 */
export const pinnedLookup = async (target: Target, resolve: Resolve): Promise<LookupFunction> => {
  const hostname = bareHost(target.url);
  const family = isIP(hostname);
  const addresses =
    family === 0 ? await resolved(target, resolve) : [{ address: hostname, family }];
  if (!target.isAllowed) {
    refuseUnlessPublic(
      target,
      addresses.map(({ address }) => address),
    );
  }
  return answerWith(addresses);
};

const resolved = async (target: Target, resolve: Resolve): Promise<readonly LookupAddress[]> => {
  try {
    const addresses = await resolve(target.url.hostname);
    if (addresses.length > 0) return addresses;
  } catch (cause) {
    throw undelivered({ transient: true, detail: `${target.shown} does not resolve`, cause });
  }
  throw undelivered({ transient: true, detail: `${target.shown} has no address` });
};

const refuseUnlessPublic = ({ shown }: Target, addresses: readonly string[]): void => {
  for (const address of addresses) {
    const why = refusedAddress(address);
    if (why === undefined) continue;
    throw refused(
      `${shown} leads to ${address} (${why}); a receiver inside has to be named in allowHosts`,
    );
  }
};

/** The host without the brackets of an IPv6 literal. */
const bareHost = ({ hostname }: URL): string =>
  hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;

const refused = (detail: string) => undelivered({ transient: false, detail });
