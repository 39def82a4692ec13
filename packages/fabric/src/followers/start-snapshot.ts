import { restoreWorld } from '@infrafabric/core';

import { nodeChecksums } from '../adapters/batch.ts';
import { openJournalReader } from '../adapters/journal-file/reader.ts';
import type { Snapshot as StartSnapshot } from '../engine/follower.ts';
import type { Disk } from '../ports/disk.ts';
import type { Position } from '../ports/journal.ts';
import { blobReader } from './blob-files.ts';
import { checkFrame, entriesOf } from './checked-frame.ts';
import { nodeFollowerDisk } from './follower-disk.ts';
import type { ReadBlob } from './log-entry.ts';
import type { FrameReader } from './pump.ts';
import { loadNewestSnapshot, type Snapshot } from './snapshot.ts';

/** Entries behind a snapshot in which its hash is looked for: the leader journals it within a few frames. */
const LOOK_AHEAD_ENTRIES = 65_536;

/**
 * The newest snapshot of the realm in `dataFolder` that the log itself vouches for: its bytes are whole, the entry that
 * it ends with is the log's, and the log states its hash. Undefined where there is none: the start folds the whole log.
 * `size` is where the journal ends. Throws the disk's error; `log.damaged` where the journal behind it does not hold.
 */
export async function startSnapshot(
  dataFolder: string,
  size: Position,
  disk: Disk = nodeFollowerDisk,
): Promise<StartSnapshot | undefined> {
  const reader = openJournalReader(dataFolder, { disk, checksums: nodeChecksums });
  const readBlob = blobReader(disk, dataFolder);
  try {
    let snapshot = await loadNewestSnapshot(disk, dataFolder, size);
    // Ends: each round looks at an older one, and two are kept.
    while (snapshot !== undefined && !(await isStated(reader, readBlob, snapshot, size))) {
      snapshot = await loadNewestSnapshot(disk, dataFolder, snapshot.index);
    }
    if (snapshot === undefined) return undefined;
    const { index, leaf, epoch, sections } = snapshot;
    return { head: { size: index + 1, leaf, epoch }, world: restoreWorld(sections) };
  } finally {
    reader.close();
  }
}

async function isStated(
  reader: FrameReader,
  readBlob: ReadBlob,
  snapshot: Snapshot,
  size: Position,
): Promise<boolean> {
  const { leaf, epoch, atMs } = snapshot;
  let head = { size: snapshot.index + 1, leaf, epoch, atMs };
  const end = Math.min(size, head.size + LOOK_AHEAD_ENTRIES);
  while (head.size < end) {
    const frames = await reader.read(head.size, { bytes: 524_288, frames: 64 }, end);
    for (const frame of frames) {
      // A snapshot ends with a frame; one that does not, or that names another leaf, is of another log.
      if (frame.first !== head.size || frame.previousLeaf !== head.leaf) return false;
      const checked = checkFrame(frame, head);
      head = checked.after;
      for (const { events } of await entriesOf(checked, 0, readBlob)) {
        const stated = events.find(
          (event) => event.type === 'realm.state_hashed' && event.index === snapshot.index,
        );
        if (stated?.type === 'realm.state_hashed') return stated.hash === snapshot.stateHash;
      }
    }
    if (frames.length === 0) return false;
  }
  return false;
}
