/**
 * Secrets from HashiCorp Vault, or OpenBao, key-value engine version 2:
 * `vault://if/prod/sip-key#token` is field `token` of `<mount>/data/if/prod/sip-key`, its newest version.
 * API: “KV secrets engine - version 2 (API)”, “AppRole auth method (API)” of Vault's documentation.
 */
import { checkedRef, secretFault, secretRefText } from '../../ports/secret-store.ts';
import type { Secret, SecretRef, SecretStore } from '../../ports/secret-store.ts';
import { vaultClient } from './http.ts';
import type { VaultAddress, VaultClient } from './http.ts';
import { tokenFromFile, tokensByRole } from './login.ts';
import type { VaultTokens } from './login.ts';
import { refusalOf, secretOf } from './reply.ts';

export type VaultAuth =
  | { readonly kind: 'token'; /** Absolute. */ readonly tokenFile: string }
  | {
      readonly kind: 'approle';
      readonly mount: string;
      readonly roleId: string;
      /** Absolute. */
      readonly secretIdFile: string;
    };

export interface VaultOptions extends VaultAddress {
  /** Where the key-value engine is mounted: `secret`. */
  readonly mount: string;
  readonly auth: VaultAuth;
  /** Of a clock that only goes forward, ms. */
  readonly now?: () => number;
}

/** A token that was refused may have been revoked; the second one is fresh, and its no is the answer. */
const TOKENS_MAX = 2;

export const vaultSecrets = (options: VaultOptions): SecretStore => {
  const client = vaultClient(options);
  const tokens = tokensOf(client, options);
  const closed = new AbortController();
  return {
    name: 'vault',
    resolve: async (ref, signal) => {
      signal.throwIfAborted();
      closed.signal.throwIfAborted();
      const path = `${options.mount}/data/${checkedRef(ref).path}`;
      const either = AbortSignal.any([signal, closed.signal]);
      return readSecret({ client, tokens, path }, ref, either);
    },
    close: async () => {
      closed.abort(secretFault('secret.unavailable', 'the store is closed'));
      tokens.close();
      client.close();
    },
  };
};

const tokensOf = (
  client: VaultClient,
  { auth, now = () => performance.now() }: VaultOptions,
): VaultTokens =>
  auth.kind === 'token' ? tokenFromFile(auth.tokenFile) : tokensByRole(client, { ...auth, now });

interface Reading {
  readonly client: VaultClient;
  readonly tokens: VaultTokens;
  readonly path: string;
}

const readSecret = async (
  { client, tokens, path }: Reading,
  ref: SecretRef,
  signal: AbortSignal,
): Promise<Secret> => {
  for (let tried = 1; ; tried += 1) {
    const token = await tokens.current(signal);
    const reply = await client.send({ method: 'GET', path, token }, signal);
    try {
      if (reply.status === 200) return secretOf(reply, ref);
      const isRefused = reply.status === 403;
      if (!isRefused || !tokens.refuse(token) || tried === TOKENS_MAX) {
        throw refusalOf(reply, secretRefText(ref));
      }
    } finally {
      reply.body.fill(0);
    }
  }
};
