import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';

import { memoryDisk } from './memory-disk.ts';
import { nodeSha256 } from './node-crypto.ts';
import { SignedState, readSigned, signedPath } from './signed-state.ts';

const rootOf = (text: string): string => nodeSha256(Buffer.from(text));

describe('what was signed', () => {
  test('a realm that never signed says nothing', async () => {
    expect(await readSigned(memoryDisk(), '/realm')).toBeUndefined();
  });

  test('T1: the newest record is read back, over restarts', async () => {
    const disk = memoryDisk();
    for (const size of [1, 2, 3, 4, 9]) {
      const state = await SignedState.open(disk, '/realm');
      await state.record({ size, root: rootOf(`${size}`) });
      state.close();
      expect(await readSigned(disk, '/realm')).toEqual({ size, root: rootOf(`${size}`) });
    }
  });

  test('T2: a torn slot leaves the record before it, whichever slot it is and however it is torn', async () => {
    for (const records of [2, 3]) {
      for (let cut = 0; cut < 90; cut += 1) {
        const disk = memoryDisk();
        const state = await SignedState.open(disk, '/realm');
        for (let size = 1; size <= records; size += 1)
          await state.record({ size, root: rootOf(`${size}`) });
        const newest = records % 2 === 1 ? 512 : 0;
        disk
          .open(signedPath('/realm'), 'write')
          .writeNow(Buffer.alloc(512 - cut, 'x'), newest + cut);
        expect((await readSigned(disk, '/realm'))?.size).toBe(records - 1);
      }
    }
  });

  test('a file without a whole slot is damage, not a fresh realm', async () => {
    const disk = memoryDisk();
    (await SignedState.open(disk, '/realm')).close();
    disk.open(signedPath('/realm'), 'write').writeNow(Buffer.alloc(1_024, 0), 0);
    await expect(readSigned(disk, '/realm')).rejects.toMatchObject({ code: 'log.damaged' });
  });
});
