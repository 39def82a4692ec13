/**
 * A disk that keeps only the promises of fabric's `Disk` port (D1–D4), by seed: what was not synced is kept, lost or
 * turned to garbage sector by sector at a power cut, names that were not synced come and go, and a sync that failed
 * leaves its bytes readable and gone.
 */
import type { Disk, DiskFile } from '@infrafabric/fabric';

import type { Random } from './random.ts';

export const SECTOR_BYTES = 512;

/** Thrown by every operation from the power cut on, until `reboot`. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

export type SimOperation = 'write' | 'sync' | 'rename' | 'remove' | 'create' | 'syncFolder';

export interface SimDiskOptions {
  readonly random: Random;
  /** Asked before each operation; a system code (`EIO`, `ENOSPC`) makes it fail. */
  readonly failure?: (operation: SimOperation, path: string) => string | undefined;
}

type Entry = Inode | 'folder';

/** A change of names that a power cut may still undo. */
interface NameChange {
  readonly folder: string;
  readonly apply: (names: Map<string, Entry>) => void;
}

export class SimDisk implements Disk {
  readonly #random: Random;
  readonly #failure: NonNullable<SimDiskOptions['failure']>;
  /** Names as running programs see them, and as the medium has them. */
  #names = new Map<string, Entry>();
  #durableNames = new Map<string, Entry>();
  #changes: NameChange[] = [];
  #operations = 0;
  #cutAt = Number.POSITIVE_INFINITY;
  #capacityBytes = Number.POSITIVE_INFINITY;
  /** Grows at each reboot and kill: files opened before are dead. */
  #life = 0;

  constructor({ random, failure }: SimDiskOptions) {
    this.#random = random;
    this.#failure = failure ?? (() => undefined);
  }

  /** Operations so far; reads are not counted. */
  get operations(): number {
    return this.#operations;
  }

  get life(): number {
    return this.#life;
  }

  /** Cuts the power at the operation after `count` more. */
  cutAfter(count: number): void {
    this.#cutAt = this.#operations + count;
  }

  /** Room for all files together; what is there already stays. */
  limit(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes;
  }

