/**
 * Notices appended to a file, one JSON object a line, each synced before it counts as delivered.
 *
 * A line is whole or is followed by a line break before the next one: what a crash left of a line is never continued. The
 * file is opened anew for each notice, so that a program that rotates it from outside takes nothing away.
 */
import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { Fault } from '../../fault.ts';
import { systemCode } from '../../ports/disk.ts';
import { undelivered, type Notice, type Notifier } from '../../ports/notifier.ts';

export interface FileOptions {
  readonly name: string;
  /** Absolute. Its folder must exist. Made with mode 0600; a mode that somebody gave it stays. */
  readonly path: string;
  /** A line that would make the file longer goes into a new one. */
  readonly bytesMax: number;
  /** Older files kept beside it, as `path.1` (the newest) to `path.<keep>`. */
  readonly keep: number;
}

const FILE_MODE = 0o600;
/** Never through a link (somebody else may have put it there), and never waiting for the other end of a pipe. */
const FLAGS =
  constants.O_RDWR |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK;
const LF = 0x0a;

/** What a person has to repair: the path, its kind or its rights. All else (a full disk, an I/O error) may pass. */
const PERMANENT: ReadonlySet<string | undefined> = new Set([
  'EACCES',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'ENXIO',
  'EPERM',
  'EROFS',
]);

/** Appends notices to a file of its own. One process writes it at a time: the one that leads the realm. */
export const fileNotifier = (options: FileOptions): Notifier => ({
  name: options.name,
  deliver: async (notice, signal) => {
    signal.throwIfAborted();
    const line = Buffer.from(`${JSON.stringify(lineOf(notice))}\n`);
    try {
      await append(options, line);
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      const code = systemCode(cause);
      throw undelivered({
        transient: !PERMANENT.has(code),
        detail: `${options.path}: ${code ?? String(cause)}`,
        cause,
      });
    }
  },
});

const lineOf = (notice: Notice): object => ({
  time: new Date(notice.at).toISOString(),
  ...notice,
});

const append = async ({ path, bytesMax, keep }: FileOptions, line: Buffer): Promise<void> => {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    if (size === 0 || size + line.length <= bytesMax) {
      await write(file, size, line);
      if (size === 0) await syncFolder(dirname(path));
      return;
    }
  } finally {
    await file.close();
  }
  await rotate(path, keep);
  const next = await openRegular(path);
  try {
    await write(next, 0, line);
  } finally {
    await next.close();
  }
  await syncFolder(dirname(path));
};

/** Opens or makes the file. A pipe, a device or a file with a second name is none of ours. */
const openRegular = async (path: string): Promise<FileHandle> => {
  const file = await open(path, FLAGS, FILE_MODE);
  try {
    const stat = await file.stat();
    if (stat.isFile() && stat.nlink === 1) return file;
    throw undelivered({
      transient: false,
      detail: `${path} is no regular file of one name`,
    });
  } catch (cause) {
    await file.close();
    throw cause;
  }
};

const write = async (file: FileHandle, size: number, line: Buffer): Promise<void> => {
  const torn = size > 0 && (await lastByte(file, size)) !== LF;
  await file.appendFile(torn ? Buffer.concat([Buffer.of(LF), line]) : line);
  await file.sync();
};

const lastByte = async (file: FileHandle, size: number): Promise<number | undefined> => {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0];
};

/** Each older file moves up one; the last one goes. A rename replaces a link itself, not what it points to. */
const rotate = async (path: string, keep: number): Promise<void> => {
  if (keep === 0) {
    await rm(path);
    return;
  }
  for (let n = keep - 1; n >= 1; n -= 1) {
    await renameIfThere(`${path}.${n}`, `${path}.${n + 1}`);
  }
  await rename(path, `${path}.1`);
};

const renameIfThere = async (from: string, to: string): Promise<void> => {
  try {
    await rename(from, to);
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw cause;
  }
};

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
