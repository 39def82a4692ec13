/** A thread that checks segments of a journal, each for itself. It knows the folder and is told paths. */
import { parentPort, workerData } from 'node:worker_threads';
import { readSegmentLeaves } from '@infrafabric/tlog';

import { nodeDisk } from '../adapters/disk-node.ts';
import { nodePrimitives } from '../followers/node-crypto.ts';
import { fileOf } from './folder-source.ts';
import type { CheckedSegment } from './segment-pool.ts';

if (parentPort !== null) {
  const port = parentPort;
  const dataFolder = String(workerData);
  port.on('message', (path: string) => {
    void check(dataFolder, path).then((checked) => {
      const { leaves } = checked;
      const moved =
        leaves === undefined
          ? []
          : [leaves.leaves.buffer, leaves.roots.buffer, leaves.timesMs.buffer];
      port.postMessage(checked, moved);
    });
  });
}

async function check(dataFolder: string, path: string): Promise<CheckedSegment> {
  try {
    const file = fileOf(nodeDisk, dataFolder, path);
    return { path, leaves: await readSegmentLeaves(file, nodePrimitives) };
  } catch {
    // A disk that fails now fails again for whoever reads the log front to back, and is named there.
    return { path, leaves: undefined };
  }
}
