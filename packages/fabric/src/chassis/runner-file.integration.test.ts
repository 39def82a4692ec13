import { chmod, mkdtemp, readFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ifab-runner-file-'));
  vi.stubEnv('TMPDIR', folder);
  // Its path is kept for the process's life.
  vi.resetModules();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const runnerFiles = () => import('./runner-file.ts');

test('it is made once, in a folder named by what it was made of, readable by every account', async () => {
  const { runnerFile } = await runnerFiles();
  const paths = await Promise.all([runnerFile(), runnerFile()]);
  const [path] = paths;
  expect(new Set(paths).size).toBe(1);
  expect(basename(path)).toBe('runner.cjs');
  expect(dirname(dirname(path))).toBe(folder);
  expect((await stat(path)).mode & 0o777).toBe(0o644);
  expect((await stat(dirname(path))).mode & 0o777).toBe(0o755);
  expect(await readdir(dirname(path))).toStrictEqual(['runner.cjs']);

  const made = (await stat(path)).mtimeMs;
  vi.resetModules();
  expect(await (await runnerFiles()).runnerFile()).toBe(path);
  expect((await stat(path)).mtimeMs).toBe(made);
});

test('a folder that others may write to is not trusted', async () => {
  const path = await (await runnerFiles()).runnerFile();
  await chmod(dirname(path), 0o777);
  vi.resetModules();
  await expect((await runnerFiles()).runnerFile()).rejects.toThrow(
    'belongs to another account, or others may write to it',
  );
});

test('a link in the place of the folder is not followed, wherever it leads now', async () => {
  const path = await (await runnerFiles()).runnerFile();
  const real = join(folder, 'elsewhere');
  await rename(dirname(path), real);
  await symlink(real, dirname(path));
  vi.resetModules();
  await expect((await runnerFiles()).runnerFile()).rejects.toThrow('belongs to another account');
});

test("the engine's bytes are a WebAssembly module", async () => {
  const bytes = await (await runnerFiles()).engineBytes();
  expect(Buffer.from(bytes.subarray(0, 4)).toString('latin1')).toBe('\0asm');
  expect(bytes.length).toBeGreaterThan(400_000);
});

test('the bundle is the same text each time', async () => {
  const { bundleRunner, runnerFile } = await runnerFiles();
  expect(await readFile(await runnerFile(), 'utf8')).toBe(await bundleRunner());
});
