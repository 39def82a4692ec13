/**
 * Commands of others, each as a process group of its own.
 *
 * P1  When the outcome is told, the whole group is dead: a command's children do not outlive it.
 * P2  The group is asked to end (SIGTERM) before it is made to (SIGKILL), but for an abort, which waits for nobody.
 * P3  A runner that dies, however it dies, takes its commands with it: the next one must not meet them at their work.
 *
 * A child that makes a session of its own (setsid) leaves the group and is not found here; only a container or a cgroup
 * holds such a one. It cannot hold the runner: after a moment its end of the pipe is not listened to any more.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Ending } from './executor.ts';

export interface CommandOptions {
  /** Run by `sh -c`. */
  readonly shell: string;
  readonly folder: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly abort: AbortSignal;
  readonly onOutput: (chunk: Buffer) => void;
}

/** Between SIGTERM and SIGKILL, ms: test runners and servers clean up in less; a hung one holds its lease for it. */
export const GRACE_MS = 2_000;
/** How long output is awaited after the group is dead, ms: a pipe holds 64 KiB, which is read in one. */
const PIPE_MS_MAX = 500;

/**
 * P3: a reader of a pipe that only the runner holds. Its end is the runner's end, and then the group is killed. The
 * command itself replaces this shell, so that its number is the group's and its exit code is told as it is.
 */
const GUARDED = '(cat <&3; kill -9 -$$) >/dev/null 2>&1 & exec 3<&-; exec /bin/sh -c "$0"';

/** Runs a command to its end. Never rejects. */
export function runCommand(options: CommandOptions): Promise<Ending> {
  const { shell, folder, env, abort, onOutput } = options;
  if (abort.aborted) return Promise.resolve({ kind: 'aborted' });
  return new Promise((resolve) => {
    // `detached` is setsid: a session and a group with the child's pid, so that one signal reaches all of it.
    const child = spawn('/bin/sh', ['-c', GUARDED, shell], {
      cwd: folder,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    // Ours until the command has ended; a write to it is never made.
    child.stdio[3]?.on('error', () => undefined);
    const watch = watchLife(child, options);
    child.stdout?.on('data', onOutput);
    child.stderr?.on('data', onOutput);
    child.once('error', (cause) => {
      watch.stop();
      // Without a pid nothing was started; with one, the exit follows.
      if (child.pid === undefined)
        resolve({ kind: 'unstarted', detail: `${cause.message}, in ${folder}` });
    });
    child.once('exit', (code, signal) => {
      watch.stop();
      killGroup(child, 'SIGKILL');
      const ending = watch.cause() ?? endingOf(code, signal);
      child.stdio[3]?.destroy();
      const late = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, PIPE_MS_MAX);
      child.once('close', () => {
        clearTimeout(late);
        resolve(ending);
      });
    });
  });
}

interface LifeWatch {
  /** Why it was ended from here; undefined where it ended by itself. */
  readonly cause: () => Ending | undefined;
  readonly stop: () => void;
}

function watchLife(child: ChildProcess, { timeoutMs, abort }: CommandOptions): LifeWatch {
  let cause: Ending | undefined;
  let grace: ReturnType<typeof setTimeout> | undefined;
  const onAbort = (): void => {
    cause = { kind: 'aborted' };
    killGroup(child, 'SIGKILL');
  };
  const limit = setTimeout(() => {
    cause ??= { kind: 'timed-out', timeoutMs };
    killGroup(child, 'SIGTERM');
    grace = setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS);
  }, timeoutMs);
  abort.addEventListener('abort', onAbort, { once: true });
  return {
    cause: () => cause,
    stop: () => {
      clearTimeout(limit);
      clearTimeout(grace);
      abort.removeEventListener('abort', onAbort);
    },
  };
}

function endingOf(code: number | null, signal: NodeJS.Signals | null): Ending {
  return code === null
    ? { kind: 'signalled', signal: signal ?? 'unknown' }
    : { kind: 'exited', exitCode: code };
}

/** A group's number stays taken while any of its processes lives, so this cannot reach a stranger's. */
function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (cause) {
    // ESRCH: all of it is dead already, which is what was wanted. EPERM: it became somebody else; it is not ours.
    if (!(cause instanceof Error && 'code' in cause)) throw cause;
  }
}
