/** Secrets in one encrypted file of the data folder. It is read and opened for each secret: nothing is kept in between. */
import { checkedRef, secretFault, secretRefText } from '../../ports/secret-store.ts';
import type { Secret, SecretRef, SecretStore } from '../../ports/secret-store.ts';
import { decodeBase64 } from './base64.ts';
import { isSameRef, readDocument } from './document.ts';
import { readIdentities, readSealed, unseal } from './sealed-file.ts';
import type { SecretFiles } from './sealed-file.ts';

/** While the identity is changed, a reader may meet the old file and the new key; the second look sees both new. */
const LOOKS_MAX = 2;

export const fileSecrets = (files: SecretFiles): SecretStore => {
  let isClosed = false;
  return {
    name: 'file',
    resolve: async (ref, signal) => {
      signal.throwIfAborted();
      if (isClosed) throw secretFault('secret.unavailable', 'the store is closed');
      const checked = checkedRef(ref);
      const plaintext = await openFile(files, signal);
      if (plaintext === undefined) throw missing(checked, files);
      try {
        return secretIn(plaintext, checked, files);
      } finally {
        plaintext.fill(0);
      }
    },
    close: async () => {
      isClosed = true;
    },
  };
};

/**
 * The plaintext of the file, the caller's to zero; undefined where there is no file yet.
 *
 * @throws Fault `secret.unavailable`, `secret.denied`, `secret.invalid`; the signal's reason once it aborts.
 */
export const openFile = async (
  files: SecretFiles,
  signal: AbortSignal,
): Promise<Buffer | undefined> => {
  for (let look = 1; ; look += 1) {
    const sealed = await readSealed(files.file);
    signal.throwIfAborted();
    if (sealed === undefined) return undefined;
    const identities = await readIdentities(files.key);
    signal.throwIfAborted();
    if (identities.length === 0) {
      throw secretFault(
        'secret.unavailable',
        `${files.key} is missing, and only it opens ${files.file}`,
      );
    }
    try {
      const plaintext = await unseal(sealed, identities, files.file);
      if (!signal.aborted) return plaintext;
      plaintext.fill(0);
    } catch (cause) {
      if (look === LOOKS_MAX) throw cause;
    }
    signal.throwIfAborted();
  }
};

const secretIn = (plaintext: Buffer, ref: SecretRef, files: SecretFiles): Secret => {
  const entry = readDocument(plaintext).entries.find((one) => isSameRef(one.ref, ref));
  if (entry === undefined) throw missing(ref, files);
  const bytes = decodeBase64(entry.base64);
  if (bytes === undefined) {
    throw secretFault('secret.invalid', `${secretRefText(ref)} is no Base64 in ${files.file}`);
  }
  return { bytes, version: String(entry.version) };
};

const missing = (ref: SecretRef, { file }: SecretFiles) =>
  secretFault('secret.not_found', `${secretRefText(ref)} is not in ${file}`);
