import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { librariesOf } from './libraries.ts';
import { setLimits } from './rlimits.ts';
import { isOpenToOthers, openStage } from './stage.ts';
import { findTools } from './tools.ts';

const folder = await mkdtemp(join(tmpdir(), 'ifab-jail-test-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const tools = await findTools();
const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

test('the tools of the chain are found where the system keeps them, and nowhere else', async () => {
  expect(tools.setpriv).toMatch(/^\/(usr\/)?s?bin\/setpriv$/);
  expect(await findTools([folder])).toEqual({
    bwrap: undefined,
    bwrapLocksUsers: false,
    setpriv: undefined,
    prlimit: undefined,
    timeout: undefined,
    ldd: undefined,
    mkfifo: undefined,
  });
});

test('J4: a prlimit that says no is a fault with its cause', async () => {
  const refusing = { ...tools, prlimit: '/bin/false' };
  await expect(
    setLimits({ pid: 1, identity: undefined, tools: refusing }, ['--as=1']),
  ).rejects.toMatchObject({ code: 'runner.unavailable', transient: true });
});

test('limits are set on a process of another user, by that user', async () => {
  const identity = process.getuid?.() === 0 ? { uid: 60_999, gid: 60_999 } : undefined;
  const user = identity === undefined ? {} : { uid: identity.uid, gid: identity.gid };
  const child = spawn('/bin/sleep', ['60'], { ...user, stdio: 'ignore' });
  try {
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    await setLimits({ pid, identity, tools }, ['--fsize=0:0', '--cpu=7:9']);
    const limits = await readFile(`/proc/${pid}/limits`, 'utf8');
    expect(limits).toMatch(/^Max file size\s+0\s+0\s/m);
    expect(limits).toMatch(/^Max cpu time\s+7\s+9\s/m);
  } finally {
    child.kill('SIGKILL');
  }
});

test('node’s libraries are files that are there; a program without any has none', async () => {
  const paths = await librariesOf(process.execPath, tools.ldd);
  expect(paths.length).toBeGreaterThan(2);
  for (const path of paths) expect(await isThere(path)).toBe(true);
  const script = join(folder, 'static');
  // What ldd says of a static program, as an exit status and words.
  const ldd = join(folder, 'ldd');
  await writeFile(ldd, '#!/bin/sh\necho "\tnot a dynamic executable" >&2\nexit 1\n', {
    mode: 0o755,
  });
  await writeFile(script, 'x', { mode: 0o755 });
  expect(await librariesOf(script, ldd)).toEqual([]);
});

test('a missing library, a broken ldd and no ldd are faults, and asked again', async () => {
  const program = join(folder, 'dynamic');
  await writeFile(program, 'x', { mode: 0o755 });
  const ldd = join(folder, 'ldd-missing');
  await writeFile(ldd, '#!/bin/sh\necho "\tlibnone.so => not found"\n', { mode: 0o755 });
  const fault = { code: 'runner.unavailable' };
  await expect(librariesOf(program, ldd)).rejects.toMatchObject(fault);
  await expect(librariesOf(program, '/bin/false')).rejects.toMatchObject(fault);
  await expect(librariesOf(program, undefined)).rejects.toMatchObject(fault);
  await writeFile(ldd, '#!/bin/sh\necho "\tlibc.so => /lib/libc.so (0x00)"\n', { mode: 0o755 });
  expect(await librariesOf(program, ldd)).toEqual(['/lib/libc.so']);
});

const stageOf = (node: string, isForOthers: boolean, parent = folder) =>
  openStage({
    node,
    runnerFile: join(folder, 'runner.mjs'),
    filter: Uint8Array.of(1, 2, 3),
    isForOthers,
    parent,
  });

test('the stage is open to all but for its pipes, and is gone when it is closed', async () => {
  await writeFile(join(folder, 'runner.mjs'), 'the runner', { mode: 0o600 });
  await chmod(folder, 0o755);
  const stage = await stageOf(process.execPath, true);
  expect(await isOpenToOthers(stage.runnerFile)).toBe(true);
  expect(await readFile(stage.runnerFile, 'utf8')).toBe('the runner');
  expect((await stat(stage.privateFolder)).mode & 0o777).toBe(0o700);
  expect(await readFile(stage.filterFile ?? '')).toEqual(Buffer.of(1, 2, 3));
  expect(stage.node).toBe(process.execPath);
  await stage.close();
  expect(await isThere(stage.folder)).toBe(false);
});

test('a node behind a closed folder gets another name in the stage, or a copy', async () => {
  const closed = join(folder, 'closed');
  await mkdir(closed, { mode: 0o700 });
  const node = join(closed, 'node');
  await copyFile('/bin/true', node);
  await chmod(node, 0o755);
  const linked = await stageOf(node, true);
  expect(linked.node).toBe(join(linked.folder, 'node'));
  expect((await stat(linked.node)).ino).toBe((await stat(node)).ino);
  await linked.close();
  await chmod(node, 0o700);
  const copied = await stageOf(node, true);
  expect((await stat(copied.node)).ino).not.toBe((await stat(node)).ino);
  expect(execFileSync(copied.node).length).toBe(0);
  await copied.close();
  // Whoever stays the same user reads what this one reads.
  const own = await stageOf(node, false);
  expect(own.node).toBe(node);
  await own.close();
});

test('a folder that no other user can enter is a fault that says what to set', async () => {
  const parent = join(folder, 'deep');
  await mkdir(parent, { mode: 0o700 });
  await expect(stageOf(process.execPath, true, parent)).rejects.toThrow(/TMPDIR/);
  await expect(stageOf(join(folder, 'none'), true)).rejects.toMatchObject({
    code: 'runner.unavailable',
  });
});

test('what a killed host left behind goes when the next one opens; what others use stays', async () => {
  const numbers = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  const left = join(folder, `ifab-chassis-4194305-${numbers}-abcdef`);
  const used = join(folder, `ifab-chassis-${process.pid}-${numbers}-abcdef`);
  const ofContainer = join(folder, 'ifab-chassis-4194305-1-abcdef');
  const foreign = join(folder, 'ifab-chassis-notes');
  const all = [left, used, ofContainer, foreign];
  for (const path of all) await mkdir(path);
  const stage = await stageOf(process.execPath, false);
  expect(await Promise.all(all.map(isThere))).toEqual([false, true, true, true]);
  await stage.close();
});

test('a prlimit that was stopped by somebody is a fault, and nobody waits for it', async () => {
  const prlimit = join(folder, 'prlimit-stopped');
  await writeFile(prlimit, '#!/bin/sh\nkill -STOP $$\n', { mode: 0o755 });
  const of = { pid: process.pid, identity: undefined, tools: { ...tools, prlimit } };
  await expect(setLimits(of, ['--core=0:0'], 300)).rejects.toMatchObject({
    code: 'runner.unavailable',
  });
}, 5_000);
