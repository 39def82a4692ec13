/**
 * The kernel's limits of one runner, set from outside after READY: by then node holds every descriptor and thread that
 * it needs, so none has to be allowed.
 *
 * J4  A runner whose limits could not be set is killed by whoever asked. There is no "continue without".
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Fault } from '../../fault.ts';
import type { Identity } from './launch.ts';
import type { Tools } from './tools.ts';

/**
 * Address space over what node holds at READY and the guest's memory, bytes: code, stacks and the 64 MiB heap of
 * JavaScript. Less: legitimate guests fail to compile. More: a broken-out guest has that much more.
 */
const ADDRESS_SLACK_BYTES = 192 * 1024 * 1024;
const MIB = 1024 * 1024;
/** `prlimit` takes milliseconds; after this long it hangs, ms. */
const PRLIMIT_MS_MAX = 10_000;

const run = promisify(execFile);

/** Processor seconds of the whole life of a runner: SIGXCPU at the soft limit, SIGKILL at the hard one. */
export interface CpuSeconds {
  readonly softS: number;
  readonly hardS: number;
}

/** The exact address limit: never a constant, because node's own share differs by version and machine. */
export const addressLimit = (vmSizeBytes: number, memoryMib: number): number =>
  vmSizeBytes + memoryMib * MIB + ADDRESS_SLACK_BYTES;

/** No new descriptor (hence no file, socket, pipe), no process, no file to grow, no core with a guest's memory. */
export const lockWords = (addressBytes: number, cpu: CpuSeconds): readonly string[] => [
  `--as=${addressBytes}:${addressBytes}`,
  '--nofile=0:0',
  '--nproc=0:0',
  '--fsize=0:0',
  '--core=0:0',
  cpuWord(cpu),
];

/** Of bubblewrap's init, which only waits for node: it needs no more memory than it has. */
export const INIT_WORDS: readonly string[] = [
  '--nofile=0:0',
  '--nproc=0:0',
  '--fsize=0:0',
  '--core=0:0',
];

export const cpuWord = ({ softS, hardS }: CpuSeconds): string => `--cpu=${softS}:${hardS}`;

export interface LimitsOf {
  readonly pid: number;
  readonly identity: Identity | undefined;
  readonly tools: Tools;
}

/** Throws a Fault `runner.unavailable` where the kernel or the tool refused. */
export const setLimits = async (
  of: LimitsOf,
  words: readonly string[],
  msMax = PRLIMIT_MS_MAX,
): Promise<void> => {
  const [file, ...args] = commandOf(of, words);
  if (file === undefined)
    throw new Fault('runner.unavailable', { transient: false, detail: 'there is no prlimit' });
  try {
    // It runs as the runner's user: a guest that broke out may stop it, and what is stopped takes no other signal.
    await run(file, args, { timeout: msMax, killSignal: 'SIGKILL', env: {} });
  } catch (cause) {
    throw new Fault('runner.unavailable', {
      transient: true,
      detail: `set the limits of process ${of.pid}`,
      cause,
    });
  }
};

/**
 * As the runner's own user: limits of another user's process need CAP_SYS_RESOURCE, which root has not everywhere
 * (prlimit(2)).
 */
const commandOf = (
  { pid, identity, tools: { prlimit, setpriv } }: LimitsOf,
  words: readonly string[],
): readonly string[] => {
  if (prlimit === undefined || (identity !== undefined && setpriv === undefined)) return [];
  const as =
    identity === undefined || setpriv === undefined
      ? []
      : [setpriv, `--reuid=${identity.uid}`, `--regid=${identity.gid}`, '--clear-groups', '--'];
  return [...as, prlimit, '--pid', String(pid), ...words];
};
