/** Text that came from a guest: data, which a terminal or a log viewer must never take for orders. */

/** Bytes of a message about how a run ended: enough for the first lines of a stack, too few to smuggle a result. */
export const MESSAGE_BYTES_MAX = 2_048;

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

const encoder = new TextEncoder();

/** At most so many bytes of the text in UTF-8, cut between characters. */
export const utf8Prefix = (text: string, bytesMax: number): Uint8Array => {
  const into = new Uint8Array(Math.min(bytesMax, text.length * 3));
  return into.subarray(0, encoder.encodeInto(text, into).written);
};

/** What is told of a thrown value: its name and message, without its stack. */
export const describeThrown = (thrown: unknown): string =>
  thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : 'something was thrown';
