/**
 * The port of secret stores: from `vault://path#field` to bytes. Only the broker calls it, at the moment of use.
 *
 * S1  A secret leaves an adapter as a Buffer of its own, which the caller fills with zeros after use.
 * S2  A failure names the reference and the reason, never a value, a token or a reply's body.
 */

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
   * The secret now. Throws a Fault `secret.unavailable` (transient where asking again may work), `secret.not_found`
   * or `secret.denied`.
   */
  resolve(ref: SecretRef, signal: AbortSignal): Promise<Secret>;
  close(): Promise<void>;
}
