/** Programs of the system that the chain of a runner is made of. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Tools {
  readonly bwrap: string | undefined;
  /** This bubblewrap can forbid further user namespaces (0.8 and newer). */
  readonly bwrapLocksUsers?: boolean;
  readonly setpriv: string | undefined;
  readonly prlimit: string | undefined;
  readonly timeout: string | undefined;
  readonly ldd: string | undefined;
  readonly mkfifo: string | undefined;
}

/** Where a system keeps its own programs. The search path of whoever started the host is not asked: it is not the system's. */
const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];

const find = async (name: string, folders: readonly string[]): Promise<string | undefined> => {
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not there, or not to be run: the next folder may have it.
    }
  }
  return undefined;
};

/** The programs that this system has. */
export const findTools = async (folders: readonly string[] = FOLDERS): Promise<Tools> => {
  const [bwrap, setpriv, prlimit, timeout, ldd, mkfifo] = await Promise.all(
    ['bwrap', 'setpriv', 'prlimit', 'timeout', 'ldd', 'mkfifo'].map((name) => find(name, folders)),
  );
  const bwrapLocksUsers = bwrap !== undefined && (await helpOf(bwrap)).includes(LOCKS_USERS);
  return { bwrap, bwrapLocksUsers, setpriv, prlimit, timeout, ldd, mkfifo };
};

const LOCKS_USERS = '--disable-userns';

const helpOf = async (program: string): Promise<string> => {
  try {
    return (await promisify(execFile)(program, ['--help'], { env: {} })).stdout;
  } catch {
    // One that cannot even say what it can will not start a runner either; the probe finds that out.
    return '';
  }
};
