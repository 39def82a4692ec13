/** The followers' thread of a file journal. It reads the segments itself; the leader only says how far they are durable. */
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';

import { openJournalReader } from '../adapters/journal-file/reader.ts';
import { systemClock } from '../engine/clock.ts';
import { blobReader } from './blob-files.ts';
import { nodeFollowerDisk } from './follower-disk.ts';
import type { FollowerSet } from './follower-set.ts';
import {
  answerOf,
  sentFault,
  type FromWorker,
  type ToWorker,
  type WorkerStart,
} from './messages.ts';
import { quietSqlite } from './quiet-sqlite.ts';

const INDEX_FILE = 'index.sqlite';

/** nice(2) of this thread: a tenth of the leader's share (nice 0 weighs 1,024, nice 10 weighs 110). */
const NICE = 10;

if (parentPort !== null) {
  yieldToLeader();
  quietSqlite(process);
  await serve(parentPort, workerData);
}

/** Where cores are scarce the leader goes first, and the witness catches up when it pauses. */
function yieldToLeader(): void {
  // On Linux 0 is this thread; elsewhere it would be the whole process.
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, NICE);
  } catch {
    // A sandbox that forbids it costs speed, and must not cost the witness.
  }
}

async function serve(port: MessagePort, start: WorkerStart): Promise<void> {
  const post = (message: FromWorker): void => {
    port.postMessage(message);
  };
  // Messages that come while the set is opened wait for it, in order.
  const opening = open(start, post);
  port.on('message', (message: ToWorker) => {
    void opening.then(
      (set) => take(set, message, post),
      (cause: unknown) => {
        if (message.type === 'asked')
          post({ type: 'failed', id: message.id, fault: sentFault(cause) });
      },
    );
  });
  try {
    await opening;
  } catch (cause) {
    post({ type: 'fault', name: 'opening', fault: sentFault(cause) });
  }
}

async function open(start: WorkerStart, post: (message: FromWorker) => void): Promise<FollowerSet> {
  // It loads `node:sqlite`, whose warning must be quiet by then.
  const followers = await import('./follower-set.ts');
  const { dataFolder, size } = start;
  return followers.FollowerSet.open(
    {
      ...start,
      disk: nodeFollowerDisk,
      indexPath: join(dataFolder, INDEX_FILE),
      reader: openJournalReader(dataFolder),
      readBlob: blobReader(nodeFollowerDisk, dataFolder),
      clock: systemClock,
      onStateHash: (state) => {
        post({ type: 'hashed', state });
      },
      onFault: (name, cause) => {
        post({ type: 'fault', name, fault: sentFault(cause) });
      },
    },
    size,
  );
}

async function take(
  set: FollowerSet,
  message: ToWorker,
  post: (message: FromWorker) => void,
): Promise<void> {
  if (message.type === 'told') {
    set.told(message.size);
    return;
  }
  const { id, asked } = message;
  try {
    const answer = await answerOf(set, asked);
    post({ type: 'answered', id, answer });
  } catch (cause) {
    post({ type: 'failed', id, fault: sentFault(cause) });
  }
}
