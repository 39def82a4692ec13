/**
 * Tokens: opaque to their bearers, checked without a table, made without a signature.
 *
 * T1  A token that the fabric did not make is refused, whatever part of it was changed.
 * T2  The key never leaves the nodes that may lead; a token names it, so that it can be replaced.
 * T3  Secrets are compared in a time that does not depend on where they differ.
 *
 * The MAC is NMAC (Bellare, Canetti, Krawczyk, "Keying Hash Functions for Message Authentication", CRYPTO 1996, §4):
 * SHA-256 keyed by two independent keys, each in a first block of its own, the construction of which HMAC (FIPS 198-1)
 * is the one-key form. A keyed block is 64 hex digits, so 256 bits of key in the 64 bytes of a block. `crypto.hash`
 * with string results takes 1.1 µs for both hashes where an `Hmac` object takes 2.2.
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { Buffer } from 'node:buffer';
import {
  fencingTokenFrom,
  reject,
  SESSION_TOKEN_MS,
  type FencingToken,
  type Rejection,
} from '@infrafabric/protocol';
import type { Fence } from '@infrafabric/core';

/** Characters of base64url kept of a MAC: 132 bits, above the 128 of NIST SP 800-107 §5.3.4. */
const MAC_CHARS = 22;
const SECRET_BYTES_MIN = 32;
const OPERATOR_PREFIX = 'ifo1.';
const SESSION_PREFIX = 'ifs1.';

export interface TokenSecrets {
  /** The realm's secret, at least 32 random bytes. Never in the log. */
  readonly realm: Uint8Array;
  /** SHA-256 of the operator's token, as hex. The token itself is not kept. */
  readonly operatorTokenSha256: string;
}

/** One token was issued for this grant of this task. */
export interface Granted {
  readonly taskId: string;
  readonly epoch: number;
  readonly fence: number;
  readonly sessionId: string;
}

export interface SessionToken {
  readonly token: string;
  readonly expiresAt: number;
}

export type Bearer =
  | { readonly kind: 'operator' }
  | { readonly kind: 'session'; readonly sessionId: string; readonly expiresAt: number };

export interface Tokens {
  fencingToken(granted: Granted): FencingToken;
  /** What a fencing token says of `taskId`, or `lease.forged`. Says nothing about whether the lease still lives. */
  readFencingToken(taskId: string, token: string): Fence | Rejection;
  /** A token for a session, valid for SESSION_TOKEN_MS from `at` and only while the session is open. */
  sessionToken(sessionId: string, at: number): SessionToken;
  /** Who bears this credential, or `auth.missing`, `auth.invalid`, `auth.expired`. */
  readBearer(bearer: string | undefined, at: number): Bearer | Rejection;
}

type Mac = (message: string) => string;

/** Tokens of one realm. Defect: a secret shorter than 32 bytes. */
export function createTokens(realm: string, secrets: TokenSecrets): Tokens {
  if (secrets.realm.length < SECRET_BYTES_MIN) throw new Error('the realm secret is too short');
  const keyId = derive(secrets.realm, 'ifab/key-id/v1').slice(0, 8);
  const fenceMac = macOf(secrets.realm, 'fence');
  const sessionMac = macOf(secrets.realm, 'session');
  const operatorDigest = Buffer.from(secrets.operatorTokenSha256, 'hex');
  // Ids hold no `|`, so no two grants give one message.
  const macOfGrant = ({ taskId, epoch, fence, sessionId }: Granted): string =>
    fenceMac(`${realm}|${taskId}|${epoch}|${fence}|${sessionId}`);

  return {
    fencingToken: (granted) =>
      fencingTokenFrom(
        `${granted.epoch}.${granted.fence}.${granted.sessionId}.${keyId}.${macOfGrant(granted)}`,
      ),

    readFencingToken: (taskId, token) => {
      const [epoch = '', fence = '', holder = '', key = '', mac = '', ...more] = token.split('.');
      const granted = { taskId, epoch: decimal(epoch), fence: decimal(fence), sessionId: holder };
      const whole = more.length === 0 && granted.epoch >= 0 && granted.fence >= 0 && key === keyId;
      if (!whole || !sameText(mac, macOfGrant(granted))) {
        return reject('lease.forged', `The fencing token was not issued for ${taskId}.`);
      }
      return { epoch: granted.epoch, holder, n: granted.fence };
    },

    sessionToken: (sessionId, at) => {
      const expiresAt = at + SESSION_TOKEN_MS;
      const claim = `${sessionId}.${expiresAt.toString(36)}`;
      return { token: `${SESSION_PREFIX}${claim}.${sessionMac(`${realm}|${claim}`)}`, expiresAt };
    },

    readBearer: (bearer, at) => {
      if (bearer === undefined || bearer === '') {
        return reject('auth.missing', 'Send `Authorization: Bearer <token>`.');
      }
      if (bearer.startsWith(OPERATOR_PREFIX)) return readOperator(bearer, operatorDigest);
      if (!bearer.startsWith(SESSION_PREFIX)) return INVALID;
      const [sessionId = '', expires = '', mac = '', ...more] = bearer
        .slice(SESSION_PREFIX.length)
        .split('.');
      const expected = sessionMac(`${realm}|${sessionId}.${expires}`);
      if (more.length > 0 || !sameText(mac, expected)) return INVALID;
      const expiresAt = Number.parseInt(expires, 36);
      if (expiresAt <= at) return EXPIRED;
      return { kind: 'session', sessionId, expiresAt };
    },
  };
}

/** A new operator token: 32 random bytes. */
export const operatorTokenFrom = (random: Uint8Array): string =>
  OPERATOR_PREFIX + Buffer.from(random).toString('base64url');

export const sha256Hex = (text: string): string => hash('sha256', text, 'hex');

/** Digest of one principal's idempotency key as the log names it: 132 bits of SHA-256(principal ‖ LF ‖ key). */
export const idempotencyDigest = (principal: string, key: string): string =>
  hash('sha256', `${principal}\n${key}`, 'base64url').slice(0, MAC_CHARS);

export const EXPIRED = reject('auth.expired', 'The session token has expired; open a new session.');
const INVALID = reject('auth.invalid', 'The token is not one of this realm.');

const readOperator = (bearer: string, digest: Buffer): Bearer | Rejection =>
  timingSafeEqual(Buffer.from(sha256Hex(bearer), 'hex'), digest) ? { kind: 'operator' } : INVALID;

const derive = (secret: Uint8Array, purpose: string): string =>
  createHmac('sha256', secret).update(purpose).digest('hex');

const macOf = (secret: Uint8Array, purpose: string): Mac => {
  const outer = derive(secret, `ifab/${purpose}/outer/v1`);
  const inner = derive(secret, `ifab/${purpose}/inner/v1`);
  return (message) =>
    hash('sha256', outer + hash('sha256', inner + message, 'base64url'), 'base64url').slice(
      0,
      MAC_CHARS,
    );
};

/** The number that a decimal text without a leading zero names, or −1. */
const decimal = (text: string): number => (/^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : -1);

const sameText = (given: string, expected: string): boolean => {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
};
