import { ed25519 } from '@noble/curves/ed25519.js';
import { assert } from './assert.ts';
import {
  base64Decode,
  base64Encode,
  concatBytes,
  hashWrite,
  readU32,
  readU64,
  utf8Encode,
  writeU64,
} from './bytes.ts';
import { HASH_BYTES, type Sha256 } from './hash.ts';
import { isKeyName, type NoteSigner, type NoteVerifier } from './note.ts';

// Ed25519 keys of signed notes in the two forms C2SP gives them: plain signatures (0x01) and
// timestamped cosignatures of witnesses (0x04). A key's id is no proof of anything: it finds the
// key that the reader already trusts.

/** The signature scheme, injected: `node:crypto` verifies in 93 µs, the portable one in 1,100. */
export interface Ed25519 {
  /** Once a key. The returned function must be RFC 8032 strict (S < L) and must not throw. */
  readonly verifier: (
    publicKey: Uint8Array,
  ) => (message: Uint8Array, signature: Uint8Array) => boolean;
  readonly signer: (seed: Uint8Array) => (message: Uint8Array) => Uint8Array;
  readonly publicKey: (seed: Uint8Array) => Uint8Array;
}

export interface Primitives {
  readonly sha256: Sha256;
  readonly ed25519: Ed25519;
}

export type KeyUse = 'note' | 'cosignature';

export interface PublicKey {
  readonly name: string;
  readonly keyId: number;
  readonly use: KeyUse;
  readonly bytes: Uint8Array;
}

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;
export const SEED_BYTES = 32;
const TIME_BYTES = 8;
const TYPE_BYTE = { note: 0x01, cosignature: 0x04 } as const satisfies Record<KeyUse, number>;
const SKEY_PREFIX = 'PRIVATE+KEY+';

/** Ed25519 in JavaScript alone. `zip215: false` is RFC 8032's strict verification. */
export const portableEd25519: Ed25519 = {
  verifier: (publicKey) => (message, signature) =>
    signature.length === SIGNATURE_BYTES &&
    ed25519.verify(signature, message, publicKey, { zip215: false }),
  signer: (seed) => (message) => ed25519.sign(message, seed),
  publicKey: (seed) => ed25519.getPublicKey(seed),
};

/** Reads `<name>+<8 hex>+<base64 of type ‖ key>`. `undefined` for other algorithms, a wrong id,
    and points that a signature of nobody would fit: small order, not on the curve. */
export function parseVkey(sha256: Sha256, vkey: string): PublicKey | undefined {
  // The name holds no plus; the key's base64 may.
  const nameEnd = vkey.indexOf('+');
  const idEnd = vkey.indexOf('+', nameEnd + 1);
  const name = vkey.slice(0, Math.max(nameEnd, 0));
  const typed = base64Decode(vkey.slice(idEnd + 1));
  if (typed?.length !== 1 + PUBLIC_KEY_BYTES || !isKeyName(name)) return undefined;
  const use = useOf(typed[0]);
  const bytes = typed.slice(1);
  if (use === undefined || !isSoundPoint(bytes)) return undefined;
  const keyId = keyIdOf(sha256, { name, use, bytes });
  return vkey.slice(nameEnd + 1, idEnd) === hexId(keyId) ? { name, keyId, use, bytes } : undefined;
}

export function formatVkey({ name, keyId, use, bytes }: PublicKey): string {
  return `${name}+${hexId(keyId)}+${base64Encode(concatBytes(Uint8Array.of(TYPE_BYTE[use]), bytes))}`;
}

/** The key that `seed` (32 bytes) makes under `name`. Defect: not a key name. */
export function publicKeyOf(
  primitives: Primitives,
  key: { readonly name: string; readonly use: KeyUse; readonly seed: Uint8Array },
): PublicKey {
  assert(isKeyName(key.name), 'not a key name');
  const named = { name: key.name, use: key.use, bytes: primitives.ed25519.publicKey(key.seed) };
  return { ...named, keyId: keyIdOf(primitives.sha256, named) };
}

/** `PRIVATE+KEY+<name>+<8 hex>+<base64 of type ‖ seed>`, as Go's `note` writes it. */
export function formatSkey(key: PublicKey, seed: Uint8Array): string {
  return SKEY_PREFIX + formatVkey({ ...key, bytes: seed });
}

