import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { Fault } from '../../fault.ts';
import { systemCode } from '../../ports/disk.ts';

/** Held by one process; the kernel frees it when that process dies, so it is never stale. */
export interface FolderLock {
  /** Whether the last holder stopped in order: everything that it wrote was synced, by its own word. */
  readonly lastStop: 'clean' | 'unclean';
  release(stop: 'clean' | 'unclean'): void;
}

export type LockFolder = (dataFolder: string) => FolderLock;

/** What LOCK.json says, for people; the lock itself is in the kernel. */
interface Holder {
  readonly pid: number;
  readonly bootId: string;
  readonly startedAt: string;
  readonly closedAt?: string;
}

const LOCK_MODE = 0o600;

/**
 * Takes the data folder for this process: an fcntl lock, held through SQLite's BEGIN EXCLUSIVE, because Node has none
 * of its own. It is seen across pid and network namespaces and is free at once after SIGKILL. Nothing in the process
 * may open LOCK with `node:fs` while it is held: closing any descriptor of the file would drop the lock.
 * Faults: `log.locked`, naming the holder.
 */
export const lockFolder: LockFolder = (dataFolder) => {
  const path = join(dataFolder, 'LOCK');
  const notePath = join(dataFolder, 'LOCK.json');
  createFor(path);
  const database = new DatabaseSync(path);
  try {
    // Nothing is ever written to it, so it needs no journal beside it.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new Fault('log.locked', {
      transient: false,
      detail: `${dataFolder} is held by ${holderText(readNote(notePath))}`,
      cause,
    });
  }
  const before = readNote(notePath);
  const holder: Holder = {
    pid: process.pid,
    bootId: bootId(),
    startedAt: new Date().toISOString(),
  };
  writeNote(notePath, holder);
  return {
    lastStop: before?.closedAt === undefined ? 'unclean' : 'clean',
    release: (stop) => {
      // The note first: until the database is closed nobody else writes it.
      if (stop === 'clean') writeNote(notePath, { ...holder, closedAt: new Date().toISOString() });
      database.close();
    },
  };
};

/** Only the one who makes the file may close it again: nobody can hold a lock on what did not exist. */
function createFor(path: string): void {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, LOCK_MODE));
  } catch (cause) {
    if (systemCode(cause) !== 'EEXIST') throw cause;
  }
}

function writeNote(path: string, holder: Holder): void {
  writeFileSync(path, `${JSON.stringify(holder)}\n`, { mode: LOCK_MODE });
}

/** The note, or undefined where it is missing or torn: it is written without care, since the lock does not hang on it. */
function readNote(path: string): Holder | undefined {
  try {
    const note: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isHolder(note) ? note : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(note: unknown): note is Holder {
  return (
    typeof note === 'object' &&
    note !== null &&
    'pid' in note &&
    typeof note.pid === 'number' &&
    'bootId' in note &&
    typeof note.bootId === 'string' &&
    'startedAt' in note &&
    typeof note.startedAt === 'string' &&
    (!('closedAt' in note) || typeof note.closedAt === 'string')
  );
}

function holderText(holder: Holder | undefined): string {
  if (holder === undefined) return 'another process';
  return `process ${holder.pid}, started ${holder.startedAt}, boot ${holder.bootId}`;
}

/** Tells two lives of a machine apart, where the system says it. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
