/**
 * The two files of the store: the secrets, encrypted in the age format (age-encryption.org/v1, X25519 recipients), and the
 * identity that opens them, in the format of `age-keygen`. `age -d -i keys/secrets.key secrets.age` opens them too.
 *
 * The plaintext is put together in one Buffer, which is the caller's to zero. The library keeps blocks of its own while it
 * works; nothing can be said of when they are overwritten.
 */
import { Buffer } from 'node:buffer';

import { secretBytes, secretFault } from '../../ports/secret-store.ts';
import { readPrivate, replacePrivate } from '../private-file.ts';

export interface SecretFiles {
  /** Ciphertext. */
  readonly file: string;
  /** The identity. Whoever has both files has the secrets. */
  readonly key: string;
}

/** Bytes of the encrypted file: a hundred secrets of the largest size, or thousands of usual ones. */
export const SEALED_BYTES_MAX = 8 * 1024 * 1024;
/** Bytes of the identity file: a few identities with their comments. */
const KEY_BYTES_MAX = 16_384;
/** While the identity is changed there are two; more are kept by people who merge files. */
const IDENTITIES_MAX = 8;
const IDENTITY = /^AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]+$/;

/** An identity as its line stands in the file. Secret. */
export type Identity = string;

/** The identities of the key file, the one that new files are encrypted for first; none where there is no file. */
export const readIdentities = async (path: string): Promise<readonly Identity[]> => {
  const bytes = await readPrivate(path, { holds: 'secret', bytesMax: KEY_BYTES_MAX });
  if (bytes === undefined) return [];
  const lines = bytes
    .toString('latin1')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  bytes.fill(0);
  if (
    lines.length === 0 ||
    lines.length > IDENTITIES_MAX ||
    !lines.every((line) => IDENTITY.test(line))
  ) {
    throw secretFault(
      'secret.invalid',
      `${path} must hold 1 to ${IDENTITIES_MAX} identities of age-keygen, one a line`,
    );
  }
  return lines;
};

/** Loaded when it is needed: it costs a start 60 ms, and most starts open no secret. */
const loadAge = () => import('age-encryption');

/** A new identity. */
export const newIdentity = async (): Promise<Identity> =>
  (await loadAge()).generateX25519Identity();

export const writeIdentities = async (
  path: string,
  identities: readonly Identity[],
): Promise<void> => {
  const lines: string[] = [];
  for (const identity of identities) {
    lines.push(`# public key: ${await recipientOf(identity, path)}`, identity);
  }
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  try {
    await replacePrivate(path, bytes);
  } finally {
    bytes.fill(0);
  }
};

/** The library's own error would quote the identity. */
const recipientOf = async (identity: Identity, path: string): Promise<string> => {
  const { identityToRecipient } = await loadAge();
  try {
    return await identityToRecipient(identity);
  } catch {
    throw secretFault('secret.invalid', `${path} holds an identity that is damaged`);
  }
};

/** The encrypted file, or undefined where there is none. */
export const readSealed = (path: string): Promise<Buffer | undefined> =>
  readPrivate(path, { holds: 'sealed', bytesMax: SEALED_BYTES_MAX });

/**
 * The plaintext, the caller's to zero.
 *
 * @throws Fault `secret.unavailable` where no identity opens it or it was changed: which of both, nobody can tell.
 */
export const unseal = async (
  sealed: Buffer,
  identities: readonly Identity[],
  path: string,
): Promise<Buffer> => {
  const { Decrypter } = await loadAge();
  try {
    const decrypter = new Decrypter();
    for (const identity of identities) decrypter.addIdentity(identity);
    return await collected(await decrypter.decrypt(streamOf(sealed)));
  } catch {
    // Not even as a cause: the library's errors may quote an identity.
    throw secretFault(
      'secret.unavailable',
      `${path} cannot be opened by the identities in its key file`,
    );
  }
};

/** @throws Fault `secret.invalid` where the result is larger than `SEALED_BYTES_MAX`. */
export const seal = async (
  plaintext: Buffer,
  identity: Identity,
  path: string,
): Promise<Buffer> => {
  const { Encrypter } = await loadAge();
  const encrypter = new Encrypter();
  encrypter.addRecipient(await recipientOf(identity, path));
  const sealed = await collected(await encrypter.encrypt(streamOf(plaintext)));
  if (sealed.length > SEALED_BYTES_MAX) {
    throw secretFault(
      'secret.invalid',
      `all secrets together are more than ${SEALED_BYTES_MAX} bytes`,
    );
  }
  return sealed;
};

const streamOf = (bytes: Uint8Array): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes);
      controller.close();
    },
  });

/** All of a stream in one Buffer; its pieces are zeroed. */
const collected = async (stream: ReadableStream<Uint8Array>): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of stream) pieces.push(piece);
    const all = secretBytes(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  } finally {
    for (const piece of pieces) piece.fill(0);
  }
};
