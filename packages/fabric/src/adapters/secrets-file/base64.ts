/** Base64 (RFC 4648 §4) from bytes to bytes: Node's own goes by strings, and those cannot be filled with zeros. */
import { Buffer } from 'node:buffer';

import { secretBytes } from '../../ports/secret-store.ts';

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const VALUES: ReadonlyMap<number, number> = new Map(
  [...ALPHABET].map((char, value) => [char, value]),
);
const PAD = 0x3d;

export const encodeBase64 = (bytes: Uint8Array): Buffer => {
  const text = secretBytes(Math.ceil(bytes.length / 3) * 4).fill(PAD);
  for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
    const left = Math.min(3, bytes.length - from);
    const group =
      ((bytes[from] ?? 0) << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0);
    for (let char = 0; char <= left; char += 1) {
      text[to + char] = ALPHABET[(group >> (18 - 6 * char)) & 0x3f] ?? PAD;
    }
  }
  return text;
};

/** Undefined where it is not Base64 with its padding, or has bits that stand for nothing. */
export const decodeBase64 = (text: Uint8Array): Buffer | undefined => {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.at(-1) !== PAD ? 0 : text.at(-2) !== PAD ? 1 : 2;
  const bytes = secretBytes((text.length / 4) * 3 - padding);
  const chars = text.length - padding;
  for (let from = 0, to = 0; from < chars; from += 4, to += 3) {
    let group = 0;
    for (let char = from; char < from + 4; char += 1) {
      const value = char < chars ? VALUES.get(text[char] ?? PAD) : 0;
      if (value === undefined) return undefined;
      group = (group << 6) | value;
    }
    for (let byte = 0; byte < 3; byte += 1) {
      const value = (group >> (16 - 8 * byte)) & 0xff;
      if (to + byte < bytes.length) bytes[to + byte] = value;
      else if (value !== 0) return undefined;
    }
  }
  return bytes;
};
