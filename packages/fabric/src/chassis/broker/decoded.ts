/** A reply's body without its compression, so that it can be searched; bounded, so that it cannot burst. */
import { promisify } from 'node:util';
import { brotliDecompress, inflateRaw, unzip } from 'node:zlib';

import { REPLY_BYTES_MAX } from './dial.ts';
import { refuse, type Refused } from './refusals.ts';

const LIMIT = { maxOutputLength: REPLY_BYTES_MAX };

/** What is asked for; RFC 9110 §12.5.3. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/** Codings (RFC 9110 §8.4.1) by how they are undone. */
const DECODERS: Readonly<Record<string, (body: Buffer) => Promise<Buffer>>> = {
  gzip: (body) => promisify(unzip)(body, LIMIT),
  'x-gzip': (body) => promisify(unzip)(body, LIMIT),
  // Some send it with the zlib header that the standard asks for, some without.
  deflate: (body) =>
    ((body[0] ?? 0) & 0x0f) === 8
      ? promisify(unzip)(body, LIMIT)
      : promisify(inflateRaw)(body, LIMIT),
  br: (body) => promisify(brotliDecompress)(body, LIMIT),
  identity: (body) => Promise.resolve(body),
};

export interface Decoded {
  readonly ok: true;
  readonly body: Buffer;
}

/**
 * The body as it was before it was compressed. Refused: more than one coding or one that is not known (nobody asked for
 * them), damage, and more than the limit.
 */
export const decoded = async (body: Buffer, encoding: string): Promise<Decoded | Refused> => {
  const name = encoding.trim().toLowerCase();
  if (name === '' || body.length === 0) return { ok: true, body };
  const decode = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
  if (decode === undefined) return refuse('reply.encoding');
  try {
    return { ok: true, body: await decode(body) };
  } catch (cause) {
    const isTooLarge =
      cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    return refuse(isTooLarge ? 'reply.too_large' : 'reply.encoding');
  }
};
