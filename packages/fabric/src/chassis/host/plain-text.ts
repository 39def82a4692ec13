/**
 * What a guest says, made harmless for a terminal, a log and a page: data, never instructions. Escape sequences go whole
 * (ECMA-48: CSI, OSC and the other strings), then every control character, and the marks that turn the direction of text.
 */

const ESCAPE_SEQUENCES =
  // CSI … final byte · OSC, DCS, SOS, PM, APC … BEL or ST · two-character escapes; 8-bit forms included.
  /(?:\x1b\[|\x9b)[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]?|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[\x20-\x2f]*[\x30-\x7e]?/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/g;
const DIRECTION_MARKS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Tabs and line feeds stay. */
export const plainText = (text: string): string =>
  text.replace(ESCAPE_SEQUENCES, '').replace(CONTROLS, '').replace(DIRECTION_MARKS, '');

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
