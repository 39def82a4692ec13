import { createHash } from 'node:crypto';
import { join } from 'node:path';

import type { Disk } from '../ports/disk.ts';
import { readWhole } from './follower-disk.ts';
import type { ReadBlob } from './log-entry.ts';

const DIGEST = /^sha256:([0-9a-f]{2})([0-9a-f]{62})$/;

/** Reads blobs of the realm's folder, `blobs/<2 hex>/<62 hex>`, checked against their digests. */
export function blobReader(disk: Disk, dataFolder: string): ReadBlob {
  return async (digest) => {
    const [, fan = '', rest = ''] = DIGEST.exec(digest) ?? [];
    if (rest === '') return undefined;
    const bytes = await readWhole(disk, join(dataFolder, 'blobs', fan, rest));
    if (bytes === undefined) return undefined;
    const found = createHash('sha256').update(bytes).digest('hex');
    return found === fan + rest ? bytes : undefined;
  };
}
