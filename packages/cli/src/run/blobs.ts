/** Logs and patches on their way to the fabric's blob store. */
import { createHash } from 'node:crypto';
import { digestFrom } from '@infrafabric/protocol';
import type { Digest } from '@infrafabric/protocol';

export interface StoredBlob {
  readonly digest: Digest;
  readonly bytes: number;
}

export interface BlobTarget {
  readonly url: string;
  readonly token: () => string;
}

/** The largest log, or module, over a slow line. */
const TRANSFER_MS_MAX = 60_000;
/** Attempts at one upload; the store may be busy or the fabric starting again. */
const ATTEMPTS_MAX = 5;
const PAUSE_MS = 200;

/**
 * The bytes of a blob; undefined where the fabric has none. Throws where it does not answer, or answers with other bytes
 * than the digest names: what is run is what was admitted.
 */
export async function fetchBlob(
  target: BlobTarget,
  digest: Digest,
): Promise<Uint8Array | undefined> {
  const response = await fetch(`${target.url}/v1/blobs/${digest}`, {
    headers: { authorization: `Bearer ${target.token()}` },
    signal: AbortSignal.timeout(TRANSFER_MS_MAX),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the blob store answered ${response.status} for ${digest}`);
  if (digestOf(bytes) !== digest) throw new Error(`the blob store gave other bytes for ${digest}`);
  return bytes;
}

/** The name of bytes: their SHA-256. */
export const digestOf = (bytes: Uint8Array): Digest =>
  digestFrom(createHash('sha256').update(bytes).digest('hex'));

/** Stores bytes under their digest. Storing the same bytes twice is harmless. Throws after the last attempt. */
export async function storeBlob(target: BlobTarget, bytes: Uint8Array): Promise<StoredBlob> {
  const digest = digestOf(bytes);
  let failure: unknown;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    try {
      const response = await fetch(`${target.url}/v1/blobs/${digest}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${target.token()}` },
        body: new Uint8Array(bytes),
        signal: AbortSignal.timeout(TRANSFER_MS_MAX),
      });
      const text = await response.text();
      if (response.ok) return { digest, bytes: bytes.length };
      failure = new Error(`the blob store answered ${response.status}: ${text.slice(0, 300)}`);
      if (response.status < 500) break;
    } catch (cause) {
      failure = cause;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** attempt));
  }
  throw new Error(`${bytes.length} bytes could not be stored`, { cause: failure });
}
