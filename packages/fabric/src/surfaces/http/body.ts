import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';

export type ReadBody = { readonly kind: 'ok'; readonly bytes: Buffer } | Rejection;

/**
 * Reads a request's body up to `bytesMax`. What is larger is refused at the announcement, or at
 * the first chunk beyond the limit; the rest is never kept. A caller that hangs up is
 * `request.malformed`: nobody will read that answer. `onChunk` sees each chunk as it comes, to
 * hash it.
 */
export function readBody(
  incoming: IncomingMessage,
  bytesMax: number,
  onChunk?: (chunk: Buffer) => void,
): Promise<ReadBody> {
  const tooLarge = reject('request.too_large', `The body may have at most ${bytesMax} bytes.`, {
    bytesMax,
  });
  if (Number(incoming.headers['content-length'] ?? 0) > bytesMax) return Promise.resolve(tooLarge);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (result: ReadBody): void => {
      incoming.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        incoming.pause();
        finish(tooLarge);
        return;
      }
      onChunk?.(chunk);
      chunks.push(chunk);
    };
    const onEnd = (): void => {
      const [only] = chunks;
      finish({
        kind: 'ok',
        bytes: chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, bytes),
      });
    };
    const onGone = (): void => finish(reject('request.malformed', 'The body ended early.'));
    incoming.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}
