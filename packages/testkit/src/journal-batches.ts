import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Batch, Frame, Head, Journal } from '@infrafabric/fabric';
import { ENTRY_LENGTH_BYTES, genesisLeaf, leafHash, type Hash } from '@infrafabric/tlog';

export const sha256 = (bytes: Uint8Array): Hash => hash('sha256', bytes, 'base64');

/** What entry 0 of every journal under test names as its previous leaf. */
export const TEST_GENESIS_LEAF = genesisLeaf(sha256, {
  origin: 'example.org/ifab/test',
  vkey: 'example.org/ifab/test+00000000+AAAA',
});

export const leafOf = (entry: Uint8Array): Hash => leafHash(sha256, entry);

/** A batch of `entries` in the port's encoding. */
export function batchOf(
  entries: readonly Uint8Array[],
  options: { readonly epoch?: number; readonly lone?: boolean; readonly reserve?: boolean } = {},
): Batch {
  const last = entries.at(-1);
  if (last === undefined) throw new Error('defect: a batch of nothing');
  const parts = entries.flatMap((entry) => {
    const length = Buffer.alloc(ENTRY_LENGTH_BYTES);
    length.writeUInt16BE(entry.length);
    return [length, entry];
  });
  return {
    epoch: 1,
    count: entries.length,
    entries: Buffer.concat(parts),
    lastLeaf: leafOf(last),
    ...options,
  };
}

/** Text entries `<word> 0`, `<word> 1`, …, each at least `bytes` long. */
export function textEntries(word: string, count: number, bytes = 0): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, i) => Buffer.from(`${word} ${i}`.padEnd(bytes, '.')));
}

/** The entries of a frame, in order. */
export function entriesOf(frame: Frame): readonly Buffer[] {
  const entries: Buffer[] = [];
  let at = 0;
  while (at < frame.entries.length) {
    const start = at + ENTRY_LENGTH_BYTES;
    at = start + frame.entries.readUInt16BE(at);
    entries.push(frame.entries.subarray(start, at));
  }
  return entries;
}

/** Everything that the journal shows, read in pages of `bytes`. */
export async function readAll(journal: Journal, bytes = 65_536): Promise<readonly Frame[]> {
  const frames: Frame[] = [];
  let position = 0;
  for (;;) {
    const page = await journal.read(position, { bytes, frames: 1_000 });
    if (page.length === 0) return frames;
    for (const frame of page) {
      frames.push(frame);
      position = frame.first + frame.count;
    }
  }
}

/** Appends at the journal's own head; throws where that is a conflict. */
export async function appendNext(journal: Journal, batch: Batch): Promise<Head> {
  const answer = await journal.append(journal.head(), batch);
  if (answer.kind === 'conflict') throw new Error('the journal does not end where it says');
  return answer.head;
}
