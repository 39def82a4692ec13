/**
 * Secrets from variables, for containers and CI that give them so: `vault://if/prod/sip-key#token` is
 * `IFAB_SECRET_IF_PROD_SIP_KEY_TOKEN`, in UTF-8.
 *
 * All such variables are taken out of the environment when the store opens, so that no child inherits one. What the kernel
 * keeps of a process's first environment (/proc/PID/environ) stays: it is the weakest of the stores.
 */
import { Buffer } from 'node:buffer';

import {
  checkedRef,
  secretBytes,
  secretFault,
  SECRET_BYTES_MAX,
  secretRefText,
} from '../../ports/secret-store.ts';
import type { SecretRef, SecretStore } from '../../ports/secret-store.ts';

/** The variables of a process; the store deletes its own. */
export type TakenEnvironment = Record<string, string | undefined>;

const PREFIX = 'IFAB_SECRET_';
/** Variables cannot change while the process runs, so each secret has one version. */
const VERSION = '1';

export const envSecrets = (env: TakenEnvironment): SecretStore => {
  const values = takeSecrets(env);
  // Two references may have one variable (`a-b#c`, `a/b#c`). It is the first one's that asks, and no other's.
  const owners = new Map<string, string>();
  let isClosed = false;
  return {
    name: 'env',
    resolve: async (ref, signal) => {
      signal.throwIfAborted();
      if (isClosed) throw secretFault('secret.unavailable', 'the store is closed');
      const text = secretRefText(checkedRef(ref));
      const name = variableOf(ref);
      const value = values.get(name);
      if (value === undefined) throw secretFault('secret.not_found', `${text}: ${name} is not set`);
      const owner = owners.get(name) ?? text;
      if (owner !== text) {
        throw secretFault('secret.denied', `${text}: ${name} is the variable of ${owner}`);
      }
      if (value.length > SECRET_BYTES_MAX) {
        throw secretFault('secret.invalid', `${text} has more than ${SECRET_BYTES_MAX} bytes`);
      }
      owners.set(name, text);
      const bytes = secretBytes(value.length);
      value.copy(bytes);
      return { bytes, version: VERSION };
    },
    close: async () => {
      isClosed = true;
      for (const value of values.values()) value.fill(0);
      values.clear();
    },
  };
};

/** The variable that a reference is read from: capitals, and `_` for all that is no letter or digit. */
export const variableOf = ({ path, field }: SecretRef): string =>
  `${PREFIX}${`${path}_${field}`.replaceAll(/[^A-Za-z0-9]/g, '_').toUpperCase()}`;

export const isSecretVariable = (name: string): boolean => name.startsWith(PREFIX);

const takeSecrets = (env: TakenEnvironment): Map<string, Buffer> => {
  const values = new Map<string, Buffer>();
  for (const [name, value] of Object.entries(env)) {
    if (!isSecretVariable(name)) continue;
    // An empty one is one that somebody unset.
    if (value !== undefined && value !== '') values.set(name, Buffer.from(value, 'utf8'));
    Reflect.deleteProperty(env, name);
  }
  return values;
};
