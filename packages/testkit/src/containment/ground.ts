/**
 * Where cases are played: a real runner host at the highest level that the machine offers, a real broker with a store of
 * secrets, the same host with a breach runner in the runner's place, and neighbours who must not notice.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createBroker,
  createRunnerHost,
  engineBytes,
  runnerFile,
  type Broker,
  type BrokerOptions,
  type ModuleLoad,
  type Runner,
  type RunnerHost,
  type RunNote,
  type RunReport,
  type RunRequest,
  type Tenant,
} from '@infrafabric/fabric/chassis';
import { RunLimits, type IsolationLayer, type RunCause } from '@infrafabric/protocol';
import { stageBreachRunner } from './breach/stage.ts';
import { ModuleBuilder } from './fixtures/builder.ts';
import { ancestorsOf, startOf } from './proc.ts';
import type { LeftOut } from './words.ts';
import { CaseSecrets } from './secrets.ts';

/** Guests of the suite get this much unless their case says otherwise, MiB. */
const MEMORY_MIB = 64;
/** A run that a case lets go wrong is stopped by the suite itself after this long, ms: its own faults must end too. */
const RUN_MS_MAX = 20_000;

/** Limits that end a case soon: half a second of CPU, two of time, no share to wait for. */
export const SOON: RunLimits = RunLimits.parse({
  cpuMsMax: 400,
  wallMsMax: 3_000,
  cpuPercentMax: 100,
  memoryMibMax: MEMORY_MIB,
  apiCallsPerSecondMax: 1_000,
  networkCallsMax: 100,
});

export type Module = Pick<ModuleLoad, 'bytes' | 'abi'> &
  Partial<Omit<ModuleLoad, 'bytes' | 'abi' | 'limits'>> & { readonly limits?: Partial<RunLimits> };

export interface Played {
  readonly report: RunReport;
  readonly notes: readonly RunNote[];
  readonly ms: number;
}

export type Request = Partial<Omit<RunRequest, 'limits' | 'input'>> & {
  readonly limits?: Partial<RunLimits>;
  readonly input?: Uint8Array | string;
};

export const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export const moduleLoad = (module: Module): ModuleLoad => ({
  digest: digestOf(module.bytes),
  entrypoints: ['run'],
  hostFunctions: [],
  reuse: 'run',
  allowStart: false,
  deterministic: false,
  ...module,
  limits: { ...SOON, ...module.limits },
});

/** What is told to a host: it has no filter without namespaces. */
const layersOff = (without: LeftOut): readonly IsolationLayer[] => {
  if (without === 'none') return [];
  return without === 'level 2' ? ['namespaces'] : [without];
};

export interface GroundOptions {
  /** The node whose runners are attacked. */
  readonly node: string;
  /** Who looks at results before they count: the executor's own judge. Without one case 98 cannot be played. */
  readonly judge?: Judge;
}

/** The cause of a run once its output was held against a schema. */
export type Judge = (report: RunReport, schema: Uint8Array) => Promise<RunCause>;

export class Ground {
  readonly judge: Judge | undefined;
  readonly node: string;
  readonly folder: string;
  readonly secrets: CaseSecrets;
  readonly broker: Broker;
  readonly host: RunnerHost;
  readonly builder: ModuleBuilder;
  /** What a case opened, closed when it ends. */
  readonly #ofCase: (() => Promise<unknown>)[] = [];
  readonly #ofGround: (() => Promise<unknown>)[] = [];
  readonly #breach = new Map<string, Promise<RunnerHost>>();
  /** Every process that was started for a runner, by pid and time of birth. */
  readonly started: { readonly pid: number; readonly bornAt: number }[] = [];
  #seat = 0;

  private constructor(
    parts: Pick<Ground, 'node' | 'folder' | 'broker' | 'secrets' | 'host' | 'judge'>,
  ) {
    this.node = parts.node;
    this.judge = parts.judge;
    this.folder = parts.folder;
    this.builder = new ModuleBuilder(join(parts.folder, 'modules'));
    this.broker = parts.broker;
    this.secrets = parts.secrets;
    this.host = parts.host;
  }

