import type { FeedItem, Problem } from '@infrafabric/protocol';
import { backoffMs, pause, reasonOf } from './backoff.ts';
import { FabricError, UnreachableError } from './errors.ts';
import { eventsOf } from './event-stream.ts';
import { outputOf } from './transport.ts';
import type {
  Answer,
  CallRequest,
  FeedRequest,
  TokenSource,
  Transport,
  WaitListener,
  WaitRequest,
} from './transport.ts';

// The wire for where no socket can be held: a request a call, server-sent events for the feed,
// long polls for work.

/** One long poll; the fabric takes no longer one. */
const WAIT_MS = 25_000;

export interface HttpOptions {
  /** `http://…`, without a slash at the end. */
  readonly url: string;
  readonly token: TokenSource;
  readonly unreachableMs: number;
}

export class HttpTransport implements Transport {
  readonly #options: HttpOptions;
  readonly #closed = new AbortController();
  #roundTripMs = 0;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  readonly roundTripMs = (): number => this.#roundTripMs;

  async call(request: CallRequest): Promise<Answer> {
    const { op, input, key, trace } = request;
    const signal = this.#signalOf(request.signal);
    const startedAt = performance.now();
    // Bounded by unreachableMs: only a wire that is down is tried again here.
    for (let attempt = 0; ; attempt += 1) {
      const sentAt = performance.now();
      try {
        const response = await fetch(`${this.#options.url}/v1/${op}`, {
          method: 'POST',
          headers: {
            ...this.#headers(request.token),
            'content-type': 'application/json',
            'idempotency-key': key,
            ...(trace === undefined ? {} : { traceparent: `00-${trace}-${trace.slice(16)}-01` }),
          },
          body: JSON.stringify(input),
          signal,
        });
        const answer = await readAnswer(response);
        this.#roundTripMs = performance.now() - sentAt;
        return answer;
      } catch (cause) {
        if (signal.aborted) throw reasonOf(signal);
        if (performance.now() - startedAt >= this.#options.unreachableMs) {
          throw new UnreachableError(`${this.#options.url} did not answer.`, { key, cause });
        }
        await pause(backoffMs(attempt), signal);
      }
    }
  }

  async *feed(request: FeedRequest): AsyncIterable<FeedItem> {
    const signal = this.#signalOf(request.signal);
    let { after } = request.filter;
    let aliveAt = performance.now();
    // Ends by the signal, by a refusal, or when the wire stays down for unreachableMs.
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        for await (const item of this.#stream({ ...request, signal }, after)) {
          after = item.cursor;
          attempt = 0;
          yield item;
        }
        aliveAt = performance.now();
      } catch (cause) {
        if (signal.aborted) return;
        if (cause instanceof FabricError) {
          if (cause.remedy !== 'retry-later') throw cause;
          aliveAt = performance.now();
        }
        if (performance.now() - aliveAt >= this.#options.unreachableMs) {
          throw new UnreachableError(`${this.#options.url} did not answer.`, { cause });
        }
      }
      await pause(backoffMs(attempt), signal).catch(() => undefined);
    }
  }

  wait({ token, ...request }: WaitRequest, { onGrants, onEnd }: WaitListener): () => void {
    const stop = new AbortController();
    const poll = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const answer = await this.call({
          op: 'tasks.next',
          input: { ...request, waitMs: WAIT_MS },
          key: crypto.randomUUID(),
          signal: stop.signal,
          token,
        });
        if (answer.kind === 'ok') {
          const { grants } = outputOf('tasks.next', answer);
          if (grants.length > 0) onGrants(grants);
        } else if (answer.problem.remedy === 'retry-later') {
          await pause(backoffMs(2, answer.problem.retryAfterMs ?? 0), stop.signal);
        } else {
          throw new FabricError(answer.problem);
        }
      }
    };
    poll().catch((cause: unknown) => {
      if (!stop.signal.aborted) onEnd(cause instanceof Error ? cause : new Error(String(cause)));
    });
    return () => stop.abort();
  }

  close(): void {
    this.#closed.abort(new UnreachableError('The client was closed.'));
  }

  async *#stream(request: FeedRequest & { readonly signal: AbortSignal }, after?: string) {
    const { types, ...filter } = request.filter;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...filter, after })) {
      if (value !== undefined) query.set(name, value);
    }
    if (types !== undefined) query.set('types', types.join(','));
    const response = await fetch(`${this.#options.url}/v1/feed?${query.toString()}`, {
      headers: { ...this.#headers(request.token), accept: 'text/event-stream' },
      signal: request.signal,
    });
    if (!response.ok) throw new FabricError(await readProblem(response));
    if (response.body === null) return;
    for await (const { event, data } of eventsOf(response.body)) {
      // The fabric is trusted for the shape of what it sends.
      if (event !== 'message') throw new FabricError(problemOf(data));
      const item: FeedItem = JSON.parse(data);
      yield item;
    }
  }

  #headers(token: TokenSource | undefined): Record<string, string> {
    return { authorization: `Bearer ${(token ?? this.#options.token)()}` };
  }

  #signalOf(signal: AbortSignal | undefined): AbortSignal {
    const closed = this.#closed.signal;
    return signal === undefined ? closed : AbortSignal.any([signal, closed]);
  }
}

async function readAnswer(response: Response): Promise<Answer> {
  if (!response.ok) return { kind: 'problem', problem: await readProblem(response) };
  const output: unknown = await response.json();
  const index = response.headers.get('x-ifab-index');
  return index === null ? { kind: 'ok', output } : { kind: 'ok', output, index: Number(index) };
}

/**
 * A proxy may answer in our place with something that is no problem document: then the wire is
 * what failed.
 */
async function readProblem(response: Response): Promise<Problem> {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  if (isProblem === true) return problemOf(await response.text());
  throw new Error(`HTTP ${response.status} without a problem document`);
}

function problemOf(text: string): Problem {
  const problem: Problem = JSON.parse(text);
  return problem;
}
