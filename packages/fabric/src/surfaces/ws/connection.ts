import { performance } from 'node:perf_hooks';
import { isOperationName, OPERATIONS, problemOf, reject } from '@infrafabric/protocol';
import type { Rejection, TraceId } from '@infrafabric/protocol';
import type { WebSocket } from 'ws';
import type { CallOptions, Principal, Reply } from '../../engine/fabric.ts';
import { parseKey, stopping } from '../http/call.ts';
import { createCredential } from '../http/credential.ts';
import type { Known } from '../http/credential.ts';
import { parseJson } from '../http/json.ts';
import type { Parts } from '../http/parts.ts';
import { rejectionOf } from '../http/problem.ts';
import { unknownOperation } from '../http/suggest.ts';
import { parseTrace } from '../http/trace.ts';
import { parseFrame } from './frame.ts';
import type { ClientFrame, FrameId, ServerFrame } from './frame.ts';
import { Outbox } from './outbox.ts';
import { overloaded, Streams } from './streams.ts';

// One connection of `/v1/connect`.
//
// greeting  nobody is known yet: the first frame is `auth`, or the connection ends (attach-
//           connect.ts counts the time).
// open      calls are answered, streams run, each under the connection's credential or the frame's
//           own.
// draining  the surface closes: calls in flight are answered, new ones refused, then 1001.
// closed    streams are cancelled, waiting calls aborted; what was decided stands.

/**
 * Unanswered calls of one connection. A batch holds 1,024 entries; more only wait here instead of
 * at the caller.
 */
const IN_FLIGHT_MAX = 4_096;
/** Frames of one message. */
const FRAMES_MAX = 1_024;
/** Credentials that one connection speaks for. */
const CREDENTIALS_MAX = 2_048;

/** Close codes of RFC 6455 §7.4.1 and its registry. */
export const CLOSE = {
  goingAway: 1001,
  unsupported: 1003,
  policy: 1008,
  tryAgainLater: 1013,
} as const;

type CallFrame = ClientFrame & { readonly kind: 'call' };
type StreamFrame = ClientFrame & { readonly kind: 'feed' | 'wait' };

type Admitted = { readonly kind: 'ok'; readonly options: CallOptions } | Rejection;

/** Operations that may answer late: only these can be cancelled, so only these pay for a signal. */
const WAITING: ReadonlySet<string> = new Set(
  OPERATIONS.filter(({ input }) => 'shape' in input && 'waitMs' in input.shape).map(
    ({ name }) => name,
  ),
);

export class Connection {
  readonly #socket: WebSocket;
  readonly #parts: Parts;
  readonly #outbox: Outbox;
  readonly #streams: Streams;
  readonly #waiting = new Map<FrameId, AbortController>();
  readonly #credentials = new Map<string, () => Known>();
  #own: (() => Known) | undefined;
  #inFlight = 0;
  #draining = false;

  /** `bearer`: the credential that came with the upgrade. */
  constructor(socket: WebSocket, parts: Parts, bearer: string | undefined) {
    this.#socket = socket;
    this.#parts = parts;
    if (bearer !== undefined) this.#own = createCredential(parts.fabric, bearer);
    this.#outbox = new Outbox(socket, () => this.#dropReader());
    this.#streams = new Streams(parts, this.#outbox, (frame) => this.#send(frame));
  }

  get authenticated(): boolean {
    return this.#own !== undefined;
  }

  receive(message: string): void {
    const parsed = parseJson(message);
    if (parsed.kind === 'reject') this.#refuse(undefined, parsed);
    else if (!Array.isArray(parsed.value)) this.#receiveOne(parsed.value);
    else if (parsed.value.length <= FRAMES_MAX) {
      for (const value of parsed.value) this.#receiveOne(value);
    } else {
      const detail = `A message holds at most ${FRAMES_MAX} frames.`;
      this.#refuse(undefined, reject('request.too_large', detail));
    }
  }

  /** Answers what is in flight, then closes with 1001. */
  drain(): void {
    this.#draining = true;
    for (const controller of this.#waiting.values()) controller.abort();
    this.#streams.endAll(stopping());
    this.#closeWhenAnswered();
  }

  /** The socket has closed: everything that still runs for it ends; what was decided stands. */
  ended(): void {
    this.#streams.endAll();
    for (const controller of this.#waiting.values()) controller.abort();
  }

  #receiveOne(value: unknown): void {
    const parsed = parseFrame(value);
    if (parsed.kind === 'refused') {
      this.#refuse(parsed.id, parsed.rejection);
      return;
    }
    const { frame } = parsed;
    if (frame.kind === 'call') this.#call(frame);
    else if (frame.kind === 'auth') this.#authenticate(frame.id, frame.token);
    else if (frame.kind === 'cancel') this.#cancel(frame.id);
    else this.#open(frame);
  }

  #authenticate(id: FrameId, token: string): void {
    const { fabric } = this.#parts;
    const credential = createCredential(fabric, token);
    const known = credential();
    if (known.kind === 'reject') {
      this.#refuse(id, known);
      this.#outbox.flush();
      // A leader that starts or rebuilds cannot say who this is; the peer comes back.
      const later = problemOf(known).remedy === 'retry-later';
      this.#socket.close(later ? CLOSE.tryAgainLater : CLOSE.policy, known.code);
      return;
    }
    this.#own = credential;
    const { name, role, session } = known.principal;
    const { realm, origin, version } = fabric;
    const who = session === undefined ? { name, role } : { name, role, session };
    this.#send({ id, ok: { ...who, realm, origin, version } });
  }

