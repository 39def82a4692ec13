import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { problemOf, type ErrorCode } from '@infrafabric/protocol';

/** One request as it came over the wire. */
export interface Asked {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** The parsed body; `undefined` where there is none. */
  readonly input: Readonly<Record<string, unknown>> | undefined;
}

export type Reply = (asked: Asked, response: ServerResponse) => void;

/**
 * A fabric on a loopback socket whose answers a test writes down: refusals, proxies in between and streams that
 * break, which a healthy fabric shows only by chance. A path without a reply is answered by 502 from "a proxy".
 */
export interface ScriptedFabric {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** The next requests of a path get these replies, one each; the last one stays. */
  reply(path: string, ...replies: readonly Reply[]): void;
  /** Requests of one path so far. */
  count(path: string): number;
  close(): Promise<void>;
}

export async function scriptedFabric(): Promise<ScriptedFabric> {
  const asked: Asked[] = [];
  const script = new Map<string, Reply[]>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fabric.test');
      const text = Buffer.concat(chunks).toString('utf8');
      const one: Asked = {
        path: pathname,
        query: searchParams,
        headers: request.headers,
        input: text === '' ? undefined : JSON.parse(text),
      };
      asked.push(one);
      const replies = script.get(pathname) ?? [];
      const reply = (replies.length > 1 ? replies.shift() : replies[0]) ?? proxy;
      reply(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    reply: (path, ...replies) => void script.set(path, [...replies]),
    count: (path) => asked.filter((one) => one.path === path).length,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export const ok =
  (output: unknown, headers: Readonly<Record<string, string>> = {}): Reply =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(output));
  };

export const problem =
  (code: ErrorCode, retryAfterMs?: number): Reply =>
  (_, response) => {
    const body = problemOf({
      code,
      detail: 'as the script says',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
    response.writeHead(body.status, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify(body));
  };

/** What a proxy says when nobody is behind it. */
export const proxy: Reply = (_, response) => {
  response.writeHead(502, { 'content-type': 'text/html' });
  response.end('<h1>Bad gateway</h1>');
};

/** Server-sent events; then the stream ends, unless it is held open. */
export const stream =
  (frames: readonly string[], { held = false } = {}): Reply =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    for (const frame of frames) response.write(`${frame}\n\n`);
    if (!held) response.end();
  };

export const itemFrame = (cursor: string): string =>
  `id: ${cursor}\ndata: ${JSON.stringify({ cursor, type: 'note' })}`;

export const endFrame = (code: ErrorCode): string =>
  `event: end\ndata: ${JSON.stringify(problemOf({ code, detail: 'as the script says' }))}`;
