/** Headers on their way out, where a guest wrote them, and on their way back, where an upstream did. */

export type HeaderPairs = readonly (readonly [string, string])[];

/** Of one connection and nobody else's (RFC 9110 §7.6.1), or set by the broker. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Who is calling is the broker's to say. */
const OF_CALLER: ReadonlySet<string> = new Set(['authorization', 'cookie', 'cookie2']);

/**
 * Headers that servers behind a proxy trust: where the call comes from, and which method, path or host is really meant.
 * The last three would step over the grant.
 */
const OF_PROXIES =
  /^(?:proxy|proxy-.*|forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip|x-http-method.*|x-method-override|x-original-.*|x-rewrite-url|x-host)$/;

/** What a reply says to whoever holds the credential, and to the connection. */
const OF_CREDENTIALS: ReadonlySet<string> = new Set([
  'authentication-info',
  'authorization',
  'cookie',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'set-cookie',
  'set-cookie2',
  'www-authenticate',
]);
const OF_REPLY_CONNECTION: ReadonlySet<string> = new Set([
  'alt-svc',
  'content-encoding',
  'content-length',
  'proxy-connection',
]);

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 §5.5: no CR, LF, NUL or other control character; Latin-1, as node writes it. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether the contract may put a secret under this name. */
export const isInjectable = (name: string): boolean =>
  !OF_CONNECTION.has(name) && !(OF_PROXIES.test(name) && name !== 'proxy-authorization');

/** The guest's headers that are sent: names in lower case, the last of a name wins; `taken` are the broker's own. */
export const guestHeaders = (pairs: HeaderPairs, taken: readonly string[]): HeaderPairs => {
  const sent = new Map<string, string>();
  for (const [written, value] of pairs) {
    const name = written.toLowerCase();
    // To CGI and what descends from it an underscore is a hyphen (RFC 3875 §4.1.18).
    const read = name.replaceAll('_', '-');
    const isSafe = TOKEN.test(written) && FIELD_VALUE.test(value);
    const isOurs = OF_CONNECTION.has(read) || OF_CALLER.has(read) || taken.includes(read);
    if (isSafe && !isOurs && !OF_PROXIES.test(read)) sent.set(name, value.trim());
  }
  return [...sent];
};

/** The upstream's headers that the guest gets; those of one name are joined (RFC 9110 §5.3). */
export const replyHeaders = (raw: readonly string[]): HeaderPairs => {
  const pairs = pairsOf(raw);
  const named = new Set(
    pairs
      .filter(([name]) => name === 'connection')
      .flatMap(([, value]) => value.toLowerCase().split(/[\s,]+/)),
  );
  const kept = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (OF_CONNECTION.has(name) || OF_CREDENTIALS.has(name)) continue;
    if (OF_REPLY_CONNECTION.has(name) || named.has(name)) continue;
    const before = kept.get(name);
    kept.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return [...kept];
};

/** Node's list of names and values as pairs, names in lower case. */
export const pairsOf = (raw: readonly string[]): HeaderPairs =>
  raw.flatMap((name, at) =>
    at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? ''] as const] : [],
  );
