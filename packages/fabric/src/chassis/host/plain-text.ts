/** What a guest says, as the account takes it. */
import { plainText } from '../plain-text.ts';

const HALF_AT_THE_END = /[\ud800-\udbff]$/;

/** One line, no longer than `charsMax`, without half a surrogate pair: no account takes text with one in it. */
export const plainLine = (text: string, charsMax: number): string => {
  const line = plainText(text).replace(/\s+/g, ' ').trim().toWellFormed();
  if (line.length <= charsMax) return line;
  return `${line.slice(0, charsMax - 1).replace(HALF_AT_THE_END, '')}…`;
};

/** Bytes that are probably UTF-8; what is not becomes U+FFFD. At most `bytesMax` of them are looked at. */
export const textOf = (bytes: Uint8Array, bytesMax: number): string =>
  new TextDecoder().decode(bytes.subarray(0, bytesMax));
