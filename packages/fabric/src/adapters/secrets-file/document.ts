/**
 * What the encrypted file holds, as JSON:
 *
 *     {"format":"ifab-secrets/1","revision":7,"secrets":{"if/prod/sip":{"token":{"version":5,"value":"<base64>"}}}}
 *
 * `revision` grows with each change of the file, and a secret's version is the revision that wrote it: a secret that was
 * removed and set again never has a version that it had before.
 */
import { Buffer } from 'node:buffer';

import {
  readSecretRef,
  secretBytes,
  secretFault,
  secretRefText,
} from '../../ports/secret-store.ts';
import type { SecretRef } from '../../ports/secret-store.ts';
import { countOf, JsonFault, membersOf, readJson, textOf } from '../json-bytes.ts';
import type { JsonSlot } from '../json-bytes.ts';

const FORMAT = 'ifab-secrets/1';

export interface DocumentEntry {
  readonly ref: SecretRef;
  readonly version: number;
  /** Base64 as it stands in the document; the document's to zero. */
  readonly base64: Buffer;
}

export interface SecretDocument {
  readonly revision: number;
  readonly entries: readonly DocumentEntry[];
}

export const EMPTY_DOCUMENT: SecretDocument = { revision: 0, entries: [] };

/**
 * Reads a document; its entries point into `text`, which the caller zeroes after use.
 *
 * @throws Fault `secret.invalid`, which holds none of the text.
 */
export const readDocument = (text: Buffer): SecretDocument => {
  try {
    return read(text);
  } catch (cause) {
    if (!(cause instanceof JsonFault)) throw cause;
    throw secretFault('secret.invalid', `the file of secrets is not ${FORMAT}: ${cause.message}`);
  }
};

const read = (text: Buffer): SecretDocument => {
  const members = membersOf(text, readJson(text));
  const slotOf = (name: string): JsonSlot => {
    const slot = members.get(name);
    if (slot === undefined) throw new JsonFault(`${name} is missing`);
    return slot;
  };
  if (textOf(text, slotOf('format')) !== FORMAT) throw new JsonFault('format is another');
  const entries: DocumentEntry[] = [];
  for (const [path, fields] of membersOf(text, slotOf('secrets'))) {
    for (const [field, slot] of membersOf(text, fields)) {
      entries.push(readEntry(text, { path, field }, slot));
    }
  }
  const revision = countOf(text, slotOf('revision'));
  if (entries.some(({ version }) => version > revision)) {
    throw new JsonFault('a version is above the revision');
  }
  return { revision, entries };
};

const readEntry = (text: Buffer, { path, field }: SecretRef, slot: JsonSlot): DocumentEntry => {
  const ref = readSecretRef(secretRefText({ path, field }));
  if (ref?.path !== path) throw new JsonFault('a name is no path, or no field');
  const members = membersOf(text, slot);
  const value = members.get('value');
  const version = members.get('version');
  if (value === undefined || version === undefined) {
    throw new JsonFault('a secret has no value, or no version');
  }
  if (value.kind !== 'string') throw new JsonFault('a value is no string');
  const { start, end } = value;
  return { ref, version: countOf(text, version), base64: text.subarray(start + 1, end - 1) };
};

/** The document as text, in the order of its references; the caller zeroes it after use. */
export const documentText = ({ revision, entries }: SecretDocument): Buffer => {
  const parts: Buffer[] = [Buffer.from(`{"format":"${FORMAT}","revision":${revision},"secrets":{`)];
  let before: string | undefined;
  // References hold no character that JSON would have to escape.
  for (const { ref, version, base64 } of entries.toSorted(byReference)) {
    const opening =
      before === undefined ? `"${ref.path}":{` : before === ref.path ? ',' : `},"${ref.path}":{`;
    parts.push(Buffer.from(`${opening}"${ref.field}":{"version":${version},"value":"`));
    parts.push(base64, Buffer.from('"}'));
    before = ref.path;
  }
  parts.push(Buffer.from(before === undefined ? '}}' : '}}}'));
  const text = secretBytes(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) at += part.copy(text, at);
  return text;
};

const byReference = (one: DocumentEntry, other: DocumentEntry): number =>
  compare(one.ref.path, other.ref.path) || compare(one.ref.field, other.ref.field);

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

export const isSameRef = (one: SecretRef, other: SecretRef): boolean =>
  one.path === other.path && one.field === other.field;
