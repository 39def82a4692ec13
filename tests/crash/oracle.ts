import { ENTRY_LENGTH_BYTES, parseEntry, verifyLog } from '@infrafabric/tlog';

import { nodeDisk } from '../../packages/fabric/src/adapters/disk-node.ts';
import { openFileJournal } from '../../packages/fabric/src/adapters/journal-file/journal.ts';
import { nodePrimitives } from '../../packages/fabric/src/followers/node-crypto.ts';
import type { Frame } from '../../packages/fabric/src/ports/journal.ts';
import { folderSource } from '../../packages/fabric/src/witness/folder-source.ts';
import { GENESIS_LEAF, leafOf } from './entries.ts';

const PAGE = { bytes: 1_048_576, frames: 1_024 };

export interface Verdict {
  /** Entries in the log. */
  readonly size: number;
  /** Acknowledged entries that are not there, or not with their leaf. */
  readonly lost: number;
  /** Why the log itself is not right; empty where it is. */
  readonly flaws: readonly string[];
  readonly cutBytes: number;
  readonly openMs: number;
}

/**
 * What everybody was told, over all lives of one folder: acknowledgements, and after each restart the entries that it
 * showed. Both must hold for ever.
 */
export class Oracle {
  readonly #leaves = new Map<number, string>();

  /** Adds what a life acknowledged. A second leaf for one index is a flaw of its own. */
  learn(acknowledged: ReadonlyMap<number, string>): readonly string[] {
    const flaws: string[] = [];
    for (const [index, leaf] of acknowledged) {
      const known = this.#leaves.get(index);
      if (known !== undefined && known !== leaf) flaws.push(`entry ${index} acknowledged twice`);
      this.#leaves.set(index, leaf);
    }
    return flaws;
  }

  get told(): number {
    return this.#leaves.size;
  }

  /** Opens the journal as the next leader does, and holds it to everything that was told. Rejects with its Fault. */
  async check(folder: string): Promise<Verdict> {
    const startMs = performance.now();
    const journal = await openFileJournal({ folder, genesisLeaf: GENESIS_LEAF });
    const openMs = performance.now() - startMs;
    const flaws: string[] = [];
    let leaf = GENESIS_LEAF;
    let index = 0;
    let found = 0;
    for (;;) {
      const frames = await journal.read(index, PAGE);
      if (frames.length === 0) break;
      for (const entry of frames.flatMap(entriesOf)) {
        const parsed = parseEntry(entry);
        const fits =
          parsed.kind === 'entry' &&
          parsed.entry.index === index &&
          parsed.entry.previousLeaf === leaf;
        if (!fits) flaws.push(`entry ${index} does not continue the chain`);
        leaf = leafOf(entry);
        const told = this.#leaves.get(index);
        if (told === leaf) found += 1;
        // From here on it was shown, so it may not change any more.
        if (told === undefined) this.#leaves.set(index, leaf);
        if (told === undefined) found += 1;
        index += 1;
      }
    }
    if (index !== journal.head().size || leaf !== journal.head().leaf) {
      flaws.push('the head is not the end of the log');
    }
    const { cutBytes } = journal.recovery;
    await journal.close();
    flaws.push(...(await verifierFlaws(folder, index)));
    return { size: index, lost: this.#leaves.size - found, flaws, cutBytes, openMs };
  }
}

/** V0, by the verifier that anybody runs: it shares no reader and no recovery with the journal. */
async function verifierFlaws(folder: string, size: number): Promise<readonly string[]> {
  const report = await verifyLog(folderSource(nodeDisk, folder), nodePrimitives, { level: 0 });
  if (report.ok && report.size === size && report.tornTailBytes === 0) return [];
  const { firstBad, tornTailBytes } = report;
  return [`verify: ${report.size} of ${size}, ${tornTailBytes} torn, ${JSON.stringify(firstBad)}`];
}

function entriesOf({ entries }: Frame): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  while (at < entries.length) {
    const start = at + ENTRY_LENGTH_BYTES;
    at = start + entries.readUInt16BE(at);
    found.push(entries.subarray(start, at));
  }
  return found;
}
