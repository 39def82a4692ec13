/** Requests to a Vault server: one at a time each, capped in time and size, redirects not followed. */
import { Buffer } from 'node:buffer';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

import { systemCode } from '../../ports/disk.ts';
import { secretBytes, secretFault } from '../../ports/secret-store.ts';

export interface VaultAddress {
  /** Origin of the server. */
  readonly url: URL;
  /** Certificates that are trusted instead of the system's, PEM. */
  readonly ca?: Buffer | undefined;
  /** From the dial to the end of the answer. */
  readonly timeoutMs: number;
  readonly namespace?: string | undefined;
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Behind `/v1/`, made of checked segments. */
  readonly path: string;
  readonly token?: string;
  readonly body?: Buffer;
}

export interface VaultReply {
  readonly status: number;
  /** The caller's to zero. */
  readonly body: Buffer;
}

/** A connection, or a few, to one server. */
export interface VaultClient {
  /**
   * Any status is an answer. Rejects with the signal's reason once it aborts, and with a Fault `secret.unavailable` where no
   * answer came, or `secret.invalid` where it is too large.
   */
  send(request: VaultRequest, signal: AbortSignal): Promise<VaultReply>;
  close(): void;
}

/** Bytes of an answer: an entry of Vault has at most 1 MiB, and JSON may escape some of it. */
const ANSWER_BYTES_MAX = 2 * 1024 * 1024;
/** Bytes of an answer's headers; of Node's default, half. */
const HEADER_BYTES_MAX = 8_192;
/** Connections at a time; more calls wait. Vault limits clients by default to hundreds a second. */
const SOCKETS_MAX = 8;
/** A kept connection may have ended since; then nothing was read of the request, and it is sent once more. */
const SENDS_MAX = 2;

export const vaultClient = (address: VaultAddress): VaultClient => {
  const { url, ca } = address;
  const options = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const agent =
    url.protocol === 'https:'
      ? new HttpsAgent({
          ...options,
          rejectUnauthorized: true,
          ...(ca === undefined ? {} : { ca }),
        })
      : new HttpAgent(options);
  return {
    send: async (request, signal) => {
      for (let sends = 1; ; sends += 1) {
        try {
          return await sendOnce(address, agent, request, signal);
        } catch (cause) {
          if (!(cause instanceof StaleConnection) || sends === SENDS_MAX) throw cause;
        }
      }
    },
    close: () => {
      agent.destroy();
    },
  };
};

/** Its connection was kept from an earlier request and had ended. */
class StaleConnection extends Error {
  override readonly name = 'StaleConnection';
}

const sendOnce = async (
  address: VaultAddress,
  agent: HttpAgent,
  { method, path, token, body }: VaultRequest,
  signal: AbortSignal,
): Promise<VaultReply> => {
  signal.throwIfAborted();
  const { url, timeoutMs, namespace } = address;
  const inTime = AbortSignal.timeout(timeoutMs);
  const options: RequestOptions = {
    method,
    agent,
    signal: AbortSignal.any([signal, inTime]),
    maxHeaderSize: HEADER_BYTES_MAX,
    headers: {
      accept: 'application/json',
      // Asked for by agents of Vault: no page of a browser can send it.
      'x-vault-request': 'true',
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': body.length }),
    },
  };
  const target = new URL(`/v1/${path}`, url);
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(target, options);
  try {
    return await exchange(request, body);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof Error && cause.name === 'Fault') throw cause;
    const code = systemCode(cause);
    if (request.reusedSocket && code === 'ECONNRESET') throw new StaleConnection();
    const why = inTime.aborted ? `no answer in ${timeoutMs} ms` : (code ?? 'no answer');
    // Without its cause: what a parser or a TLS library says may quote what came.
    throw secretFault('secret.unavailable', `${url.host}: ${why}`, { transient: true });
  }
};

const exchange = (request: ClientRequest, body: Buffer | undefined): Promise<VaultReply> =>
  new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      collected(response).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, body: bytes }),
        (cause: unknown) => {
          request.destroy();
          // The rule is kept: what `collected` rejects with is an error.
          reject(cause instanceof Error ? cause : new Error('the answer broke off'));
        },
      );
    });
    request.end(body);
  });

/** The whole answer in memory of its own; what it came in is zeroed. */
const collected = async (response: IncomingMessage): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of response) {
      if (!Buffer.isBuffer(piece)) continue;
      pieces.push(piece);
      length += piece.length;
      if (length > ANSWER_BYTES_MAX) {
        throw secretFault('secret.invalid', `the answer has more than ${ANSWER_BYTES_MAX} bytes`);
      }
    }
    const all = secretBytes(length);
    let at = 0;
    for (const piece of pieces) at += piece.copy(all, at);
    return all;
  } finally {
    for (const piece of pieces) piece.fill(0);
  }
};
