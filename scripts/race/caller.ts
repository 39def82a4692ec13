/** A plain HTTP client of the fabric for processes that must be small: no schemas, no SDK, one kept connection. */
import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface Calling {
  readonly token: string;
  /** The same key on every try: the fabric answers one intention once. */
  readonly key?: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
/** A leader that was killed is back within a second or two; a call older than this is tried again. */
const CALL_MS_MAX = 15_000;
/** Between two tries, ms: a hundred processes that ask more often leave the leader no core to come back on. */
const PAUSE_MS = 200;

const once = (
  url: URL,
  op: string,
  text: string,
  calling: Calling,
): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      authorization: `Bearer ${calling.token}`,
      ...(calling.key === undefined ? {} : { 'idempotency-key': calling.key }),
    };
    const options = {
      agent,
      host: url.hostname,
      port: url.port,
      method: 'POST',
      path: `/v1/${op}`,
      headers,
    };
    const sent = request({ ...options, timeout: CALL_MS_MAX }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('timeout')));
    sent.on('error', reject);
    sent.end(text);
  });

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Calls until there is an answer that is not the leader's absence: connection errors and 503 are tried again with the
 * same key, as any client would. Only a race's end stops it.
 */
export async function call(url: URL, op: string, input: object, calling: Calling): Promise<Answer> {
  const text = JSON.stringify(input);
  for (;;) {
    try {
      const answer = await once(url, op, text, calling);
      const body: Answer['body'] = JSON.parse(answer.text);
      if (answer.status !== 503) return { status: answer.status, body };
    } catch {
      // Nobody listens, or the leader died with the answer: ask again.
    }
    await sleep(PAUSE_MS * (0.5 + Math.random()));
  }
}
