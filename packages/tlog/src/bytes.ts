import { assert } from './assert.ts';

// UTF-8 and base64 by hand: this package is built with `lib: ES2024` and no ambient types, so
// that it runs wherever JavaScript does, and it must refuse what lenient decoders repair
// (overlong forms, lone surrogates, stray padding bits): two texts for one value would let a
// verifier and a signer disagree.

const BASE64_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 0x3d;
/** Not a base64 letter: negative however far it is shifted, so that one test of an OR finds it. */
const NOT_BASE64 = -1;
const SEXTET = buildSextets();
const LETTER = Uint8Array.from(BASE64_ALPHABET, (letter) => letter.charCodeAt(0));

/** Code units turned into a string at once: under the argument limit of every engine. */
const CODE_UNITS_AT_ONCE = 4_096;

/** Encodes a well-formed string as UTF-8. Defect: a lone surrogate (check `isWellFormed` first). */
export function utf8Encode(text: string): Uint8Array {
  const target = new Uint8Array(text.length * 3);
  return target.slice(0, utf8Write(text, target, 0));
}

/** Writes `text` as UTF-8 at `offset`; the caller has left three bytes a code unit. Returns the
    offset behind the last byte. Defect: a lone surrogate. */
export function utf8Write(text: string, target: Uint8Array, offset: number): number {
  let at = offset;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      target[at++] = unit;
    } else if (unit < 0x800) {
      target[at++] = 0xc0 | (unit >> 6);
      target[at++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      target[at++] = 0xe0 | (unit >> 12);
      target[at++] = 0x80 | ((unit >> 6) & 0x3f);
      target[at++] = 0x80 | (unit & 0x3f);
    } else {
      const low = text.charCodeAt(i + 1);
      assert(unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff, 'lone surrogate in text');
      i += 1;
      const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      target[at++] = 0xf0 | (point >> 18);
      target[at++] = 0x80 | ((point >> 12) & 0x3f);
      target[at++] = 0x80 | ((point >> 6) & 0x3f);
      target[at++] = 0x80 | (point & 0x3f);
    }
  }
  return at;
}

/** Decodes strict UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF).
    `undefined` when the bytes are not that; a byte order mark is kept as a character. */
export function utf8Decode(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): string | undefined {
  const units = new Array<number>(Math.min(end - start, CODE_UNITS_AT_ONCE + 1));
  let text = '';
  let count = 0;
  let at = start;
  while (at < end) {
    const lead = byteAt(bytes, at);
    if (lead < 0x80) {
      units[count++] = lead;
      at += 1;
    } else {
      const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      const point = at + length <= end ? multiByte(bytes, at, length, lead) : -1;
      if (point < 0) return undefined;
      if (point > 0xffff) {
        units[count++] = 0xd7c0 + (point >> 10);
        units[count++] = 0xdc00 + (point & 0x3ff);
      } else {
        units[count++] = point;
      }
      at += length;
    }
    if (count >= CODE_UNITS_AT_ONCE) {
      text += textOf(units, count);
      count = 0;
    }
  }
  return text + textOf(units, count);
}

/** ASCII bytes as a string; the caller has checked that they are ASCII. */
export function asciiDecode(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += CODE_UNITS_AT_ONCE) {
    const stop = Math.min(at + CODE_UNITS_AT_ONCE, end);
    text += String.fromCharCode(...bytes.subarray(at, stop));
  }
  return text;
}

/** Standard base64 with padding (RFC 4648 §4). */
export function base64Encode(bytes: Uint8Array): string {
  const whole = bytes.length - (bytes.length % 3);
  const target = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let to = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const group = (byteAt(bytes, at) << 16) | (byteAt(bytes, at + 1) << 8) | byteAt(bytes, at + 2);
    target[to++] = byteAt(LETTER, group >> 18);
    target[to++] = byteAt(LETTER, (group >> 12) & 0x3f);
    target[to++] = byteAt(LETTER, (group >> 6) & 0x3f);
    target[to++] = byteAt(LETTER, group & 0x3f);
  }
  if (whole < bytes.length) {
    target[to - 1] = PAD;
    if (bytes.length - whole === 1) target[to - 2] = PAD;
  }
  return asciiDecode(target, 0, to);
}

