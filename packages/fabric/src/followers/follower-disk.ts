import { Buffer } from 'node:buffer';
import { rmdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { nodeDisk } from '../adapters/disk-node.ts';
import { systemCode, type Disk } from '../ports/disk.ts';

/** The disk as followers need it: they also give back the folders of partial tiles. */
export interface FollowerDisk extends Disk {
  /** Removes an empty folder. Throws the system's error: ENOTEMPTY, ENOENT. */
  removeFolder(path: string): void;
}

export const nodeFollowerDisk: FollowerDisk = {
  ...nodeDisk,
  removeFolder: (path) => {
    rmdirSync(path);
  },
};

/** The whole file, or undefined where there is none. For files that fit into memory. */
export async function readWhole(disk: Disk, path: string): Promise<Buffer | undefined> {
  const file = openOrNothing(disk, path, 'read');
  if (file === undefined) return undefined;
  try {
    const bytes = Buffer.allocUnsafe(file.size());
    const filled = await file.read(bytes, 0);
    return bytes.subarray(0, filled);
  } finally {
    file.close();
  }
}

/**
 * Puts `bytes` in the place of `path` in one step: a reader sees the old file or the new one. Not synced: a power cut
 * may leave any of the two, or an empty file, and whoever starts next looks.
 */
export function replaceFile(disk: Disk, path: string, bytes: Uint8Array): void {
  const part = `${path}.tmp`;
  const file =
    openOrNothing(disk, part, 'create') ??
    (disk.makeFolder(dirname(path)), disk.open(part, 'create'));
  try {
    file.writeNow(bytes, 0);
  } finally {
    file.close();
  }
  disk.rename({ from: part, to: path });
}

/** As `replaceFile`, and there after a power cut once it has resolved. */
export async function replaceFileDurably(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const folder = dirname(path);
  disk.makeFolder(folder);
  const part = `${path}.tmp`;
  const file = disk.open(part, 'create');
  try {
    await file.write(bytes, 0);
    await file.sync();
  } finally {
    file.close();
  }
  disk.rename({ from: part, to: path });
  await disk.syncFolder(folder);
}

/** Names in the folder; none where there is no folder. */
export function listOrNothing(disk: Disk, folder: string): readonly string[] {
  try {
    return disk.list(folder);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return [];
    throw cause;
  }
}

/** Removes a file that may be gone already. */
export function removeIfThere(disk: Disk, path: string): void {
  try {
    disk.remove(path);
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw cause;
  }
}

export function openOrNothing(
  disk: Disk,
  path: string,
  mode: 'read' | 'write' | 'create',
): ReturnType<Disk['open']> | undefined {
  try {
    return disk.open(path, mode);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}
