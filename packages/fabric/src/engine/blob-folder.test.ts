import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { openBlobFolder } from './blob-folder.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-blobs-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('the same bytes stored by many at one time are stored once, and nobody is refused', async () => {
  const blobs = openBlobFolder(folder);
  const bytes = Buffer.from('simulated for 20 ms\n');
  const digests = await Promise.all(Array.from({ length: 50 }, () => blobs.put(bytes)));
  expect(new Set(digests).size).toBe(1);
  const [digest] = digests;
  expect(digest === undefined ? undefined : await blobs.get(digest)).toEqual(bytes);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files).toHaveLength(1);
});
