import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { openFileJournal } from '../../packages/fabric/src/adapters/journal-file/journal.ts';
import { GENESIS_LEAF } from './entries.ts';
import { Life } from './life.ts';

test('a second leader is refused by name, also while the first is frozen, and free at once after SIGKILL', async () => {
  const root = mkdtempSync(join(tmpdir(), 'crash-lock-'));
  onTestFinished(() => {
    rmSync(root, { recursive: true });
  });
  const folder = join(root, 'realm');
  const life = new Life({ folder, seed: 1, pauseMs: 1 });
  const second = () => openFileJournal({ folder, genesisLeaf: GENESIS_LEAF });
  try {
    await life.until('ready');
    await life.untilAcknowledged();
    const refusal = { code: 'log.locked', transient: false };
    await expect(second()).rejects.toMatchObject(refusal);
    await expect(second()).rejects.toThrow(`process ${life.pid}, started 20`);
    life.freeze();
    await expect(second()).rejects.toMatchObject(refusal);
    // A second process is refused as well, with the exit code of a folder that it may not lead.
    const rival = new Life({ folder, seed: 2 });
    await rival.end();
    expect(rival.notes).toContain('ended log.locked');
    expect(rival.exitCode).toBe(3);
  } finally {
    await life.kill();
  }
  const journal = await second();
  expect(journal.head().size).toBeGreaterThanOrEqual(life.acknowledged.size);
  expect(journal.recovery).toMatchObject({ rewritten: true });
  await journal.close();
});
