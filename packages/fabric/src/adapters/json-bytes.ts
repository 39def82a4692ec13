/**
 * JSON (RFC 8259) read where it lies. `JSON.parse` makes a string of every value, and a string cannot be filled with
 * zeros; here a value becomes bytes of its own, and only for who asks for it. Nothing that is thrown holds any of the text.
 */
import { Buffer } from 'node:buffer';

import { secretBytes } from '../ports/secret-store.ts';

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'literal';

/** A value of a text: where it begins and ends. */
export interface JsonSlot {
  readonly kind: JsonKind;
  readonly start: number;
  readonly end: number;
}

/** The text is no JSON, or not what was expected there. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault';
}

/** Deeper texts are refused: recursion follows the nesting, and no reply of a store nests this deep. */
export const JSON_DEPTH_MAX = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const SPACES: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const LITERALS: readonly Buffer[] = ['true', 'false', 'null'].map((word) => Buffer.from(word));
/** Longer runs of number characters are no number that anybody wrote. */
const NUMBER_CHARS_MAX = 40;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/;

/** The one value that a text is, checked to its end. @throws JsonFault */
export const readJson = (text: Buffer): JsonSlot => {
  const slot = readValue(text, skipSpaces(text, 0), 0);
  if (skipSpaces(text, slot.end) !== text.length) throw wrong(slot.end);
  return slot;
};

/** Members of an object of a text that `readJson` has taken. @throws JsonFault where it is none, or names one twice. */
export const membersOf = (text: Buffer, slot: JsonSlot): ReadonlyMap<string, JsonSlot> => {
  if (slot.kind !== 'object') throw new JsonFault('an object was expected');
  const members = new Map<string, JsonSlot>();
  let at = skipSpaces(text, slot.start + 1);
  // Ends: each round passes a member, and the text was read to its end before.
  while (text[at] !== CLOSE_OBJECT) {
    const name = readString(text, at);
    const value = readValue(text, skipSpaces(text, skipSpaces(text, name.end) + 1), 0);
    const key = textOf(text, name);
    if (members.has(key)) throw wrong(at);
    members.set(key, value);
    at = skipSpaces(text, value.end);
    if (text[at] === COMMA) at = skipSpaces(text, at + 1);
  }
  return members;
};

/** What a string says, as UTF-8 in a Buffer of the caller's own. @throws JsonFault where it is none. */
export const bytesOf = (text: Buffer, slot: JsonSlot): Buffer => {
  if (slot.kind !== 'string') throw new JsonFault('a string was expected');
  const scratch = secretBytes(slot.end - slot.start - 2);
  const length = unescape(text, slot, scratch);
  const bytes = secretBytes(length);
  scratch.copy(bytes, 0, 0, length);
  scratch.fill(0);
  return bytes;
};

/** What a string says, for names and marks. Never for a secret. @throws JsonFault where it is none. */
export const textOf = (text: Buffer, slot: JsonSlot): string =>
  bytesOf(text, slot).toString('utf8');

/** @throws JsonFault where it is no whole number from 0 to 2^53. */
export const countOf = (text: Buffer, { kind, start, end }: JsonSlot): number => {
  const digits = kind === 'number' ? text.toString('latin1', start, end) : '';
  const count = Number(digits);
  if (/^\d+$/.test(digits) && Number.isSafeInteger(count)) return count;
  throw new JsonFault('a whole number was expected');
};

const wrong = (at: number): JsonFault => new JsonFault(`no JSON at byte ${at}`);

const skipSpaces = (text: Buffer, from: number): number => {
  let at = from;
  while (SPACES.has(text[at])) at += 1;
  return at;
};

const readValue = (text: Buffer, start: number, depth: number): JsonSlot => {
  if (depth > JSON_DEPTH_MAX) throw wrong(start);
  switch (text[start]) {
    case OPEN_OBJECT:
      return readMany(text, start, { kind: 'object', close: CLOSE_OBJECT, depth });
    case OPEN_ARRAY:
      return readMany(text, start, { kind: 'array', close: CLOSE_ARRAY, depth });
    case QUOTE:
      return readString(text, start);
    default:
      return readLiteral(text, start) ?? readNumber(text, start);
  }
};

interface Many {
  readonly kind: 'object' | 'array';
  readonly close: number;
  readonly depth: number;
}

const readMany = (text: Buffer, start: number, { kind, close, depth }: Many): JsonSlot => {
  let at = skipSpaces(text, start + 1);
  if (text[at] === close) return { kind, start, end: at + 1 };
  // Ends: each round passes a value or throws.
  for (;;) {
    if (kind === 'object') {
      const colon = skipSpaces(text, readString(text, at).end);
      if (text[colon] !== COLON) throw wrong(colon);
      at = skipSpaces(text, colon + 1);
    }
    at = skipSpaces(text, readValue(text, at, depth + 1).end);
    if (text[at] === close) return { kind, start, end: at + 1 };
    if (text[at] !== COMMA) throw wrong(at);
    at = skipSpaces(text, at + 1);
  }
};

