/** Where a reply sends its caller, as a new call that is checked like the first. */
import type { Hop } from './hop.ts';
import type { StrictUrl } from './request-url.ts';

/** Redirects that one call follows; each is a network call. RFC 9110 §15.4 leaves the number open; five end a chain. */
export const REDIRECTS_MAX = 5;

export interface Redirect {
  /** Absolute, and not yet checked. */
  readonly url: string;
  readonly method: string;
  /** Whether the body goes along. */
  readonly keepsBody: boolean;
}

/** Statuses that redirect a request (RFC 9110 §15.4); 300 and 304 do not. */
const REDIRECTING: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Undefined where the status or the lack of a location says that this is the answer itself; false where it is nonsense. */
export const redirectOf = (
  { status, location }: { readonly status: number; readonly location: string | undefined },
  { url, method }: Pick<Hop, 'url' | 'method'>,
): Redirect | undefined | false => {
  if (!REDIRECTING.has(status) || location === undefined) return undefined;
  const from = addressOf(url);
  // Readers disagree about these; what cannot be read one way is not followed.
  if (/[\x00-\x20\x7f\\]/.test(location) || !URL.canParse(location, from)) return false;
  const keeps = status === 307 || status === 308;
  // RFC 9110 §15.4.4: anything but HEAD becomes GET; browsers do so to POST for 301 and 302 as well (§15.4.2).
  const becomesGet = status === 303 ? method !== 'HEAD' : !keeps && method === 'POST';
  return {
    url: new URL(location, from).href,
    method: becomesGet ? 'GET' : method,
    keepsBody: !becomesGet,
  };
};

const addressOf = ({ scheme, hostname, port, path, query }: StrictUrl): string =>
  `${scheme}://${hostname}:${port}${path}${query}`;
