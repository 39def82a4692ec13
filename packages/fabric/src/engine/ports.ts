/** The small ports of the engine: randomness, blobs, the log for people. */
import { randomFillSync } from 'node:crypto';
import type { Digest } from '@infrafabric/protocol';

export interface Random {
  /** `count` bytes from a source fit for secrets; the caller owns them. */
  bytes(count: number): Uint8Array;
}

/** A pool: one call into the generator for many ids. */
const POOL_BYTES = 4_096;

/** The system's generator. Bytes are handed out once and never again. */
export const systemRandom = (): Random => {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    bytes: (count) => {
      if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
      if (used + count > POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      used += count;
      return pool.slice(used - count, used);
    },
  };
};

/** Content by digest. What is named by an entry must be durable before the entry's frame. */
export interface BlobStore {
  /**
   * Stores the bytes under their SHA-256; resolves when they are durable. Storing what is there already changes
   * nothing. The bytes are the store's until it settles. Rejects with a Fault `log.full` or `log.unavailable`.
   */
  put(bytes: Uint8Array): Promise<Digest>;
  /** The bytes, checked against the digest; undefined where there are none. */
  get(digest: Digest): Promise<Uint8Array | undefined>;
}

type Fields = Readonly<Record<string, unknown>>;

/** JSON lines for people: an event name and fields with units. A pino logger fits. */
export interface Log {
  debug(fields: Fields): void;
  info(fields: Fields): void;
  warn(fields: Fields): void;
  error(fields: Fields): void;
}

const drop = (): void => undefined;

export const silentLog: Log = { debug: drop, info: drop, warn: drop, error: drop };
