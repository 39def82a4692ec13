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

/** An upload of the largest log over a slow line. */
const UPLOAD_MS_MAX = 60_000;
/** Attempts at one upload; the store may be busy or the fabric starting again. */
const ATTEMPTS_MAX = 5;
const PAUSE_MS = 200;

/** Stores bytes under their digest. Storing the same bytes twice is harmless. Throws after the last attempt. */
export async function storeBlob(target: BlobTarget, bytes: Uint8Array): Promise<StoredBlob> {
  const digest = digestFrom(createHash('sha256').update(bytes).digest('hex'));
  let failure: unknown;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    try {
      const response = await fetch(`${target.url}/v1/blobs/${digest}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${target.token()}` },
        body: new Uint8Array(bytes),
        signal: AbortSignal.timeout(UPLOAD_MS_MAX),
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
