/**
 * From what was denied to a level (CHASSIS, isolation levels). Pure: what was seen goes in, the judgement comes out. What
 * is merely installed does not count.
 */
import type { IsolationLayer, IsolationLevel } from '@infrafabric/protocol';
import { PROBE_ATTEMPTS } from '../words.ts';
import type { ProbeAttempt } from '../words.ts';

/** What the kernel says of a locked runner, seen from outside. */
export interface KernelView {
  readonly uid: number;
  readonly capabilities: string;
  readonly hasNoNewPrivileges: boolean;
  readonly hasFilter: boolean;
  readonly hasOwnPids: boolean;
  readonly hasOwnNetwork: boolean;
  /** No descriptor, process, file or core may come to be, and addresses and processor time end somewhere. */
  readonly isLimited: boolean;
}

export interface Observed {
  /** Layers that the runner was started with. */
  readonly tried: ReadonlySet<IsolationLayer>;
  readonly attempts: readonly ProbeAttempt[];
  /** Absent where the platform tells nothing of other processes. */
  readonly kernel: KernelView | undefined;
  /** It was killed from outside, and seen to go. */
  readonly wasKilled: boolean;
  /** User of the host itself; -1 where there are none. */
  readonly hostUid: number;
}

export interface Judged {
  readonly level: IsolationLevel;
  readonly layers: readonly IsolationLayer[];
}

const LEVEL_2: readonly IsolationLayer[] = [
  'process',
  'admission',
  'flags',
  'permission',
  'rlimits',
  'kill',
];
const LEVEL_3: readonly IsolationLayer[] = [...LEVEL_2, 'namespaces', 'seccomp'];
const NO_CAPABILITIES = /^0+$/;

export const judge = (observed: Observed): Judged => {
  const { tried, kernel, wasKilled } = observed;
  const denied = deniedNames(observed);
  const holds: Readonly<Record<IsolationLayer, boolean>> = {
    process: true,
    admission: tried.has('admission'),
    flags: denied.has('allocate'),
    permission: ['read', 'write', 'exec', 'worker'].every((name) => denied.has(name)),
    namespaces: kernel?.hasOwnPids === true && kernel.hasOwnNetwork,
    seccomp: kernel?.hasFilter === true && kernel.hasNoNewPrivileges,
    rlimits: kernel?.isLimited === true,
    kill: wasKilled,
  };
  const layers = LEVEL_3.filter((layer) => tried.has(layer) && holds[layer]);
  const has = (needed: readonly IsolationLayer[]): boolean =>
    needed.every((layer) => layers.includes(layer));
  const isPowerless = kernel !== undefined && NO_CAPABILITIES.test(kernel.capabilities);
  const isAllDenied = PROBE_ATTEMPTS.every((name) => denied.has(name));
  if (!has(['process', 'kill'])) return { level: 0, layers };
  if (!isPowerless || !isAllDenied || !has(LEVEL_2)) return { level: 1, layers };
  return { level: has(LEVEL_3) ? 3 : 2, layers };
};

/**
 * A runner that sees other processes can signal those of its user; one whose user is another's cannot, and one that sees
 * none has nothing to signal, whatever it believed to have reached.
 */
const deniedNames = ({ attempts, kernel, hostUid }: Observed): ReadonlySet<string> => {
  const denied = new Set<string>(
    attempts.filter(({ outcome }) => outcome === 'denied').map(({ name }) => name),
  );
  if (kernel?.hasOwnPids === true) denied.add('signal');
  else if (kernel === undefined || kernel.uid === hostUid) denied.delete('signal');
  return denied;
};

export interface Missing {
  readonly layer: string;
  readonly why: string;
  readonly remedy: string;
}

export interface Lacking {
  readonly level: IsolationLevel;
  readonly layers: readonly IsolationLayer[];
  readonly platform: string;
  readonly arch: string;
  readonly isRoot: boolean;
  readonly hasBubblewrap: boolean;
  readonly hasFilter: boolean;
  /** Why the runner with all layers did not come up, where it did not. */
  readonly failure: string | undefined;
}

const ON_LINUX =
  'attach a runner host on Linux: a virtual machine, a container that allows user namespaces, or another machine';

/** What stands between this host and level 3, with the command or setting that adds it. Pure. */
export const missingOf = (lacking: Lacking): readonly Missing[] => {
  const { level, layers, platform, arch } = lacking;
  if (level === 3) return [];
  if (platform !== 'linux')
    return [
      { layer: 'namespaces', why: `${platform} has no namespaces for a runner`, remedy: ON_LINUX },
    ];
  const missing: Missing[] = [];
  if (!lacking.hasBubblewrap)
    missing.push({
      layer: 'namespaces',
      why: 'bubblewrap is not installed',
      remedy: 'apt-get install bubblewrap',
    });
  else if (!layers.includes('namespaces'))
    missing.push({
      layer: 'namespaces',
      why: `bubblewrap does not get its namespaces: ${lacking.failure ?? 'it was left out'}`,
      remedy:
        'allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1; on Ubuntu 23.10 and later an AppArmor profile for bwrap, or sysctl kernel.apparmor_restrict_unprivileged_userns=0)',
    });
  if (!lacking.hasFilter)
    missing.push({
      layer: 'seccomp',
      why: `there is no table of system calls for ${arch}`,
      remedy: 'attach a runner host on x86-64',
    });
  if (level < 2 && !lacking.isRoot)
    missing.push({
      layer: 'process',
      why: 'without namespaces a runner can signal processes of the same user, this host among them',
      remedy: 'start the runner host as root, so that each runner gets a user of its own',
    });
  for (const layer of ['permission', 'flags', 'rlimits'] as const)
    if (!layers.includes(layer))
      missing.push({
        layer,
        why: `what ${layer} should deny was not denied`,
        remedy: layer === 'rlimits' ? 'apt-get install util-linux' : 'use Node.js 22.13 or newer',
      });
  return missing;
};
