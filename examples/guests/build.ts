/**
 * Builds the example guests, and says their digests: what a contract names is what these commands make, byte for byte.
 *
 *     node scripts/bootstrap.mjs examples/guests/build.ts [FOLDER]
 *
 * FOLDER is `examples/guests/built` unless one is named. Needs the checkout's development dependencies.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { wasmOf } from '@infrafabric/testkit';

const here = import.meta.dirname;
const root = resolve(here, '../..');
const run = promisify(execFile);

interface Built {
  readonly name: string;
  /** Of the module, in the built folder. */
  readonly file: string;
  readonly digest: string;
  readonly bytes: number;
}

type Compile = (source: string) => Promise<Uint8Array>;

const assemble: Compile = async (source) => wasmOf(await readFile(source, 'utf8'));

/** Types are blanked out, not compiled: what runs reads like the source, line for line. */
const strip: Compile = async (source) => {
  const text = stripTypeScriptTypes(await readFile(source, 'utf8'));
  return Buffer.from(text.replaceAll(/[ \t]+$/gm, ''));
};

/** The compiler reads `.ts`; here the file has another ending, because it is no TypeScript to any other tool. */
const assemblyScript: Compile = async (source) => {
  const folder = await mkdtemp(join(tmpdir(), 'ifab-guest-'));
  try {
    await cp(source, join(folder, 'guest.ts'));
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
    // Globals are made ready by `_initialize`, which the host calls: a start function needs a contract that allows it.
    const options = '-O --exportStart _initialize --use abort=guest/stop';
    const args = ['guest.ts', '--outFile', 'guest.wasm', ...options.split(' ')];
    await run(process.execPath, [asc, ...args], { cwd: folder });
    return await readFile(join(folder, 'guest.wasm'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const GUESTS: readonly (readonly [name: string, source: string, file: string, compile: Compile])[] =
  [
    ['word-count', 'word-count.wat', 'word-count.wasm', assemble],
    ['upper-case', 'upper-case.wat', 'upper-case.wasm', assemble],
    ['tally', 'tally.as', 'tally.wasm', assemblyScript],
    ['triage', 'triage.ts', 'triage.js', strip],
  ];

/** Builds all of them into a folder. */
export const buildGuests = async (folder: string): Promise<readonly Built[]> => {
  await mkdir(folder, { recursive: true });
  return Promise.all(
    GUESTS.map(async ([name, source, file, compile]) => {
      const bytes = await compile(join(here, name, source));
      await writeFile(join(folder, file), bytes);
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      return { name, file, digest, bytes: bytes.length };
    }),
  );
};

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? join(here, 'built'));
  for (const { name, file, digest, bytes } of await buildGuests(folder))
    console.log(
      `${name.padEnd(12)} ${digest} ${String(bytes).padStart(6)} bytes  ${join(folder, file)}`,
    );
}
