import { Buffer } from 'node:buffer';
import { dirname } from 'node:path';

import type { DiskFile } from '../ports/disk.ts';
import type { FollowerDisk } from './follower-disk.ts';

export interface MemoryDisk extends FollowerDisk {
  /** Copies of all files by path. */
  contents(): ReadonlyMap<string, Uint8Array>;
}

/**
 * Files in memory, for realms whose journal is in memory too, and for whoever changes copies of a folder by the
 * thousand. Nothing is durable and nothing fails but a wrong name.
 */
export function memoryDisk(initial: ReadonlyMap<string, Uint8Array> = new Map()): MemoryDisk {
  const files = new Map<string, MemoryFile>();
  const folders = new Set<string>(['/']);
  const makeFolder = (path: string): void => {
    for (let at = path; !folders.has(at); at = dirname(at)) folders.add(at);
  };
  for (const [path, bytes] of initial) {
    makeFolder(dirname(path));
    const file = new MemoryFile();
    file.writeNow(bytes, 0);
    files.set(path, file);
  }
  const children = (folder: string): readonly string[] => {
    const prefix = folder === '/' ? '/' : `${folder}/`;
    const below = [...files.keys(), ...folders].filter((path) => path.startsWith(prefix));
    const names = below.map((path) => path.slice(prefix.length).split('/')[0] ?? '');
    return [...new Set(names)].filter((name) => name !== '');
  };
  const existing = (path: string): MemoryFile => {
    const file = files.get(path);
    if (file === undefined) throw missing(path);
    return file;
  };
  return {
    list: (folder) => {
      if (!folders.has(folder)) throw missing(folder);
      return children(folder);
    },
    contents: () =>
      // Not `slice`: of a Buffer that is a view.
      new Map([...files].map(([path, file]) => [path, Uint8Array.from(file.bytes)])),
    makeFolder,
    open: (path, mode) => {
      if (mode !== 'create') return existing(path);
      if (!folders.has(dirname(path))) throw missing(path);
      const file = new MemoryFile();
      files.set(path, file);
      return file;
    },
    rename: ({ from, to }) => {
      files.set(to, existing(from));
      files.delete(from);
    },
    remove: (path) => {
      existing(path);
      files.delete(path);
    },
    removeFolder: (path) => {
      if (children(path).length > 0) throw systemError('ENOTEMPTY', path);
      if (!folders.delete(path)) throw missing(path);
    },
    syncFolder: () => Promise.resolve(),
  };
}

class MemoryFile implements DiskFile {
  #bytes: Uint8Array = new Uint8Array();

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  size(): number {
    return this.#bytes.length;
  }

  read(target: Uint8Array, offset: number): Promise<number> {
    return Promise.resolve(this.readNow(target, offset));
  }

  readNow(target: Uint8Array, offset: number): number {
    const part = this.#bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  }

  write(bytes: Uint8Array, offset: number): Promise<void> {
    this.writeNow(bytes, offset);
    return Promise.resolve();
  }

  writeNow(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    if (end > this.#bytes.length) {
      const grown = Buffer.alloc(end);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, offset);
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  syncNow(): void {
    // In memory nothing is more durable than anything else.
  }

  close(): void {
    // Nothing is held open.
  }
}

const missing = (path: string): Error => systemError('ENOENT', path);

const systemError = (code: string, path: string): Error =>
  Object.assign(new Error(`${code}: ${path}`), { code });
