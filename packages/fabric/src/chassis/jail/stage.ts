/**
 * The folder of a runner host that its runners may look into: the runner file, a copy of node where its own place is
 * closed to other users, the system call filter, and for a moment the two ends of a pipe. Removed when the host closes.
 */
import {
  chmod,
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { Fault } from '../../fault.ts';

export interface Stage {
  /** Readable by every user of the machine. */
  readonly folder: string;
  /** Of the host alone: pipes are made here. */
  readonly privateFolder: string;
  readonly node: string;
  readonly runnerFile: string;
  /** An attack in a runner's place (containment suite). */
  readonly breachFile: string | undefined;
  /** Absent where the architecture has no filter. */
  readonly filterFile: string | undefined;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly node: string;
  readonly runnerFile: string;
  readonly breachFile?: string;
  readonly filter: Uint8Array | undefined;
  /** Runners run as another user: what they read must be open to all. */
  readonly isForOthers: boolean;
  readonly parent?: string;
}

/** Then the pid of the host, so that the next one sees which of them were left behind. */
const PREFIX = 'ifab-chassis-';
const OTHERS_READ = 0o004;
const OTHERS_PASS = 0o001;

/** Throws a Fault `runner.unavailable` where the files cannot be laid out. */
export const openStage = async (options: StageOptions): Promise<Stage> => {
  const parent = options.parent ?? tmpdir();
  let folder: string | undefined;
  try {
    const mine = `${PREFIX}${process.pid}-${await pidNamespace()}-`;
    await sweep(parent);
    folder = await mkdtemp(join(parent, mine));
    return await fill(folder, options);
  } catch (cause) {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    if (cause instanceof Fault) throw cause;
    throw new Fault('runner.unavailable', {
      transient: false,
      detail: `lay out the runner's files in ${folder ?? parent}`,
      cause,
    });
  }
};

/** Which numbers of processes ours are among: a folder may be shared with containers, whose numbers mean others. */
const pidNamespace = async (): Promise<string> => {
  try {
    return (await readlink('/proc/self/ns/pid')).replace(/\D/g, '');
  } catch {
    return '0';
  }
};

/** Removes what hosts of this user left behind that were killed. */
const sweep = async (parent: string): Promise<void> => {
  const namespace = await pidNamespace();
  for (const name of await readdir(parent)) {
    const [, pid, of] = new RegExp(`^${PREFIX}(\\d{1,10})-(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || of !== namespace || isRunning(Number(pid))) continue;
    const folder = join(parent, name);
    try {
      if ((await lstat(folder)).uid === process.getuid?.())
        await rm(folder, { recursive: true, force: true });
    } catch {
      // Another host was faster, or its owner is another: the folder is theirs to remove.
    }
  }
};

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'EPERM';
  }
};

const fill = async (folder: string, options: StageOptions): Promise<Stage> => {
  await chmod(folder, 0o755);
  const privateFolder = join(folder, 'pipes');
  await mkdir(privateFolder, { mode: 0o700 });
  const runnerFile = await copyTo(folder, 'runner', options.runnerFile);
  const breachFile =
    options.breachFile === undefined
      ? undefined
      : await copyTo(folder, 'breach', options.breachFile);
  const filterFile = options.filter === undefined ? undefined : join(folder, 'filter.bpf');
  if (filterFile !== undefined && options.filter !== undefined)
    await writeFile(filterFile, options.filter, { mode: 0o444 });
  const itself = await realpath(options.node);
  const isOpen = !options.isForOthers || (await isOpenToOthers(itself));
  const node = isOpen ? itself : await copyOfNode(itself, folder);
  if (options.isForOthers && !(await isOpenToOthers(runnerFile)))
    throw new Fault('runner.unavailable', {
      transient: false,
      detail: `${folder} cannot be entered by other users; set TMPDIR to a folder that can`,
    });
  return {
    folder,
    privateFolder,
    node,
    runnerFile,
    breachFile,
    filterFile,
    close: () => rm(folder, { recursive: true, force: true }),
  };
};

const copyTo = async (folder: string, name: string, from: string): Promise<string> => {
  const copy = join(folder, `${name}${extname(from)}`);
  await copyFile(from, copy);
  await chmod(copy, 0o444);
  return copy;
};

/** Another name where the file system allows one: the pages of node stay shared with every other process. */
const copyOfNode = async (node: string, folder: string): Promise<string> => {
  const copy = join(folder, 'node');
  const isReadable = ((await stat(node)).mode & OTHERS_READ) !== 0;
  if (isReadable) {
    try {
      await link(node, copy);
      return copy;
    } catch {
      // Another file system, or one without links: a copy does as well and costs its bytes.
    }
  }
  await copyFile(node, copy, constants.COPYFILE_FICLONE);
  await chmod(copy, 0o755);
  return copy;
};

/** Whether any user may read the file: it says so itself, and every folder above lets them pass. */
export const isOpenToOthers = async (path: string): Promise<boolean> => {
  if (((await stat(path)).mode & OTHERS_READ) === 0) return false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & OTHERS_PASS) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
};
