/**
 * A runner of one tenant: admits and loads modules, runs them, dies.
 *
 * K6  A runner that ran a guest admits nothing: a blank one is asked, and thrown away.
 * K7  Every run is reported, whatever happened; nothing is thrown at whoever waits for it.
 */
import { ok as assert } from 'node:assert/strict';
import { MODULE_BYTES_MAX, NO_MEASURE } from '@infrafabric/protocol';
import type { IsolationLayer, IsolationLevel, RunLimits } from '@infrafabric/protocol';
import { ADMISSION_VERSION } from '../admission/index.ts';
import { FROM_RUNNER, TO_RUNNER, withHeader } from '../frame.ts';
import type {
  Broker,
  Loaded,
  ModuleLoad,
  Runner,
  RunReport,
  RunRequest,
  Tenant,
  Verdict,
} from '../words.ts';
import type { Blank } from './boot.ts';
import type { MonotonicClock } from './watch/clock.ts';
import { Conversation } from './conversation.ts';
import { cpuBackstop } from './watch/cpu-backstop.ts';
import { admitHeader, loadHeader, sha256Of, verdictKey } from './module-load.ts';
import { ask, type Question } from './question.ts';
import { readLoaded, readVerdict } from './replies.ts';
import { callFrame, Run } from './run.ts';
import type { Ending } from './runner-process.ts';
import type { Verdicts } from './verdicts.ts';
import type { WatchLimits } from './watch/watchdog.ts';

const MIB = 1024 * 1024;
/**
 * Resident memory beside the guest's and what node held when it was ready, bytes: the heap of JavaScript and compiled
 * code. The kernel's limit of addresses is the firm one; this poll catches what it lets through.
 */
const RESIDENT_SLACK_BYTES = 64 * MIB;
/** Compiling and linking a module is bounded by this too, ms, however long its runs may take. */
const LOAD_WALL_MS_MAX = 60_000;

type Refused = Extract<Verdict, { readonly ok: false }>;
type LoadAnswer = Loaded | Refused;

/** What a runner needs of its host. */
export interface RunnerSurroundings {
  readonly broker: Broker;
  readonly clock: MonotonicClock;
  readonly verdicts: Verdicts;
  readonly level: IsolationLevel;
  readonly layers: readonly IsolationLayer[];
  readonly engine: () => Promise<Uint8Array>;
  /** A blank runner that is thrown away after use. */
  readonly takeBlank: () => Promise<Blank>;
}

export interface TenantRunnerOptions {
  readonly blank: Blank;
  readonly tenant: Tenant;
  /** What the tenant waited for it, ms. */
  readonly queueMs: number;
  readonly surroundings: RunnerSurroundings;
}

export class TenantRunner implements Runner {
  readonly tenant: Tenant;
  readonly pid: number;
  readonly level: IsolationLevel;
  readonly layers: readonly IsolationLayer[];
  readonly #blank: Blank;
  readonly #conversation: Conversation;
  readonly #surroundings: RunnerSurroundings;
  #queueMs: number;
  #module: ModuleLoad | undefined;
  #hasEngine = false;
  /** Whether guest code may have run: linking runs start functions, even where it fails. */
  #hasMetGuest = false;

  constructor({ blank, tenant, queueMs, surroundings }: TenantRunnerOptions) {
    this.tenant = tenant;
    this.pid = blank.process.pid;
    this.level = surroundings.level;
    this.layers = surroundings.layers;
    this.#blank = blank;
    this.#queueMs = queueMs;
    this.#surroundings = surroundings;
    this.#conversation = new Conversation(blank.process, surroundings.clock);
  }

  async load(module: ModuleLoad): Promise<LoadAnswer> {
    assert(!this.#conversation.isBusy, 'a module is loaded while another turn is under way');
    // Before it is hashed, copied or sent: the frame of a larger one would end the runner.
    if (module.bytes.length > MODULE_BYTES_MAX)
      return refusal(
        'module-too-large',
        `${module.bytes.length} bytes; the limit is ${MODULE_BYTES_MAX}`,
      );
    const sha256 = sha256Of(module.bytes);
    if (`sha256:${sha256}` !== module.digest)
      return refusal('module.digest', 'the bytes do not have the digest that was named');
    const verdict = await this.#admitted(module, sha256);
    if (!verdict.ok) return verdict;
    await this.#raiseCpu(module.limits);
    const answer = await this.#send(module, sha256);
    if (answer.ok) this.#module = module;
    return answer;
  }

  async run(request: RunRequest): Promise<RunReport> {
    assert(!this.#conversation.isBusy, 'a runner runs one module at a time');
    const ready = this.#unready(request);
    if (ready !== undefined) return this.#notRun(ready);
    if (this.#needsCpu(request.limits)) {
      try {
        await this.#raiseCpu(request.limits);
      } catch (cause) {
        return this.#notRun({ cause: 'unavailable', detail: detailOf(cause) });
      }
      // The lease may have ended meanwhile: whoever listens to its end from now on would not hear of it.
      const late = this.#unready(request);
      if (late !== undefined) return this.#notRun(late);
    }
    return this.#converse(request);
  }

  async destroy(): Promise<void> {
    await this.#conversation.kill({ cause: 'revoked', detail: 'the runner was destroyed' });
  }

  /** Why no run can begin; undefined where it can. */
  #unready({ signal, limits }: RunRequest): Ending | undefined {
    const { ending } = this.#conversation;
    if (ending !== undefined) return ending;
    if (signal.aborted) {
      void this.destroy();
      return { cause: 'revoked', detail: 'the lease had ended' };
    }
    if (this.#module === undefined) return { cause: 'refused', detail: 'no module is loaded' };
    // The chain's `timeout` counts the life of the runner, and must never cut a run short.
    return performance.now() + limits.wallMsMax > this.#blank.process.diesAtMs
      ? { cause: 'unavailable', detail: 'the life of the runner that is left is too short' }
      : undefined;
  }

  #converse(request: RunRequest): Promise<RunReport> {
    const { broker, level } = this.#surroundings;
    const queueMs = this.#queueMs;
    this.#queueMs = 0;
    return new Promise((resolve) => {
      // Killed in the same step in which the lease ends.
      const onAbort = (): void => {
        void this.#conversation.kill({ cause: 'revoked', detail: 'the lease ended' });
      };
      const run = new Run({
        conversation: this.#conversation,
        broker,
        tenant: this.tenant,
        runnerPid: this.pid,
        level,
        queueMs,
        emptyBytes: this.#blank.residentBytes,
        isDeterministic: this.#module?.deterministic === true,
        request,
        onReport: (report) => {
          request.signal.removeEventListener('abort', onAbort);
          resolve(report);
        },
      });
      request.signal.addEventListener('abort', onAbort, { once: true });
      this.#conversation.begin(
        run,
        callFrame(request.entrypoint, request.input),
        this.#watchLimits(request.limits),
      );
    });
  }

