/**
 * One request over one connection of its own, to an address that was judged.
 *
 * D1  The connection goes to the addresses that were given and to nothing else, and where it ended up is looked at again
 *     before a byte is written.
 * D2  No connection is kept: none serves two calls, so none serves two runs.
 * D3  Everything is bounded: the request before it comes here, the reply by its bytes, all of it by the ending.
 */
import type { LookupAddress } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { answerWith } from '../../net/pinned-lookup.ts';
import { isOneOf } from './addresses.ts';
import type { Ending } from './ending.ts';
import type { HeaderPairs } from './headers.ts';
import { refuse, type BrokerCode, type Refused } from './refusals.ts';
import { bareHost } from './request-url.ts';

/** Bytes of a reply's body, as they come and once more when they are decompressed, 8 MiB: the largest output of a run. */
export const REPLY_BYTES_MAX = 8 * 1024 * 1024;
/** First size of the memory for a body, bytes; it grows with what has come, never with what was announced. */
const FIRST_BYTES = 16 * 1024;
/** Bytes of a reply's headers; Node's default. */
const REPLY_HEADER_BYTES_MAX = 16_384;

export interface Destination {
  readonly hostname: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly addresses: readonly LookupAddress[];
  /** Authorities that are trusted instead of the machine's, PEM. */
  readonly ca: readonly string[] | undefined;
}

/** A connection that is open and, where it is secure, has proved its name; the caller destroys it. */
export const connect = (
  { hostname, port, isSecure, addresses, ca }: Destination,
  ending: Ending,
): Promise<{ readonly ok: true; readonly socket: Socket } | Refused> =>
  new Promise((resolve) => {
    const host = bareHost(hostname);
    const where = { host, port, lookup: answerWith(addresses) };
    const socket = isSecure
      ? connectTls({
          ...where,
          // A name that is sent and has to be in the certificate; for a literal, its address has to be (RFC 6066 §3).
          ...(isIP(host) === 0 ? { servername: host } : {}),
          ...(ca === undefined ? {} : { ca: [...ca] }),
          ALPNProtocols: ['http/1.1'],
          minVersion: 'TLSv1.2',
          // Said here, because a variable of the environment (NODE_TLS_REJECT_UNAUTHORIZED) decides where nothing is said.
          rejectUnauthorized: true,
        })
      : connectTcp(where);
    const fail = (code: BrokerCode): void => {
      socket.destroy();
      const violation = code === 'address.refused' ? 'address' : undefined;
      resolve(refuse(ending.why() ?? code, `${hostname}:${port}`, violation));
    };
    // Stays: a connection that breaks between here and the request would else end the process.
    socket.on('error', (error) => {
      fail(isUntrusted(error) ? 'upstream.untrusted' : 'upstream.unreachable');
    });
    // The code is the ending's own; this one stands where it has none.
    const onEnd = (): void => {
      fail('run.closed');
    };
    ending.signal.addEventListener('abort', onEnd, { once: true });
    if (ending.signal.aborted) onEnd();
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      if (isOneOf(addresses, socket.remoteAddress)) resolve({ ok: true, socket });
      else fail('address.refused');
    });
  });

/** OpenSSL's verdicts on certificates, and node's on names; an alert or a handshake that fails counts as well. */
const isUntrusted = (error: Error): boolean => {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /CERT|TLS|SSL|SIGNATURE|ISSUER|ALTNAME|HOSTNAME|EPROTO|CHAIN/.test(code);
};

export interface Request {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: HeaderPairs;
  readonly body: Buffer;
}

export interface Reply {
  readonly ok: true;
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** As it came: still compressed, where it was. */
  readonly body: Buffer;
}

/** A refusal may come after a status did: the request was sent then. */
export type Failed = Refused & { readonly status?: number };

/** Writes the request at once, in this turn, and waits for the whole reply. Redirects are replies like any other. */
export const exchange = (
  socket: Socket,
  { method, target, headers, body }: Request,
  ending: Ending,
): Promise<Reply | Failed> =>
  new Promise((resolve) => {
    const request = httpRequest({
      createConnection: () => socket,
      method,
      path: target,
      headers: Object.fromEntries(headers),
      setHost: false,
      maxHeaderSize: REPLY_HEADER_BYTES_MAX,
    });
    let status: number | undefined;
    const fail = (code: BrokerCode): void => {
      request.destroy();
      socket.destroy();
      resolve({
        ...refuse(ending.why() ?? code),
        ...(status === undefined ? {} : { status }),
      });
    };
    const onBreak = (): void => {
      fail('upstream.broken');
    };
    ending.signal.addEventListener('abort', onBreak, { once: true });
    request.on('error', onBreak);
    request.on('upgrade', onBreak);
    request.on('close', onBreak);
    request.on('response', (response) => {
      status = response.statusCode ?? 0;
      collect(response, (collected) => {
        if (typeof collected === 'string') fail(collected);
        else
          resolve({
            ok: true,
            status: status ?? 0,
            rawHeaders: response.rawHeaders,
            body: collected,
          });
      });
    });
    request.end(body);
  });

/** The body, or why there is none; nothing is kept beyond the limit, whatever length was announced. */
const collect = (
  response: IncomingMessage,
  done: (collected: Buffer | BrokerCode) => void,
): void => {
  let held = Buffer.alloc(0);
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    if (bytes + chunk.length > REPLY_BYTES_MAX) {
      done('reply.too_large');
      return;
    }
    // Copied, not kept: a chunk of one byte is an object of a hundred, and holds the 64 KiB that it came in.
    if (bytes + chunk.length > held.length) {
      const grown = Buffer.alloc(Math.max(bytes + chunk.length, held.length * 2, FIRST_BYTES));
      held.copy(grown, 0, 0, bytes);
      held = grown;
    }
    chunk.copy(held, bytes);
    bytes += chunk.length;
  });
  response.on('end', () => {
    done(held.subarray(0, bytes));
  });
  response.on('error', () => {
    done('upstream.broken');
  });
};
