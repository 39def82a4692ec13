/**
 * The runner host: the trusted process that has runners. It compiles no guest byte, and what comes from a runner is data.
 *
 *     const host = await createRunnerHost({ runnerFile: await runnerFile(), engine: engineBytes, broker });
 *     const runner = await host.acquire({ swarmId, sessionId }, 256);
 *     const loaded = await runner.load(module);
 *     const report = await runner.run(request);
 *     await runner.destroy();
 */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { RUN_CPU_MS_DEFAULT, RUN_MEMORY_MIB_DEFAULT } from '@infrafabric/protocol';
import type { IsolationLayer } from '@infrafabric/protocol';
import { Fault } from '../../fault.ts';
import { nodeLineOf } from '../jail/flags.ts';
import { librariesOf } from '../jail/libraries.ts';
import { seccompFilter } from '../jail/seccomp.ts';
import { openStage, type Stage } from '../jail/stage.ts';
import { findTools, type Tools } from '../jail/tools.ts';
import type { Attained, Broker, Runner, RunnerHost, Tenant } from '../words.ts';
import { attainOnce, type Attainment } from './attain.ts';
import { bootRunner, type Site } from './boot.ts';
import { monotonicClock, type MonotonicClock } from './watch/clock.ts';
import { cpuSecondsOfBlank } from './watch/cpu-backstop.ts';
import { openFifos } from './pipe/fifos.ts';
import { Pool } from './pool.ts';
import { TenantRunner } from './runner.ts';
import { Verdicts } from './verdicts.ts';

/** Blank runners that are kept: one for the next session and one while it is replaced. Each is 11 to 40 MB. */
const BLANK_RUNNERS_DEFAULT = 2;
/** Runners for each processor. More: each gets a smaller part of its share of a core. */
const RUNNERS_PER_PROCESSOR = 8;
/** Longest life of a runner, s: twice the longest run, so that one that was idle still has time for any run. */
const LIFE_S_DEFAULT = 7_200;
const VERSION_MS_MAX = 10_000;

export interface RunnerHostOptions {
  /** The node that runners run on; this process's own unless another is named. */
  readonly node?: string;
  /** The bundled runner: all that a jail holds beside node. */
  readonly runnerFile: string;
  /** The bytes of the engine for `js` modules, asked for when there is one. */
  readonly engine: () => Promise<Uint8Array>;
  /** Stays the caller's to close. */
  readonly broker: Broker;
  readonly blankRunners?: number;
  readonly runnersMax?: number;
  /** Longest life of a runner, s. */
  readonly lifeS?: number;
  /** Memory of the runners that are kept blank, MiB. */
  readonly memoryMib?: number;
  /** For tests: each layer has to hold without one of the others. */
  readonly layersOff?: readonly IsolationLayer[];
  /** For tests: runners start from this file, an attack, while the probe uses the real one. */
  readonly breachFile?: string;
  readonly tools?: Tools;
  readonly clock?: MonotonicClock;
}

/**
 * Opens a runner host: finds out what this machine can give, and boots the first runners. Where no runner comes up at
 * all the host says level 0 and gives none. Throws a Fault `runner.unavailable` where its files cannot be laid out.
 */
export const createRunnerHost = async (options: RunnerHostOptions): Promise<RunnerHost> => {
  const node = options.node ?? process.execPath;
  const memoryMib = options.memoryMib ?? RUN_MEMORY_MIB_DEFAULT;
  const clock = options.clock ?? monotonicClock;
  const isRoot = process.getuid?.() === 0;
  const tools = options.tools ?? (await findTools());
  const stage = await openStage({
    node,
    runnerFile: options.runnerFile,
    ...(options.breachFile === undefined ? {} : { breachFile: options.breachFile }),
    filter: seccompFilter(process.arch),
    isForOthers: isRoot,
  });
  try {
    const nodeVersion = await versionOf(node);
    const siteWith = await siteMaker({ stage, tools, nodeVersion, isRoot, options });
    const attainment = await attainOnce(
      {
        siteWith,
        layersOff: options.layersOff ?? [],
        hasBubblewrap: tools.bwrap !== undefined,
        isRoot,
        nodeVersion,
        memoryMib,
        clock,
      },
      { node, runnerFile: options.runnerFile, tools },
    );
    const site = await siteWith(attainment.layers);
    return new Host({ options, stage, site, attainment, memoryMib, clock });
  } catch (cause) {
    await stage.close();
    throw cause;
  }
};

