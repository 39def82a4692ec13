/**
 * Secrets from a folder that somebody else fills, one file each: systemd's credentials ($CREDENTIALS_DIRECTORY, from
 * `LoadCredential=` and `LoadCredentialEncrypted=`, which systemd decrypts before the service starts), or Docker's
 * /run/secrets.
 *
 * `vault://if/prod/sip-key#token` is the file `if+prod+sip-key+token`: names of credentials have no slash, and references
 * have no `+`, so no two of them have one file and none leaves the folder.
 */
import { join } from 'node:path';

import {
  checkedRef,
  secretFault,
  SECRET_BYTES_MAX,
  secretRefText,
} from '../../ports/secret-store.ts';
import type { SecretRef, SecretStore } from '../../ports/secret-store.ts';
import { readPrivateVersion } from '../private-file.ts';

/** Longest name of a file, and of a credential (systemd's FDNAME_MAX), characters. */
const NAME_CHARS_MAX = 255;

/** `folder` is absolute. It is looked into for each secret, so a file that was replaced is seen at once. */
export const systemdSecrets = (folder: string): SecretStore => {
  let isClosed = false;
  return {
    name: 'systemd-creds',
    resolve: async (ref, signal) => {
      signal.throwIfAborted();
      if (isClosed) throw secretFault('secret.unavailable', 'the store is closed');
      const name = credentialName(checkedRef(ref));
      const path = join(folder, name);
      const read = await readPrivateVersion(path, {
        holds: 'credential',
        bytesMax: SECRET_BYTES_MAX,
      });
      if (read === undefined) {
        throw secretFault(
          'secret.not_found',
          `${secretRefText(ref)}: there is no credential ${name}`,
        );
      }
      if (signal.aborted) read.bytes.fill(0);
      signal.throwIfAborted();
      return read;
    },
    close: async () => {
      isClosed = true;
    },
  };
};

/** The file of a reference. @throws Fault `secret.invalid` where its name would be too long. */
export const credentialName = (ref: SecretRef): string => {
  const name = `${ref.path}/${ref.field}`.replaceAll('/', '+');
  if (name.length <= NAME_CHARS_MAX) return name;
  throw secretFault(
    'secret.invalid',
    `${secretRefText(ref)} is longer than a credential may be called (${NAME_CHARS_MAX} characters)`,
  );
};