const readString = (text: Buffer, start: number): JsonSlot => {
  if (text[start] !== QUOTE) throw wrong(start);
  for (let at = start + 1; at < text.length; at += 1) {
    const byte = text[at] ?? 0;
    if (byte === QUOTE) return { kind: 'string', start, end: at + 1 };
    if (byte < 0x20) throw wrong(at);
    // What stands behind it is read when the string is asked for; here it only must not end the string.
    if (byte === BACKSLASH) at += escapeBytes(text, at) - 1;
  }
  throw wrong(text.length);
};

const readLiteral = (text: Buffer, start: number): JsonSlot | undefined => {
  const word = LITERALS.find((one) => text.subarray(start, start + one.length).equals(one));
  return word === undefined ? undefined : { kind: 'literal', start, end: start + word.length };
};

const readNumber = (text: Buffer, start: number): JsonSlot => {
  const [number] = NUMBER.exec(text.toString('latin1', start, start + NUMBER_CHARS_MAX)) ?? [];
  if (number === undefined) throw wrong(start);
  return { kind: 'number', start, end: start + number.length };
};

/** What `\x` stands for. */
const ESCAPES: ReadonlyMap<number | undefined, number> = new Map(
  Object.entries({
    '"': '"',
    '\\': '\\',
    '/': '/',
    b: '\b',
    f: '\f',
    n: '\n',
    r: '\r',
    t: '\t',
  }).map(([name, char]) => [name.charCodeAt(0), char.charCodeAt(0)]),
);
const LETTER_U = 0x75;

/** Bytes of the escape at `at`, its backslash among them. */
const escapeBytes = (text: Buffer, at: number): number => {
  if (ESCAPES.has(text[at + 1])) return 2;
  if (text[at + 1] === LETTER_U && unitAt(text, at) !== undefined) return 6;
  throw wrong(at);
};

/** The UTF-16 unit of a `\uXXXX` at `at`, or undefined where there is none. */
const unitAt = (text: Buffer, at: number): number | undefined => {
  if (text[at] !== BACKSLASH || text[at + 1] !== LETTER_U) return undefined;
  let unit = 0;
  for (let digit = at + 2; digit < at + 6; digit += 1) {
    const value = hexValue(text[digit] ?? 0);
    if (value === undefined) return undefined;
    unit = unit * 16 + value;
  }
  return unit;
};

const hexValue = (byte: number): number | undefined => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : undefined;
};

/** Writes what the string says into `target`, which is as long as its source, and answers how many bytes that are. */
const unescape = (text: Buffer, { start, end }: JsonSlot, target: Buffer): number => {
  let length = 0;
  let at = start + 1;
  // Ends: each round passes at least one byte.
  while (at < end - 1) {
    const byte = text[at] ?? 0;
    if (byte !== BACKSLASH) {
      target[length] = byte;
      length += 1;
      at += 1;
      continue;
    }
    const simple = ESCAPES.get(text[at + 1]);
    const code = simple ?? codePointAt(text, at);
    length = writeCodePoint(target, length, code);
    // A code point of four bytes was written as two units.
    at += simple === undefined ? (code > 0xff_ff ? 12 : 6) : 2;
  }
  return length;
};

const isHigh = (unit: number): boolean => unit >= 0xd8_00 && unit <= 0xdb_ff;
const isLow = (unit: number): boolean => unit >= 0xdc_00 && unit <= 0xdf_ff;
/** Stands for half of a surrogate pair without its other half, as in `Buffer.from`. */
const REPLACEMENT = 0xff_fd;

const codePointAt = (text: Buffer, at: number): number => {
  const unit = unitAt(text, at) ?? REPLACEMENT;
  const next = isHigh(unit) ? unitAt(text, at + 6) : undefined;
  if (next !== undefined && isLow(next))
    return 0x1_00_00 + ((unit - 0xd8_00) << 10) + (next - 0xdc_00);
  return isHigh(unit) || isLow(unit) ? REPLACEMENT : unit;
};

/** UTF-8 (RFC 3629 §3); answers where the next one goes. */
const writeCodePoint = (target: Buffer, at: number, code: number): number => {
  if (code < 0x80) {
    target[at] = code;
    return at + 1;
  }
  const tails = code < 0x8_00 ? 1 : code < 0x1_00_00 ? 2 : 3;
  const lead = [0, 0xc0, 0xe0, 0xf0][tails] ?? 0;
  target[at] = lead | (code >> (6 * tails));
  for (let tail = 1; tail <= tails; tail += 1) {
    target[at + tail] = 0x80 | ((code >> (6 * (tails - tail))) & 0x3f);
  }
  return at + 1 + tails;
};