/** Reads a signing key and derives its public half. `undefined` when the form or the id is wrong. */
export function parseSkey(
  primitives: Primitives,
  skey: string,
): { readonly key: PublicKey; readonly seed: Uint8Array } | undefined {
  const [name, id, ...material] = skey.slice(SKEY_PREFIX.length).split('+');
  const typed = base64Decode(material.join('+'));
  if (!skey.startsWith(SKEY_PREFIX) || name === undefined || !isKeyName(name)) return undefined;
  const use = useOf(typed?.[0]);
  if (typed?.length !== 1 + SEED_BYTES || use === undefined) return undefined;
  const seed = typed.slice(1);
  const key = publicKeyOf(primitives, { name, use, seed });
  return id === hexId(key.keyId) ? { key, seed } : undefined;
}

/** A verifier of notes (`note` keys) or of checkpoints that a witness cosigned (`cosignature`). */
export function noteVerifier(primitives: Primitives, key: PublicKey): NoteVerifier {
  const verify = primitives.ed25519.verifier(key.bytes);
  const { name, keyId } = key;
  if (key.use === 'note') return { name, keyId, verify };
  return {
    name,
    keyId,
    verify: (text, signature) => {
      const timeS = cosignatureTimeS(signature);
      if (timeS === undefined) return false;
      return verify(cosignedMessage(text, timeS), signature.subarray(TIME_BYTES));
    },
  };
}

/** A signer of plain notes. */
export function noteSigner(primitives: Primitives, key: PublicKey, seed: Uint8Array): NoteSigner {
  assert(key.use === 'note', 'a cosignature needs a time: use cosigner');
  return { name: key.name, keyId: key.keyId, sign: primitives.ed25519.signer(seed) };
}

/** A witness's signer of one moment, `timeS` in seconds since 1970. */
export function cosigner(
  primitives: Primitives,
  key: PublicKey,
  secret: { readonly seed: Uint8Array; readonly timeS: number },
): NoteSigner {
  assert(key.use === 'cosignature', 'not a key for cosignatures');
  const sign = primitives.ed25519.signer(secret.seed);
  return {
    name: key.name,
    keyId: key.keyId,
    sign: (text) => {
      const time = new Uint8Array(TIME_BYTES);
      writeU64(time, 0, secret.timeS);
      return concatBytes(time, sign(cosignedMessage(text, secret.timeS)));
    },
  };
}

/** When a cosignature says it was made, in seconds since 1970; `undefined` when it is none. */
export function cosignatureTimeS(signature: Uint8Array): number | undefined {
  if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined;
  const timeS = readU64(signature, 0);
  return Number.isSafeInteger(timeS) ? timeS : undefined;
}

function cosignedMessage(text: Uint8Array, timeS: number): Uint8Array {
  return concatBytes(utf8Encode(`cosignature/v1\ntime ${timeS}\n`), text);
}

/** SHA-256(name ‖ LF ‖ type ‖ key)[0, 4) as a number. */
function keyIdOf(sha256: Sha256, key: Omit<PublicKey, 'keyId'>): number {
  const typed = concatBytes(utf8Encode(`${key.name}\n`), Uint8Array.of(TYPE_BYTE[key.use]));
  const digest = new Uint8Array(HASH_BYTES);
  assert(hashWrite(sha256(concatBytes(typed, key.bytes)), digest, 0), 'sha256 gave no digest');
  return readU32(digest, 0);
}

function useOf(typeByte: number | undefined): KeyUse | undefined {
  if (typeByte === TYPE_BYTE.note) return 'note';
  return typeByte === TYPE_BYTE.cosignature ? 'cosignature' : undefined;
}

/** With a key of small order anybody can make signatures that OpenSSL accepts, so the check is
    here and not left to the injected scheme. */
function isSoundPoint(bytes: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(bytes).isSmallOrder();
  } catch {
    // Not a canonical point of the curve: the library's way to say no.
    return false;
  }
}

function hexId(keyId: number): string {
  return keyId.toString(16).padStart(8, '0');
}
