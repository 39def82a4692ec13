/**
 * Replies without the secret that the request carried. An endpoint that echoes what it was sent is the one way by which a
 * broker would hand a credential to its guest.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

import { lowerCase, type Forms } from './forms.ts';
import type { HeaderPairs } from './headers.ts';
import { unescaped } from './unescaped.ts';

/** Stands where a secret was. */
export const REDACTED = '[redacted]';
/** Escapes inside of escapes that are undone: JSON in JSON, a URL in a URL. */
const ESCAPES_DEEP_MAX = 2;
/**
 * Bytes that one byte of a form may take when it is escaped twice and wrapped: `%25%34%31` has 9, `\\u0025\\u0034\\u0031`
 * three times 7. Two neighbouring windows share this much for each byte of the longest form.
 */
const ESCAPED_BYTES_MAX = 24;
/**
 * Bytes that are searched in one turn of the event loop, 256 KiB: a few ms. More: the watchdogs of other runs wait
 * longer; less: more is searched twice.
 */
const WINDOW_BYTES = 256 * 1024;

/** Places of a reply that are cut out one by one; one that holds more is nothing but an echo and goes as a whole. */
const ECHOES_MAX = 10_000;

interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Scrubbed {
  readonly bytes: Buffer;
  /** Whether the secret was there. */
  readonly isEchoed: boolean;
}

/**
 * A whole reply with every form of the secret replaced, so that no chunk's border hides one. Searched in windows that
 * overlap by more than any form is long, with a turn of the event loop between them.
 */
export const scrubBody = async (bytes: Buffer, forms: Forms): Promise<Scrubbed> => {
  const shared = forms.bytesMax * ESCAPED_BYTES_MAX;
  const ranges: Range[] = [];
  for (let at = 0; at < bytes.length; at += WINDOW_BYTES) {
    if (at > 0) await nextTurn();
    const window = bytes.subarray(at, at + WINDOW_BYTES + shared);
    for (const { start, end } of rangesOf(window, forms))
      ranges.push({ start: at + start, end: at + end });
    if (ranges.length > ECHOES_MAX) return { bytes: Buffer.from(REDACTED), isEchoed: true };
  }
  return replaced(bytes, ranges);
};

/** The same in one turn, for what is short. */
export const scrub = (bytes: Buffer, forms: Forms): Scrubbed =>
  replaced(bytes, rangesOf(bytes, forms));

const rangesOf = (bytes: Buffer, forms: Forms): readonly Range[] => {
  const ranges: Range[] = [];
  search(bytes, forms, { ranges, starts: undefined });
  let view = unescaped(bytes);
  for (let deep = 0; view !== undefined && deep < ESCAPES_DEEP_MAX; deep += 1) {
    const { bytes: plain, starts } = view;
    search(plain, forms, { ranges, starts });
    const next = deep + 1 < ESCAPES_DEEP_MAX ? unescaped(plain) : undefined;
    view = next && { bytes: next.bytes, starts: next.starts.map((start) => starts[start] ?? 0) };
  }
  return ranges;
};

export interface ScrubbedHeaders {
  readonly headers: HeaderPairs;
  readonly isEchoed: boolean;
}

/** Values are scrubbed; a header whose name holds the secret is dropped. */
export const scrubHeaders = (headers: HeaderPairs, forms: Forms): ScrubbedHeaders => {
  let isEchoed = false;
  const kept: (readonly [string, string])[] = [];
  for (const [name, value] of headers) {
    const clean = scrub(Buffer.from(value, 'latin1'), forms);
    const isNamed = scrub(Buffer.from(name, 'latin1'), forms).isEchoed;
    isEchoed ||= clean.isEchoed || isNamed;
    if (!isNamed) kept.push([name, clean.isEchoed ? clean.bytes.toString('latin1') : value]);
  }
  return { headers: kept, isEchoed };
};

interface Found {
  readonly ranges: Range[];
  /** Where each byte stood in the original; undefined where it is the original. */
  readonly starts: Uint32Array | undefined;
}

/** Adds where the forms stand in `bytes`, in places of the original. */
const search = (bytes: Buffer, { exact, anyCase }: Forms, { ranges, starts }: Found): void => {
  const place = (at: number): number => starts?.[at] ?? at;
  for (const form of exact) {
    for (const at of placesOf(bytes, form)) {
      // The digits beside a base64 form hold the secret's first and last bits: they go as well.
      const start = isDigit(bytes[at - 1]) ? at - 1 : at;
      const end = at + form.length;
      ranges.push({ start: place(start), end: place(isDigit(bytes[end]) ? end + 1 : end) });
    }
  }
  const lower = lowerCase(bytes);
  for (const form of anyCase) {
    for (const at of placesOf(lower, form))
      ranges.push({ start: place(at), end: place(at + form.length) });
  }
};

const placesOf = (bytes: Buffer, form: Buffer): readonly number[] => {
  const places: number[] = [];
  for (let at = bytes.indexOf(form); at !== -1; at = bytes.indexOf(form, at + form.length))
    places.push(at);
  return places;
};

/** Of base64 or base64url. */
const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && /[A-Za-z0-9+/_-]/.test(String.fromCodePoint(byte));

const replaced = (bytes: Buffer, ranges: readonly Range[]): Scrubbed => {
  if (ranges.length === 0) return { bytes, isEchoed: false };
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end } of ranges.toSorted((one, other) => one.start - other.start)) {
    if (end <= at) continue;
    if (start >= at) parts.push(bytes.subarray(at, start), Buffer.from(REDACTED));
    at = end;
  }
  return { bytes: Buffer.concat([...parts, bytes.subarray(at)]), isEchoed: true };
};
