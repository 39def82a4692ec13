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

/** At most so many characters, the last one an ellipsis if some were left out. */
export const shortened = (text: string, charsMax: number): string => {
  const chars = Array.from(text);
  return chars.length <= charsMax ? text : `${chars.slice(0, Math.max(0, charsMax - 1)).join('')}…`;
};
