/**
 * One run of a loaded module, from CALL to RESULT: host calls go to the broker, logs are kept within their cap, and the
 * report says what the host itself saw.
 */
import { RUN_OUTPUT_BYTES_MAX } from '@infrafabric/protocol';
import type { IsolationLevel, RunCause, RunMeasure } from '@infrafabric/protocol';
import {
  encodeFrame,
  FROM_RUNNER,
  HOST_CALL_BYTES_MAX,
  HOST_FUNCTIONS,
  REPLY_STATUS,
  RESULT_STATUS,
  TO_RUNNER,
} from '../frame.ts';
import type { Broker, BrokerRun, BrokerUse, RunReport, RunRequest, Tenant } from '../words.ts';
import type { Conversation, Taken, Turn } from './conversation.ts';
import { plainLine, textOf } from './plain-text.ts';
import { readHttpCall } from './replies.ts';
import { RunLog } from './run-log.ts';
import type { Ending } from './runner-process.ts';
import type { Use } from './watch/watchdog.ts';

/** Characters of a guest's message that a report keeps. */
const DETAIL_CHARS_MAX = 1_000;
/** Bytes of a message that are looked at for them. */
const MESSAGE_BYTES_MAX = 8 * 1024;
/** Status and fuel before the payload of a result. */
const RESULT_HEAD_BYTES = 9;

const CAUSE_OF_STATUS: ReadonlyMap<number, RunCause> = new Map([
  [RESULT_STATUS.ok, 'completed'],
  [RESULT_STATUS.failed, 'failed'],
  [RESULT_STATUS.trapped, 'trapped'],
  [RESULT_STATUS.fuel, 'fuel'],
  [RESULT_STATUS.output, 'output'],
]);

export interface RunOptions {
  readonly conversation: Pick<Conversation, 'reply' | 'waitForHost'>;
  readonly broker: Broker;
  readonly tenant: Tenant;
  readonly runnerPid: number;
  readonly level: IsolationLevel;
  readonly queueMs: number;
  /** What the runner held resident before any module came. */
  readonly emptyBytes: number;
  readonly isDeterministic: boolean;
  readonly request: RunRequest;
  readonly onReport: (report: RunReport) => void;
}

interface Result {
  readonly cause: RunCause;
  readonly output: Uint8Array;
  readonly detail: string;
  /** Absent where nothing was told. */
  readonly fuel: number | undefined;
}

const NOTHING = new Uint8Array();
const UNTOLD: Result = { cause: 'protocol', output: NOTHING, detail: '', fuel: undefined };
const UNUSED: BrokerUse = { apiCalls: 0, networkCalls: 0, sentBytes: 0, receivedBytes: 0 };

export class Run implements Turn {
  readonly #options: RunOptions;
  readonly #log: RunLog;
  #broker: BrokerRun | undefined;
  #result: Result | undefined;
  #isOver = false;

