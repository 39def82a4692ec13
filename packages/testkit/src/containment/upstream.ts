/** Servers on loopback that guests are granted, or that they must never reach: each keeps what came. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpGrant, SecretGrant } from '@infrafabric/protocol';
import type { Ground } from './ground.ts';

export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly at: number;
}

export interface Upstream {
  readonly port: number;
  readonly origin: string;
  readonly arrived: readonly Arrived[];
  /** Connections, whether or not anything was asked on them. */
  connections(): number;
}

export type Answer = (request: Arrived, response: ServerResponse) => void;

/** A server of this case; closed with all its connections when the case ends. */
export const openUpstream = async (
  ground: Ground,
  answer: Answer,
  host = '127.0.0.1',
  wantedPort = 0,
): Promise<Upstream> => {
  const arrived: Arrived[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((request, response) => {
    const seen: Arrived = {
      method: request.method ?? '',
      url: request.url ?? '',
      rawHeaders: request.rawHeaders,
      headers: request.headers,
      at: performance.now(),
    };
    arrived.push(seen);
    response.on('error', () => {});
    request.resume();
    answer(seen, response);
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(wantedPort, host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  ground.atEndOfCase(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  );
  return { port, origin: `http://${host}:${port}`, arrived, connections: () => connections };
};

export const answerText =
  (text: string, status = 200): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
  };

/** A grant of everything below `/v1/` of an upstream. */
export const grantOf = (origin: string, more: Partial<HttpGrant> = {}): HttpGrant => ({
  alias: 'upstream',
  origin,
  methods: ['GET', 'POST'],
  pathPrefix: '/v1/',
  privateAddress: true,
  ...more,
});

export const SECRET_REF = 'vault://containment/upstream#token';

export const secretOf = (more: Partial<SecretGrant> = {}): SecretGrant => ({
  alias: 'upstream',
  ref: SECRET_REF,
  inject: { header: 'authorization', prefix: 'Bearer ' },
  ttlMs: 300_000,
  ...more,
});
