/** A guest's call, read as what it is: bytes of an attacker, already parsed as JSON. */
import { refuse, type Refused } from './refusals.ts';

/** Bytes of a request's body, 1 MiB: the largest input of a run. */
export const REQUEST_BYTES_MAX = 1024 * 1024;
/** What servers commonly take (nginx and Apache: 8 KiB for the request line). */
export const URL_CHARS_MAX = 8_000;
export const HEADERS_MAX = 64;
/** Names and values of all headers, bytes; servers commonly take 8 to 32 KiB. */
export const HEADER_BYTES_MAX = 16_384;
const METHOD_CHARS_MAX = 16;
/** An alias of a contract has at most 63. */
const ALIAS_CHARS_MAX = 63;

export interface ShapedCall {
  readonly ok: true;
  readonly alias: string | undefined;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** A field of the object itself: `__proto__` and `constructor` of its prototype are no fields. */
const own = (of: object, name: string): unknown => Object.getOwnPropertyDescriptor(of, name)?.value;

const optionalText = (value: unknown, charsMax: number): string | undefined | false => {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' && value.length <= charsMax && value.isWellFormed() && value;
};

/** The call with every field of its type and within its limit; lone surrogates are refused with the rest. */
export const shapeOf = (call: unknown): ShapedCall | Refused => {
  if (typeof call !== 'object' || call === null) return refuse('call.malformed');
  const url = own(call, 'url');
  const alias = optionalText(own(call, 'alias'), ALIAS_CHARS_MAX);
  const method = optionalText(own(call, 'method'), METHOD_CHARS_MAX);
  if (typeof url !== 'string' || alias === false || method === false)
    return refuse('call.malformed');
  if (url.length > URL_CHARS_MAX) return refuse('call.too_large', 'url');
  if (!url.isWellFormed()) return refuse('call.malformed', 'url');
  const headers = headersOf(own(call, 'headers'));
  if ('ok' in headers) return headers;
  const body = bodyOf(own(call, 'body'));
  if ('ok' in body) return body;
  return { ok: true, alias, method: (method ?? 'GET').toUpperCase(), url, headers, body };
};

const headersOf = (headers: unknown): readonly (readonly [string, string])[] | Refused => {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== 'object' || Array.isArray(headers))
    return refuse('call.malformed', 'headers');
  const pairs: (readonly [string, string])[] = [];
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') return refuse('call.malformed', 'headers');
    bytes += name.length + value.length;
    if (pairs.length === HEADERS_MAX || bytes > HEADER_BYTES_MAX)
      return refuse('call.too_large', 'headers');
    pairs.push([name, value]);
  }
  return pairs;
};

const bodyOf = (body: unknown): Buffer | Refused => {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body !== 'string') return refuse('call.malformed', 'body');
  // Four characters stand for three bytes; looked at before anything is decoded.
  if (body.length > Math.ceil(REQUEST_BYTES_MAX / 3) * 4) return refuse('call.too_large', 'body');
  if (body.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(body))
    return refuse('call.malformed', 'body');
  const bytes = Buffer.from(body, 'base64');
  return bytes.length > REQUEST_BYTES_MAX ? refuse('call.too_large', 'body') : bytes;
};
