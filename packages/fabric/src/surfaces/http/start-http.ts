import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { assert } from '@infrafabric/core';
import { problemOf } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import type { Fabric } from '../../engine/fabric.ts';
import type { BlobStore, Log } from '../../engine/ports.ts';
import { attachConnect } from '../ws/attach-connect.ts';
import { createApp } from './app.ts';
import { createGuard } from './guard.ts';
import type { Guard } from './guard.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import type { Mount, Parts, WitnessReads } from './parts.ts';
import { PROBLEM_TYPE, problemHeaders } from './problem.ts';
import { traceOf, traceparentOf } from './trace.ts';

export interface HttpOptions {
  readonly fabric: Fabric;
  readonly witness: WitnessReads;
  readonly blobs: BlobStore;
  readonly log: Log;
  /** Default 127.0.0.1: other machines reach the fabric only where somebody decided so. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Values of Host beside the loopback names with this port. */
  readonly allowedHosts?: readonly string[];
  /** Origins of pages that may call, beside those of this listener. */
  readonly allowedOrigins?: readonly string[];
  readonly metrics?: Metrics;
  readonly mounts?: readonly Mount[];
}

export interface HttpSurface {
  /** `http://127.0.0.1:7070`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly metrics: Metrics;
  /**
   * Takes no more, answers what it took, ends streams with a reason; cuts what is left after five
   * seconds.
   */
  close(): Promise<void>;
}

/** A header block that takes longer is a slow-loris; a local caller needs a millisecond. */
const HEADERS_MS_MAX = 10_000;
/** A whole request: 16 MiB over a line of 3 Mbit/s. Longer holds a slot for nothing. */
const REQUEST_MS_MAX = 60_000;
/**
 * Longer than clients' pools keep a connection (undici 4 s, Go 90 s idle): shorter races with
 * their next request.
 */
const KEEP_ALIVE_MS = 95_000;
const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 100;
/**
 * Sockets at one time: 10,000 agents and their tools, below the 20,000 descriptors that a process
 * often has.
 */
const CONNECTIONS_MAX = 12_000;
/** How long closing waits for callers: supervisors kill after ten seconds. */
const DRAIN_MS_MAX = 5_000;

/** For every answer: no page may frame, sniff, embed or cache what a credential fetched. */
const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ['x-content-type-options', 'nosniff'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cache-control', 'no-store'],
];

/** Printable ASCII without spaces: it goes back into a header as it came. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/**
 * Starts the listener with all routes and `/v1/connect`. Rejects when the address cannot be
 * bound.
 */
export async function startHttp(options: HttpOptions): Promise<HttpSurface> {
  const host = options.host ?? '127.0.0.1';
  const closing = new AbortController();
  const metrics = options.metrics ?? createMetrics();
  const { fabric, witness, blobs, log } = options;
  const parts: Parts = { fabric, witness, blobs, log, metrics, closing: closing.signal };
  const server = createServer({
    headersTimeout: HEADERS_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    // The guard answers a missing Host itself, with a code.
    requireHostHeader: false,
  });
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  const silent = trackSilent(server);
  const port = await listen(server, { host, port: options.port });
  const { allowedHosts = [], allowedOrigins = [], mounts = [] } = options;
  const guard = createGuard({ port, allowedHosts, allowedOrigins });
  server.on('request', requestListener(parts, guard, mounts));
  const connect = attachConnect(server, parts, guard);
  const shown = host.includes(':') ? `[${host}]` : host;
  const stopCounting = fabric.onAppended((entries) => metrics.observeBatch(entries));
  log.info({ event: 'http.listening', host, port });
  return {
    url: `http://${shown}:${port}`,
    port,
    metrics,
    close: async () => {
      closing.abort();
      connect.drain();
      for (const socket of silent) socket.destroy();
      await drain(server, () => connect.cut());
      stopCounting();
      log.info({ event: 'http.closed', port });
    },
  };
}

function requestListener(parts: Parts, guard: Guard, mounts: readonly Mount[]) {
  const app = createApp(parts);
  const serve = getRequestListener(
    (request, { incoming, outgoing }) => {
      assert(
        incoming instanceof IncomingMessage && outgoing instanceof ServerResponse,
        'not HTTP/1',
      );
      const trace = traceOf(header(incoming, 'traceparent'));
      outgoing.setHeader('traceparent', traceparentOf(trace));
      return app.fetch(request, { incoming, outgoing, trace });
    },
    // Embedders keep their own Request and Response.
    { overrideGlobalObjects: false },
  );
  return (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    for (const [name, value] of SECURITY_HEADERS) outgoing.setHeader(name, value);
    const requestId = header(incoming, 'x-request-id');
    if (requestId !== undefined && REQUEST_ID.test(requestId))
      outgoing.setHeader('x-request-id', requestId);
    if (parts.closing.aborted) outgoing.setHeader('connection', 'close');
    const refusal = guard.check(incoming);
    if (refusal !== undefined) {
      refuseEarly(outgoing, refusal);
      return;
    }
    const { origin } = incoming.headers;
    if (origin !== undefined) allowPage(outgoing, origin);
    if (origin !== undefined && incoming.method === 'OPTIONS') {
      outgoing.writeHead(204, PREFLIGHT).end();
      return;
    }
    const path = incoming.url?.split('?', 1)[0] ?? '/';
    const mount = mounts.find((other) => path === other.path || path.startsWith(`${other.path}/`));
    if (mount === undefined) void serve(incoming, outgoing);
    else mount.serve(incoming, outgoing, parts.metrics);
  };
}

const PREFLIGHT = {
  'access-control-allow-methods': 'GET, HEAD, POST, PUT',
  'access-control-allow-headers':
    'authorization, content-type, idempotency-key, traceparent, x-request-id, last-event-id',
  'access-control-max-age': '600',
} as const;

/** Only for origins that the guard let through. */
function allowPage(outgoing: ServerResponse, origin: string): void {
  outgoing.setHeader('access-control-allow-origin', origin);
  outgoing.setHeader('access-control-expose-headers', 'x-ifab-index, retry-after, traceparent');
  outgoing.setHeader('cross-origin-resource-policy', 'cross-origin');
  outgoing.setHeader('vary', 'origin');
}

/** A refusal before any route: the body is not read, so the connection ends with it. */
function refuseEarly(outgoing: ServerResponse, rejection: Rejection): void {
  const problem = problemOf(rejection);
  const headers = { 'content-type': PROBLEM_TYPE, connection: 'close', ...problemHeaders(problem) };
  outgoing.writeHead(problem.status, headers).end(JSON.stringify(problem));
}

function header(incoming: IncomingMessage, name: string): string | undefined {
  const value = incoming.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function listen(
  server: Server,
  at: { readonly host: string; readonly port: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : at.port);
    });
  });
}

/**
 * Sockets that have asked for nothing yet, as clients' pools open them ahead of time. Node does not
 * count them as idle, so a server that closes would wait for them.
 */
function trackSilent(server: Server): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  server.on('connection', (socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }) => silent.delete(socket));
  server.on('upgrade', (_incoming, socket: Socket) => silent.delete(socket));
  return silent;
}

async function drain(server: Server, cutConnections: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const cut = setTimeout(() => {
    cutConnections();
    server.closeAllConnections();
  }, DRAIN_MS_MAX);
  await closed;
  clearTimeout(cut);
}
