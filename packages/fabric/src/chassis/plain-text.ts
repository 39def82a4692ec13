/**
 * Text that came from a guest: data, which a terminal, a log viewer or a page must never take for orders. The runner uses
 * it before it sends, and the host once more: it does not believe runners.
 */

// OSC, DCS, SOS, PM and APC strings, to their end or to the next escape (ECMA-48 §5.6).
const CONTROL_STRINGS =
  /(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?/g;
// CSI sequences (ECMA-48 §5.4), and escapes of one character.
const CONTROL_SEQUENCES = /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]/g;
// C0 without tab and line feed, DEL, C1; marks that reorder or hide text (Unicode bidirectional controls, zero width).
const CONTROLS =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** The text without escape sequences and control characters; line feeds and tabs stay. Linear in its length. */
export const plainText = (text: string): string =>
  text.replace(CONTROL_STRINGS, '').replace(CONTROL_SEQUENCES, '').replace(CONTROLS, '');
