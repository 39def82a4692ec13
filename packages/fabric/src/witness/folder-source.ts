import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { HISTORY_FOLDER, SEGMENT_FOLDER, type LogSource, type SourceFile } from '@infrafabric/tlog';

import { listOrNothing, openOrNothing } from '../followers/follower-disk.ts';
import type { Disk, DiskFile } from '../ports/disk.ts';

/** Read at once: a frame fits, and the verifier takes no more at a time. */
const CHUNK_BYTES = 524_288;

/**
 * A realm's folder as the verifier reads it. The lengths of the history files are taken now, so a realm that is being
 * written does not seem to run behind itself.
 */
export function folderSource(disk: Disk, dataFolder: string): LogSource {
  const histories = filesOf(disk, dataFolder, { folder: HISTORY_FOLDER, suffix: '.notes' }).map(
    (path) => ({
      path,
      bytes: sizeOf(disk, join(dataFolder, path)),
    }),
  );
  return {
    segments: async function* () {
      for (const path of filesOf(disk, dataFolder, { folder: SEGMENT_FOLDER, suffix: '.seg' })) {
        yield sourceFile(disk, dataFolder, { path, bytes: Number.POSITIVE_INFINITY });
      }
    },
    histories: async function* () {
      for (const file of histories) yield sourceFile(disk, dataFolder, file);
    },
    read: async (path, bytesMax) => {
      const file = openOrNothing(disk, join(dataFolder, path), 'read');
      if (file === undefined) return undefined;
      try {
        const bytes = Buffer.allocUnsafe(Math.min(file.size(), bytesMax + 1));
        return bytes.subarray(0, await filledBy(file, bytes, 0));
      } finally {
        file.close();
      }
    },
  };
}

function sourceFile(
  disk: Disk,
  dataFolder: string,
  { path, bytes }: { readonly path: string; readonly bytes: number },
): SourceFile {
  return {
    path,
    chunks: async function* () {
      const file = disk.open(join(dataFolder, path), 'read');
      try {
        // One buffer for the whole file: the verifier copies what it keeps.
        const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
        for (let offset = 0; offset < bytes;) {
          const wanted = chunk.subarray(0, Math.min(CHUNK_BYTES, bytes - offset));
          const filled = await filledBy(file, wanted, offset);
          if (filled === 0) return;
          yield wanted.subarray(0, filled);
          offset += filled;
        }
      } finally {
        file.close();
      }
    },
  };
}

/** At once where the disk can: a verifier waits for each read, and a tile is read in less time than a thread wakes. */
const filledBy = (file: DiskFile, target: Uint8Array, offset: number): number | Promise<number> =>
  file.readNow?.(target, offset) ?? file.read(target, offset);

const filesOf = (
  disk: Disk,
  dataFolder: string,
  { folder, suffix }: { readonly folder: string; readonly suffix: string },
): readonly string[] =>
  listOrNothing(disk, join(dataFolder, folder))
    .filter((name) => name.endsWith(suffix))
    .toSorted()
    .map((name) => `${folder}/${name}`);

function sizeOf(disk: Disk, path: string): number {
  const file = openOrNothing(disk, path, 'read');
  if (file === undefined) return 0;
  try {
    return file.size();
  } finally {
    file.close();
  }
}
