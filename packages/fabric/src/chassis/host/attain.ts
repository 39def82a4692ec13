/**
 * Which isolation this machine gives, found by trying: from the most layers to the fewest, until a runner comes up that
 * is denied what it should be. Asked once for each node, kernel and bubblewrap.
 */
import { execFile } from 'node:child_process';
import { release } from 'node:os';
import { promisify } from 'node:util';
import { IsolationLayer } from '@infrafabric/protocol';
import { hasSeccompTable } from '../jail/seccomp.ts';
import type { Tools } from '../jail/tools.ts';
import type { Attained } from '../words.ts';
import type { Site } from './boot.ts';
import type { MonotonicClock } from './watch/clock.ts';
import { missingOf } from './levels.ts';
import { plainLine } from './plain-text.ts';
import { probeSite, type ProbeReport } from './probe.ts';

const DETAIL_CHARS_MAX = 400;

export interface AttainOptions {
  /** A site with these layers. */
  readonly siteWith: (layers: ReadonlySet<IsolationLayer>) => Promise<Site>;
  /** Layers that tests leave out, one at a time. Nothing less is tried then. */
  readonly layersOff: readonly IsolationLayer[];
  readonly hasBubblewrap: boolean;
  readonly isRoot: boolean;
  readonly nodeVersion: string;
  readonly memoryMib: number;
  readonly clock: MonotonicClock;
}

export interface Attainment {
  readonly attained: Attained;
  /** What runners are started with. */
  readonly layers: ReadonlySet<IsolationLayer>;
}

/** What was asked about, beside the machine itself. */
interface Probed {
  readonly node: string;
  readonly runnerFile: string;
  readonly tools: Tools;
}

const known = new Map<string, Promise<Attainment>>();

/** The same question has the same answer for the life of this process. */
export const attainOnce = async (
  options: AttainOptions,
  { node, runnerFile, tools }: Probed,
): Promise<Attainment> => {
  const version = tools.bwrap === undefined ? 'none' : await versionOf(tools.bwrap);
  const { nodeVersion, layersOff, isRoot } = options;
  const machine = [nodeVersion, release(), version, layersOff, isRoot];
  const key = JSON.stringify([...machine, node, runnerFile, tools]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const asked = attain(options);
  known.set(key, asked);
  // A machine that was too busy once is asked again.
  void asked.then(
    ({ attained }) => attained.level === 0 && known.delete(key),
    () => known.delete(key),
  );
  return asked;
};

const versionOf = async (bwrap: string): Promise<string> => {
  try {
    return (await promisify(execFile)(bwrap, ['--version'], { env: {} })).stdout.trim();
  } catch {
    return 'broken';
  }
};

/** Sets of layers worth trying on a platform, the best first. Pure. */
export const candidates = (
  platform: string,
  arch: string,
  hasBubblewrap: boolean,
  layersOff: readonly IsolationLayer[],
): readonly ReadonlySet<IsolationLayer>[] => {
  const without = (...off: readonly IsolationLayer[]): ReadonlySet<IsolationLayer> => {
    const left = IsolationLayer.options.filter(
      (layer) => !off.includes(layer) && !layersOff.includes(layer),
    );
    // bubblewrap installs the filter: without the one there is no other.
    return new Set(left.includes('namespaces') ? left : left.filter((it) => it !== 'seccomp'));
  };
  const isLinux = platform === 'linux';
  const sets = [
    ...(isLinux && hasBubblewrap ? [hasSeccompTable(arch) ? without() : without('seccomp')] : []),
    ...(isLinux ? [without('namespaces')] : []),
    without('namespaces', 'rlimits'),
  ];
  return layersOff.length > 0 ? sets.slice(0, 1) : sets;
};

const attain = async (options: AttainOptions): Promise<Attainment> => {
  const { hasBubblewrap, isRoot, nodeVersion } = options;
  const { best, failure } = await probeAll(options);
  const { platform, arch } = process;
  const { level, layers, attempts, tried } = best;
  const lacking = {
    level,
    layers,
    platform,
    arch,
    isRoot,
    hasBubblewrap,
    failure,
    hasFilter: hasSeccompTable(arch),
  };
  return {
    layers: tried,
    attained: {
      level,
      layers,
      attempts,
      node: nodeVersion,
      platform: `${platform}-${arch}`,
      missing: missingOf(lacking),
    },
  };
};

/** No runner came up, with any set of layers. */
const NOTHING: ProbeReport = { level: 0, layers: [], attempts: [], tried: new Set(), v8: '' };

/** Set by set, until one is good enough. The failure is that of the fullest set that did not come up. */
const probeAll = async ({
  siteWith,
  layersOff,
  hasBubblewrap,
  memoryMib,
  clock,
}: AttainOptions): Promise<{
  readonly best: ProbeReport;
  readonly failure: string | undefined;
}> => {
  let best = NOTHING;
  let failure: string | undefined;
  for (const layers of candidates(process.platform, process.arch, hasBubblewrap, layersOff)) {
    try {
      const report = await probeSite(await siteWith(layers), memoryMib, clock);
      if (best === NOTHING || report.level > best.level) best = report;
      if (report.level >= 2) break;
    } catch (cause) {
      failure ??= plainLine(cause instanceof Error ? cause.message : 'unknown', DETAIL_CHARS_MAX);
    }
  }
  return { best, failure };
};
