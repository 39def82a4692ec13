/**
 * From nothing to a blank runner: started, READY, found among the processes, locked. Whatever goes wrong on the way
 * kills it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { IsolationLayer } from '@infrafabric/protocol';
import { Fault } from '../../fault.ts';
import { FROM_RUNNER } from '../frame.ts';
import { identityOf, launchPlan, type Identity, type LaunchPlan } from '../jail/launch.ts';
import { initPidOf, leafPid } from '../jail/leaf.ts';
import type { NodeLine } from '../jail/flags.ts';
import {
  addressLimit,
  cpuWord,
  INIT_WORDS,
  lockWords,
  setLimits,
  type CpuSeconds,
} from '../jail/rlimits.ts';
import type { Stage } from '../jail/stage.ts';
import type { Tools } from '../jail/tools.ts';
import type { Ready } from '../words.ts';
import type { Fifos } from './pipe/fifos.ts';
import { FrameReader } from './pipe/frame-reader.ts';
import { openPipes, openStreams, type Pipes } from './pipe/pipes.ts';
import { plainLine } from './plain-text.ts';
import { readReady } from './replies.ts';
import { RunnerProcess } from './runner-process.ts';
import { freeSeat, takeSeat, usersAtWork } from './seats.ts';

/** A runner boots in 50 to 150 ms; on a machine that is overwhelmed it takes seconds, ms. */
const BOOT_MS_MAX = 20_000;
/** What bubblewrap said is in its pipe by then; it is read within a turn of the event loop or two, ms. */
const STATUS_MS_MAX = 2_000;
const DETAIL_CHARS_MAX = 400;

/** What all runners of a host start from. */
export interface Site {
  readonly stage: Stage;
  readonly fifos: Fifos;
  readonly tools: Tools;
  readonly nodeLine: NodeLine;
  readonly libraries: readonly string[];
  readonly layers: ReadonlySet<IsolationLayer>;
  readonly isRoot: boolean;
  /** Longest life of a runner, s. */
  readonly lifeS: number;
}

/** A runner that nobody owns, and what belongs to it. */
export interface Blank {
  readonly process: RunnerProcess;
  readonly memoryMib: number;
  /** Resident memory at READY, bytes: node's own. */
  readonly residentBytes: number;
  /** The kernel's limits of processor time, as they stand. */
  readonly cpu: CpuSeconds;
  readonly bootedAtMs: number;
  /** Sets new limits of processor time; the hard one is never raised. Throws a Fault. */
  limitCpu(cpu: CpuSeconds): Promise<void>;
}

export interface BootOptions {
  readonly site: Site;
  readonly memoryMib: number;
  readonly cpu: CpuSeconds;
  /** Another file than the site's: an attack instead of a runner (containment suite). */
  readonly runnerFile?: string;
}

/** Throws a Fault `runner.unavailable`; nothing is left behind then. */
export const bootRunner = async (options: BootOptions): Promise<Blank> => {
  const { site, memoryMib } = options;
  const seat = await seatOf(site);
  const identity = identityOf(site.layers, site.isRoot, seat);
  let process: RunnerProcess | undefined;
  try {
    const plan = launchPlan({
      ...site,
      node: site.stage.node,
      runnerFile: options.runnerFile ?? site.stage.runnerFile,
      memoryMib,
      identity,
    });
    process = await start(site, plan, () => freeSeat(seat));
    const ready = await heardReady(process);
    if (plan.saysStatus) await saidStatus(process);
    process.adopt(await leafPid(plan, process.spawnedPid, process.status), ready);
    return await lock(process, options, { identity, init: initPidOf(process.status) });
  } catch (cause) {
    if (process === undefined) freeSeat(seat);
    else await process.kill({ cause: 'unavailable', detail: 'the runner did not come up' });
    throw cause;
  }
};

/** In namespaces of their own runners see nobody; elsewhere each has a user that no other process has. */
const seatOf = async ({ layers, isRoot }: Site): Promise<number> => {
  const userOf = (seat: number): number | undefined => identityOf(layers, isRoot, seat)?.uid;
  const isOwn = !layers.has('namespaces') && isRoot;
  const users = isOwn ? await usersAtWork() : new Set<number>();
  const seat = takeSeat((one) => users.has(userOf(one) ?? -1));
  if (seat !== undefined) return seat;
  if (!isOwn) return 0;
  throw new Fault('runner.unavailable', {
    transient: true,
    detail: 'every user that a runner may have is in use',
  });
};

