/** Answers that agent CLIs can carry: nothing above RESULT_BYTES_MAX, and what was cut is named. */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { digestFrom } from '@infrafabric/protocol';
import type { Digest } from '@infrafabric/protocol';
import { RESULT_BYTES_MAX } from './limits.ts';

export type Json = string | number | boolean | null | JsonArray | JsonObject;
export type JsonArray = readonly Json[];
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Strings up to this stay whole, so ids, tokens and digests always do. */
const KEPT_CHARS = 300;
const KEPT_ITEMS = 3;
/** A view leaves room for the fields that are put around it: what to call next, what was cut. */
const VIEW_BYTES_MAX = RESULT_BYTES_MAX - 900;
/** Each round halves the largest part: 20 suffice for a part of 8 GiB, and no answer has more than ten large ones. */
const ROUNDS_MAX = 200;

export const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

export const digestOf = (text: string): Digest => digestFrom(hash('sha256', text, 'hex'));

export interface Fitted {
  readonly value: JsonObject;
  /** Paths of the fields that were shortened; empty where nothing was. */
  readonly truncated: readonly string[];
}

/** The value with its largest texts and lists shortened until it fits. The argument is not changed. */
export function fit(value: JsonObject, bytesMax = VIEW_BYTES_MAX): Fitted {
  if (bytesOf(value) <= bytesMax) return { value, truncated: [] };
  const truncated = new Set<string>();
  let shorter = value;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const excess = bytesOf(shorter) - bytesMax;
    const largest = excess > 0 ? largestPart(shorter) : undefined;
    if (largest === undefined) break;
    truncated.add(largest.path.join('.'));
    shorter = replaceObject(shorter, largest.path, shortened(largest.part, excess));
  }
  return { value: shorter, truncated: [...truncated] };
}

interface Part {
  readonly path: readonly string[];
  readonly part: string | JsonArray;
  readonly bytes: number;
}

function largestPart(value: Json | undefined, path: readonly string[] = []): Part | undefined {
  if (typeof value === 'string') {
    return value.length > KEPT_CHARS ? { path, part: value, bytes: bytesOf(value) } : undefined;
  }
  return typeof value === 'object' && value !== null ? largestWithin(value, path) : undefined;
}

function largestWithin(value: JsonArray | JsonObject, path: readonly string[]): Part | undefined {
  let largest: Part | undefined;
  for (const [key, inner] of Object.entries(value)) {
    const part = largestPart(inner, [...path, key]);
    if (part !== undefined && part.bytes > (largest?.bytes ?? 0)) largest = part;
  }
  if (!isArray(value) || value.length <= KEPT_ITEMS) return largest;
  const bytes = bytesOf(value);
  // A list of small things is cut as a list; one that is large for a single text is cut there.
  if (largest !== undefined && largest.bytes * 2 > bytes) return largest;
  return { path, part: value, bytes };
}

function shortened(part: string | JsonArray, excess: number): Json {
  if (typeof part !== 'string') {
    return part.slice(0, Math.max(KEPT_ITEMS, Math.floor(part.length / 2)));
  }
  // Escapes make a character up to six bytes: cut by share, never below what stays whole anyway.
  const share = Math.max(0.5, 1 - excess / bytesOf(part));
  return sliceText(part, 0, Math.max(KEPT_CHARS - 1, Math.floor((part.length - 1) * share)));
}

/** Like `slice`, but never through the middle of a surrogate pair. */
export function sliceText(text: string, from: number, to: number): string {
  const isHigh = (at: number): boolean => /[\uD800-\uDBFF]/.test(text.charAt(at - 1));
  return text.slice(from, to < text.length && isHigh(to) ? to - 1 : to);
}

function replaceObject(value: JsonObject, path: readonly string[], part: Json): JsonObject {
  const [key = '', ...rest] = path;
  return { ...value, [key]: replaced(value[key], rest, part) };
}

function replaced(value: Json | undefined, path: readonly string[], part: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined || typeof value !== 'object' || value === null) return part;
  if (!isArray(value)) return replaceObject(value, path, part);
  return value.map((item, at) => (at === Number(key) ? replaced(item, rest, part) : item));
}

function isArray(value: JsonArray | JsonObject): value is JsonArray {
  return Array.isArray(value);
}

export interface Rows<Row> {
  readonly rows: readonly Row[];
  /** Where the next page begins; absent on the last one. */
  readonly nextCursor?: string;
}

/** As many rows of a page as fit beside `envelope`; at least one, so that paging ends. */
export function fitRows<Row extends JsonObject>(
  page: { readonly rows: readonly Row[]; readonly next: string | undefined },
  around: { readonly envelope: JsonObject; readonly idOf: (row: Row) => string },
): Rows<Row> {
  let left = VIEW_BYTES_MAX - bytesOf(around.envelope);
  let kept = 0;
  for (const row of page.rows) {
    left -= bytesOf(row) + 1;
    if (left < 0 && kept > 0) break;
    kept += 1;
  }
  const rows = page.rows.slice(0, kept);
  const last = rows.at(-1);
  const next = kept < page.rows.length && last !== undefined ? around.idOf(last) : page.next;
  return next === undefined ? { rows } : { rows, nextCursor: next };
}