/** Strict base64: padded, no other characters, unused bits zero, so that each value has one
    text. `undefined` otherwise. */
export function base64Decode(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const target = new Uint8Array((text.length / 4) * 3 - padding);
  const letters = text.length - padding;
  let bits = 0;
  let to = 0;
  let group = 0;
  for (let at = 0; at < letters; at += 1) {
    const value = sextet(text.charCodeAt(at));
    if (value === NOT_BASE64) return undefined;
    group = ((group << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      target[to++] = group >> bits;
      group &= (1 << bits) - 1;
    }
  }
  return group === 0 ? target : undefined;
}

/** Decodes the 44 characters of a SHA-256 digest into 32 bytes at `offset`; `false`, with the
    target's bytes undefined, when they are not that. Four letters a step and one check at the end:
    it runs twice an entry. */
export function hashWrite(text: string, target: Uint8Array, offset: number): boolean {
  if (text.length !== 44 || text.charCodeAt(43) !== PAD) return false;
  let wrong = 0;
  let to = offset;
  for (let at = 0; at < 40; at += 4) {
    const group =
      (sextet(text.charCodeAt(at)) << 18) |
      (sextet(text.charCodeAt(at + 1)) << 12) |
      (sextet(text.charCodeAt(at + 2)) << 6) |
      sextet(text.charCodeAt(at + 3));
    wrong |= group;
    target[to] = group >> 16;
    target[to + 1] = group >> 8;
    target[to + 2] = group;
    to += 3;
  }
  const group =
    (sextet(text.charCodeAt(40)) << 12) |
    (sextet(text.charCodeAt(41)) << 6) |
    sextet(text.charCodeAt(42));
  target[to] = group >> 10;
  target[to + 1] = group >> 2;
  return (wrong | group) >= 0 && (group & 3) === 0;
}

/** The byte at `at`; 0 behind the end. One function, so that the compiler's question about
    missing elements is answered, and tested, once. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** Big-endian u32 at `offset`; the caller has checked the bounds. */
export function readU32(bytes: Uint8Array, offset: number): number {
  const high = byteAt(bytes, offset) * 0x1000000;
  const middle = (byteAt(bytes, offset + 1) << 16) | (byteAt(bytes, offset + 2) << 8);
  return high + (middle | byteAt(bytes, offset + 3));
}

export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Big-endian u64; values above 2^53 − 1 come back as something above it, never as a small one. */
export function readU64(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset) * 0x1_0000_0000 + readU32(bytes, offset + 4);
}

export function writeU64(bytes: Uint8Array, offset: number, value: number): void {
  writeU32(bytes, offset, Math.floor(value / 0x1_0000_0000));
  writeU32(bytes, offset + 4, value % 0x1_0000_0000);
}

export function bytesEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A decimal without sign, leading zero or more than 16 digits, at most 2^53 − 1. */
export function parseDecimal(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function textOf(units: readonly number[], count: number): string {
  return String.fromCharCode(...units.slice(0, count));
}

/** The code point of a sequence of 2–4 bytes that starts with `lead`, or −1. */
function multiByte(bytes: Uint8Array, at: number, length: number, lead: number): number {
  let point = lead & (0xff >> (length + 1));
  for (let i = 1; i < length; i += 1) {
    const next = byteAt(bytes, at + i);
    if ((next & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (next & 0x3f);
  }
  // The smallest value that needs this many bytes also refuses stray continuation bytes and
  // 0xc0, 0xc1 as leads; the upper bound refuses 0xf5 and above.
  const least = length === 2 ? 0x80 : length === 3 ? 0x800 : 0x10000;
  if (lead < 0xc0 || lead > 0xf7 || point < least || point > 0x10ffff) return -1;
  return point >= 0xd800 && point <= 0xdfff ? -1 : point;
}

/** 0–63, or `NOT_BASE64` for any other code unit. */
function sextet(unit: number): number {
  return SEXTET[unit] ?? NOT_BASE64;
}

function buildSextets(): Int8Array {
  const table = new Int8Array(256).fill(NOT_BASE64);
  for (let i = 0; i < 64; i += 1) table[BASE64_ALPHABET.charCodeAt(i)] = i;
  return table;
}