  #call(frame: CallFrame): void {
    const trace = parseTrace(frame.trace);
    const admitted = this.#admit(frame, trace);
    if (admitted.kind === 'reject') {
      this.#refuse(frame.id, admitted, trace);
      return;
    }
    this.#inFlight += 1;
    const startedAt = performance.now();
    this.#parts.fabric.call(frame.op, frame.input, admitted.options).then(
      (reply) => this.#settle(frame, { startedAt, reply, trace }),
      (cause: unknown) => {
        this.#parts.log.error({ event: 'ws.call_failed', operation: frame.op, trace, cause });
        this.#settle(frame, { startedAt, reply: rejectionOf(cause), trace });
      },
    );
  }

  #admit(frame: CallFrame, trace: TraceId | undefined): Admitted {
    if (!isOperationName(frame.op)) return unknownOperation(frame.op);
    if (this.#draining) return stopping();
    if (this.#inFlight >= IN_FLIGHT_MAX) {
      return overloaded(`A connection may have ${IN_FLIGHT_MAX} unanswered calls.`);
    }
    const known = this.#knownOf(frame.token);
    if (known.kind === 'reject') return known;
    const key = parseKey(frame.key, frame.op);
    if (key.kind === 'reject') return key;
    const options = { principal: known.principal, ...key.option, ...this.#cancellation(frame) };
    return { kind: 'ok', options: trace === undefined ? options : { ...options, trace } };
  }

  #cancellation(frame: CallFrame): { readonly signal?: AbortSignal } {
    if (!WAITING.has(frame.op)) return {};
    const controller = new AbortController();
    this.#waiting.set(frame.id, controller);
    return { signal: controller.signal };
  }

  #settle(
    { id, op }: CallFrame,
    result: {
      readonly startedAt: number;
      readonly reply: Reply;
      readonly trace?: TraceId | undefined;
    },
  ): void {
    this.#inFlight -= 1;
    if (this.#waiting.size > 0) this.#waiting.delete(id);
    const { reply, startedAt, trace } = result;
    const code = reply.kind === 'ok' ? 'ok' : reply.code;
    const seconds = (performance.now() - startedAt) / 1_000;
    this.#parts.metrics.observeCall({ surface: 'ws', operation: op, code, seconds });
    if (reply.kind === 'reject') this.#refuse(id, reply, trace);
    else if (reply.index === undefined) this.#send({ id, ok: reply.output });
    else this.#send({ id, ok: reply.output, index: reply.index });
    if (this.#draining) this.#closeWhenAnswered();
  }

  #open(frame: StreamFrame): void {
    const known = this.#knownOf(frame.token);
    if (known.kind === 'reject') this.#refuse(frame.id, known);
    else if (this.#draining) this.#refuse(frame.id, stopping());
    else {
      const { principal } = known;
      const credential = this.#lastingCredential(frame.token, principal);
      const refusal = this.#streams.open(frame, { credential, principal });
      if (refusal !== undefined) this.#refuse(frame.id, refusal);
    }
  }

  #cancel(id: FrameId): void {
    this.#waiting.get(id)?.abort();
    this.#streams.end(id);
  }

  #knownOf(token: string | undefined): Known {
    if (token === undefined) {
      return this.#own?.() ?? reject('auth.missing', 'The first frame is {id, auth: token}.');
    }
    let credential = this.#credentials.get(token);
    if (credential === undefined) {
      credential = createCredential(this.#parts.fabric, token);
      // The oldest goes first: tokens live an hour and are renewed at half of it.
      const [oldest] = this.#credentials.keys();
      const isFull = this.#credentials.size >= CREDENTIALS_MAX;
      if (isFull && oldest !== undefined) this.#credentials.delete(oldest);
      this.#credentials.set(token, credential);
    }
    return credential();
  }

  /**
   * The credential of a stream, which may outlive the token that it was opened with: where that is refused, another
   * one of the same session that this connection has shown since.
   */
  #lastingCredential(token: string | undefined, { session }: Principal): () => Known {
    let current = (): Known => this.#knownOf(token);
    return () => {
      const known = current();
      if (known.kind === 'ok' || session === undefined) return known;
      for (const other of this.#credentials.values()) {
        const newer = other();
        if (newer.kind === 'reject' || newer.principal.session !== session) continue;
        current = other;
        return newer;
      }
      return known;
    };
  }

  /** The peer reads nothing: it is told where to go on from, and dropped. */
  #dropReader(): void {
    const reason = JSON.stringify({ code: 'feed.lagging', cursor: this.#streams.oldestCursor() });
    this.#parts.log.warn({ event: 'ws.dropped', reason });
    this.#streams.endAll();
    this.#socket.close(CLOSE.tryAgainLater, reason);
  }

  #closeWhenAnswered(): void {
    if (this.#inFlight > 0) return;
    this.#outbox.flush();
    this.#socket.close(CLOSE.goingAway, 'fabric.stopping');
  }

  #send(frame: ServerFrame): void {
    this.#outbox.push(JSON.stringify(frame));
  }

  #refuse(id: FrameId | undefined, rejection: Rejection, trace?: TraceId): void {
    const problem = problemOf(rejection, trace);
    this.#send(id === undefined ? { problem } : { id, problem });
  }
}
