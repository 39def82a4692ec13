/**
 * A guest's URL, read so that no other reader can read it differently.
 *
 * U1  What is checked is what is dialled: scheme, host and port are compared after WHATWG normalisation (punycode, case,
 *     numeric addresses), and the request is made from the normalised parts alone.
 * U2  What readers are known to disagree about is refused, not repaired: users, backslashes, control characters, empty
 *     ports, trailing dots, zones, dot segments and encoded slashes in any number of encodings.
 * U3  A path is inside its grant by its bytes as sent; encodings inside the prefix do not match it.
 */
import type { HttpGrant } from '@infrafabric/protocol';

export interface StrictUrl {
  readonly scheme: 'https' | 'http';
  /** Normalised; an IPv6 literal stands in its brackets. */
  readonly hostname: string;
  readonly port: number;
  /** As it is sent: percent-encoded ASCII, begins with a slash. */
  readonly path: string;
  /** With its question mark; empty where there is none. */
  readonly query: string;
}

/** `scheme://authority path ?query #fragment`, RFC 3986 appendix B, for the two schemes alone. */
const PARTS = /^(https?):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?$/is;
/** A name or number with an optional port without leading zeros; or an IPv6 literal without a zone. */
const AUTHORITY = /^(?:\[[0-9a-f:.]+\]|[^[\]:%@]+)(?::[1-9]\d{0,4})?$/i;
/** RFC 9110 §4.2: what the schemes mean without a port. */
const PORTS = { https: 443, http: 80 } as const;
/** Decodings that are looked through: proxies and servers behind each other each take one. */
const DECODINGS_MAX = 4;

export type Strict =
  | { readonly ok: true; readonly url: StrictUrl }
  | { readonly ok: false; readonly why: string };

/** The URL, or why it is refused. */
export const strictUrl = (text: string): Strict => {
  if (/[\x00-\x20\x7f\\]/.test(text)) return no('white space, control character or backslash');
  const [, scheme = '', authority = '', rawPath = '', query = ''] = PARTS.exec(text) ?? [];
  if (scheme === '') return no('not an http or https URL');
  if (!AUTHORITY.test(authority)) return no('host or port is not plain');
  const flaw = pathFlaw(rawPath);
  if (flaw !== undefined) return no(flaw);
  return URL.canParse(text) ? plainUrl(new URL(text), query) : no('not an http or https URL');
};

const plainUrl = (url: URL, query: string): Strict => {
  const { hostname, pathname: path } = url;
  if (hostname.split('.').includes('')) return no('host has an empty label or a trailing dot');
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const port = url.port === '' ? PORTS[scheme] : Number(url.port);
  return {
    ok: true,
    url: { scheme, hostname, port, path, query: query === '?' ? '' : url.search },
  };
};

const no = (why: string): Strict => ({ ok: false, why });

/** Why a path could leave its prefix in the eyes of some server; undefined where it cannot. */
const pathFlaw = (raw: string): string | undefined => {
  // Proxies and servers normalise these differently; a guest can percent-encode them.
  if (/[^\x21-\x7e]/.test(raw)) return 'path is not ASCII';
  if (/%(?![0-9a-f]{2})/i.test(raw)) return 'path has a percent sign that encodes nothing';
  // Overlong UTF-8 of ASCII characters (RFC 3629 §3): older decoders take `%c0%ae` for a dot.
  if (/%c[01]/i.test(raw)) return 'path has overlong UTF-8';
  let decoded = raw;
  for (let round = 0; round <= DECODINGS_MAX; round += 1) {
    if (round > 0 && segmentsOf(decoded).length !== segmentsOf(raw).length)
      return 'path has an encoded slash';
    if (/[\\\x00-\x1f\x7f]/.test(decoded))
      return 'path has an encoded control character or backslash';
    // Some servers cut a segment's parameters (`..;x`) before they climb.
    if (segmentsOf(decoded).some((segment) => /^\.{1,2}(?:;|$)/.test(segment)))
      return 'path has a dot segment';
    const next = decodedOnce(decoded);
    if (next === decoded) return undefined;
    decoded = next;
  }
  return 'path is encoded too often';
};

const segmentsOf = (path: string): readonly string[] => path.split('/');

/** Bytes, then the look-alikes of ASCII (full-width slash and dot) as servers that normalise would see them. */
const decodedOnce = (text: string): string =>
  text
    .replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) =>
      Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
    )
    .normalize('NFKC');

/** `host:port`, what a person may read of it: path and query may hold what is nobody's business. */
export const hostOf = ({ hostname, port }: StrictUrl): string => `${hostname}:${port}`;

/** The host without the brackets of an IPv6 literal. */
export const bareHost = (hostname: string): string =>
  hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;

/** The grant that covers the call: same scheme, host and port, a path inside its prefix, a method that it lists. */
export const grantFor = (
  url: StrictUrl,
  { method, alias }: { readonly method: string; readonly alias: string | undefined },
  grants: readonly HttpGrant[],
): HttpGrant | undefined =>
  grants.find(
    (grant) =>
      (alias === undefined || grant.alias === alias) &&
      grant.methods.some((each) => each === method) &&
      isOrigin(url, grant.origin) &&
      isInside(url.path, grant.pathPrefix),
  );

const isOrigin = (url: StrictUrl, origin: string): boolean => {
  const granted = strictUrl(`${origin}/`);
  return (
    granted.ok &&
    granted.url.scheme === url.scheme &&
    granted.url.hostname === url.hostname &&
    granted.url.port === url.port
  );
};

/** A prefix that ends with a slash holds all below it; any other names one path. */
const isInside = (path: string, prefix: string): boolean =>
  prefix.endsWith('/') ? path.startsWith(prefix) : path === prefix;

/** A guest that names an alias may give the path alone. */
export const fullUrl = (text: string, grant: HttpGrant | undefined): string =>
  grant !== undefined && /^\/(?!\/)/.test(text) ? grant.origin + text : text;