const start = async (site: Site, plan: LaunchPlan, onGone: () => void): Promise<RunnerProcess> => {
  const pair = await site.fifos.take();
  let target: RunnerProcess | undefined;
  const reader = new FrameReader({
    onFrame: (type, payload, isLast) => target?.onFrame(type, payload, isLast),
    onOversize: (length, type) => target?.onOversize(length, type),
  });
  const listener = { onBytes: (bytes: Uint8Array) => reader.feed(bytes) };
  const pipes = pair === undefined ? openStreams(listener) : openPipes(pair, listener);
  try {
    const child = spawnChain(site, plan, pipes);
    pipes.attach(child);
    const diesAtMs = performance.now() + site.lifeS * 1_000;
    target = new RunnerProcess({ child, pipes, reader, diesAtMs, onGone });
    return target;
  } catch (cause) {
    pipes.close();
    throw cause;
  } finally {
    pipes.closeChildEnds();
  }
};

const spawnChain = (
  { stage }: Site,
  plan: LaunchPlan,
  { childIn, childOut }: Pick<Pipes, 'childIn' | 'childOut'>,
): ChildProcess => {
  const filter =
    plan.takesFilter && stage.filterFile !== undefined
      ? openSync(stage.filterFile, 'r')
      : undefined;
  if (plan.takesFilter && filter === undefined)
    throw new Fault('runner.unavailable', {
      transient: false,
      detail: `there is no system call filter for ${process.arch}`,
    });
  try {
    return spawn(plan.file, plan.args, {
      // Nothing of the host's environment, and no folder that the runner could ask for.
      env: {},
      cwd: '/',
      stdio: [childIn, childOut, 'pipe', filter ?? 'ignore', plan.saysStatus ? 'pipe' : 'ignore'],
      windowsHide: true,
    });
  } finally {
    if (filter !== undefined) closeSync(filter);
  }
};

const heardReady = async (process: RunnerProcess): Promise<Ready> => {
  const heard = Promise.withResolvers<Ready>();
  const refuse = (what: string): void =>
    heard.reject(
      new Fault('runner.unavailable', {
        transient: true,
        detail: `${what}; it said: ${plainLine(process.stderr, DETAIL_CHARS_MAX)}`,
      }),
    );
  process.listen({
    onFrame(type, payload) {
      const ready = type === FROM_RUNNER.ready ? readReady(payload) : undefined;
      if (ready === undefined) refuse('the runner did not begin with READY');
      else heard.resolve(ready);
    },
    onOversize: (length) => refuse(`the runner began with a frame of ${length} bytes`),
    onEnd: ({ detail }) => refuse(`the runner ended before READY: ${detail}`),
  });
  const timer = setTimeout(() => refuse(`no READY within ${BOOT_MS_MAX} ms`), BOOT_MS_MAX);
  try {
    return await heard.promise;
  } finally {
    clearTimeout(timer);
  }
};

/** Bubblewrap wrote it before node began, but to another pipe: READY may be read first. */
const saidStatus = async (process: RunnerProcess): Promise<void> => {
  const until = performance.now() + STATUS_MS_MAX;
  while (initPidOf(process.status) === undefined && performance.now() < until) await pause(1);
};

const lock = async (
  process: RunnerProcess,
  { site, memoryMib, cpu }: BootOptions,
  {
    identity,
    init,
  }: { readonly identity: Identity | undefined; readonly init: number | undefined },
): Promise<Blank> => {
  const of = { pid: process.pid, identity, tools: site.tools };
  const bootedAtMs = performance.now();
  if (!site.layers.has('rlimits'))
    return {
      process,
      memoryMib,
      residentBytes: process.meter.sample().residentBytes,
      cpu,
      bootedAtMs,
      limitCpu: async () => undefined,
    };
  const { addressBytes, residentBytes } = sizes(process);
  await Promise.all([
    setLimits(of, lockWords(addressLimit(addressBytes, memoryMib), cpu)),
    // The jail's process 1 is of the same user: one who could take it over would have no limits there.
    init === undefined ? undefined : setLimits({ ...of, pid: init }, INIT_WORDS),
  ]);
  let now = cpu;
  return {
    process,
    memoryMib,
    residentBytes,
    bootedAtMs,
    get cpu() {
      return now;
    },
    async limitCpu(next) {
      await setLimits(of, [cpuWord(next)]);
      now = next;
    },
  };
};

const sizes = (process: RunnerProcess): { addressBytes: number; residentBytes: number } => {
  const addressBytes = process.meter.addressBytes();
  if (addressBytes === 0)
    throw new Fault('runner.unavailable', {
      transient: true,
      detail: `the kernel does not say how large process ${process.pid} is`,
    });
  return { addressBytes, residentBytes: process.meter.sample().residentBytes };
};
