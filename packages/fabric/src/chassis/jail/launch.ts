/**
 * The command line of a runner, as data: each layer adds its words, and any of them can be left out. Nothing here starts
 * a process.
 *
 * J3  A layer that is asked for and cannot be built is a Fault: nobody gets the same runner without it.
 */
import type { IsolationLayer } from '@infrafabric/protocol';
import { extname } from 'node:path';
import { Fault } from '../../fault.ts';
import { permissionFlags, v8Flags, type NodeLine } from './flags.ts';
import type { Tools } from './tools.ts';

/** Nobody, on Linux: the user of every runner that has namespaces of its own. */
const NOBODY = 65_534;
/**
 * First user id, and how many, of runners without namespaces. They can signal processes of their user, so each has one of
 * its own. 60578 to 61183 are given out by nobody (systemd, docs/UIDS-GIDS.md); these lie within.
 */
const OWN_USER_FIRST = 60_600;
export const OWN_USERS = 500;
/** What `timeout` waits longer than the longest life of a runner, s: the watchdog comes first. */
const LIFE_GRACE_S = 10;

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/**
 * As whom a runner runs: nobody, or a user of its own where it shares the host's processes. Undefined where the host is
 * not root and cannot become anybody else. `seat` tells runners that live at the same time apart.
 */
export const identityOf = (
  layers: ReadonlySet<IsolationLayer>,
  isRoot: boolean,
  seat: number,
): Identity | undefined => {
  if (!isRoot) return undefined;
  const uid = layers.has('namespaces') ? NOBODY : OWN_USER_FIRST + (seat % OWN_USERS);
  return { uid, gid: uid };
};

export interface LaunchOptions {
  readonly layers: ReadonlySet<IsolationLayer>;
  readonly tools: Tools;
  readonly node: string;
  readonly nodeLine: NodeLine;
  readonly libraries: readonly string[];
  readonly runnerFile: string;
  readonly memoryMib: number;
  /** Longest life of the runner, s. */
  readonly lifeS: number;
  readonly identity: Identity | undefined;
}

export interface LaunchPlan {
  readonly file: string;
  readonly args: readonly string[];
  /** Descriptor 3 of the command is the filter's bytes. */
  readonly takesFilter: boolean;
  /** Descriptor 4 of the command is where bubblewrap says what it started. */
  readonly saysStatus: boolean;
  /** A `timeout` stands before node, so node is its child and not the process that was spawned. */
  readonly hasTimeout: boolean;
}

/** Throws a Fault `runner.unavailable` where a layer lacks its tool (J3). */
export const launchPlan = (options: LaunchOptions): LaunchPlan => {
  const { layers, tools, identity, lifeS } = options;
  const isJailed = layers.has('namespaces');
  const takesFilter = layers.has('seccomp');
  if (takesFilter && !isJailed) throw lacking('bubblewrap, which installs the system call filter');
  const words = [
    ...dropWords(options, isJailed),
    ...(tools.timeout === undefined
      ? []
      : [tools.timeout, '-s', 'KILL', String(lifeS + LIFE_GRACE_S)]),
    ...(isJailed ? jailWords(options, takesFilter) : tieWords(tools)),
    ...nodeWords(options, isJailed),
  ];
  if (identity !== undefined && tools.setpriv === undefined) throw lacking('setpriv');
  const [file = options.node, ...args] = words;
  return { file, args, takesFilter, saysStatus: isJailed, hasTimeout: tools.timeout !== undefined };
};

const lacking = (what: string): Fault =>
  new Fault('runner.unavailable', { transient: false, detail: `this system lacks ${what}` });

/** Another user, nothing to inherit, and death together with the host. */
const dropWords = ({ tools, identity }: LaunchOptions, isJailed: boolean): readonly string[] => {
  if (tools.setpriv === undefined) return [];
  const user =
    identity === undefined
      ? []
      : [`--reuid=${identity.uid}`, `--regid=${identity.gid}`, '--clear-groups'];
  // Inside the jail bubblewrap does this itself, and it needs what it would lose here.
  const bounds = isJailed
    ? []
    : [
        '--no-new-privs',
        ...(identity === undefined ? [] : ['--bounding-set=-all', '--inh-caps=-all']),
      ];
  return [tools.setpriv, ...user, ...bounds, '--pdeathsig', 'KILL', '--'];
};

/** Without bubblewrap's `--die-with-parent`: node dies with the `timeout` that it hangs on. */
const tieWords = ({ setpriv, timeout }: Tools): readonly string[] =>
  setpriv === undefined || timeout === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];

const NODE_IN_JAIL = '/usr/bin/node';
const runnerInJail = (runnerFile: string): string => `/app/runner${extname(runnerFile)}`;

const jailWords = (options: LaunchOptions, takesFilter: boolean): readonly string[] => {
  const { tools, node, libraries, runnerFile } = options;
  if (tools.bwrap === undefined) throw lacking('bubblewrap');
  return [
    tools.bwrap,
    '--unshare-all',
    // A user namespace inside this one would hold every capability again: nobody makes one, filter or not.
    ...(tools.bwrapLocksUsers === true ? ['--unshare-user', '--disable-userns'] : []),
    '--uid',
    String(NOBODY),
    '--gid',
    String(NOBODY),
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
    '--hostname',
    'sb',
    '--clearenv',
    '--json-status-fd',
    '4',
    '--ro-bind',
    node,
    NODE_IN_JAIL,
    ...libraries.flatMap((path) => ['--ro-bind', path, path]),
    '--ro-bind',
    runnerFile,
    runnerInJail(runnerFile),
    // The root that bubblewrap builds is a file system in memory: what was written there would count for nobody.
    '--remount-ro',
    '/',
    '--chdir',
    '/',
    ...(takesFilter ? ['--seccomp', '3'] : []),
    '--',
  ];
};

const nodeWords = (options: LaunchOptions, isJailed: boolean): readonly string[] => {
  const { layers, node, nodeLine, runnerFile, memoryMib } = options;
  const file = isJailed ? runnerInJail(runnerFile) : runnerFile;
  return [
    isJailed ? NODE_IN_JAIL : node,
    ...(layers.has('flags') ? v8Flags(memoryMib) : []),
    ...(layers.has('permission') ? permissionFlags(nodeLine, file) : []),
    file,
  ];
};
