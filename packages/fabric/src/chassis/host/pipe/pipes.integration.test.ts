import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openPipes } from './pipes.ts';

// Named pipes, and the folder that shows what is open, are Linux's.
test.skipIf(process.platform !== 'linux')(
  'pipes of which one cannot be opened leave no descriptor behind',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ifab-pipes-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const pair = { toRunner: join(folder, 'in'), fromRunner: join(folder, 'out') };
    const listener = { onBytes: () => undefined };
    const open = (): number => readdirSync('/proc/self/fd').length;
    execFileSync('mkfifo', [pair.toRunner, pair.fromRunner]);
    const before = open();
    openPipes(pair, listener).close();
    // A stream closes its descriptor in a turn of the loop.
    await expect.poll(open).toBe(before);
    execFileSync('mkfifo', [pair.toRunner, pair.fromRunner]);
    rmSync(pair.fromRunner);
    expect(() => openPipes(pair, listener)).toThrow('ENOENT');
    expect(open()).toBe(before);
  },
);
