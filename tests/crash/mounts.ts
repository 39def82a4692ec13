import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What stands on a loop device, so that its power can be cut. */
export type FileSystem = 'xfs' | 'ext4';

/** The smallest that mkfs.xfs takes is 300 MB. */
const IMAGE_BYTES = 400 * 1_048_576;

const MAKE: Readonly<Record<FileSystem, readonly string[]>> = {
  xfs: ['mkfs.xfs', '-qf'],
  ext4: ['mkfs.ext4', '-qF'],
};

export interface Mount {
  /** Where it is mounted. */
  readonly folder: string;
  /** Cuts the power: nothing that was not synced reaches the image from now on. */
  cutPower(): void;
  /** Unmounts and mounts again, as a machine that starts. */
  remount(): void;
  dispose(): void;
}

/** Runs a program to its end; throws with its words where it fails. */
function run(...[program = '', ...args]: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

const exists = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

export function loopMount(kind: FileSystem): Mount {
  const root = mkdtempSync(join(tmpdir(), `crash-${kind}-`));
  const image = join(root, 'image');
  const folder = join(root, 'mount');
  mkdirSync(folder);
  writeFileSync(image, '');
  truncateSync(image, IMAGE_BYTES);
  let mounted = false;
  const mount = (): void => {
    run('mount', '-o', 'loop', image, folder);
    mounted = true;
  };
  const unmount = (): void => {
    run('umount', folder);
    mounted = false;
  };
  try {
    run(...MAKE[kind], image);
    mount();
  } catch (cause) {
    rmSync(root, { recursive: true });
    throw cause;
  }
  return {
    folder,
    cutPower: () => {
      run('xfs_io', '-x', '-c', 'shutdown', folder);
    },
    remount: () => {
      unmount();
      mount();
    },
    dispose: () => {
      if (mounted) unmount();
      rmSync(root, { recursive: true });
    },
  };
}

/** A small file system in memory. Its power cannot be cut. */
export function smallMount(bytes: number): Pick<Mount, 'folder' | 'dispose'> {
  const folder = mkdtempSync(join(tmpdir(), 'crash-full-'));
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', folder);
  } catch (cause) {
    rmSync(folder, { recursive: true });
    throw cause;
  }
  return {
    folder,
    dispose: () => {
      run('umount', folder);
      rmSync(folder, { recursive: true });
    },
  };
}

/** `missing` names tools to install; `forbidden` is what this machine does not let us do at all. */
export type Possible =
  | { readonly kind: 'possible' }
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'forbidden'; readonly why: string };

/** Whether loop mounts are allowed here and the tools to make and cut them are there. */
export function loopMountsPossible(): Possible {
  const tools = ['mkfs.xfs', 'xfs_io', 'mkfs.ext4', 'mount', 'umount'];
  const missing = tools.filter((tool) => !exists(tool));
  if (process.getuid?.() !== 0) return { kind: 'forbidden', why: 'mounting needs root' };
  if (missing.length > 0) {
    const mountable = tmpfsPossible();
    if (mountable.kind !== 'possible') return mountable;
    return { kind: 'missing', why: `${missing.join(', ')} (packages xfsprogs, e2fsprogs)` };
  }
  try {
    loopMount('ext4').dispose();
    return { kind: 'possible' };
  } catch (cause) {
    return { kind: 'forbidden', why: String(cause) };
  }
}

export function tmpfsPossible(): Possible {
  try {
    smallMount(1_048_576).dispose();
    return { kind: 'possible' };
  } catch (cause) {
    return { kind: 'forbidden', why: String(cause) };
  }
}

/** Whether strace is there and may trace. */
export function stracePossible(): Possible {
  if (!exists('strace')) {
    // Who is not root cannot install it either.
    const kind = process.getuid?.() === 0 ? 'missing' : 'forbidden';
    return { kind, why: 'strace (package strace)' };
  }
  const { status, stderr } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true'], {
    encoding: 'utf8',
  });
  return status === 0 ? { kind: 'possible' } : { kind: 'forbidden', why: stderr.trim() };
}
