/** One POST over a connection of its own, to addresses that were checked before. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';

export interface Post {
  readonly url: URL;
  readonly lookup: LookupFunction;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Bytes of an answer that are read, to be dropped: a receiver that sends more is cut off. Nothing in it is needed. */
const ANSWER_BYTES_MAX = 65_536;
/** Bytes of an answer's headers; of Node's default, half. */
const HEADER_BYTES_MAX = 8_192;

/**
 * The status that the receiver answered with; settles when the connection is closed. Redirects are answers like any
 * other: nothing is followed. Rejects with the system's error, or the signal's reason, where no status came.
 */
export const post = ({ url, lookup, headers, body, signal }: Post): Promise<number> =>
  new Promise((resolve, reject) => {
    let status: number | undefined;
    let failure: Error | undefined;
    const options: RequestOptions = {
      method: 'POST',
      lookup,
      signal,
      // A connection of its own: one that is kept could lead to an address that nobody checked this time.
      agent: false,
      maxHeaderSize: HEADER_BYTES_MAX,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    };
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options);
    request.on('response', (response) => {
      status = response.statusCode;
      drop(response);
    });
    request.on('error', (error) => {
      failure ??= error;
    });
    request.on('close', () => {
      if (status === undefined) reject(failure ?? new Error('closed without an answer'));
      else resolve(status);
    });
    request.end(body);
  });

/** The status was the answer; what follows it only has to end. */
const drop = (response: IncomingMessage): void => {
  let bytes = 0;
  // A connection that breaks now takes nothing back.
  response.on('error', () => undefined);
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) response.destroy();
  });
};
