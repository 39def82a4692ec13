/**
 * Tokens for Vault. They travel in a header, which Node takes as a string only: a token, unlike a secret, cannot be zeroed.
 */
import { Buffer } from 'node:buffer';

import { secretFault } from '../../ports/secret-store.ts';
import { readPrivate } from '../private-file.ts';
import type { VaultClient } from './http.ts';
import { loginOf, refusalOf } from './reply.ts';
import type { Login } from './reply.ts';

export interface VaultTokens {
  /** A token that was good a moment ago. Rejects with the signal's reason once it aborts. */
  current(signal: AbortSignal): Promise<string>;
  /** Vault did not take it. Whether `current` may have another one now. */
  refuse(token: string): boolean;
  close(): void;
}

/** Tokens of Vault have about a hundred characters, secret ids 36. */
const FILE_BYTES_MAX = 4_096;

/** A token from a file, read anew for each secret: whoever renews it (`vault agent`) replaces the file. */
export const tokenFromFile = (path: string): VaultTokens => ({
  current: async (signal) => {
    const token = await lineOf(path);
    signal.throwIfAborted();
    return token;
  },
  refuse: () => false,
  close: () => undefined,
});

const lineOf = async (path: string): Promise<string> => {
  const bytes = await readPrivate(path, { holds: 'secret', bytesMax: FILE_BYTES_MAX });
  if (bytes === undefined) throw secretFault('secret.unavailable', `${path} is not there`);
  const text = bytes.toString('latin1').trim();
  bytes.fill(0);
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw secretFault('secret.invalid', `${path} must hold one line without spaces`);
};

export interface AppRole {
  readonly mount: string;
  readonly roleId: string;
  /** Read anew for each login. */
  readonly secretIdFile: string;
  /** Of a clock that only goes forward, ms. */
  readonly now: () => number;
}

interface HeldToken extends Login {
  readonly since: number;
}

/** A token is renewed when this much of its lease is over: early enough to try again, late enough to be rare. */
const RENEW_AT_SHARE = 2 / 3;
/** A renewal that gives less than this, ms, has come to the end of the token's life; a login brings a new one. */
const LEASE_WORTH_MS = 10_000;

/** A token younger than this, ms, was hardly revoked: it lacks the right, and no login for each such refusal helps. */
const REVOKED_AFTER_MS = 30_000;

/** Tokens by AppRole: a login when there is none, a renewal late in the lease, a login again where that is refused. */
export const tokensByRole = (client: VaultClient, role: AppRole): VaultTokens => {
  let held: HeldToken | undefined;
  let underWay: Promise<string> | undefined;
  const closed = new AbortController();
  const refresh = async (): Promise<string> => {
    const renewed =
      held === undefined ? undefined : await renew(client, held, role.now, closed.signal);
    held = renewed ?? (await login(client, role, closed.signal));
    return held.token;
  };
  return {
    current: async (signal) => {
      if (held !== undefined && isFresh(held, role.now())) return held.token;
      // One login for all who wait; who gives up leaves it to the others.
      underWay ??= refresh().finally(() => {
        underWay = undefined;
      });
      return orAborted(underWay, signal);
    },
    refuse: (token) => {
      if (held?.token !== token) return true;
      if (role.now() - held.since < REVOKED_AFTER_MS) return false;
      held = undefined;
      return true;
    },
    close: () => {
      held = undefined;
      closed.abort(secretFault('secret.unavailable', 'the store is closed'));
    },
  };
};

const isFresh = ({ leaseMs, since }: HeldToken, now: number): boolean =>
  leaseMs === 0 || now - since < leaseMs * RENEW_AT_SHARE;

const login = async (
  client: VaultClient,
  { mount, roleId, secretIdFile, now }: AppRole,
  signal: AbortSignal,
): Promise<HeldToken> => {
  const since = now();
  const secretId = await lineOf(secretIdFile);
  const body = Buffer.from(JSON.stringify({ role_id: roleId, secret_id: secretId }));
  try {
    const reply = await client.send({ method: 'POST', path: `auth/${mount}/login`, body }, signal);
    try {
      if (reply.status === 200) return { ...loginOf(reply), since };
      // A role or secret id that is not known is a 400.
      const status = reply.status === 400 ? 403 : reply.status;
      throw refusalOf({ ...reply, status }, `login by AppRole (auth/${mount})`);
    } finally {
      reply.body.fill(0);
    }
  } finally {
    body.fill(0);
  }
};

/** Undefined where only a login can help. */
const renew = async (
  client: VaultClient,
  held: HeldToken,
  now: () => number,
  signal: AbortSignal,
): Promise<HeldToken | undefined> => {
  const since = now();
  if (!held.isRenewable || since - held.since >= held.leaseMs) return undefined;
  const reply = await client.send(
    { method: 'POST', path: 'auth/token/renew-self', token: held.token },
    signal,
  );
  try {
    if (reply.status !== 200) return undefined;
    const renewed = loginOf(reply);
    return renewed.leaseMs < LEASE_WORTH_MS ? undefined : { ...renewed, since };
  } finally {
    reply.body.fill(0);
  }
};

const orAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => {
      const reason: unknown = signal.reason;
      reject(reason instanceof Error ? reason : new Error('aborted'));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
