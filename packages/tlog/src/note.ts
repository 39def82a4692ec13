import { assert } from './assert.ts';
import { base64Decode, base64Encode, concatBytes, readU32, utf8Encode, writeU32 } from './bytes.ts';

// C2SP signed-note: a text that ends in a newline, an empty line, signature lines. The bytes of
// the text are what is signed. Unknown signatures are ignored; a bad one of a known key refuses
// the whole note, because somebody tried.

/** Bytes of a whole note: room for 64 post-quantum cosignatures of 3.3 kB. */
export const NOTE_BYTES_MAX = 262_144;

/** Signature lines of a note; C2SP asks readers for at least 16. */
export const NOTE_SIGNATURES_MAX = 64;

/** Characters of a key name. A vkey of an ordinary name stays within one line of a terminal. */
export const KEY_NAME_CHARS_MAX = 255;

export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  /** Without the four bytes of the key id. */
  readonly signature: Uint8Array;
}

export interface NoteVerifier {
  readonly name: string;
  readonly keyId: number;
  /** Whether `signature` is this key's over `text`. Never throws, whatever the bytes. */
  readonly verify: (text: Uint8Array, signature: Uint8Array) => boolean;
}

export interface NoteSigner {
  readonly name: string;
  readonly keyId: number;
  readonly sign: (text: Uint8Array) => Uint8Array;
}

export type OpenedNote =
  | {
      readonly kind: 'opened';
      readonly text: string;
      /** One a key, in the order of the note. Never empty. */
      readonly verified: readonly NoteSignature[];
      readonly unknown: readonly NoteSignature[];
    }
  | { readonly kind: 'refused'; readonly reason: NoteFlaw };

export type NoteFlaw = 'note_bytes' | 'malformed' | 'bad_signature' | 'unverified';

export type ParsedNote =
  | { readonly kind: 'note'; readonly text: string; readonly signatures: readonly NoteSignature[] }
  | { readonly kind: 'refused'; readonly reason: 'note_bytes' | 'malformed' };

const SIGNATURE_PREFIX = '— ';
const DIVIDER = '\n\n';
const KEY_ID_BYTES = 4;

/** Signs `text` with each signer. Defect: the text does not end in a newline or holds characters
    that a note forbids. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  const bytes = utf8Encode(text);
  return assembleNote(
    text,
    signers.map(({ name, keyId, sign }) => ({ name, keyId, signature: sign(bytes) })),
  );
}

/** A note of a text and signatures made elsewhere (a thread pool, a witness). */
export function assembleNote(text: string, signatures: readonly NoteSignature[]): string {
  assert(isNoteText(text), 'not the text of a note');
  assert(signatures.length > 0, 'a note without signatures');
  return `${text}\n${signatures.map(formatSignatureLine).join('')}`;
}

/** Adds a signature line to a note, as witnesses and key rotation do. */
export function appendSignature(note: string, signature: NoteSignature): string {
  return note + formatSignatureLine(signature);
}

export function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  assert(isKeyName(name), 'not a key name');
  assert(signature.length > 0, 'an empty signature');
  const id = new Uint8Array(KEY_ID_BYTES);
  writeU32(id, 0, keyId);
  return `${SIGNATURE_PREFIX}${name} ${base64Encode(concatBytes(id, signature))}\n`;
}

/** Checks the form of a note and takes it apart; no signature is looked at. */
export function parseNote(note: string): ParsedNote {
  if (note.length > NOTE_BYTES_MAX) return { kind: 'refused', reason: 'note_bytes' };
  const divider = note.lastIndexOf(DIVIDER);
  const text = note.slice(0, divider + 1);
  const block = note.slice(divider + DIVIDER.length);
  if (divider < 0 || !isNoteText(text) || !block.endsWith('\n')) return malformed();
  const lines = block.slice(0, -1).split('\n', NOTE_SIGNATURES_MAX + 1);
  if (lines.length > NOTE_SIGNATURES_MAX) return malformed();
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === undefined) return malformed();
    signatures.push(signature);
  }
  return { kind: 'note', text, signatures };
}

/** Opens a note for a reader who trusts `verifiers`: at least one of them must have signed, and
    none of their signatures may be bad. Never throws. */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): OpenedNote {
  const parsed = parseNote(note);
  if (parsed.kind === 'refused') return parsed;
  const text = utf8Encode(parsed.text);
  const verified: NoteSignature[] = [];
  const unknown: NoteSignature[] = [];
  for (const signature of parsed.signatures) {
    const verifier = verifiers.find((known) => isOf(signature, known));
    if (verifier === undefined) unknown.push(signature);
    // A key counts once, however often it signed.
    else if (verified.some((seen) => isOf(seen, verifier))) continue;
    else if (verifier.verify(text, signature.signature)) verified.push(signature);
    else return { kind: 'refused', reason: 'bad_signature' };
  }
  if (verified.length === 0) return { kind: 'refused', reason: 'unverified' };
  return { kind: 'opened', text: parsed.text, verified, unknown };
}

/** One signature line without its newline, or `undefined`. */
export function parseSignatureLine(line: string): NoteSignature | undefined {
  if (!line.startsWith(SIGNATURE_PREFIX)) return undefined;
  const space = line.lastIndexOf(' ');
  const name = line.slice(SIGNATURE_PREFIX.length, space);
  const bytes = base64Decode(line.slice(space + 1));
  if (space < SIGNATURE_PREFIX.length || !isKeyName(name) || bytes === undefined) return undefined;
  if (bytes.length <= KEY_ID_BYTES) return undefined;
  return { name, keyId: readU32(bytes, 0), signature: bytes.slice(KEY_ID_BYTES) };
}

/** Not empty, well-formed, without white space, control characters or plus. */
export function isKeyName(name: string): boolean {
  const fits = name.length > 0 && name.length <= KEY_NAME_CHARS_MAX && name.isWellFormed();
  return fits && !/[\p{White_Space}\u0000-\u001f+]/u.test(name);
}

/** Whether both name the same key: name and id together, as C2SP has it. */
export function isOf(signature: NoteSignature, key: NoteVerifier): boolean {
  return signature.keyId === key.keyId && signature.name === key.name;
}

function isNoteText(text: string): boolean {
  return text.endsWith('\n') && text.isWellFormed() && !/[\u0000-\u0009\u000b-\u001f]/.test(text);
}

function malformed(): ParsedNote & { readonly kind: 'refused' } {
  return { kind: 'refused', reason: 'malformed' };
}
