import {
  close,
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  mkdirSync,
  open,
  openSync,
  read,
  readSync,
  readdirSync,
  renameSync,
  statfsSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs';

import type { Disk, DiskFile } from '../ports/disk.ts';

/** What the owner of the data folder may do, and nobody else. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

const OPEN_FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
} as const;

/** The disk of this machine. Descriptors rather than FileHandles: callbacks make no garbage, and some calls must be synchronous. */
export const nodeDisk: Disk = {
  list: (folder) => readdirSync(folder),
  makeFolder: (path) => {
    mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
  },
  open: (path, mode) => new NodeDiskFile(openSync(path, OPEN_FLAGS[mode], FILE_MODE)),
  rename: ({ from, to }) => {
    renameSync(from, to);
  },
  remove: (path) => {
    unlinkSync(path);
  },
  syncFolder: (path) =>
    new Promise((resolve, reject) => {
      open(path, constants.O_RDONLY | constants.O_DIRECTORY, (openError, fd) => {
        if (openError !== null) {
          reject(openError);
          return;
        }
        fsync(fd, (syncError) => {
          close(fd, () => {
            if (syncError === null) resolve();
            else reject(syncError);
          });
        });
      });
    }),
};

class NodeDiskFile implements DiskFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    // Ends: each round adds at least one byte, or is at the end of the file.
    while (done < target.length) {
      const bytes = await this.#readSome(target, done, offset + done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }

  readNow(target: Uint8Array, offset: number): number {
    let done = 0;
    // Ends: each round adds at least one byte, or is at the end of the file.
    while (done < target.length) {
      const bytes = readSync(this.#fd, target, done, target.length - done, offset + done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) done += await this.#writeSome(bytes, done, offset + done);
  }

  writeNow(bytes: Uint8Array, offset: number): void {
    let done = 0;
    // A disk that becomes full writes a part and says ENOSPC in the next round.
    while (done < bytes.length) {
      done += written(writeSync(this.#fd, bytes, done, bytes.length - done, offset + done));
    }
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  syncNow(): void {
    fdatasyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #readSome(target: Uint8Array, at: number, offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#fd, target, at, target.length - at, offset, (error, bytes) => {
        if (error === null) resolve(bytes);
        else reject(error);
      });
    });
  }

  #writeSome(bytes: Uint8Array, at: number, offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#fd, bytes, at, bytes.length - at, offset, (error, count) => {
        if (error === null && count > 0) resolve(count);
        else reject(error ?? noProgress());
      });
    });
  }
}

/** POSIX lets a write return 0; a loop that waits for more would never end. */
function written(count: number): number {
  if (count === 0) throw noProgress();
  return count;
}

function noProgress(): Error {
  return Object.assign(new Error('the disk took no byte of a write'), { code: 'EIO' });
}

/** statfs(2) types of file systems whose locks and syncs are promises of another machine. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x51_7b, 'SMB'],
  [0xff_53_4d_42, 'CIFS'],
  [0xfe_53_4d_42, 'SMB2'],
  [0x01_02_19_97, '9P'],
  [0x5a_3c_69_f0, 'AFS'],
  [0x73_75_72_45, 'Coda'],
  [0x00_c3_64_00, 'Ceph'],
]);

export type FileSystemVerdict =
  | { readonly kind: 'local' }
  | { readonly kind: 'network'; readonly name: string };

/** Whether the journal may live in `folder`: fcntl locks and fdatasync are only trusted on a local file system. Throws ENOENT. */
export function localFileSystem(folder: string): FileSystemVerdict {
  // Some kernels give the type as a signed 32-bit number.
  const name = NETWORK_FILE_SYSTEMS.get(statfsSync(folder).type >>> 0);
  return name === undefined ? { kind: 'local' } : { kind: 'network', name };
}
