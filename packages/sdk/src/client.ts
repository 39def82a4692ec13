import type { FeedItem, InputOf, OperationName, OutputOf, Problem } from '@infrafabric/protocol';
import { backoffMs, pause } from './backoff.ts';
import { Connection } from './connection.ts';
import type { ConnectionOptions } from './connection.ts';
import { FabricError, UnreachableError } from './errors.ts';
import { HttpTransport } from './http.ts';
import { openSession } from './session.ts';
import type { OpenSessionOptions, Session } from './session.ts';
import { subscribe } from './subscribe.ts';
import type { Subscription } from './subscribe.ts';
import { outputOf } from './transport.ts';
import type { Answer, CallRequest, TokenSource, Transport } from './transport.ts';

export interface ConnectOptions {
  /** Where the fabric listens: `http://127.0.0.1:7070`. */
  readonly url: string;
  /** The operator's or a session's credential; a function is asked again whenever it is needed. */
  readonly token: string | TokenSource;
  /** `auto` (the default): one WebSocket; HTTP where the first attempt to open one fails. */
  readonly transport?: 'auto' | 'ws' | 'http' | undefined;
  /**
   * How long a call waits for a fabric that does not answer before UnreachableError, ms. Default
   * 30,000.
   */
  readonly unreachableMs?: number | undefined;
  /** Told when the connection is up and when it is down, and why. */
  readonly onState?: ((state: 'up' | 'down', detail: string) => void) | undefined;
}

/**
 * Which refusals are tried again: `unavailable` (the default) those by which the fabric says that
 * it cannot now (503); `retry-later` also those that another caller may lift, as a lease that
 * somebody holds; `never` none.
 */
export type RetryPolicy = 'unavailable' | 'retry-later' | 'never';

export interface CallOptions {
  /**
   * The name of this intention; the same key gives the same reply. Default: a new one, kept
   * across retries.
   */
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly retry?: RetryPolicy | undefined;
  /** How long refusals are retried, ms. Default 10,000. */
  readonly retryMs?: number | undefined;
  /** W3C trace id of 32 hex digits. */
  readonly trace?: string | undefined;
  /** Call as somebody else than the connection. */
  readonly token?: TokenSource | undefined;
}

export interface Client {
  readonly url: string;
  /**
   * Calls an operation. Throws FabricError when the fabric refuses, UnreachableError when it does
   * not answer, the signal's reason when it aborts.
   */
  call<N extends OperationName>(
    operation: N,
    input: InputOf<N>,
    options?: CallOptions,
  ): Promise<OutputOf<N>>;
  /** Starts a session of an agent and keeps it alive until it is closed. */
  openSession(options: OpenSessionOptions): Promise<Session>;
  /** Every event of the log from a cursor on, each once, in order. */
  subscribe(subscription?: Subscription): AsyncIterable<FeedItem>;
  /** The last measured round trip, ms. */
  readonly roundTripMs: () => number;
  readonly transport: Transport;
  close(): void;
}

const UNREACHABLE_MS = 30_000;
const RETRY_MS = 10_000;
/** How long `auto` gives a WebSocket before it takes HTTP. */
const UPGRADE_MS = 3_000;

/**
 * Connects to a fabric and checks the credential. Rejects with FabricError when it is refused,
 * with UnreachableError when nobody answers.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { token } = options;
  const url = options.url.replace(/\/+$/, '');
  const unreachableMs = options.unreachableMs ?? UNREACHABLE_MS;
  const source: TokenSource = typeof token === 'string' ? () => token : token;
  const { transport: kind = 'auto', onState } = options;
  const wire = { url, token: source, unreachableMs };
  if (kind !== 'http') {
    const firstMs = kind === 'auto' ? Math.min(UPGRADE_MS, unreachableMs) : unreachableMs;
    const connection = await openConnection({ ...wire, onState }, firstMs);
    if (connection !== undefined) return createClient(url, connection);
    if (kind === 'ws') throw new UnreachableError(`${url} did not answer.`);
  }
  const client = createClient(url, new HttpTransport(wire));
  await client.call('realm.status', {});
  return client;
}

/** A connection that has answered once; `undefined` when none could be opened within `firstMs`. */
async function openConnection(
  options: ConnectionOptions,
  firstMs: number,
): Promise<Connection | undefined> {
  const url = `${options.url.replace(/^http/, 'ws')}/v1/connect`;
  const connection = new Connection({ ...options, url });
  const signal = AbortSignal.timeout(firstMs);
  try {
    const answer = await connection.call({ op: 'realm.status', input: {}, key: newKey(), signal });
    if (answer.kind === 'problem' && answer.problem.remedy !== 'retry-later') {
      throw new FabricError(answer.problem);
    }
    return connection;
  } catch (cause) {
    connection.close();
    if (cause instanceof FabricError) throw cause;
    return undefined;
  }
}

function createClient(url: string, transport: Transport): Client {
  const client: Client = {
    url,
    transport,
    roundTripMs: transport.roundTripMs,
    call: async (operation, input, options = {}) => {
      const { key = newKey(), signal, token, trace } = options;
      const request = { op: operation, input, key, signal, token, trace };
      return outputOf(operation, await callWithRetries(transport, request, options));
    },
    openSession: (options) => openSession(client, options),
    subscribe: (subscription = {}) => subscribe(client, subscription),
    close: () => transport.close(),
  };
  return client;
}

/** Bounded by retryMs; each attempt carries the same key, so it is one intention. */
async function callWithRetries(
  transport: Transport,
  request: CallRequest,
  { retry = 'unavailable', retryMs = RETRY_MS }: CallOptions,
): Promise<Answer & { readonly kind: 'ok' }> {
  const until = performance.now() + retryMs;
  for (let attempt = 0; ; attempt += 1) {
    const answer = await transport.call(request);
    if (answer.kind === 'ok') return answer;
    const { problem } = answer;
    const pauseMs = backoffMs(attempt, problem.retryAfterMs ?? 0);
    if (!mayRetry(problem, retry) || performance.now() + pauseMs > until) {
      throw new FabricError(problem);
    }
    await pause(pauseMs, request.signal);
  }
}

function mayRetry({ remedy, status }: Problem, retry: RetryPolicy): boolean {
  if (remedy !== 'retry-later' || retry === 'never') return false;
  return retry === 'retry-later' || status === 503;
}

const prefix = crypto.randomUUID().replaceAll('-', '').slice(0, 20);
let intentions = 0;

/** Unique to this program's run: random once, then counted. */
export function newKey(): string {
  intentions += 1;
  return `${prefix}-${intentions}`;
}
