import { TEST_GENESIS_LEAF, journalConformance } from '@infrafabric/testkit';

import { openMemoryJournal } from './journal.ts';
import { MemoryLog } from './log.ts';

journalConformance('memory', () => {
  const log = new MemoryLog(TEST_GENESIS_LEAF);
  const open = () => Promise.resolve(openMemoryJournal({ log }));
  return Promise.resolve({
    open,
    openSecond: open,
    // The log outlives the journal; a journal that nobody uses any more is all that a crash leaves of it.
    crash: () => Promise.resolve(),
    dispose: () => Promise.resolve(),
  });
});