  async #admitted(module: ModuleLoad, sha256: string): Promise<Verdict> {
    const { verdicts, layers } = this.#surroundings;
    if (!layers.includes('admission')) return NOT_ASKED;
    const header = admitHeader(module, sha256);
    const key = verdictKey(header, ADMISSION_VERSION, this.#blank.process.ready?.v8 ?? '');
    const known = verdicts.get(key);
    if (known !== undefined) return known;
    const question: Question<Verdict> = {
      type: TO_RUNNER.admit,
      payload: withHeader(header, module.bytes),
      expects: FROM_RUNNER.verdict,
      read: readVerdict,
      limits: this.#loadLimits(module.limits),
    };
    const answer = await this.#askBlank(question);
    if (answer.kind === 'ended')
      return refusal('module.refused', `admission ended by ${answer.ending.detail}`);
    verdicts.keep(key, answer.value);
    return answer.value;
  }

  /** K6: itself, as long as it is as good as blank. */
  async #askBlank(question: Question<Verdict>): ReturnType<typeof ask<Verdict>> {
    if (!this.#hasMetGuest) return ask(this.#conversation, question);
    const { takeBlank, clock } = this.#surroundings;
    const { process } = await takeBlank();
    const answer = await ask(new Conversation(process, clock), question);
    await process.kill({ cause: 'revoked', detail: 'its one question was answered' });
    return answer;
  }

  async #send(module: ModuleLoad, sha256: string): Promise<LoadAnswer> {
    const limits = this.#loadLimits(module.limits);
    const answered = { expects: FROM_RUNNER.loaded, read: readLoaded, limits };
    if (module.abi === 'js' && !this.#hasEngine) {
      const engine = await this.#surroundings.engine();
      const answer = await ask(this.#conversation, {
        ...answered,
        type: TO_RUNNER.engine,
        payload: engine,
      });
      if (answer.kind === 'ended') return refusal('module.refused', answer.ending.detail);
      if (!answer.value.ok) return answer.value;
      this.#hasEngine = true;
    }
    this.#hasMetGuest = true;
    const answer = await ask(this.#conversation, {
      ...answered,
      type: TO_RUNNER.load,
      payload: withHeader(loadHeader(module, sha256), module.bytes),
    });
    if (answer.kind === 'answered') return answer.value;
    return refusal('module.refused', `loading ended by ${answer.ending.detail}`);
  }

  #needsCpu({ cpuMsMax }: RunLimits): boolean {
    const { cpu, process } = this.#blank;
    return cpuBackstop(process.meter.cpuMs(), cpuMsMax, cpu) !== undefined;
  }

  /** The kernel's limit counts the life of the process: it is moved on before it could cut a run short. */
  async #raiseCpu({ cpuMsMax }: RunLimits): Promise<void> {
    if (this.#conversation.ending !== undefined) return;
    const next = cpuBackstop(this.#blank.process.meter.cpuMs(), cpuMsMax, this.#blank.cpu);
    if (next === undefined) return;
    try {
      await this.#blank.limitCpu(next);
    } catch (cause) {
      // J4: there is no "continue without".
      await this.#conversation.kill({ cause: 'unavailable', detail: detailOf(cause) });
      throw cause;
    }
  }

  #loadLimits(limits: RunLimits): WatchLimits {
    const { wallMsMax } = limits;
    return { ...this.#watchLimits(limits), wallMsMax: Math.min(wallMsMax, LOAD_WALL_MS_MAX) };
  }

  #watchLimits({ cpuMsMax, wallMsMax, cpuPercentMax }: RunLimits): WatchLimits {
    const { memoryMib, residentBytes } = this.#blank;
    return {
      cpuMsMax,
      wallMsMax,
      cpuPercentMax,
      residentBytesMax: residentBytes + memoryMib * MIB + RESIDENT_SLACK_BYTES,
    };
  }

  #notRun({ cause, detail }: Ending): RunReport {
    const queueMs = Math.round(this.#queueMs);
    return {
      cause,
      detail,
      output: new Uint8Array(),
      log: new Uint8Array(),
      level: this.level,
      measure: { ...NO_MEASURE, queueMs },
    };
  }
}

/** Without the layer nobody is asked: only tests leave it out. */
const NOT_ASKED: Verdict = { ok: true, memoryPages: 0, functions: 0, imports: [], exports: [] };

const refusal = (code: string, reason: string): Refused => ({ ok: false, code, reason });

const detailOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : 'something that is no error was thrown';
