/**
 * The thinnest client of `/v1/connect`: frames out, frames in, no schemas, no retries. A thousand of them in one
 * process must cost less than the leader that they measure.
 */
import { WebSocket } from 'ws';

import { check } from './probe.ts';

/** What the fabric sends, as far as a bench reads it. */
export interface Answer {
  readonly id?: number;
  readonly ok?: Readonly<Record<string, unknown>>;
  readonly problem?: { readonly code: string; readonly detail: string };
  readonly item?: { readonly type: string; readonly cursor: string };
  readonly grants?: readonly { readonly taskId: string; readonly fencingToken: string }[];
}

type OnAnswer = (answer: Answer) => void;

/** One connection. */
export class Wire {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, OnAnswer>();
  readonly #streams = new Map<number, OnAnswer>();
  #raw: ((text: string) => void) | undefined;
  #nextId = 1;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (bytes) => {
      check(Buffer.isBuffer(bytes), 'a message in parts');
      const text = bytes.toString();
      if (this.#raw === undefined) this.#receive(text);
      else this.#raw(text);
    });
  }

  /** Sends a text and waits for the next one: for an echo only. */
  trip(text: string): Promise<string> {
    return new Promise((resolve) => {
      this.#raw = resolve;
      this.#socket.send(text);
    });
  }

  /** Calls an operation; `on` gets the answer, refusals included. */
  send(op: string, input: object, on: OnAnswer): void {
    this.#socket.send(this.#frame(op, input, on));
  }

  /** Many calls in one message. */
  sendAll(op: string, inputs: readonly object[], on: OnAnswer): void {
    this.#socket.send(`[${inputs.map((input) => this.#frame(op, input, on)).join(',')}]`);
  }

  /** Calls and waits. Throws where the fabric refuses. */
  call(op: string, input: object): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((resolve, reject) => {
      this.send(op, input, ({ ok, problem }) => {
        if (ok === undefined) reject(new Error(`${op}: ${problem?.code} ${problem?.detail}`));
        else resolve(ok);
      });
    });
  }

  /** Opens a stream: `feed` with a filter, `wait` with a wish. The answer ends it. */
  stream(kind: 'feed' | 'wait', what: object, on: OnAnswer): () => void {
    const id = this.#nextId++;
    this.#streams.set(id, on);
    this.#socket.send(JSON.stringify({ id, [kind]: what }));
    return () => {
      this.#streams.delete(id);
      this.#socket.send(JSON.stringify({ id, cancel: true }));
    };
  }

  close(): void {
    this.#socket.terminate();
  }

  #frame(op: string, input: object, on: OnAnswer): string {
    const id = this.#nextId++;
    this.#waiting.set(id, on);
    return JSON.stringify({ id, op, input, key: `bench-${process.pid}-${++keys}` });
  }

  #receive(text: string): void {
    const message: Answer | readonly Answer[] = JSON.parse(text);
    if (!isMany(message)) this.#take(message);
    else for (const answer of message) this.#take(answer);
  }

  #take(answer: Answer): void {
    const id = answer.id ?? -1;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      this.#streams.get(id)?.(answer);
      return;
    }
    this.#waiting.delete(id);
    waiting(answer);
  }
}

let keys = 0;

const isMany = (message: Answer | readonly Answer[]): message is readonly Answer[] =>
  Array.isArray(message);

/** Connects, with a credential where there is one. */
export function openWire(url: string, token?: string): Promise<Wire> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(new Wire(socket)));
    socket.once('error', reject);
  });
}
