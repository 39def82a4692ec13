import type { IncomingMessage } from 'node:http';
import { reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';

// Who may reach a listener on this machine: not every page that a browser of this machine shows. A
// page of another site can send requests here (CSRF) and can give its own name our address (DNS
// rebinding); the Host and the Origin header say so, and no page can forge them.

export interface Guard {
  /** Why this request is refused; `undefined` when it may pass. */
  check(incoming: IncomingMessage): Rejection | undefined;
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/**
 * `allowedHosts`: further values of Host, `name` or `name:port`, compared without case.
 * `allowedOrigins`: origins of pages (`https://name`), beside those that this listener serves
 * itself.
 */
export function createGuard(options: {
  readonly port: number;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}): Guard {
  const own = LOOPBACK_NAMES.map((name) => `${name}:${options.port}`);
  // Browsers leave the port out where it is the scheme's own.
  if (options.port === 80) own.push(...LOOPBACK_NAMES);
  const configured = options.allowedHosts.map((host) => host.toLowerCase());
  const hosts = new Set([...own, ...configured]);
  const origins = new Set([
    ...own.map((host) => `http://${host}`),
    ...options.allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')),
  ]);
  const allowsOrigin = (origin: string): boolean => origins.has(origin.toLowerCase());
  return {
    check: (incoming) => {
      const host = incoming.headers.host?.toLowerCase();
      // A target in absolute form would name the host a second time; two names are one too many.
      const single = countOf(incoming, 'host') === 1 && incoming.url?.startsWith('/') === true;
      if (host === undefined || !single || !hosts.has(host)) {
        return reject(
          'request.host',
          `This fabric does not serve ${quoted(host)}; see allowedHosts.`,
        );
      }
      if (countOf(incoming, 'authorization') > 1) {
        return reject('request.malformed', 'The request has more than one Authorization header.');
      }
      const { origin } = incoming.headers;
      if (origin === undefined || allowsOrigin(origin)) return undefined;
      return reject(
        'request.origin',
        `Pages of ${quoted(origin)} may not call; see allowedOrigins.`,
      );
    },
  };
}

/** Node keeps the first of two such headers; a proxy before us may have looked at the second. */
function countOf(incoming: IncomingMessage, header: 'host' | 'authorization'): number {
  let count = 0;
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    if (incoming.rawHeaders[at]?.toLowerCase() === header) count += 1;
  }
  return count;
}

function quoted(text: string | undefined): string {
  return text === undefined ? 'a request without a host' : JSON.stringify(text.slice(0, 100));
}
