/** Replies that hold the secret that came with the request, in every form that an endpoint may write it. */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** A secret with characters that base64, percent and JSON each write differently. */
export const freshSecret = (): string => `tok_${randomBytes(16).toString('hex')}?>~"&/+`;

type Echo = (response: ServerResponse) => void;

const body =
  (text: string | Buffer, headers: Readonly<Record<string, string>> = {}): Echo =>
  (response) => {
    response.writeHead(200, headers).end(text);
  };

/** By name. What stands around the secret shifts it to every place of a base64 group. */
export const replyForms = (secret: string): Readonly<Record<string, Echo>> => {
  const bytes = Buffer.from(secret);
  const half = Math.floor(bytes.length / 2);
  return {
    raw: body(`you sent ${secret} to me`),
    base64: body(bytes.toString('base64')),
    'base64-of-more': body(Buffer.from(`a${secret}b`).toString('base64')),
    'base64-of-still-more': body(Buffer.from(`ab${secret}c`).toString('base64')),
    base64url: body(bytes.toString('base64url')),
    hex: body(bytes.toString('hex')),
    'hex-upper': body(bytes.toString('hex').toUpperCase()),
    percent: body(encodeURIComponent(secret)),
    'percent-all': body(
      [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
    ),
    json: body(JSON.stringify({ you: secret })),
    utf16: body(Buffer.from(secret, 'utf16le')),
    header: (response) => {
      response.writeHead(200, { 'x-echo': encodeURIComponent(secret) }).end('ok');
    },
    split: (response) => {
      response.writeHead(200);
      response.write(bytes.subarray(0, half));
      setTimeout(() => response.end(bytes.subarray(half)), 30);
    },
    gzip: body(gzipSync(bytes), { 'content-encoding': 'gzip' }),
    brotli: body(brotliCompressSync(bytes), { 'content-encoding': 'br' }),
  };
};
