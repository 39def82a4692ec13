/**
 * The port of secret stores: from `vault://path#field` to bytes. Only the broker calls it, at the moment of use.
 *
 * S1  A secret leaves an adapter as a Buffer of its own, which the caller fills with zeros after use.
 * S2  A failure names the reference and the reason, never a value, a token or a reply's body; nor does its cause.
 */
import { SecretReference } from '@infrafabric/protocol';

import { Fault } from '../fault.ts';

/** `vault://<path>#<field>`, taken apart. */
export interface SecretRef {
  readonly path: string;
  readonly field: string;
}

export interface Secret {
  /** The caller's to zero. */
  readonly bytes: Buffer;
  /** What the store calls this version; a new one ends handles of the old (rotation). */
  readonly version: string;
}

export interface SecretStore {
  /** For reports: `file`, `env`, `systemd-creds`, `vault`. */
  readonly name: string;
  /**
   * The secret now. Throws a Fault `secret.unavailable` (transient where asking again may work), `secret.not_found`,
   * `secret.denied`, or `secret.invalid` where the reference or what the store holds can never be taken. Rejects with
   * the signal's reason once it aborts.
   */
  resolve(ref: SecretRef, signal: AbortSignal): Promise<Secret>;
  /** Forgets what it holds. Later calls of `resolve` reject with `secret.unavailable`. */
  close(): Promise<void>;
}

/** Bytes of one secret: the largest are keys and certificates in PEM, a tenth of this. Vault takes 1 MiB an entry. */
export const SECRET_BYTES_MAX = 65_536;

/**
 * Memory for a secret, zeros so far. It is outside V8's heap, because inside (where `Buffer.alloc` puts small ones) the
 * collector moves them and leaves copies behind that nobody can zero; and it is not of Node's pool, whose memory others get.
 */
export const secretBytes = (length: number): Buffer => Buffer.from(new ArrayBuffer(length));

const SCHEME = 'vault://';

/** A reference from its text; undefined where it is none. The path cannot climb: no segment is empty or begins with a dot. */
export const readSecretRef = (text: string): SecretRef | undefined => {
  if (!SecretReference.safeParse(text).success) return undefined;
  const at = text.indexOf('#');
  return { path: text.slice(SCHEME.length, at), field: text.slice(at + 1) };
};

export const secretRefText = ({ path, field }: SecretRef): string => `${SCHEME}${path}#${field}`;

type SecretCode = 'secret.unavailable' | 'secret.not_found' | 'secret.denied' | 'secret.invalid';

/** A store's no. A `cause` must be one whose text the store knows: a parser's message may quote what it parsed (S2). */
export const secretFault = (
  code: SecretCode,
  detail: string,
  more: { readonly transient?: boolean; readonly cause?: unknown } = {},
): Fault => new Fault(code, { transient: false, ...more, detail });

/**
 * A reference as adapters take it: one that did not come through `readSecretRef` must still not climb out of a folder.
 *
 * @throws Fault `secret.invalid`
 */
export const checkedRef = (ref: SecretRef): SecretRef => {
  const checked = readSecretRef(secretRefText(ref));
  // A path with `#` in it reads as another reference than the one that was given.
  if (checked?.path === ref.path && checked.field === ref.field) return checked;
  throw secretFault('secret.invalid', 'the reference is not of the form vault://path#field');
};
