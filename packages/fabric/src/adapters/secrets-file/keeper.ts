/**
 * Changes to the file of secrets: put, list, remove, and a new identity. One writer at a time, and after a crash at any
 * point the secrets can be read.
 */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

import { systemCode } from '../../ports/disk.ts';
import {
  checkedRef,
  secretFault,
  SECRET_BYTES_MAX,
  secretRefText,
} from '../../ports/secret-store.ts';
import type { SecretRef } from '../../ports/secret-store.ts';
import { replacePrivate } from '../private-file.ts';
import { encodeBase64 } from './base64.ts';
import { documentText, EMPTY_DOCUMENT, isSameRef, readDocument } from './document.ts';
import type { SecretDocument } from './document.ts';
import { newIdentity, readIdentities, seal, writeIdentities } from './sealed-file.ts';
import type { Identity, SecretFiles } from './sealed-file.ts';
import { openFile } from './store.ts';

export interface ListedSecret {
  /** `vault://path#field`. */
  readonly ref: string;
  readonly version: string;
}

/** Each rejects with a Fault `secret.unavailable`, `secret.denied` or `secret.invalid`, and then has changed nothing. */
export interface SecretKeeper {
  /** Sets a secret and answers its version. The first one makes both files. `value` stays the caller's to zero. */
  put(ref: SecretRef, value: Uint8Array, signal: AbortSignal): Promise<string>;
  /** In the order of the references. */
  list(signal: AbortSignal): Promise<readonly ListedSecret[]>;
  /** False where there was none. */
  remove(ref: SecretRef, signal: AbortSignal): Promise<boolean>;
  /** Encrypts the file anew, for an identity that nobody has seen. Versions stay; the old key opens old copies only. */
  rotateKey(signal: AbortSignal): Promise<void>;
}

/** Secrets of one file: more than a person keeps track of belong into a store of their own. */
const SECRETS_MAX = 1_000;
/** Another writer needs milliseconds; after this long it hangs. */
const LOCK_WAIT_MS_MAX = 5_000;
const LOCK_POLL_MS = 25;

export const secretKeeper = (files: SecretFiles): SecretKeeper => ({
  put: async (given, value, signal) => {
    const ref = checkedRef(given);
    if (value.length > SECRET_BYTES_MAX || value.length === 0) {
      throw secretFault('secret.invalid', `a secret has 1 to ${SECRET_BYTES_MAX} bytes`);
    }
    const base64 = encodeBase64(value);
    try {
      return await locked(files, signal, async () => {
        const changed = await changeFile(files, signal, ({ revision, entries }) => {
          const others = entries.filter((entry) => !isSameRef(entry.ref, ref));
          const version = revision + 1;
          if (others.length >= SECRETS_MAX) {
            throw secretFault(
              'secret.invalid',
              `the file holds ${SECRETS_MAX} secrets, and not one more`,
            );
          }
          return { revision: version, entries: [...others, { ref, version, base64 }] };
        });
        return String(changed);
      });
    } finally {
      base64.fill(0);
    }
  },
  list: async (signal) => {
    const plaintext = await openFile(files, signal);
    if (plaintext === undefined) return [];
    try {
      return readDocument(plaintext)
        .entries.map(({ ref, version }) => ({ ref: secretRefText(ref), version: String(version) }))
        .toSorted((one, other) => (one.ref < other.ref ? -1 : 1));
    } finally {
      plaintext.fill(0);
    }
  },
  remove: async (given, signal) => {
    const ref = checkedRef(given);
    return locked(files, signal, async () => {
      let isFound = false;
      await changeFile(files, signal, (document) => {
        const kept = document.entries.filter((entry) => !isSameRef(entry.ref, ref));
        isFound = kept.length < document.entries.length;
        return isFound ? { revision: document.revision + 1, entries: kept } : document;
      });
      return isFound;
    });
  },
  rotateKey: (signal) => locked(files, signal, () => rotateKey(files, signal)),
});

/** Opens, changes, writes; answers the revision. What was in memory is zeroed, whatever came of it. */
const changeFile = async (
  files: SecretFiles,
  signal: AbortSignal,
  change: (document: SecretDocument) => SecretDocument,
): Promise<number> => {
  const before = await openFile(files, signal);
  try {
    const document = before === undefined ? EMPTY_DOCUMENT : readDocument(before);
    const changed = change(document);
    if (changed === document) return document.revision;
    await writeDocument(files, changed, await currentIdentity(files.key));
    return changed.revision;
  } finally {
    before?.fill(0);
  }
};

const writeDocument = async (
  { file }: SecretFiles,
  document: SecretDocument,
  identity: Identity,
): Promise<void> => {
  const text = documentText(document);
  try {
    await replacePrivate(file, await seal(text, identity, file));
  } finally {
    text.fill(0);
  }
};

/** The identity is on the disk before anything is encrypted for it. */
const currentIdentity = async (path: string): Promise<Identity> => {
  const [first] = await readIdentities(path);
  if (first !== undefined) return first;
  const made = await newIdentity();
  await writeIdentities(path, [made]);
  return made;
};

/** Between the first write and the last the key file holds both identities, so one of them opens whichever file stands. */
const rotateKey = async (files: SecretFiles, signal: AbortSignal): Promise<void> => {
  const plaintext = await openFile(files, signal);
  if (plaintext === undefined) {
    throw secretFault('secret.not_found', `there is no ${files.file} yet`);
  }
  try {
    const document = readDocument(plaintext);
    const [current, ...older] = await readIdentities(files.key);
    assert.ok(current !== undefined, 'the file was just opened by one of them');
    // A rotation that a crash cut short: the file may still be for one of the older ones.
    if (older.length > 0) await writeDocument(files, document, current);
    const next = await newIdentity();
    await writeIdentities(files.key, [next, current]);
    await writeDocument(files, document, next);
    await writeIdentities(files.key, [next]);
  } finally {
    plaintext.fill(0);
  }
};

/**
 * Runs while no other process changes the file. The lock is the kernel's (fcntl, through SQLite's BEGIN EXCLUSIVE): it ends
 * with its process, so it is never stale. Readers need none: they see the old file or the new one.
 */
const locked = async <T>(
  { file }: SecretFiles,
  signal: AbortSignal,
  act: () => Promise<T>,
): Promise<T> => {
  const database = await openLock(`${file}.lock`);
  try {
    // Ends: after LOCK_WAIT_MS_MAX it throws.
    for (let waitedMs = 0; !isTaken(database); waitedMs += LOCK_POLL_MS) {
      if (waitedMs >= LOCK_WAIT_MS_MAX) {
        throw secretFault('secret.unavailable', `another process changes ${file}`, {
          transient: true,
        });
      }
      signal.throwIfAborted();
      await pause(LOCK_POLL_MS);
    }
    return await act();
  } finally {
    database.close();
  }
};

const openLock = async (path: string): Promise<DatabaseSync> => {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // Only the one who makes the file may close it again: that would drop a lock that this process holds on it.
    await writeFile(path, '', { flag: 'wx', mode: 0o600 }).catch((cause: unknown) => {
      if (systemCode(cause) !== 'EEXIST') throw cause;
    });
    return new DatabaseSync(path);
  } catch (cause) {
    throw secretFault('secret.unavailable', `${path} cannot be opened`, { cause });
  }
};

/** SQLITE_BUSY: somebody else has it. */
const BUSY = 5;

const isTaken = (database: DatabaseSync): boolean => {
  try {
    // Nothing is ever written to it, so it needs no journal beside it.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === BUSY) return false;
    throw secretFault('secret.unavailable', 'the lock of the secrets cannot be had', { cause });
  }
};
