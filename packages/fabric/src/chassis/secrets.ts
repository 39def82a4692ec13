/** The secret store of a configuration. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { envSecrets, variableOf, type TakenEnvironment } from '../adapters/secrets-env/store.ts';
import { secretKeeper, type SecretKeeper } from '../adapters/secrets-file/keeper.ts';
import type { SecretFiles } from '../adapters/secrets-file/sealed-file.ts';
import { fileSecrets } from '../adapters/secrets-file/store.ts';
import { credentialName, systemdSecrets } from '../adapters/secrets-systemd/store.ts';
import { vaultSecrets } from '../adapters/secrets-vault/store.ts';
import { Fault } from '../fault.ts';
import type { SecretRef, SecretStore } from '../ports/secret-store.ts';
import type { SecretsConfig } from './secrets-config.ts';

export interface SecretStoreParts {
  /** What relative paths are relative to. */
  readonly dataDir: string;
  /** The variables of the process themselves, not a copy: a store in variables takes its own out of them. */
  readonly env: TakenEnvironment;
}

/**
 * Opens the store; nothing is asked of it yet. Open it before any child is started: a store in variables takes them away
 * from those that come later only, and is opened once in the life of a process.
 *
 * @throws Fault `config.invalid` where systemd gave no folder, or the certificates cannot be read.
 */
export const openSecretStore = (
  config: SecretsConfig,
  { dataDir, env }: SecretStoreParts,
): SecretStore => {
  switch (config.kind) {
    case 'file':
      return fileSecrets(filesOf(config, dataDir));
    case 'env':
      return envSecrets(env);
    case 'systemd':
      return systemdSecrets(folderOf(config.folder ?? env['CREDENTIALS_DIRECTORY'], dataDir));
    case 'vault':
      return vaultSecrets({
        ...config,
        url: new URL(config.url),
        ca: config.caFile === undefined ? undefined : certificates(resolve(dataDir, config.caFile)),
        auth: absolute(config.auth, dataDir),
      });
  }
};

/** What changes the secrets of a configuration; undefined where their owner does it by other means. */
export const openSecretKeeper = (
  config: SecretsConfig,
  { dataDir }: Pick<SecretStoreParts, 'dataDir'>,
): SecretKeeper | undefined =>
  config.kind === 'file' ? secretKeeper(filesOf(config, dataDir)) : undefined;

/** Where a configuration looks for a reference, for people: the file, variable, credential or path. */
export const secretPlace = (config: SecretsConfig, ref: SecretRef): string => {
  switch (config.kind) {
    case 'file':
      return config.file;
    case 'env':
      return `the variable ${variableOf(ref)}`;
    case 'systemd':
      return `the credential ${credentialName(ref)}`;
    case 'vault':
      return `${config.url} ${config.mount}/data/${ref.path}, field ${ref.field}`;
  }
};

const filesOf = (
  { file, keyFile }: Extract<SecretsConfig, { readonly kind: 'file' }>,
  dataDir: string,
): SecretFiles => ({ file: resolve(dataDir, file), key: resolve(dataDir, keyFile) });

const folderOf = (folder: string | undefined, dataDir: string): string => {
  if (folder !== undefined && folder !== '') return resolve(dataDir, folder);
  throw new Fault('config.invalid', {
    transient: false,
    detail:
      'secrets are systemd’s, and CREDENTIALS_DIRECTORY is not set: add LoadCredential= to the unit',
  });
};

type VaultAuth = Extract<SecretsConfig, { readonly kind: 'vault' }>['auth'];

const absolute = (auth: VaultAuth, dataDir: string): VaultAuth =>
  auth.kind === 'token'
    ? { ...auth, tokenFile: resolve(dataDir, auth.tokenFile) }
    : { ...auth, secretIdFile: resolve(dataDir, auth.secretIdFile) };

const certificates = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Fault('config.invalid', {
      transient: false,
      detail: `the certificates of Vault cannot be read: ${path}`,
      cause,
    });
  }
};
