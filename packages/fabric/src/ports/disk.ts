/**
 * The disk, as small as the file journal can live with, so that a simulated one can break every promise it makes.
 *
 * D1  Bytes written are readable at once and survive the process; they survive a power cut only after `sync`.
 * D2  Before that, each sector (512 bytes) of an unsynced write may be there, be missing or be garbage, in any mix;
 *     bytes of such a sector that the write did not change keep their value.
 * D3  A new name, a rename and a removal survive a power cut only after `syncFolder` of the folder.
 * D4  After a failed `sync` nothing is known about any unsynced byte, and a second `sync` proves nothing.
 *
 * Methods throw (or reject with) the system's error, whose `code` says why: ENOSPC, EIO, ENOENT.
 */
export interface Disk {
  /** Names in the folder, in no order. */
  list(folder: string): readonly string[];
  /** The folder and its parents, readable by their owner only. Nothing happens where it stands already. */
  makeFolder(path: string): void;
  /** `create` makes a new file or empties the old one; `write` takes an existing one for reading and writing. */
  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile;
  /** Atomic: whoever opens `to` sees the old file or the new one. */
  rename(move: { readonly from: string; readonly to: string }): void;
  remove(path: string): void;
  syncFolder(path: string): Promise<void>;
}

/** One open file. The caller has one write or sync under way at a time; reads may run beside it. */
export interface DiskFile {
  size(): number;
  /** Fills `target` from `offset` on; answers how many bytes there were before the end of the file. */
  read(target: Uint8Array, offset: number): Promise<number>;
  /** The same before it returns, where a disk can: saves two thread switches, for threads with nothing else to do. */
  readNow?(target: Uint8Array, offset: number): number;
  /** All of `bytes`, in the background. After a failure some of them may be there. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
  /** All of `bytes`, before it returns. After a failure some of them may be there. */
  writeNow(bytes: Uint8Array, offset: number): void;
  /** Makes what was written durable (fdatasync), in the background. */
  sync(): Promise<void>;
  /** The same before it returns: saves two thread switches, costs the caller's thread the disk's latency. */
  syncNow(): void;
  close(): void;
}

/** The system's name of a failure (`ENOSPC`), or undefined where the cause is not the system's. */
export function systemCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/** Whether the failure came from a sync: then nothing is known about what was written (D4). */
export function isSyncFailure(cause: unknown): boolean {
  if (!(cause instanceof Error) || !('syscall' in cause)) return false;
  return cause.syscall === 'fdatasync' || cause.syscall === 'fsync';
}
