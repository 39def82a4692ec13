import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SimDisk,
  TEST_GENESIS_LEAF,
  journalConformance,
  seededRandom,
  type JournalUnderTest,
} from '@infrafabric/testkit';

import type { Disk } from '../../ports/disk.ts';
import type { Journal } from '../../ports/journal.ts';
import { NODE_PORTS, openFileJournal } from './journal.ts';

/** Room for one frame of the largest size, so that the suite crosses several segments. */
const SEGMENT_BYTES = [524_288, 655_360];

/**
 * A crash within one process: the journal is abandoned with its files open, and its lock, which only the death of a
 * process frees, is not taken. `tests/crash` does the same with processes, locks and power cuts.
 */
function underTest(disk: Disk, folder: string, crash: () => void): JournalUnderTest {
  const open = (): Promise<Journal> =>
    openFileJournal(
      { folder, genesisLeaf: TEST_GENESIS_LEAF, segmentBytes: SEGMENT_BYTES },
      { ...NODE_PORTS, disk, lock: () => ({ lastStop: 'unclean', release: () => undefined }) },
    );
  return {
    open,
    crash: () => {
      crash();
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  };
}

journalConformance('file, on the disk of this machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'journal-'));
  return Promise.resolve({
    ...underTest(NODE_PORTS.disk, folder, () => undefined),
    dispose: () => {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  });
});

let seed = 0;
journalConformance('file, on a disk that loses what was not synced', () => {
  seed += 1;
  const disk = new SimDisk({ random: seededRandom(seed) });
  return Promise.resolve(
    underTest(disk, '/data', () => {
      disk.reboot();
    }),
  );
});
