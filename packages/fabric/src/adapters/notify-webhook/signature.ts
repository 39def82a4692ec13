/**
 * Signatures of the Standard Webhooks scheme, symmetric form: HMAC-SHA256 over `id.timestamp.body`
 * (standardwebhooks.com, specification 1.0, “Signature scheme”).
 */
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { open } from 'node:fs/promises';

import { undelivered } from '../../ports/notifier.ts';

/** The scheme's bounds of a secret, bytes: below them it can be guessed, above them nothing is won. */
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;
/** While a secret is changed, the old and the new one sign. More than a few is a file of something else. */
const SECRETS_MAX = 4;
/** Longer than any file of secrets. */
const FILE_BYTES_MAX = 4_096;
const OTHERS = 0o007;
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/**
 * The secrets in a file, one a line, the newest first. Throws a permanent Fault where the file cannot be read, can be read
 * by everybody on the machine, or holds anything but `whsec_<base64>` lines. What the file holds is never in the Fault.
 */
export const readSecrets = async (path: string): Promise<readonly Buffer[]> => {
  const secrets = (await readPrivate(path))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => Buffer.from(SECRET.exec(line)?.[1] ?? '', 'base64'));
  const isSound = secrets.every(
    ({ length }) => length >= SECRET_BYTES_MIN && length <= SECRET_BYTES_MAX,
  );
  if (!isSound || secrets.length === 0 || secrets.length > SECRETS_MAX) {
    throw unfit(
      `${path} must hold 1 to ${SECRETS_MAX} lines of whsec_ and ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes in base64`,
    );
  }
  return secrets;
};

const readPrivate = async (path: string): Promise<string> => {
  try {
    const file = await open(path, 'r');
    try {
      const stat = await file.stat();
      if ((stat.mode & OTHERS) !== 0) throw unfit(`${path} is open to others: chmod 600 it`);
      if (!stat.isFile() || stat.size > FILE_BYTES_MAX) throw unfit(`${path} holds no secret`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'Fault') throw cause;
    throw unfit(`the secret of the webhook cannot be read: ${path}`, cause);
  }
};

export interface Signed {
  readonly id: string;
  /** Whole seconds since 1970. */
  readonly timestampS: number;
  readonly body: string;
}

/** The value of `webhook-signature`: one signature a secret, so that a receiver may know any of them. */
export const signatureOf = (secrets: readonly Buffer[], signed: Signed): string =>
  secrets.map((secret) => `v1,${macOf(secret, signed)}`).join(' ');

const macOf = (secret: Buffer, { id, timestampS, body }: Signed): string =>
  createHmac('sha256', secret).update(`${id}.${timestampS}.${body}`).digest('base64');

const unfit = (detail: string, cause?: unknown) => undelivered({ transient: false, detail, cause });
