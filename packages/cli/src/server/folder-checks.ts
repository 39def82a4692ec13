/** What `ifab doctor` looks at in the data folder. Nothing in it is changed, and its lock is not touched. */
import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault, readConfig } from '@infrafabric/fabric';
import type { LoadedConfig } from '@infrafabric/fabric';
import type { CommandContext } from '../tree/command.ts';
import type { Check } from './check.ts';
import { configInputs } from './config-inputs.ts';
import { isAlive, readServeFile } from './serve-file.ts';
import { operatorTokenPath } from './target.ts';

/** Bits of a mode that give others a right. */
const OTHERS = 0o077;
/** Below this the next segment of the journal, 64 MiB, may not fit beside checkpoints and an index. */
const FREE_BYTES_LOW = 256 * 1024 * 1024;
const MEBIBYTE = 1024 * 1024;

/** Numbers of Linux's statfs(2) for file systems where locks or fsync do not hold as they do on a local disk. */
const REMOTE: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB2',
  0x01021997: '9p',
  0x65735546: 'FUSE',
};
const TMPFS = 0x01021994;

export const configOf = (
  context: CommandContext,
): { readonly config: LoadedConfig['config'] | undefined; readonly check: Check } => {
  const name = 'configuration';
  try {
    const { config, unknownEnv } = readConfig(configInputs(context));
    const own = new Set(['IFAB_TOKEN_FILE', 'IFAB_SESSION', 'IFAB_FENCING_TOKEN']);
    const strange = unknownEnv.filter((one) => !own.has(one));
    if (strange.length === 0)
      return { config, check: { name, state: 'ok', found: `realm ${config.realm}` } };
    return {
      config,
      check: {
        name,
        state: 'warn',
        found: `${strange.join(', ')}: no setting has this name`,
        mend: 'Look for a slip: ifab config show',
      },
    };
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    const mend = 'Mend that source: ifab config path says where each one is.';
    return { config: undefined, check: { name, state: 'failed', found: cause.detail, mend } };
  }
};

export const folderChecks = (dataDir: string): readonly Check[] => {
  if (!existsSync(dataDir)) {
    const found = `${dataDir} does not exist yet`;
    return [
      { name: 'data folder', state: 'ok', found: `${found}; ifab serve makes it` },
      freeCheck(nearestFolder(dataDir)),
    ];
  }
  return [
    modeCheck(dataDir),
    kindCheck(dataDir),
    freeCheck(dataDir),
    lockCheck(dataDir),
    tokenCheck(dataDir),
  ];
};

const modeCheck = (dataDir: string): Check => {
  const { mode, uid } = statSync(dataDir);
  const name = 'data folder';
  const found = `${dataDir}, mode ${(mode & 0o777).toString(8)}`;
  if (process.getuid !== undefined && uid !== process.getuid()) {
    return {
      name,
      state: 'warn',
      found: `${found}, of another user`,
      mend: 'Run ifab as the user who owns it.',
    };
  }
  if ((mode & OTHERS) === 0) return { name, state: 'ok', found };
  return { name, state: 'failed', found, mend: `Keys lie in it: chmod 700 ${dataDir}` };
};

const kindCheck = (dataDir: string): Check => {
  const { type } = statfsSync(dataDir);
  const name = 'file system';
  const remote = REMOTE[type];
  if (remote !== undefined) {
    return {
      name,
      state: 'failed',
      found: `${remote}: locks and fsync do not hold there as they do on a local disk`,
      mend: 'Put the data folder on a local disk: ifab config explain dataDir',
    };
  }
  if (type === TMPFS) {
    return {
      name,
      state: 'warn',
      found: 'tmpfs: it is gone when the machine stops',
      mend: 'Take a folder on a disk for what must last.',
    };
  }
  return { name, state: 'ok', found: `local, type 0x${type.toString(16)}` };
};

const freeCheck = (folder: string): Check => {
  const { bavail, bsize } = statfsSync(folder);
  const bytes = bavail * bsize;
  const found = `${Math.floor(bytes / MEBIBYTE)} MiB free`;
  if (bytes >= FREE_BYTES_LOW) return { name: 'disk', state: 'ok', found };
  return {
    name: 'disk',
    state: 'failed',
    found,
    mend: 'Make room: a full disk makes the realm read-only.',
  };
};

/** The lock is the kernel's; the note beside it says whose it is. Opening the lock itself could drop it. */
const lockCheck = (dataDir: string): Check => {
  const name = 'lock';
  const served = readServeFile(dataDir);
  const path = join(dataDir, 'LOCK.json');
  if (!existsSync(path)) return { name, state: 'ok', found: 'nobody has led this realm yet' };
  let note: { readonly pid?: number; readonly startedAt?: string; readonly closedAt?: string };
  try {
    note = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { name, state: 'warn', found: 'its note is torn; the lock itself does not hang on it' };
  }
  if (note.closedAt !== undefined)
    return { name, state: 'ok', found: `free; the last leader stopped in order ${note.closedAt}` };
  if (note.pid !== undefined && isAlive({ pid: note.pid })) {
    const where = served === undefined ? '' : ` at ${served.url}`;
    return {
      name,
      state: 'ok',
      found: `process ${note.pid} leads since ${note.startedAt ?? '?'}${where}`,
    };
  }
  return {
    name,
    state: 'ok',
    found: `free; process ${note.pid ?? '?'} died, and the next start recovers`,
  };
};

const tokenCheck = (dataDir: string): Check => {
  const name = 'operator token';
  const path = operatorTokenPath(dataDir);
  if (!existsSync(path)) return { name, state: 'ok', found: 'none yet; ifab serve makes it' };
  const { mode } = statSync(path);
  const found = `${path}, mode ${(mode & 0o777).toString(8)}`;
  if ((mode & OTHERS) === 0) return { name, state: 'ok', found };
  return { name, state: 'failed', found, mend: `Others can read it: chmod 600 ${path}` };
};

const nearestFolder = (path: string): string =>
  existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
