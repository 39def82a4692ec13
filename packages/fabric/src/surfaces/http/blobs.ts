import { createHash } from 'node:crypto';
import { Digest, digestFrom, reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import type { AppContext } from './app.ts';
import { readBody } from './body.ts';
import { stopping } from './call.ts';
import type { Parts } from './parts.ts';
import { problemResponse } from './problem.ts';

/**
 * Bytes of one blob. Larger artifacts belong in a store made for them, named by their digest;
 * smaller would refuse ordinary logs and diffs. Each upload is held in memory until its digest is
 * known.
 */
export const BLOB_BYTES_MAX = 64 * 1024 * 1024;
/** Uploads at one time: bounds the memory that credentials can make us hold to 16 × 64 MiB. */
const UPLOADS_MAX = 16;

let uploads = 0;

/**
 * `PUT /v1/blobs/sha256:<hex>`: hashed as it arrives, stored only when it is what its name says.
 */
export async function putBlob(c: AppContext, parts: Parts): Promise<Response> {
  const digest = digestOf(c);
  if (digest === undefined) return refuse(c, badDigest());
  if (parts.closing.aborted) return refuse(c, stopping());
  if (uploads >= UPLOADS_MAX) {
    const busy = reject('fabric.overloaded', `At most ${UPLOADS_MAX} blobs are taken at one time.`);
    return refuse(c, { ...busy, retryAfterMs: 1_000 });
  }
  const principal = c.get('principal');
  const early = parts.fabric.spend(principal, 0);
  if (early !== undefined) return refuse(c, early);
  uploads += 1;
  try {
    const hash = createHash('sha256');
    const body = await readBody(c.env.incoming, BLOB_BYTES_MAX, (chunk) => hash.update(chunk));
    if (body.kind === 'reject') return refuse(c, body);
    const found = digestFrom(hash.digest('hex'));
    if (found !== digest) {
      return refuse(c, reject('blob.mismatch', 'The bytes have another digest.', { found }));
    }
    // Paid for when its length is known, and only by what is stored; of uploads that run at once each pays for itself.
    const refusal = parts.fabric.spend(principal, body.bytes.length);
    if (refusal !== undefined) return refuse(c, refusal);
    await parts.blobs.put(body.bytes);
    return c.json({ digest, bytes: body.bytes.length }, 201);
  } finally {
    uploads -= 1;
  }
}

/**
 * `GET /v1/blobs/sha256:<hex>`. Served as a download: what agents wrote must not run as a page of
 * ours.
 */
export async function getBlob(c: AppContext, parts: Parts): Promise<Response> {
  const digest = digestOf(c);
  if (digest === undefined) return refuse(c, badDigest());
  const bytes = await parts.blobs.get(digest);
  if (bytes === undefined)
    return refuse(c, reject('blob.not_found', `There is no blob ${digest}.`));
  return new Response(new Uint8Array(bytes), {
    headers: {
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'cache-control': 'private, max-age=31536000, immutable',
      etag: `"${digest}"`,
    },
  });
}

function digestOf(c: AppContext): Digest | undefined {
  return Digest.safeParse(c.req.param('digest')).data;
}

function badDigest(): Rejection {
  return reject('request.invalid', 'A blob is named sha256:<64 hex digits>.');
}

function refuse(c: AppContext, rejection: Rejection): Response {
  const close = c.env.incoming.complete ? {} : { connection: 'close' };
  return problemResponse(rejection, { trace: c.env.trace }, close);
}
