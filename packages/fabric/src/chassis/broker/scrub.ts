/**
 * Replies without the secret that the request carried. An endpoint that echoes what it was sent is the one way by which a
 * broker would hand a credential to its guest.
 */
import { lowerCase, type Forms } from './forms.ts';
import type { HeaderPairs } from './headers.ts';
import { unescaped } from './unescaped.ts';

/** Stands where a secret was. */
export const REDACTED = '[redacted]';
/** Escapes inside of escapes that are undone: JSON in JSON, a URL in a URL. */
const ESCAPES_DEEP_MAX = 2;

interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Scrubbed {
  readonly bytes: Buffer;
  /** Whether the secret was there. */
  readonly isEchoed: boolean;
}

/** The bytes with every form of the secret replaced; the whole reply at once, so that no chunk's border hides one. */
export const scrub = (bytes: Buffer, forms: Forms): Scrubbed => {
  const ranges = foundIn(bytes, forms, undefined);
  let view = unescaped(bytes);
  for (let deep = 0; view !== undefined && deep < ESCAPES_DEEP_MAX; deep += 1) {
    const { bytes: plain, starts } = view;
    ranges.push(...foundIn(plain, forms, starts));
    const next = unescaped(plain);
    view =
      next === undefined
        ? undefined
        : { bytes: next.bytes, starts: next.starts.map((start) => starts[start] ?? 0) };
  }
  return ranges.length === 0
    ? { bytes, isEchoed: false }
    : { bytes: without(bytes, ranges), isEchoed: true };
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

/** Where the forms stand in `bytes`, in places of the original. */
const foundIn = (
  bytes: Buffer,
  { exact, anyCase }: Forms,
  starts: Uint32Array | undefined,
): Range[] => {
  const ranges: Range[] = [];
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
  return ranges;
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

const without = (bytes: Buffer, ranges: Range[]): Buffer => {
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end } of ranges.toSorted((one, other) => one.start - other.start)) {
    if (end <= at) continue;
    if (start >= at) parts.push(bytes.subarray(at, start), Buffer.from(REDACTED));
    at = end;
  }
  return Buffer.concat([...parts, bytes.subarray(at)]);
};
