/** Files that hold secrets: read only where nobody else may read them, written so that a crash leaves the old or the new. */
import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { systemCode } from '../ports/disk.ts';
import { secretBytes, secretFault } from '../ports/secret-store.ts';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Never waiting for the other end of a pipe. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Rights that others must not have. Ciphertext (`sealed`) may be read by all. On a `credential`, systemd's access list for
 * the service's user shows as rights of the group.
 */
const REFUSED_RIGHTS = { secret: 0o077, credential: 0o027, sealed: 0o022 } as const;

export interface PrivateRead {
  readonly holds: keyof typeof REFUSED_RIGHTS;
  readonly bytesMax: number;
}

export interface PrivateFile {
  /** The caller's to zero. */
  readonly bytes: Buffer;
  /** Another one after every change that keeps to replacing files, or takes longer than a tick of the disk's clock. */
  readonly version: string;
}

/**
 * The bytes of a file, or undefined where there is none.
 *
 * @throws Fault `secret.denied` where others have rights that they must not have, it belongs to somebody else, or it may
 *   not be read; `secret.invalid` where it is no file or too large; `secret.unavailable` for what the system says else.
 */
export const readPrivate = async (
  path: string,
  options: PrivateRead,
): Promise<Buffer | undefined> => (await readPrivateVersion(path, options))?.bytes;

/** The same, with the version of the file. */
export const readPrivateVersion = async (
  path: string,
  options: PrivateRead,
): Promise<PrivateFile | undefined> => {
  let file: FileHandle;
  try {
    file = await open(path, READ_FLAGS);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw unreadable(path, cause);
  }
  try {
    return await readChecked(file, path, options);
  } catch (cause) {
    throw cause instanceof Error && cause.name === 'Fault' ? cause : unreadable(path, cause);
  } finally {
    await file.close();
  }
};

const readChecked = async (
  file: FileHandle,
  path: string,
  { holds, bytesMax }: PrivateRead,
): Promise<PrivateFile> => {
  const stat = await file.stat({ bigint: true });
  if (!stat.isFile()) throw secretFault('secret.invalid', `${path} is no file`);
  if ((stat.mode & BigInt(REFUSED_RIGHTS[holds])) !== 0n) {
    throw secretFault('secret.denied', `${path} is open to others: chmod 600 it`);
  }
  // Who owns a file may change its mode at any time. Root may do so anyway.
  if (stat.uid !== 0n && Number(stat.uid) !== process.geteuid?.()) {
    throw secretFault('secret.denied', `${path} belongs to another user of this machine`);
  }
  if (stat.size > bytesMax) {
    throw secretFault('secret.invalid', `${path} is longer than ${bytesMax} bytes`);
  }
  const bytes = secretBytes(Number(stat.size));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  return { bytes: bytes.subarray(0, bytesRead), version: `${stat.ino}.${stat.mtimeNs}` };
};

const unreadable = (path: string, cause: unknown) => {
  const code = systemCode(cause);
  const isDenied = code === 'EACCES' || code === 'EPERM';
  return secretFault(
    isDenied ? 'secret.denied' : 'secret.unavailable',
    `${path} cannot be read: ${code ?? 'unknown'}`,
    { cause, transient: code === 'EIO' || code === 'EMFILE' || code === 'ENFILE' },
  );
};

/**
 * Puts the bytes under the name, durably: temporary file, fsync, rename, fsync of the folder. Mode 0600; folders that are
 * missing are made with 0700.
 *
 * @throws Fault `secret.unavailable`; then the old file stands.
 */
export const replacePrivate = async (path: string, bytes: Uint8Array): Promise<void> => {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
    try {
      await writeDurably(temporary, bytes);
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true });
      throw cause;
    }
    await syncFolder(dirname(path));
  } catch (cause) {
    const code = systemCode(cause);
    throw secretFault('secret.unavailable', `${path} cannot be written: ${code ?? 'unknown'}`, {
      cause,
      transient: code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO',
    });
  }
};

const writeDurably = async (path: string, bytes: Uint8Array): Promise<void> => {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
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
