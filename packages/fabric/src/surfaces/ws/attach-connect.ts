import { Buffer } from 'node:buffer';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { problemOf, reject, REQUEST_BYTES_MAX } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { bearerOf } from '../http/credential.ts';
import type { Guard } from '../http/guard.ts';
import type { Parts } from '../http/parts.ts';
import { PROBLEM_TYPE } from '../http/problem.ts';
import { CLOSE, Connection } from './connection.ts';

// `GET /v1/connect`: the upgrade, who may have it, and what keeps dead connections from piling up.

const CONNECT_PATH = '/v1/connect';
/** From the upgrade to the first `auth` frame. */
const GREETING_MS_MAX = 10_000;
/**
 * Bytes that a connection may send before it is known: an `auth` frame and TCP's habit of joining
 * what follows.
 */
const GREETING_BYTES_MAX = 16 * 1024;
/**
 * A peer that answers no ping for this long is gone. Shorter: more wake-ups. Longer: its streams
 * are fed for longer.
 */
const PING_MS = 30_000;
/** After a close frame, how long the peer may take to answer with its own. */
const CLOSE_MS_MAX = 2_000;

export interface Connect {
  /** Refuses upgrades, answers what is in flight, closes each connection with 1001. */
  drain(): void;
  /** Ends what is left. */
  cut(): void;
}

interface Peer {
  readonly socket: WebSocket;
  readonly connection: Connection;
  alive: boolean;
}

export function attachConnect(server: Server, parts: Parts, guard: Guard): Connect {
  const sockets = new WebSocketServer({
    noServer: true,
    // Deflate costs more than it saves on one machine, and 64 KB a connection.
    perMessageDeflate: false,
    maxPayload: REQUEST_BYTES_MAX,
    clientTracking: false,
  });
  const peers = new Set<Peer>();
  const pings = createPings(peers);
  server.on('upgrade', (incoming: IncomingMessage, stream: Duplex, head: Buffer) => {
    const refusal = refusalOf(incoming, parts, guard);
    if (refusal !== undefined) {
      refuseUpgrade(stream, refusal);
      return;
    }
    const bearer = bearerOf(incoming);
    sockets.handleUpgrade(incoming, stream, head, (socket) => {
      const connection = new Connection(socket, parts, bearer);
      const peer: Peer = { socket, connection, alive: true };
      peers.add(peer);
      pings.start();
      parts.metrics.connectionsOpened();
      if (bearer === undefined) limitGreeting(stream, peer);
      listenTo(peer);
      socket.once('close', () => {
        peers.delete(peer);
        pings.stopWhenAlone();
        parts.metrics.connectionsClosed();
        connection.ended();
      });
    });
  });
  return {
    drain: () => {
      for (const { connection } of peers) connection.drain();
    },
    cut: () => {
      for (const { socket } of peers) socket.terminate();
    },
  };
}

function listenTo(peer: Peer): void {
  const { socket, connection } = peer;
  socket.on('message', (bytes, isBinary) => {
    peer.alive = true;
    if (isBinary || !Buffer.isBuffer(bytes)) socket.close(CLOSE.unsupported, 'frames are text');
    // ws hands text over as one Buffer (binaryType is nodebuffer).
    else if (socket.readyState === socket.OPEN) connection.receive(bytes.toString());
  });
  socket.on('pong', () => {
    peer.alive = true;
  });
  // A broken frame or a reset: ws closes by itself and `close` follows.
  socket.on('error', () => undefined);
}

/** Somebody unknown gets seconds and kilobytes, not the 16 MiB that a message may have. */
function limitGreeting(stream: Duplex, { socket, connection }: Peer): void {
  let bytes = 0;
  const timer = setTimeout(() => {
    if (!connection.authenticated) socket.close(CLOSE.policy, 'auth.missing');
    expire(socket);
  }, GREETING_MS_MAX);
  const stop = (): void => {
    clearTimeout(timer);
    stream.off('data', count);
  };
  const count = (chunk: Buffer): void => {
    if (connection.authenticated) {
      stop();
      return;
    }
    bytes += chunk.length;
    if (bytes > GREETING_BYTES_MAX) socket.terminate();
  };
  stream.on('data', count);
  socket.once('close', stop);
}

/** A peer that does not answer our close frame is cut. */
function expire(socket: WebSocket): void {
  const timer = setTimeout(() => socket.terminate(), CLOSE_MS_MAX);
  socket.once('close', () => clearTimeout(timer));
}

/** One timer for all connections, and none while there are none: idle costs nothing. */
function createPings(peers: ReadonlySet<Peer>) {
  let timer: NodeJS.Timeout | undefined;
  const beat = (): void => {
    for (const peer of peers) {
      if (!peer.alive || peer.socket.readyState !== peer.socket.OPEN) peer.socket.terminate();
      else {
        peer.alive = false;
        peer.socket.ping();
      }
    }
  };
  return {
    start: (): void => {
      timer ??= setInterval(beat, PING_MS);
    },
    stopWhenAlone: (): void => {
      if (peers.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}

function refusalOf(incoming: IncomingMessage, parts: Parts, guard: Guard): Rejection | undefined {
  const refusal = guard.check(incoming);
  if (refusal !== undefined) return refusal;
  const [path] = (incoming.url ?? '').split('?', 1);
  if (path !== CONNECT_PATH) {
    return reject('request.unknown_operation', `Only ${CONNECT_PATH} takes an upgrade.`);
  }
  if (parts.closing.aborted) return reject('fabric.stopping', 'The fabric is stopping.');
  const bearer = bearerOf(incoming);
  if (bearer === undefined) return undefined;
  const known = parts.fabric.authenticate(bearer);
  return known.kind === 'reject' ? known : undefined;
}

function refuseUpgrade(stream: Duplex, rejection: Rejection): void {
  const problem = problemOf(rejection);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.status === 401 ? 'Unauthorized' : 'Refused'}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  stream.on('error', () => undefined);
  stream.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
