import { crashLives, TEST_GENESIS_LEAF, type JournalToCrash } from '@infrafabric/testkit';
import { expect, test } from 'vitest';

import type { Disk, DiskFile } from '../../ports/disk.ts';
import type { Journal } from '../../ports/journal.ts';
import { nodeChecksums } from '../batch.ts';
import { NODE_PORTS, openFileJournal, type FileJournalPorts } from './journal.ts';
import { RECOVERY_RULES } from './recover.ts';

/** Small enough that a life crosses several segments, large enough for any frame of a life. */
const SIM_SEGMENT_BYTES = [6_144, 12_288];

/** Seeds of one run; the nightly run takes a million. */
const SEEDS = 2_000;
/** A planted bug must be found within so many. */
const SEEDS_FOR_A_BUG = 40;

type Plant = (disk: Disk) => Partial<Omit<FileJournalPorts, 'lock'>>;

function journalWith(
  plant: Plant = () => ({}),
  wrap = (journal: Journal) => journal,
): JournalToCrash {
  return {
    open: async (disk, folder, lastStop) => {
      let nowMs = 0;
      const journal = await openFileJournal(
        { folder, genesisLeaf: TEST_GENESIS_LEAF, segmentBytes: SIM_SEGMENT_BYTES },
        {
          ...NODE_PORTS,
          disk,
          lock: () => ({ lastStop, release: () => undefined }),
          // Each look at the clock is 0.2 ms later: lone batches sync inline, a full disk is asked again.
          nowMs: () => (nowMs += 0.2),
          ...plant(disk),
        },
      );
      return wrap(journal);
    },
  };
}

test(`L1–L3: in ${SEEDS} seeds of crash-lives nothing acknowledged is lost or changed`, async () => {
  const journal = journalWith();
  const sums = { lives: 0, acknowledged: 0, conflicts: 0, unknown: 0, refused: 0, spliced: 0 };
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const report = await crashLives(seed, journal);
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += report[key];
  }
  // A run in which nothing happens proves nothing.
  expect(sums.acknowledged).toBeGreaterThan(SEEDS * 10);
  expect(sums.unknown).toBeGreaterThan(SEEDS / 10);
  expect(sums.conflicts).toBeGreaterThan(0);
  expect(sums.refused).toBeGreaterThan(0);
  expect(sums.spliced).toBeGreaterThan(0);
});

/** A disk whose syncs of file contents happen only every `every`th time. */
function lazyDisk(disk: Disk, every: number): Disk {
  let syncs = 0;
  const lazy = (file: DiskFile): DiskFile => ({
    size: () => file.size(),
    read: (target, offset) => file.read(target, offset),
    write: (bytes, offset) => file.write(bytes, offset),
    writeNow: (bytes, offset) => {
      file.writeNow(bytes, offset);
    },
    sync: () => ((syncs += 1) % every === 0 ? file.sync() : Promise.resolve()),
    syncNow: () => {
      if ((syncs += 1) % every === 0) file.syncNow();
    },
    close: () => {
      file.close();
    },
  });
  return { ...bound(disk), open: (path, mode) => lazy(disk.open(path, mode)) };
}

const bound = (disk: Disk): Disk => ({
  list: (folder) => disk.list(folder),
  makeFolder: (path) => {
    disk.makeFolder(path);
  },
  open: (path, mode) => disk.open(path, mode),
  rename: (move) => {
    disk.rename(move);
  },
  remove: (path) => {
    disk.remove(path);
  },
  syncFolder: (path) => disk.syncFolder(path),
});

/** An engine that appends wherever the log ends. */
const unguarded = (journal: Journal): Journal => ({
  durability: journal.durability,
  head: () => journal.head(),
  append: (_at, batch) => journal.append(journal.head(), batch),
  read: (after, limit) => journal.read(after, limit),
  tail: (after, signal) => journal.tail(after, signal),
  close: () => journal.close(),
});

const noCrc = { ...nodeChecksums, crc32: () => 0 };

const PLANTED: Readonly<Record<string, JournalToCrash>> = {
  'reply before fsync': journalWith((disk) => ({ disk: lazyDisk(disk, Number.POSITIVE_INFINITY) })),
  'lazy fsync': journalWith((disk) => ({ disk: lazyDisk(disk, 8) })),
  'no CRC': { ...journalWith(() => ({ checksums: noCrc })), crc32: noCrc.crc32 },
  'no folder fsync': journalWith((disk) => ({
    disk: { ...bound(disk), syncFolder: () => Promise.resolve() },
  })),
  'torn tail not cut': journalWith(() => ({ rules: { ...RECOVERY_RULES, tornTail: 'kept' } })),
  'frame accepted without previous leaf': journalWith(() => ({
    rules: { ...RECOVERY_RULES, previousLeaf: 'trusted' },
  })),
  'append without expected position': journalWith(undefined, unguarded),
};

test.each(Object.entries(PLANTED))(
  `planted: %s is found within ${SEEDS_FOR_A_BUG} seeds`,
  async (_bug, journal) => {
    const found: number[] = [];
    for (let seed = 1; seed <= SEEDS_FOR_A_BUG; seed += 1) {
      const broken = await crashLives(seed, journal).then(
        () => false,
        () => true,
      );
      if (broken) found.push(seed);
    }
    expect(found).not.toEqual([]);
  },
);
