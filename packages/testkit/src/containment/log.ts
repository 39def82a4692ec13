/**
 * A real fabric on a folder of its own, which is told of runs as a runner host tells it: started under a lease, noted,
 * ended with what was measured. What stands in its log is then read back by its own operations.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderFabric, type LeadingFabric, type Principal } from '@infrafabric/fabric';
import {
  findOperation,
  RealmId,
  RUN_DETAIL_CHARS_MAX,
  type InputOf,
  type OperationName,
  type OutputOf,
  type RunCause,
  type ServiceContract,
} from '@infrafabric/protocol';
import type { Needle } from './canary.ts';
import { scanFolder } from './canary.ts';
import { digestOf, type Ground, type Module, type Played } from './ground.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };

/** What a member's contract says beyond its module. */
export type Terms = Partial<
  Pick<ServiceContract, 'guarantees' | 'limits' | 'http' | 'secrets' | 'hostFunctions'>
> & { readonly outputSchema?: string };

export interface Member {
  readonly swarmId: string;
  readonly provider: string;
  /** Starts a run in the log, plays it, and ends it there: with its own cause, or with another that somebody judged. */
  run(play: () => Promise<Played>, judge?: (played: Played) => Promise<RunCause>): Promise<Logged>;
}

export interface Logged {
  readonly played: Played;
  readonly runId: string;
  readonly cause: RunCause;
  /** Whether the log counts it as a miss. */
  readonly missed: boolean;
}

export class FabricLog {
  readonly folder: string;
  readonly #fabric: LeadingFabric;
  readonly #ground: Ground;

  private constructor(ground: Ground, folder: string, fabric: LeadingFabric) {
    this.#ground = ground;
    this.folder = folder;
    this.#fabric = fabric;
  }

  /** Open until the case ends. */
  static async open(ground: Ground): Promise<FabricLog> {
    const folder = await mkdtemp(join(tmpdir(), 'ifab-containment-log-'));
    let failure: unknown;
    const { fabric } = await openFolderFabric({
      folder,
      realm: RealmId.parse('containment'),
      version: '0.0.0',
      onFatal: (cause) => (failure = cause),
    });
    ground.atEndOfCase(async () => {
      await fabric.close();
      await rm(folder, { recursive: true, force: true });
      if (failure !== undefined) throw new Error('the fabric ended', { cause: failure });
    });
    return new FabricLog(ground, folder, fabric);
  }

  async call<N extends OperationName>(op: N, input: InputOf<N>): Promise<OutputOf<N>> {
    const reply = await this.#fabric.call(op, input, { principal: OPERATOR });
    if (reply.kind !== 'ok') throw new Error(`${op}: ${reply.code}: ${reply.detail}`);
    return findOperation(op)?.output.parse(reply.output) as OutputOf<typeof op>;
  }

  /** A swarm with a contract for the module, and a session of it that holds a task. */
  async member(
    swarmId: string,
    provider: string,
    module: Module,
    { outputSchema, ...terms }: Terms = {},
  ): Promise<Member> {
    const digest = digestOf(module.bytes);
    const entrypoints = [...(module.entrypoints ?? ['run'])];
    const [entrypoint = 'run'] = entrypoints;
    await this.#send('swarms.register', {
      profile: { swarmId, capabilities: ['integration:sip'], costPerHourMicroUsd: 0 },
    });
    await this.#send('contracts.accept', {
      contract: {
        contractVersion: 1,
        provider,
        swarmId,
        version: '1.0.0',
        module: { digest, abi: module.abi, entrypoints, ...(outputSchema && { outputSchema }) },
        hostFunctions: module.hostFunctions ?? [],
        ...terms,
      },
    });
    const use = (terms.http ?? []).map(({ alias }) => alias);
    const planId = `plan-${swarmId}`;
    await this.#send('plans.submit', {
      plan: {
        id: planId,
        tasks: [{ key: 'a', title: 'a run', run: { wasm: digest, entrypoint, use } }],
      },
    });
    const opened = await this.#send('sessions.open', {
      agent: `host-${swarmId}`,
      role: 'runner',
      swarm: swarmId,
    });
    const { taskId, fencingToken } = await this.#send('tasks.claim', {
      sessionId: opened['sessionId'],
      taskId: `${planId}/a`,
    });
    return {
      swarmId,
      provider,
      run: (play, judge) => this.#run({ taskId, fencingToken }, play, judge),
    };
  }

  async #run(
    held: { readonly taskId: unknown; readonly fencingToken: unknown },
    play: () => Promise<Played>,
    judge: ((played: Played) => Promise<RunCause>) | undefined,
  ): Promise<Logged> {
    const { level, layers, node, platform } = this.#ground.host.attained();
    const { runId } = await this.#send('runs.start', { ...held, level, layers, node, platform });
    const played = await play();
    const { report, notes } = played;
    if (notes.length > 0) await this.#send('runs.note', { runId, notes: notes.slice(0, 100) });
    const cause = (await judge?.(played)) ?? report.cause;
    const ended = await this.#send('runs.end', {
      runId,
      cause,
      measure: report.measure,
      detail: report.detail.slice(0, RUN_DETAIL_CHARS_MAX),
    });
    return { played, runId: String(runId), cause, missed: ended['missed'] === true };
  }

  /** With plain values in, which their schemas turn into ids. */
  async #send(op: OperationName, input: object): Promise<Readonly<Record<string, unknown>>> {
    const reply = await this.#fabric.call(op, input, { principal: OPERATOR });
    if (reply.kind !== 'ok') throw new Error(`${op}: ${reply.code}: ${reply.detail}`);
    return Object(reply.output);
  }

  /** Every byte that it wrote. */
  async scan(
    needles: readonly Needle[],
  ): Promise<{ readonly hits: number; readonly bytes: number }> {
    // What is asked for after the last write is answered when that one is durable.
    await this.#send('runs.list', {});
    const { hits, bytes } = scanFolder(this.folder, needles);
    return { hits: hits.length, bytes };
  }
}
