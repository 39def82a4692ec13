/** How far each notifier has come, where it survives the process. */
import { join } from 'node:path';
import { FeedCursor } from '@infrafabric/protocol';
import { z } from 'zod';

import { nodeDisk } from '../adapters/disk-node.ts';
import { readWhole, replaceFileDurably } from '../followers/follower-disk.ts';
import type { Disk } from '../ports/disk.ts';
import { SETTLED_MAX, type Progress } from './outbox.ts';

export interface CursorStore {
  /** Undefined where nothing was ever saved under the name; `damaged` where what was saved cannot be read. */
  load(name: string): Promise<Progress | 'damaged' | undefined>;
  /** Resolves when it is durable. One call at a time for each name. Rejects with the system's error; then the old one stands. */
  save(name: string, progress: Progress): Promise<void>;
}

const CursorFile = z.strictObject({
  format: z.literal('ifab-notify/1'),
  cursor: FeedCursor,
  settled: z
    .record(z.string(), FeedCursor)
    .refine((settled) => Object.keys(settled).length <= SETTLED_MAX),
});

/** One small file a notifier in `folder`, replaced in one step: temporary file, fsync, rename, fsync of the folder. */
export const cursorFolder = (folder: string, disk: Disk = nodeDisk): CursorStore => {
  const pathOf = (name: string): string => join(folder, `${name}.json`);
  return {
    load: async (name) => {
      const bytes = await readWhole(disk, pathOf(name));
      if (bytes === undefined) return undefined;
      const parsed = CursorFile.safeParse(jsonOf(bytes.toString('utf8')));
      return parsed.success
        ? { cursor: parsed.data.cursor, settled: parsed.data.settled }
        : 'damaged';
    },
    save: async (name, { cursor, settled }) => {
      const file = { format: 'ifab-notify/1', cursor, settled };
      await replaceFileDurably(disk, pathOf(name), Buffer.from(`${JSON.stringify(file)}\n`));
    },
  };
};

const jsonOf = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    // No JSON is no cursor file either; the schema says so.
    return undefined;
  }
};
