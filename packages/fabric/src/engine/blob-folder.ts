/** Blobs as files, by digest: `blobs/<2 hex>/<62 hex>`. A name stands only over bytes that were synced before it. */
import { hash } from 'node:crypto';
import { mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFrom, type Digest } from '@infrafabric/protocol';

import { Fault } from '../fault.ts';
import type { BlobStore } from './ports.ts';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Opens the store below `folder`, which is made where it is missing. One process writes it. */
export function openBlobFolder(folder: string): BlobStore {
  let temporary = 0;
  const pathOf = (digest: Digest): string => {
    const hex = digest.slice('sha256:'.length);
    return join(folder, hex.slice(0, 2), hex.slice(2));
  };
  return {
    put: async (bytes) => {
      const digest = digestFrom(hash('sha256', bytes, 'hex'));
      const path = pathOf(digest);
      temporary += 1;
      // Taken now: whoever stores the same bytes meanwhile counts on, and must not write to this file.
      const own = `${path}.${process.pid}-${temporary}.tmp`;
      try {
        if (await holds(path, bytes.length)) return digest;
        await mkdir(join(path, '..'), { recursive: true, mode: FOLDER_MODE });
        await write(path, own, bytes);
        await syncFolder(join(path, '..'));
        await syncFolder(folder);
        return digest;
      } catch (cause) {
        const full = isCode(cause, 'ENOSPC') || isCode(cause, 'EDQUOT');
        const detail = `blob ${path}`;
        throw new Fault(full ? 'log.full' : 'log.unavailable', { transient: true, detail, cause });
      }
    },
    get: async (digest) => {
      const bytes = await readFile(pathOf(digest)).catch((cause: unknown) => {
        if (isCode(cause, 'ENOENT')) return undefined;
        throw new Fault('log.unavailable', { transient: true, detail: `blob ${digest}`, cause });
      });
      if (bytes !== undefined && digestFrom(hash('sha256', bytes, 'hex')) !== digest) {
        throw new Fault('blob.mismatch', {
          transient: false,
          detail: `${digest} holds other bytes`,
        });
      }
      return bytes;
    },
  };
}

/** Whether the blob stands already: its name was given after its bytes were synced. */
const holds = (path: string, bytes: number): Promise<boolean> =>
  stat(path).then(
    ({ size }) => size === bytes,
    () => false,
  );

const write = async (path: string, temporary: string, bytes: Uint8Array): Promise<void> => {
  const file = await open(temporary, 'wx', FILE_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (cause) {
    await file.close();
    await unlink(temporary);
    throw cause;
  }
  await file.close();
  await rename(temporary, path);
};

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const isCode = (cause: unknown, code: string): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === code;

/** Blobs in memory, for the memory journal. */
export function memoryBlobs(): BlobStore {
  const blobs = new Map<string, Uint8Array>();
  return {
    put: (bytes) => {
      const digest = digestFrom(hash('sha256', bytes, 'hex'));
      blobs.set(digest, Uint8Array.from(bytes));
      return Promise.resolve(digest);
    },
    get: (digest) => Promise.resolve(blobs.get(digest)),
  };
}
