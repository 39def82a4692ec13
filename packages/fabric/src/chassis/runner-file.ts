/**
 * The one file that the jail holds beside node. An installed package has it in `dist`; a checkout bundles it once and
 * keeps it under the hash of what it was made of.
 */
import { createHash } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '../fault.ts';

/** Beside `dist/chassis/runner-file.js`, where `scripts/bundle-runner.ts` puts it. */
const RUNNER_FILE_NAME = 'runner.cjs';
/** Readable by every uid: the jail's is not ours. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;
/** Folders whose files go into the bundle, beside `frame.ts`. */
const INPUT_FOLDERS = ['admission', 'fuel', 'runner'];
/** What of other packages goes into it: another version is another bundle. */
const PACKAGE_FILES = [
  'quickjs-emscripten-core',
  '@jitl/quickjs-wasmfile-release-sync/ffi',
  '@jitl/quickjs-wasmfile-release-sync/emscripten-module',
];

const here = import.meta.dirname;
/** `.ts` of a source, `.js` of what was built from it; the bundle is made of the same. */
const extension = extname(import.meta.filename);
const main = fileURLToPath(new URL('./runner/main.ts', import.meta.url)).replace(
  /\.ts$/,
  extension,
);
const require = createRequire(import.meta.url);

/** SHA-256 over the files that are bundled, hex. */
const inputsHash = async (): Promise<string> => {
  const hash = createHash('sha256');
  const files = [`frame${extension}`];
  for (const folder of INPUT_FOLDERS) {
    const entries = await readdir(join(here, folder));
    files.push(
      ...entries
        .filter((name) => name.endsWith(extension) && !name.endsWith(`.test${extension}`))
        .map((name) => join(folder, name)),
    );
  }
  for (const file of files.toSorted())
    hash.update(`${file}\0`).update(await readFile(join(here, file)));
  for (const name of PACKAGE_FILES) hash.update(await readFile(require.resolve(name)));
  return hash.digest('hex');
};

/**
 * The runner as one CommonJS module that requires builtins of node only, as text. Needs the development dependency
 * rolldown.
 */
export const bundleRunner = async (): Promise<string> => {
  const { rolldown } = await import('rolldown').catch((cause: unknown) => {
    throw new Fault('runner.unavailable', {
      transient: false,
      detail: `${RUNNER_FILE_NAME} is missing, and there is no rolldown to make it`,
      cause,
    });
  });
  const build = await rolldown({
    input: main,
    platform: 'node',
    // `browser` chooses QuickJS's loader without files and `require`: its bytes come over the pipe.
    resolve: { conditionNames: ['source', 'browser', 'import', 'default'] },
    logLevel: 'silent',
  });
  try {
    const { output } = await build.generate({ format: 'cjs', codeSplitting: false });
    const [entry, ...rest] = output;
    if (rest.length > 0)
      throw new Fault('runner.unavailable', {
        transient: false,
        detail: `the bundle has ${rest.length + 1} files; the jail holds one`,
      });
    return entry.code;
  } finally {
    await build.close();
  }
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Whether an account other than ours could have written it. */
const isOurs = async (path: string): Promise<boolean> => {
  // The link itself, where it is one: whoever owns it turns it elsewhere after it was looked at.
  const { uid, mode } = await lstat(path);
  return (uid === userInfo().uid || uid === 0) && (mode & 0o022) === 0;
};

/** Bundles into a folder named by the inputs' hash. Whoever comes second finds the first one's file. */
const cachedBundle = async (): Promise<string> => {
  const hash = await inputsHash();
  const folder = join(tmpdir(), `ifab-runner-${userInfo().uid}-${hash.slice(0, 32)}`);
  const path = join(folder, RUNNER_FILE_NAME);
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  if (!(await isOurs(folder)))
    throw new Fault('runner.unavailable', {
      transient: false,
      detail: `${folder} belongs to another account, or others may write to it`,
    });
  if (await exists(path)) return path;
  await chmod(folder, FOLDER_MODE);
  const written = `${path}.${process.pid}`;
  try {
    await writeFile(written, await bundleRunner(), { mode: FILE_MODE });
    await chmod(written, FILE_MODE);
    await rename(written, path);
  } finally {
    await rm(written, { force: true });
  }
  return path;
};

let bundled: Promise<string> | undefined;

/**
 * Absolute path of the runner's file, readable by every account. It is CommonJS: whoever binds it under another name
 * keeps the ending `.cjs`. In a checkout, where the package was not bundled, it is made once and kept.
 * Rejects with a Fault `runner.unavailable` where it is missing from a package and cannot be made.
 */
export const runnerFile = async (): Promise<string> => {
  const beside = join(here, RUNNER_FILE_NAME);
  if (await exists(beside)) return beside;
  bundled ??= cachedBundle();
  return bundled;
};

/** The bytes of the QuickJS engine, which the host sends to a runner before its first `js` module. */
export const engineBytes = (): Promise<Uint8Array> =>
  readFile(require.resolve('@jitl/quickjs-wasmfile-release-sync/wasm'));
