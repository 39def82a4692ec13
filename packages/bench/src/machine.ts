/** On what a run was made: without this a number says nothing. */
import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  readonly node: string;
  readonly cores: number;
  readonly cpu: string;
  readonly kernel: string;
  readonly memoryGb: number;
  readonly fileSystem: string;
  readonly commit: string;
}

/** Magic numbers of statfs(2). */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
]);

const GB = 1_000_000_000;

export const machine = (folder: string): Machine => ({
  node: process.version,
  cores: cpus().length,
  cpu: cpus()[0]?.model ?? 'unknown',
  kernel: release(),
  memoryGb: Math.round(totalmem() / GB),
  fileSystem: fileSystemOf(folder),
  commit: commit(),
});

/** One-minute load average: how many others wanted the cores. */
export const load = (): number => Math.round((loadavg()[0] ?? 0) * 10) / 10;

const fileSystemOf = (folder: string): string => {
  const { type } = statfsSync(folder);
  return FILE_SYSTEMS.get(type) ?? `0x${type.toString(16)}`;
};

const commit = (): string => {
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
    const isDirty = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (isDirty ? '+changes' : '');
  } catch {
    // A copy without its history: the run is worth keeping all the same.
    return 'unknown';
  }
};