  constructor(options: RunOptions) {
    this.#options = options;
    const { onLog, onNote } = options.request;
    this.#log = new RunLog(onLog, () =>
      onNote({ kind: 'violation', violation: 'log', subject: 'log' }),
    );
    // A handle lives from the beginning of its run: its time runs from there, and a revocation before its use counts.
    if (options.request.secrets.length > 0) this.#open();
  }

  take(type: number, payload: Uint8Array): Taken {
    switch (type) {
      case FROM_RUNNER.result:
        this.#result = readResult(payload);
        return this.#result === undefined ? 'violation' : 'end';
      case FROM_RUNNER.log:
        return this.#log.take(payload) ? 'more' : 'violation';
      case FROM_RUNNER.hostCall:
        return this.#hostCall(payload);
      default:
        return 'violation';
    }
  }

  oversize(type: number | undefined): Ending {
    return type === FROM_RUNNER.result
      ? { cause: 'output', detail: 'the limit of output' }
      : { cause: 'protocol', detail: 'a frame that is too long' };
  }

  /** No credential outlives the lease by the time that a process takes to die. */
  cut({ cause }: Ending): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#broker?.close(cause === 'revoked' ? 'revoked' : 'ended');
  }

  settle(use: Use, ending: Ending | undefined): void {
    const { request, onReport, level } = this.#options;
    const end = ending === undefined ? (this.#result ?? UNTOLD) : { ...UNTOLD, ...ending };
    this.cut(end);
    const violation = violationOf(end.cause);
    if (violation !== undefined)
      request.onNote({ kind: 'violation', violation, subject: `run ${violation}` });
    onReport({
      cause: end.cause,
      output: end.output,
      detail: end.detail,
      level,
      log: this.#log.bytes(),
      measure: this.#measure(use, end.fuel),
    });
  }

  #measure(use: Use, fuel: number | undefined): RunMeasure {
    const { queueMs, emptyBytes, isDeterministic } = this.#options;
    return {
      queueMs: Math.round(queueMs),
      wallMs: Math.round(use.wallMs),
      cpuMs: Math.round(use.cpuMs),
      // Node's own is not the module's: with it a small limit would always look used up.
      peakMemoryBytes: Math.max(0, use.peakBytes - emptyBytes),
      ...(this.#broker?.use() ?? UNUSED),
      logBytes: this.#log.count,
      ...(isDeterministic && fuel !== undefined ? { fuel } : {}),
    };
  }

  #hostCall(payload: Uint8Array): Taken {
    const called = payload[0];
    if (called === undefined || payload.length > HOST_CALL_BYTES_MAX + 1) return 'violation';
    this.#options.conversation.waitForHost();
    // The pipe's memory is used again while the answer is on its way.
    const body = payload.slice(1);
    const answer =
      called === HOST_FUNCTIONS.http
        ? () => this.#http(body)
        : called === HOST_FUNCTIONS.call
          ? () => this.#call(body)
          : undefined;
    if (answer === undefined) return 'violation';
    // Not from within the pipe's own callback: an answer may read the pipe again. Where the run was killed meanwhile
    // nothing is asked for it: a broker that opened now would be closed by nobody.
    void Promise.resolve().then(() => (this.#isOver ? undefined : answer()));
    return 'more';
  }

  async #http(body: Uint8Array): Promise<void> {
    // What is no request goes there too: it is counted, and its refusal comes at the rate of the contract.
    const reply = await this.#open().http(readHttpCall(body));
    if (reply.ok) this.#reply(REPLY_STATUS.ok, jsonBytes(reply.answer));
    else this.#refuse(reply.code, reply.message);
  }

  /** Without secrets it is opened by the first request: most runs make none. */
  #open(): BrokerRun {
    const { tenant, runnerPid, request, broker } = this.#options;
    const { taskId, limits, http, secrets, onNote } = request;
    this.#broker ??= broker.open({ tenant, taskId, runnerPid, limits, http, secrets, onNote });
    return this.#broker;
  }

  async #call(body: Uint8Array): Promise<void> {
    const { onCall } = this.#options.request;
    if (onCall === undefined) {
      this.#refuse('call.refused', 'nobody answers calls of this run');
      return;
    }
    try {
      const answer = await onCall(body);
      if (answer.length > RUN_OUTPUT_BYTES_MAX) this.#refuse('call.too_large', 'the answer');
      else this.#reply(REPLY_STATUS.ok, answer);
    } catch {
      // What went wrong in there is the embedder's own affair; a guest learns that it did.
      this.#refuse('call.failed', 'the call failed');
    }
  }

  #refuse(code: string, message: string): void {
    this.#reply(REPLY_STATUS.refused, jsonBytes({ code, message }));
  }

  #reply(status: number, payload: Uint8Array): void {
    // A reply that comes after the end has nobody to go to.
    if (this.#isOver) return;
    this.#options.conversation.reply(encodeFrame(TO_RUNNER.reply, Uint8Array.of(status), payload));
  }
}

const jsonBytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A CALL frame: u16 length and UTF-8 of the entrypoint, then the input. */
export const callFrame = (entrypoint: string, input: Uint8Array): Uint8Array => {
  const name = Buffer.from(entrypoint, 'utf8');
  return encodeFrame(
    TO_RUNNER.call,
    Uint8Array.of(name.length & 0xff, name.length >>> 8),
    name,
    input,
  );
};

const readResult = (payload: Uint8Array): Result | undefined => {
  const cause = CAUSE_OF_STATUS.get(payload[0] ?? -1);
  if (cause === undefined || payload.length < RESULT_HEAD_BYTES) return undefined;
  const fuel = new DataView(payload.buffer, payload.byteOffset).getFloat64(1, true);
  const rest = payload.subarray(RESULT_HEAD_BYTES);
  // Its own count, of use only where the pass that counts is ours; a number that is none is not passed on.
  const counted = Number.isSafeInteger(fuel) && fuel >= 0 ? fuel : 0;
  if (cause !== 'completed')
    return {
      cause,
      output: NOTHING,
      detail: plainLine(textOf(rest, MESSAGE_BYTES_MAX), DETAIL_CHARS_MAX),
      fuel: counted,
    };
  if (rest.length > RUN_OUTPUT_BYTES_MAX)
    return { cause: 'output', output: NOTHING, detail: 'the limit of output', fuel: counted };
  return { cause, output: rest.slice(), detail: '', fuel: counted };
};

const violationOf = (
  cause: RunCause,
): 'cpu' | 'wall' | 'memory' | 'output' | 'protocol' | undefined =>
  cause === 'cpu' ||
  cause === 'wall' ||
  cause === 'memory' ||
  cause === 'output' ||
  cause === 'protocol'
    ? cause
    : undefined;
