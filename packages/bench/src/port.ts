/**
 * The file journal alone: 110-byte entries in frames of 256 and one by one, without a leader's work. Above it stands
 * what deciding, folding and answering cost; below it the raw disk.
 */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { openFileJournal } from '@infrafabric/fabric';

import { check, sized, type OpenProbe, type Values } from './probe.ts';
import { latencies } from './stats.ts';

const ENTRY_BYTES = 110;
const LENGTH_BYTES = 2;
const GENESIS = hash('sha256', 'a log for measuring', 'base64');

const ALONE = { smoke: 50, short: 1_000, full: 2_000 };
const FRAMES = { smoke: 10, short: 200, full: 400 };
const FRAME_ENTRIES = 256;

export const port: OpenProbe = async ({ size, folder }) => {
  const journal = await openFileJournal({ folder, genesisLeaf: GENESIS });
  let serial = 0;
  const run = async (frames: number, count: number): Promise<Float64Array> => {
    const ms = new Float64Array(frames);
    for (let i = 0; i < frames; i += 1) {
      const at = performance.now();
      const { entries, lastLeaf } = batchOf(count, serial);
      serial += count;
      const lone = count === 1 ? { lone: true } : {};
      const done = await journal.append(journal.head(), {
        epoch: 1,
        count,
        entries,
        lastLeaf,
        ...lone,
      });
      check(done.kind === 'appended', 'somebody else wrote');
      ms[i] = performance.now() - at;
    }
    return ms;
  };
  return {
    round: async (): Promise<Values> => {
      const alone = await run(sized(size, ALONE), 1);
      const frames = sized(size, FRAMES);
      const startedAt = performance.now();
      const many = await run(frames, FRAME_ENTRIES);
      const seconds = (performance.now() - startedAt) / 1_000;
      check(journal.head().size === serial, `${journal.head().size} entries of ${serial}`);
      return {
        ...latencies('port.file.alone', alone),
        'port.file.256.perS': (frames * FRAME_ENTRIES) / seconds,
        ...latencies('port.file.256', many),
      };
    },
    close: () => journal.close(),
  };
};

/** `count` entries with a leaf hash each, as a leader makes them. */
function batchOf(count: number, serial: number): { entries: Buffer; lastLeaf: string } {
  const entries = Buffer.allocUnsafe(count * (LENGTH_BYTES + ENTRY_BYTES));
  let lastLeaf = '';
  let end = 0;
  for (let i = 0; i < count; i += 1) {
    const start = end + LENGTH_BYTES;
    end = start + ENTRY_BYTES;
    entries.fill(0x20, start, end);
    entries.write(`claim ${serial + i}`, start);
    entries[start - 1] = 0x00;
    lastLeaf = hash('sha256', entries.subarray(start - 1, end), 'base64');
    entries.writeUInt16BE(ENTRY_BYTES, start - LENGTH_BYTES);
  }
  return { entries, lastLeaf };
}
