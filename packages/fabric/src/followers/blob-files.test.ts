import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';

import { blobReader } from './blob-files.ts';
import { memoryDisk } from './memory-disk.ts';

const bytes = Buffer.from('{"a":1}');
const hex = createHash('sha256').update(bytes).digest('hex');
const path = `/realm/blobs/${hex.slice(0, 2)}/${hex.slice(2)}`;

test('a blob is given as it was stored, and only where its bytes have its digest', async () => {
  const read = blobReader(memoryDisk(new Map([[path, bytes]])), '/realm');
  expect(Buffer.from((await read(`sha256:${hex}`)) ?? [])).toEqual(bytes);
  const changed = Buffer.from('{"a":2}');
  const damaged = blobReader(memoryDisk(new Map([[path, changed]])), '/realm');
  expect(await damaged(`sha256:${hex}`)).toBeUndefined();
  expect(await blobReader(memoryDisk(), '/realm')(`sha256:${hex}`)).toBeUndefined();
});

test.each(['', 'sha256:', `md5:${hex}`, `sha256:${hex}0`, 'sha256:../../secrets/key'])(
  'a digest that is none names no file: %s',
  async (digest) => {
    const disk = memoryDisk(new Map([['/realm/secrets/key', bytes]]));
    expect(await blobReader(disk, '/realm')(digest)).toBeUndefined();
  },
);
