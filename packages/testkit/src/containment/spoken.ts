/** Frames that a breach runner is told to say, and what the host answered: an attacker's side of the pipe. */
import { FROM_RUNNER, HOST_FUNCTIONS, REPLY_STATUS } from '@infrafabric/fabric/chassis';
import type { Runner, RunnerHost } from '@infrafabric/fabric/chassis';
import type { Ground, Played, Request } from './ground.ts';

/** One step, as `breach/worker.ts` reads it. */
export interface Step {
  /** Bytes as they are, base64. */
  readonly raw?: string;
  /** A frame of this type, `times` times. */
  readonly type?: number;
  readonly payload?: string;
  readonly base64?: string;
  readonly zeros?: number;
  /** `before`, then `text` so often, then `after` so often. */
  readonly repeated?: {
    readonly before: string;
    readonly text: string;
    readonly after: string;
    readonly count: number;
  };
  readonly times?: number;
  readonly spinMs?: number;
  readonly sleepMs?: number;
  readonly stderrBytes?: number;
  /** Says nothing more. */
  readonly silence?: boolean;
  /** Waits for the answer. */
  readonly receive?: boolean;
  readonly result?: { readonly status: number; readonly fuel: number; readonly payload: string };
}

const EMPTY_MODULE = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** A breach runner that was told it holds a module; its tables of attempts are its entrypoints. */
export const breachRunner = async (
  ground: Ground,
  entrypoints: readonly string[],
  host?: RunnerHost,
): Promise<Runner> => {
  const runner = await ground.runner({ host: host ?? (await ground.breachHost()) });
  const loaded = await ground.load(runner, {
    bytes: EMPTY_MODULE,
    abi: 'extism',
    entrypoints,
    hostFunctions: ['log', 'http', 'call'],
  });
  if (!loaded.ok) throw new Error(`the breach runner was not loaded: ${loaded.reason}`);
  return runner;
};

export const speak = (
  ground: Ground,
  runner: Runner,
  steps: readonly Step[],
  request: Request = {},
): Promise<Played> =>
  ground.play(runner, { entrypoint: 'speak', input: JSON.stringify(steps), ...request });

/** A host call of its bytes. */
export const hostCall = (
  fn: number,
  payload: string | Uint8Array,
  more: Partial<Step> = {},
): Step => ({
  type: FROM_RUNNER.hostCall,
  base64: Buffer.concat([Uint8Array.of(fn), Buffer.from(payload)]).toString('base64'),
  receive: true,
  ...more,
});

export const httpCall = (call: unknown): Step =>
  hostCall(HOST_FUNCTIONS.http, typeof call === 'string' ? call : JSON.stringify(call));

export interface HttpReply {
  /** 200 and so on, or 0 where it was refused. */
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The answers that a breach runner gave as its result. */
export const answersOf = ({ report }: Played): readonly HttpReply[] => {
  if (report.cause !== 'completed') return [];
  const answers: unknown = JSON.parse(Buffer.from(report.output).toString());
  if (!Array.isArray(answers)) return [];
  return answers.map((answer) => replyOf(Buffer.from(String(answer), 'base64')));
};

const replyOf = (payload: Buffer): HttpReply => {
  const said: unknown = JSON.parse(payload.subarray(1).toString() || 'null');
  const record: Readonly<Record<string, unknown>> = Object(said);
  if (payload[0] !== REPLY_STATUS.ok)
    return { status: 0, code: String(record['code']), headers: {}, body: Buffer.alloc(0) };
  return {
    status: Number(record['status']),
    code: '',
    headers: Object(record['headers']),
    body: Buffer.from(typeof record['body'] === 'string' ? record['body'] : '', 'base64'),
  };
};
