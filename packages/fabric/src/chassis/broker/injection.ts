/** A secret on its way into one request: the only place where it stands beside what a guest wrote. */
import type { SecretInjection } from '@infrafabric/protocol';

import { isInjectable } from './headers.ts';

/**
 * Bytes of a secret. Shorter ones could not be looked for in a reply without finding them in every other one; longer ones
 * do not fit into the headers that servers take.
 */
export const SECRET_BYTES_MIN = 8;
export const SECRET_BYTES_MAX = 8_192;

/** What the broker would make of a secret: `no-header` can still stand in a query, or as a password (RFC 7617). */
export type SecretFit = 'fits' | 'no-header' | 'too-short' | 'too-long';

/**
 * A field value (RFC 9110 §5.5) that begins and ends with something to see: readers cut spaces off its ends, and what they
 * tell of it would not be found by who looks for the secret.
 */
const FIELD_VALUE = /^[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/;

/** Whether a request can carry the secret. */
export const fitOfSecret = (secret: Buffer): SecretFit => {
  if (secret.length < SECRET_BYTES_MIN) return 'too-short';
  if (secret.length > SECRET_BYTES_MAX) return 'too-long';
  return FIELD_VALUE.test(secret.toString('latin1')) ? 'fits' : 'no-header';
};

export interface Injected {
  readonly header?: readonly [string, string];
  /** With `?` or `&`-separated, as it is sent. */
  readonly query: string;
}

/** The header that an injection sets; undefined where it sets none. A guest's header of this name is not sent. */
export const headerOf = (inject: SecretInjection): string | undefined => {
  if ('header' in inject) return inject.header;
  return 'basic' in inject ? 'authorization' : undefined;
};

/**
 * The request's query and header with the secret in them, or undefined where it cannot be sent as asked.
 * Strings: node's HTTP takes no Buffers here. They live until the next garbage collection.
 */
export const injected = (
  inject: SecretInjection,
  secret: Buffer,
  query: string,
): Injected | undefined => {
  const fit = fitOfSecret(secret);
  if (fit === 'too-short' || fit === 'too-long') return undefined;
  if ('query' in inject) return { query: withParameter(query, inject.query, secret) };
  if ('basic' in inject) {
    // RFC 7617 §2.
    const pair = Buffer.concat([Buffer.from(`${inject.basic}:`), secret]);
    const value = `Basic ${pair.toString('base64')}`;
    pair.fill(0);
    return { header: ['authorization', value], query };
  }
  if (fit === 'no-header' || !isInjectable(inject.header)) return undefined;
  return { header: [inject.header, `${inject.prefix ?? ''}${secret.toString('latin1')}`], query };
};

/** The guest's parameter of the same name goes: which of two a server reads is the server's choice. */
const withParameter = (query: string, name: string, secret: Buffer): string => {
  const kept = query
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && parameterName(pair) !== name);
  return `?${[...kept, `${name}=${percentEncoded(secret)}`].join('&')}`;
};

const parameterName = (pair: string): string => [...new URLSearchParams(pair).keys()][0] ?? '';

/** RFC 3986 §2.1; all but unreserved characters (§2.3). */
const percentEncoded = (bytes: Buffer): string =>
  bytes
    .toString('latin1')
    .replaceAll(
      /[^A-Za-z0-9._~-]/g,
      (char) => `%${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
