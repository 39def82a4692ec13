/**
 * The files of a repository that somebody else wrote. Nothing of it is run, no link is followed, nothing outside of its
 * root is opened, and every count and size has an end.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { open, opendir, realpath } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files that are named. The Linux kernel has 90,000; of a larger tree the part nearest to the root is enough to judge. */
export const FILES_MAX = 100_000;
/** Folders below folders. Deeper is made by programs, or against them. */
export const DEPTH_MAX = 32;
/** Entries read of one folder; the rest of a fuller one is passed over. */
const FOLDER_ENTRIES_MAX = 20_000;
/** Bytes of git's answer: FILES_MAX names of 300 bytes. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
/** Git answers for the kernel in 0.1 s; one that waits for something is not waited for. */
const GIT_MS_MAX = 10_000;

/** Code of others, and what programs wrote: it says nothing about what the repository's own people do. */
const SKIPPED: ReadonlySet<string> = new Set([
  'node_modules',
  'bower_components',
  'vendor',
  'third_party',
  'site-packages',
  '__pycache__',
  'target',
  'dist',
  'build',
  'coverage',
  'venv',
]);
/** The only hidden folder that says what people do. */
const GITHUB = '.github';

export interface Repository {
  /** Real path of its root. */
  readonly root: string;
  /** Paths below the root with `/` between their parts, sorted; none of them is trusted to exist. */
  readonly paths: readonly string[];
  /** Some files were left out because a limit was met. */
  readonly isCut: boolean;
}

/**
 * What git tracks below the root, else what a walk finds there. Throws the system's error where it is no folder that can
 * be listed.
 *
 * @param searchPath where `git` is looked for, as PATH has it; empty: the walk.
 */
export const listRepository = async (folder: string, searchPath: string): Promise<Repository> => {
  const root = await realpath(folder);
  await (await opendir(root)).close();
  const tracked = await trackedFiles(root, searchPath);
  const all = tracked.length > 0 ? { paths: tracked, isCut: false } : await walk(root);
  const paths = all.paths.filter(isOwn);
  return {
    root,
    paths: (paths.length > FILES_MAX ? nearest(paths) : paths).toSorted(),
    isCut: all.isCut || paths.length > FILES_MAX,
  };
};

const nearest = (paths: readonly string[]): readonly string[] =>
  paths.toSorted(byDepth).slice(0, FILES_MAX);
const depthOf = (path: string): number => path.split('/').length;
const byDepth = (one: string, other: string): number =>
  depthOf(one) - depthOf(other) || (one < other ? -1 : 1);

/** Below the root, of the repository's own people, and not hidden. */
const isOwn = (path: string): boolean => {
  const parts = path.split('/');
  if (parts.length > DEPTH_MAX) return false;
  return parts.every((part, at) => {
    if (part === '' || part === '.' || part === '..') return false;
    return at === parts.length - 1 || !isSkipped(part);
  });
};

const isSkipped = (folder: string): boolean =>
  SKIPPED.has(folder) || (folder.startsWith('.') && folder !== GITHUB);

/**
 * Empty where it is no work tree of git, or git does not answer. The repository's own configuration could name programs:
 * a file monitor is run by a look at the index, a transport by a promised object that is missing; neither is allowed to.
 */
const trackedFiles = (root: string, searchPath: string): Promise<readonly string[]> =>
  new Promise((resolve) => {
    if (searchPath === '') {
      resolve([]);
      return;
    }
    execFile(
      'git',
      [
        '-c',
        'core.fsmonitor=false',
        '-c',
        'core.hooksPath=/dev/null',
        'ls-files',
        '-z',
        '--cached',
      ],
      {
        cwd: root,
        encoding: 'utf8',
        timeout: GIT_MS_MAX,
        maxBuffer: ANSWER_BYTES_MAX,
        env: {
          PATH: searchPath,
          LANG: 'C',
          GIT_ALLOW_PROTOCOL: 'none',
          GIT_NO_LAZY_FETCH: '1',
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_CONFIG_GLOBAL: '/dev/null',
          GIT_OPTIONAL_LOCKS: '0',
          GIT_TERMINAL_PROMPT: '0',
        },
      },
      (failed, answer) => resolve(failed === null ? answer.split('\0').filter(Boolean) : []),
    );
  });

interface Walked {
  readonly paths: readonly string[];
  readonly isCut: boolean;
}

/** Level by level, so that a limit leaves out what is deepest. A link is no folder here: no walk can go in circles. */
const walk = async (root: string): Promise<Walked> => {
  const paths: string[] = [];
  let isCut = false;
  let level: readonly string[] = [''];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= DEPTH_MAX || paths.length >= FILES_MAX) return { paths, isCut: true };
    const below: string[] = [];
    for (const folder of level) {
      const read = await readFolder(root, folder);
      isCut ||= read.isCut;
      paths.push(...read.files);
      below.push(...read.folders);
      if (paths.length + below.length > FILES_MAX) return { paths, isCut: true };
    }
    level = below;
  }
  return { paths, isCut };
};

interface Folder {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  readonly isCut: boolean;
}

const NOTHING: Folder = { files: [], folders: [], isCut: false };

const readFolder = async (root: string, folder: string): Promise<Folder> => {
  const files: string[] = [];
  const folders: string[] = [];
  try {
    let entries = 0;
    for await (const entry of await opendir(join(root, folder))) {
      entries += 1;
      if (entries > FOLDER_ENTRIES_MAX) return { files, folders, isCut: true };
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isFile()) files.push(path);
      else if (entry.isDirectory() && !isSkipped(entry.name)) folders.push(path);
    }
  } catch {
    // It went meanwhile, or is not ours to read: what is not seen is no evidence.
    return NOTHING;
  }
  return { files, folders: folders.toSorted(), isCut: false };
};

/**
 * Gives the work the open file, and closes it. Undefined where it is no plain file below the root: a link, a pipe, a
 * device, a folder, or nothing.
 */
export const withFile = async <T>(
  { root }: Pick<Repository, 'root'>,
  path: string,
  work: (file: FileHandle, sizeBytes: number) => Promise<T>,
): Promise<T | undefined> => {
  let file: FileHandle | undefined;
  try {
    const folder = join(root, dirname(path));
    // Git lists the names of its index: a folder among them may have become a link to anywhere.
    if ((await realpath(folder)) !== folder) return undefined;
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    file = await open(join(root, path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = await file.stat();
    return stat.isFile() ? await work(file, stat.size) : undefined;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause) return undefined;
    throw cause;
  } finally {
    await file?.close();
  }
};

/** The first bytes of a file as text; undefined where it is none, or binary. */
export const readHead = (
  repository: Pick<Repository, 'root'>,
  path: string,
  bytesMax: number,
): Promise<string | undefined> =>
  withFile(repository, path, async (file, sizeBytes) => {
    const bytes = Buffer.alloc(Math.min(sizeBytes, bytesMax));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const head = bytes.subarray(0, bytesRead);
    return head.includes(0) ? undefined : head.toString('utf8');
  });
