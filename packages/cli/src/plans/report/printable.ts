/** Text of unknown origin on its way to a terminal. */

/**
 * C0, DEL and C1 (a terminal obeys them), marks that turn the direction of text around (what is shown is not what is
 * there; CVE-2021-42574), invisible and tag characters, line separators, and halves of surrogate pairs.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

/** The same text on one line, with every character that could act on a terminal or hide in it written as `\u{…}`. */
export const printable = (text: string): string =>
  text.replaceAll(UNSAFE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);

/**
 * The same JSON with those characters written as `\uXXXX`: the value is the same to every parser, and a terminal that it
 * is printed on obeys none of it. `JSON.stringify` escapes C0 alone. Line ends are its own, between members.
 */
export const printableJson = (json: string): string =>
  json.replaceAll(UNSAFE, (char) => (char === '\n' ? char : char.replaceAll(/[^]/g, escapedUnit)));

const escapedUnit = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** At most so many characters, the last one an ellipsis if some were left out. */
export const shortened = (text: string, charsMax: number): string => {
  const chars = Array.from(text);
  return chars.length <= charsMax ? text : `${chars.slice(0, Math.max(0, charsMax - 1)).join('')}…`;
};