interface SiteParts {
  readonly stage: Stage;
  readonly tools: Tools;
  readonly nodeVersion: string;
  readonly isRoot: boolean;
  readonly options: RunnerHostOptions;
}

const siteMaker = async ({
  stage,
  tools,
  nodeVersion,
  isRoot,
  options,
}: SiteParts): Promise<(layers: ReadonlySet<IsolationLayer>) => Promise<Site>> => {
  const nodeLine = nodeLineOf(nodeVersion);
  if (nodeLine === undefined)
    throw new Fault('runner.unavailable', {
      transient: false,
      detail: `${stage.node} does not say its version`,
    });
  const fifos = openFifos(stage.privateFolder, tools.mkfifo);
  const lifeS = options.lifeS ?? LIFE_S_DEFAULT;
  return async (layers) => ({
    stage,
    fifos,
    tools,
    nodeLine,
    libraries: layers.has('namespaces') ? await librariesOf(stage.node, tools.ldd) : [],
    layers,
    isRoot,
    lifeS,
  });
};

const versionOf = async (node: string): Promise<string> => {
  if (node === process.execPath) return process.version;
  try {
    const { stdout } = await promisify(execFile)(node, ['--version'], {
      timeout: VERSION_MS_MAX,
      env: {},
    });
    return stdout.trim();
  } catch (cause) {
    throw new Fault('runner.unavailable', {
      transient: false,
      detail: `${node} --version`,
      cause,
    });
  }
};

interface HostParts {
  readonly options: RunnerHostOptions;
  readonly stage: Stage;
  readonly site: Site;
  readonly attainment: Attainment;
  readonly memoryMib: number;
  readonly clock: MonotonicClock;
}

class Host implements RunnerHost {
  readonly #parts: HostParts;
  readonly #pool: Pool;
  readonly #verdicts = new Verdicts();

  constructor(parts: HostParts) {
    this.#parts = parts;
    const { options, site, memoryMib, attainment } = parts;
    const { breachFile } = parts.stage;
    const isUsable = attainment.attained.level > 0;
    this.#pool = new Pool({
      memoryMib,
      blankRunners: isUsable ? (options.blankRunners ?? BLANK_RUNNERS_DEFAULT) : 0,
      runnersMax: options.runnersMax ?? availableParallelism() * RUNNERS_PER_PROCESSOR,
      boot: (size) =>
        bootRunner({
          site,
          memoryMib: size,
          cpu: cpuSecondsOfBlank(RUN_CPU_MS_DEFAULT),
          ...(breachFile === undefined ? {} : { runnerFile: breachFile }),
        }),
    });
  }

  attained(): Attained {
    return this.#parts.attainment.attained;
  }

  async acquire(tenant: Tenant, memoryMib: number): Promise<Runner> {
    const { attainment, options, clock } = this.#parts;
    const { level, layers, missing } = attainment.attained;
    if (level === 0)
      throw new Fault('runner.unavailable', {
        transient: false,
        detail: `no runner comes up here: ${missing.map(({ why }) => why).join('; ')}`,
      });
    const askedAtMs = clock.nowMs();
    const blank = await this.#pool.take(memoryMib);
    return new TenantRunner({
      blank,
      tenant,
      queueMs: clock.nowMs() - askedAtMs,
      surroundings: {
        broker: options.broker,
        clock,
        verdicts: this.#verdicts,
        level,
        layers,
        engine: options.engine,
        takeBlank: () => this.#pool.takeExtra(),
      },
    });
  }

  async close(): Promise<void> {
    await this.#pool.close();
    await this.#parts.stage.close();
  }
}
