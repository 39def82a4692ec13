import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RealmId } from '@infrafabric/protocol';
import { afterEach, expect, test } from 'vitest';

import { openFolderFabric } from '../engine/open-folder.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'ifab-quiet-'));
  folders.push(folder);
  return folder;
};

const CHILD_MS_MAX = 60_000;

/** What a process of its own writes, without the flags of this one: they silence warnings. */
const written = async (script: string): Promise<{ stdout: string; stderr: string }> => {
  const path = join(newFolder(), 'script.mjs');
  writeFileSync(path, script);
  const args = ['--conditions=source', path];
  const { NODE_OPTIONS: _flags, ...env } = process.env;
  return promisify(execFile)(process.execPath, args, { env, timeout: CHILD_MS_MAX });
};

const at = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);

test('of all warnings only SQLite’s is kept back, from Node’s own printer and from other listeners', async () => {
  const { stdout, stderr } = await written(`
    process.on('warning', ({ message }) => console.log(message));
    const { quietSqlite } = await import(${at('./quiet-sqlite.ts')});
    quietSqlite(process);
    const sqlite = 'SQLite is an experimental feature and might change at any time';
    process.emitWarning(sqlite, 'ExperimentalWarning');
    process.emitWarning('WASI is an experimental feature', 'ExperimentalWarning');
    process.emitWarning('SQLite is an experimental feature', 'DeprecationWarning');
  `);
  expect(stdout).toBe('WASI is an experimental feature\nSQLite is an experimental feature\n');
  expect(stderr).toContain('ExperimentalWarning: WASI is an experimental feature');
  expect(stderr).toContain('DeprecationWarning: SQLite is an experimental feature');
  expect(stderr).not.toContain('might change at any time');
});

test('the followers’ thread starts, answers and ends without a word on standard error', async () => {
  const folder = newFolder();
  const led = await openFolderFabric({ folder, realm: RealmId.parse('main'), version: '0' });
  const { origin, skey } = led.data;
  await led.fabric.close();
  // `realm.opened`, and the state hash of the clean stop.
  const size = led.fabric.leader.durable?.size;
  expect(size).toBe(2);
  const start = JSON.stringify({ dataFolder: folder, origin, logKey: skey, size });
  const { stdout, stderr } = await written(`
    const { FollowerThread } = await import(${at('./follower-thread.ts')});
    const { systemClock } = await import(${at('../engine/clock.ts')});
    const thread = new FollowerThread({
      ...${start},
      clock: systemClock,
      onStateHash: () => undefined,
      onFault: (name, cause) => console.log(name, cause),
    });
    const { durable } = await thread.ask('lag');
    console.log('durable', durable, thread.isRunning);
    await thread.ask('close');
  `);
  expect(stdout).toBe('durable 2 true\n');
  expect(stderr).toBe('');
});
