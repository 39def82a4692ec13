/** A secret on its way into one request: the only place where it stands beside what a guest wrote. */
import type { SecretInjection } from '@infrafabric/protocol';

import { isInjectable } from './headers.ts';

/**
 * Bytes of a secret. Shorter ones could not be looked for in a reply without finding them in every other one; longer ones
 * do not fit into the headers that servers take.
 */
export const SECRET_BYTES_MIN = 8;
export const SECRET_BYTES_MAX = 8_192;

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
  if (secret.length < SECRET_BYTES_MIN || secret.length > SECRET_BYTES_MAX) return undefined;
  if ('query' in inject) return { query: withParameter(query, inject.query, secret) };
  if ('basic' in inject) {
    // RFC 7617 §2.
    const pair = Buffer.concat([Buffer.from(`${inject.basic}:`), secret]);
    const value = `Basic ${pair.toString('base64')}`;
    pair.fill(0);
    return { header: ['authorization', value], query };
  }
  // A field value (RFC 9110 §5.5) that begins and ends with something to see.
  const text = secret.toString('latin1');
  if (!isInjectable(inject.header) || !/^[\x21-\x7e\x80-\xff][\x20-\x7e\x80-\xff]*$/.test(text))
    return undefined;
  return { header: [inject.header, `${inject.prefix ?? ''}${text}`], query };
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
