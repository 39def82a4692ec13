/** Text of a guest, cut and told. */

/** Bytes of a message about how a run ended: enough for the first lines of a stack, too few to smuggle a result. */
export const MESSAGE_BYTES_MAX = 2_048;

const encoder = new TextEncoder();

/** At most so many bytes of the text in UTF-8, cut between characters. */
export const utf8Prefix = (text: string, bytesMax: number): Uint8Array => {
  const into = new Uint8Array(Math.min(bytesMax, text.length * 3));
  return into.subarray(0, encoder.encodeInto(text, into).written);
};

/** What is told of a thrown value: its name and message, without its stack. */
export const describeThrown = (thrown: unknown): string =>
  thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : 'something was thrown';
