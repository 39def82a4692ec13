/** A server on loopback that says what a test tells it to: for the answers that a sound fabric never gives. */
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';

/** What is said to a call of each operation; a document with a remedy is a refusal. */
export type Answers = Readonly<
  Record<string, (input: Readonly<Record<string, unknown>>) => object>
>;

export interface Wire {
  readonly url: string;
  /** What commands need to reach it. */
  readonly env: { readonly IFAB_URL: string; readonly IFAB_TOKEN: string; readonly HOME: string };
  /** Calls in their order: the operation and its input. */
  readonly calls: readonly (readonly [operation: string, input: unknown])[];
  close(): Promise<void>;
}

const ANSWERED = 'application/json';
const REFUSED = 'application/problem+json';

/** Answers each operation as the table says; what it does not name is refused as unknown. */
export const serveAnswers = async (answers: Answers): Promise<Wire> => {
  const calls: Wire['calls'][number][] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((input) => {
      const operation = (request.url ?? '').replace('/v1/', '');
      calls.push([operation, input]);
      const answer = answers[operation]?.(input) ?? UNKNOWN;
      const isRefused = 'remedy' in answer && 'status' in answer;
      response.writeHead(isRefused ? Number(answer.status) : 200, {
        'content-type': isRefused ? REFUSED : ANSWERED,
      });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    env: { IFAB_URL: url, IFAB_TOKEN: 'token', HOME: '/nowhere' },
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const UNKNOWN = problem('request.unknown_operation', 'fix-request', 404);

/** A problem document as the fabric sends it. */
export function problem(
  code: string,
  remedy: string,
  status: number,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    type: 'about:blank',
    title: code,
    code,
    remedy,
    status,
    detail: `${code} here`,
    ...more,
  };
}

const readBody = async (request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> => {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += String(chunk);
  const input: Readonly<Record<string, unknown>> = text === '' ? {} : JSON.parse(text);
  return input;
};

export const COUNTS = {
  total: 0,
  waiting: 0,
  ready: 0,
  leased: 0,
  blocked: 0,
  submitted: 0,
  parked: 0,
  done: 0,
  cancelled: 0,
} as const;

/** What `realm.status` says of an empty realm. */
export const STATUS = {
  realm: 'main',
  origin: 'example.org/log',
  epoch: 1,
  size: 7,
  at: 1_000_000,
  durability: 'fsync',
  readOnly: false,
  sessions: { open: 0, waiting: 0 },
  tasks: COUNTS,
  blockersOpen: 0,
  breakersOpen: 0,
  escalationsOpen: 0,
  money: {
    limitMicroUsd: 100_000_000,
    reservedMicroUsd: 0,
    spentMicroUsd: 0,
    overrunMicroUsd: 0,
  },
  plans: 0,
  version: '0',
} as const;