  /** The power goes now (if it has not already) and comes back: only what the medium kept is there. */
  reboot(): void {
    const kept = this.#changes.slice(0, this.#random.below(this.#changes.length + 1));
    for (const { apply } of kept) apply(this.#durableNames);
    this.#changes = [];
    this.#forgetOrphans();
    for (const entry of this.#durableNames.values()) {
      if (entry !== 'folder') entry.settle(this.#random);
    }
    this.#names = new Map(this.#durableNames);
    this.kill();
  }

  /** The process dies, the machine does not: every byte written is still there, every open file is dead. */
  kill(): void {
    this.#cutAt = Number.POSITIVE_INFINITY;
    this.#life += 1;
  }

  /** The disk as a process that starts now sees it: once it is killed it does nothing more, whatever it waited for. */
  ofProcess(): Disk {
    const life = this.#life;
    const mine = (): SimDisk => {
      if (life !== this.#life) throw new PowerCut('the process is dead');
      return this;
    };
    return {
      list: (folder) => mine().list(folder),
      makeFolder: (path) => mine().makeFolder(path),
      open: (path, mode) => mine().open(path, mode),
      rename: (move) => mine().rename(move),
      remove: (path) => mine().remove(path),
      syncFolder: async (path) => mine().syncFolder(path),
    };
  }

  /** The bytes of a file as programs see them, to look at and to change behind the program's back. */
  bytesOf(path: string): Uint8Array {
    return this.#inode(path).bytes;
  }

  list(folder: string): readonly string[] {
    this.#check();
    if (this.#names.get(folder) !== 'folder') throw systemError('ENOENT', folder);
    const prefix = `${folder}/`;
    return [...this.#names.keys()]
      .filter((path) => path.startsWith(prefix) && !path.includes('/', prefix.length))
      .map((path) => path.slice(prefix.length));
  }

  makeFolder(path: string): void {
    this.#check();
    const parts = path.split('/').slice(1);
    for (const [i] of parts.entries()) {
      const folder = `/${parts.slice(0, i + 1).join('/')}`;
      if (this.#names.has(folder)) continue;
      this.#change(folder, (names) => names.set(folder, 'folder'));
    }
  }

  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile {
    if (mode !== 'create') {
      this.#check();
      return new SimFile(this, this.#inode(path), path);
    }
    this.operate('create', path);
    const inode = new Inode();
    this.#change(path, (names) => names.set(path, inode));
    return new SimFile(this, inode, path);
  }

  rename({ from, to }: { readonly from: string; readonly to: string }): void {
    this.operate('rename', from);
    const inode = this.#inode(from);
    this.#change(to, (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  remove(path: string): void {
    this.operate('remove', path);
    this.#inode(path);
    this.#change(path, (names) => names.delete(path));
  }

  syncFolder(path: string): Promise<void> {
    return settled(() => {
      this.operate('syncFolder', path);
      for (const { folder, apply } of this.#changes) {
        if (folder === path) apply(this.#durableNames);
      }
      this.#changes = this.#changes.filter(({ folder }) => folder !== path);
    });
  }

  /** Counts an operation; throws where the power is off or the operation is made to fail. For SimFile. */
  operate(operation: SimOperation, path: string): void {
    this.#operations += 1;
    this.#check();
    const code = this.#failure(operation, path);
    if (code !== undefined) throw systemError(code, path, operation);
  }

  /** Bytes that files may still grow by. For SimFile. */
  roomBytes(): number {
    let used = 0;
    for (const entry of this.#names.values()) used += entry === 'folder' ? 0 : entry.bytes.length;
    return Math.max(0, this.#capacityBytes - used);
  }

  #check(): void {
    if (this.#operations >= this.#cutAt) throw new PowerCut('the power is off');
  }

  #inode(path: string): Inode {
    const entry = this.#names.get(path);
    if (entry === undefined || entry === 'folder') throw systemError('ENOENT', path);
    return entry;
  }

  #change(path: string, apply: NameChange['apply']): void {
    apply(this.#names);
    this.#changes.push({ folder: parentOf(path), apply });
  }

  /** A file whose folder is gone is gone. */
  #forgetOrphans(): void {
    // Parents come before their children in the order of insertion, except after renames into older folders.
    for (const path of this.#durableNames.keys()) {
      const parent = parentOf(path);
      if (parent !== '/' && !this.#durableNames.has(parent)) this.#durableNames.delete(path);
    }
  }
}

/** A sector that was written since the last sync: what the medium has there, and which bytes would change. */
interface Unsynced {
  readonly before: Uint8Array;
  from: number;
  to: number;
}

/** A file's bytes as programs see them, and as the medium has them where the two differ. */
class Inode {
  bytes = new Uint8Array();
  readonly #unsynced = new Map<number, Unsynced>();
  /** Sectors whose sync failed: readable, and not on the medium (D4). */
  readonly #lost = new Map<number, Uint8Array>();
  #durableBytes = 0;

  write(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    const first = Math.floor(offset / SECTOR_BYTES);
    const last = Math.floor((end - 1) / SECTOR_BYTES);
    for (let sector = first; sector <= last; sector += 1) this.#touch(sector, bytes, offset);
    if (end > this.bytes.length) {
      const grown = new Uint8Array(end);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(bytes, offset);
  }

  sync(): void {
    this.#unsynced.clear();
    this.#durableBytes = this.bytes.length;
  }

  failSync(): void {
    for (const [sector, { before }] of this.#unsynced) this.#lost.set(sector, before);
    this.#unsynced.clear();
  }

  /** What a power cut leaves. */
  settle(random: Random): void {
    const grew = this.bytes.length > this.#durableBytes;
    const bytes = grew && random.chance(0.5) ? this.#durableBytes : this.bytes.length;
    for (const [sector, before] of this.#lost) this.#put(sector, before);
    for (const [sector, unsynced] of this.#unsynced) this.#settleSector(sector, unsynced, random);
    this.#lost.clear();
    this.#unsynced.clear();
    this.bytes = this.bytes.slice(0, bytes);
    this.#durableBytes = bytes;
  }

  /** Kept, dropped, or garbage where it would have changed: what a write leaves as it was cannot be torn. */
  #settleSector(sector: number, { before, from, to }: Unsynced, random: Random): void {
    const fate = random.below(8);
    if (fate < 3) this.#put(sector, before);
    if (fate !== 3) return;
    const torn = this.bytes.slice(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
    torn.set(random.bytes(Math.min(to, torn.length) - from), from);
    this.#put(sector, torn);
  }

  #touch(sector: number, bytes: Uint8Array, offset: number): void {
    const start = sector * SECTOR_BYTES;
    let from = Math.max(0, offset - start);
    let to = Math.min(SECTOR_BYTES, offset + bytes.length - start);
    // Writing what a failed sync left in the cache makes it dirty again, whatever it is.
    const lost = this.#lost.has(sector);
    const same = (at: number): boolean =>
      !lost && this.bytes[start + at] === bytes[start + at - offset];
    while (from < to && same(from)) from += 1;
    while (to > from && same(to - 1)) to -= 1;
    if (from === to) return;
    const known = this.#unsynced.get(sector);
    if (known === undefined) {
      this.#unsynced.set(sector, { before: this.#medium(sector), from, to });
    } else {
      known.from = Math.min(known.from, from);
      known.to = Math.max(known.to, to);
    }
    this.#lost.delete(sector);
  }

  #medium(sector: number): Uint8Array {
    const lost = this.#lost.get(sector);
    if (lost !== undefined) return lost;
    const start = sector * SECTOR_BYTES;
    const before = new Uint8Array(SECTOR_BYTES);
    before.set(this.bytes.subarray(start, start + SECTOR_BYTES));
    return before;
  }

  #put(sector: number, bytes: Uint8Array): void {
    const start = sector * SECTOR_BYTES;
    this.bytes.set(bytes.subarray(0, Math.max(0, this.bytes.length - start)), start);
  }
}

class SimFile implements DiskFile {
  readonly #disk: SimDisk;
  readonly #inode: Inode;
  readonly #path: string;
  readonly #life: number;
  #closed = false;

  constructor(disk: SimDisk, inode: Inode, path: string) {
    this.#disk = disk;
    this.#inode = inode;
    this.#path = path;
    this.#life = disk.life;
  }

  size(): number {
    this.#check();
    return this.#inode.bytes.length;
  }

  read(target: Uint8Array, offset: number): Promise<number> {
    return settled(() => {
      this.#check();
      const found = this.#inode.bytes.subarray(offset, offset + target.length);
      target.set(found);
      return found.length;
    });
  }

  write(bytes: Uint8Array, offset: number): Promise<void> {
    return settled(() => {
      this.writeNow(bytes, offset);
    });
  }

  writeNow(bytes: Uint8Array, offset: number): void {
    this.#check();
    this.#disk.operate('write', this.#path);
    const growth = offset + bytes.length - this.#inode.bytes.length;
    const room = this.#disk.roomBytes();
    if (growth <= room) {
      this.#inode.write(bytes, offset);
      return;
    }
    const taken = bytes.length - (growth - room);
    if (taken > 0) this.#inode.write(bytes.subarray(0, taken), offset);
    throw systemError('ENOSPC', this.#path, 'write');
  }

  sync(): Promise<void> {
    return settled(() => {
      this.syncNow();
    });
  }

  syncNow(): void {
    this.#check();
    try {
      this.#disk.operate('sync', this.#path);
    } catch (cause) {
      if (!(cause instanceof PowerCut)) this.#inode.failSync();
      throw cause;
    }
    this.#inode.sync();
  }

  close(): void {
    if (this.#closed) throw systemError('EBADF', this.#path, 'close');
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw systemError('EBADF', this.#path);
    if (this.#life !== this.#disk.life) throw new PowerCut('the process that opened it is dead');
  }
}

/** Runs `act` in a later turn of the microtask queue, as a thread pool would at the earliest. */
function settled<T>(act: () => T): Promise<T> {
  return Promise.resolve().then(act);
}

const SYSTEM_CALLS: Readonly<Record<SimOperation, string>> = {
  write: 'pwrite',
  sync: 'fdatasync',
  rename: 'rename',
  remove: 'unlink',
  create: 'open',
  syncFolder: 'fsync',
};

function systemError(code: string, path: string, operation?: SimOperation | 'close'): Error {
  const syscall =
    operation === undefined || operation === 'close' ? 'read' : SYSTEM_CALLS[operation];
  return Object.assign(new Error(`${code}: ${path}`), { code, syscall });
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