  static async open({ node, judge }: GroundOptions): Promise<Ground> {
    const folder = await mkdtemp(join(tmpdir(), 'ifab-containment-'));
    const secrets = new CaseSecrets();
    const broker = createBroker({ store: secrets });
    const host = await createRunnerHost({
      node,
      runnerFile: await runnerFile(),
      engine: engineBytes,
      broker,
      memoryMib: MEMORY_MIB,
    });
    return new Ground({ node, folder, broker, secrets, host, judge });
  }

  /** Closed when the case ends, in the order from last to first. */
  atEndOfCase(close: () => Promise<unknown>): void {
    this.#ofCase.push(close);
  }

  async endCase(): Promise<void> {
    for (const close of this.#ofCase.splice(0).toReversed()) await close();
  }

  tenant(name = 'case'): Tenant {
    this.#seat += 1;
    return { swarmId: `swarm_${name}_${this.#seat}`, sessionId: `session_${name}_${this.#seat}` };
  }

  /** A runner of a tenant of its own, gone when the case ends. */
  async runner({
    host = this.host,
    tenant = this.tenant(),
    memoryMib = MEMORY_MIB,
  }: {
    readonly host?: RunnerHost;
    readonly tenant?: Tenant;
    readonly memoryMib?: number;
  } = {}): Promise<Runner> {
    const runner = await host.acquire(tenant, memoryMib);
    this.atEndOfCase(() => runner.destroy());
    for (const pid of [runner.pid, ...ancestorsOf(runner.pid)]) {
      if (pid === process.pid) break;
      this.started.push({ pid, bornAt: startOf(pid) });
    }
    return runner;
  }

  /** The host with a breach runner in every runner's place, and one layer left out. */
  breachHost(without: LeftOut = 'none'): Promise<RunnerHost> {
    const known = this.#breach.get(without);
    if (known !== undefined) return known;
    const made = this.#openBreachHost(without);
    this.#breach.set(without, made);
    return made;
  }

  async #openBreachHost(without: LeftOut): Promise<RunnerHost> {
    const host = await createRunnerHost({
      node: this.node,
      runnerFile: await runnerFile(),
      breachFile: await stageBreachRunner(this.folder),
      memoryMib: MEMORY_MIB,
      engine: engineBytes,
      broker: this.broker,
      blankRunners: 1,
      layersOff: layersOff(without),
    });
    this.#ofGround.push(() => host.close());
    return host;
  }

  /** A broker of its own, for a case that turns its clock or its resolver; its runners are breach runners. */
  async breachHostWith(options: Partial<BrokerOptions>): Promise<RunnerHost> {
    const broker = createBroker({ store: this.secrets, ...options });
    const host = await createRunnerHost({
      node: this.node,
      runnerFile: await runnerFile(),
      breachFile: await stageBreachRunner(this.folder),
      memoryMib: MEMORY_MIB,
      engine: engineBytes,
      broker,
      blankRunners: 0,
    });
    this.atEndOfCase(async () => {
      await host.close();
      broker.close();
    });
    return host;
  }

  load(runner: Runner, module: Module): ReturnType<Runner['load']> {
    return runner.load(moduleLoad(module));
  }

  /** Runs an entrypoint of what is loaded. Never rejects, as the runner does not. */
  async play(runner: Runner, request: Request = {}): Promise<Played> {
    const notes: RunNote[] = [];
    const { limits, input, signal, onNote, ...rest } = request;
    const startedAt = performance.now();
    const report = await runner.run({
      taskId: 'containment/case',
      entrypoint: 'run',
      http: [],
      secrets: [],
      ...rest,
      input: typeof input === 'string' ? Buffer.from(input) : (input ?? new Uint8Array()),
      limits: { ...SOON, ...limits },
      signal: AbortSignal.any([
        AbortSignal.timeout(RUN_MS_MAX),
        ...(signal === undefined ? [] : [signal]),
      ]),
      onNote: (note) => {
        notes.push(note);
        onNote?.(note);
      },
    });
    return { report, notes, ms: performance.now() - startedAt };
  }

  async close(): Promise<void> {
    await this.endCase();
    for (const close of this.#ofGround.splice(0).toReversed()) await close();
    await this.host.close();
    this.broker.close();
    await this.builder.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
