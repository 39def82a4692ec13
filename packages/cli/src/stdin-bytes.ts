/** Bytes of a stream that may be secret: what they came in is zeroed. */

/** At most one byte more than `bytesMax`, so that the caller sees that there was more; the rest is not read. */
export const bytesUpTo = async (
  stream: AsyncIterable<unknown>,
  bytesMax: number,
): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of stream) {
    if (!Buffer.isBuffer(piece)) continue;
    pieces.push(piece);
    length += piece.length;
    if (length > bytesMax) break;
  }
  // Outside V8's heap, where no collector moves it and leaves copies behind.
  const all = Buffer.from(new ArrayBuffer(Math.min(length, bytesMax + 1)));
  let at = 0;
  for (const piece of pieces) {
    at += piece.copy(all, at);
    piece.fill(0);
  }
  return all;
};
