/** MCP over streamable HTTP: one bearer, one principal, one server per request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import type { NodeIncomingMessageLike } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { AuthInfo, McpServerFactory } from '@modelcontextprotocol/server';
import { problemOf } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import type { Fabric } from '../../engine/fabric.ts';
import type { Log } from '../../engine/ports.ts';
import type { CallMetrics } from '../http/metrics.ts';
import { acceptedOf } from './accept.ts';
import { BODY_BYTES_MAX } from './limits.ts';
import { createServer } from './server.ts';
import { fabricCaller } from './tool-caller.ts';
import type { ToolCaller } from './tool-caller.ts';

export interface McpHandlerOptions {
  readonly log: Log;
  /** RFC 9728 document of this resource, where an authorization server stands beside the fabric. */
  readonly resourceMetadataUrl?: string;
}

export interface McpHandler {
  serve(incoming: IncomingMessage, outgoing: ServerResponse, metrics?: CallMetrics): Promise<void>;
  /** Ends the calls that are under way. */
  close(): Promise<void>;
}

/** Serves the fabric's tools. The caller has checked Host and Origin. */
export function createHandler(fabric: Fabric, options: McpHandlerOptions): McpHandler {
  const { log } = options;
  const callers = new WeakMap<AuthInfo, ToolCaller>();
  const factory: McpServerFactory = ({ authInfo }) => {
    const caller = authInfo === undefined ? undefined : callers.get(authInfo);
    if (caller === undefined) throw new Error('defect: a request of nobody');
    return createServer({ caller, version: fabric.version, log });
  };
  const transport = createTransport(factory, log);
  return {
    serve: async (incoming, outgoing, metrics) => {
      const bearer = bearerOf(incoming);
      const known = fabric.authenticate(bearer);
      if (known.kind === 'reject') return unauthorized(outgoing, known, options);
      const { principal } = known;
      const auth: AuthInfo = { token: bearer ?? '', clientId: principal.name, scopes: [] };
      callers.set(auth, fabricCaller(fabric, principal, metrics));
      return transport.serve(Object.assign(incoming, { auth }), outgoing);
    },
    close: () => transport.close(),
  };
}

/** The transport stack below any factory: what the conformance suite is run against. */
export function createTransport(factory: McpServerFactory, log: Log): McpHandler {
  const onerror = (cause: Error): void => log.info({ event: 'mcp.refused', cause });
  const handler = createMcpHandler(factory, { onerror, maxRequestBodySize: BODY_BYTES_MAX });
  const listener = toNodeHandler(handler, { onerror, maxRequestBodySize: BODY_BYTES_MAX });
  return {
    serve: (incoming, outgoing) => {
      const { headers, method } = incoming;
      if (method === 'POST') headers.accept = acceptedOf(headers.accept);
      // Node's own request, whose optional members may also be undefined.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return listener(incoming as NodeIncomingMessageLike, outgoing);
    },
    close: () => handler.close(),
  };
}

/** The credential of an `Authorization: Bearer` header; the scheme's case does not matter (RFC 9110 §11.1). */
function bearerOf(incoming: IncomingMessage): string | undefined {
  return /^bearer +(\S+) *$/i.exec(incoming.headers.authorization ?? '')?.[1];
}

/** RFC 6750 §3: which scheme, what was wrong with the credential, and where to ask for one. */
function unauthorized(
  outgoing: ServerResponse,
  rejection: Rejection,
  { resourceMetadataUrl }: McpHandlerOptions,
): void {
  const problem = problemOf(rejection);
  const challenge = [
    'Bearer realm="infrafabric"',
    ...(rejection.code === 'auth.missing' ? [] : ['error="invalid_token"']),
    ...(resourceMetadataUrl === undefined ? [] : [`resource_metadata="${resourceMetadataUrl}"`]),
  ];
  outgoing.setHeader('www-authenticate', challenge.join(', '));
  // The body is not read, so the connection ends with the answer.
  outgoing.setHeader('connection', 'close');
  outgoing.writeHead(problem.status, { 'content-type': 'application/problem+json' });
  outgoing.end(JSON.stringify(problem));
}
