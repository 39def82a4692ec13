/** A real fabric with its MCP mount, and clients of both generations of the official SDK. */
import './mcp-conditions.ts';
import { fileURLToPath } from 'node:url';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as LegacyStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as LegacyHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ManualClock } from '../../packages/fabric/src/engine/clock.ts';
import type { Principal } from '../../packages/fabric/src/engine/fabric.ts';
import {
  createMemoryRealm,
  openMemoryFabric,
} from '../../packages/fabric/src/engine/open-memory.ts';
import type { MemoryFabricOptions } from '../../packages/fabric/src/engine/open-memory.ts';
import type { LeadingFabric } from '../../packages/fabric/src/engine/open.ts';
import { memoryBlobs } from '../../packages/fabric/src/engine/blob-folder.ts';
import { startHttp } from '../../packages/fabric/src/surfaces/http/start-http.ts';
import { mountMcp } from '../../packages/fabric/src/surfaces/mcp/index.ts';

export { ManualClock };

export const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };

export interface McpFabric {
  readonly fabric: LeadingFabric;
  readonly url: string;
  readonly port: number;
  readonly token: string;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

export async function serveMcp(engine: MemoryFabricOptions = {}): Promise<McpFabric> {
  const realm = createMemoryRealm();
  const lines: Readonly<Record<string, unknown>>[] = [];
  const keep = (fields: Readonly<Record<string, unknown>>): void => void lines.push(fields);
  const log = { debug: () => undefined, info: keep, warn: keep, error: keep };
  const fabric = await openMemoryFabric(realm, engine);
  const mcp = mountMcp(fabric, { log });
  const witness = { checkpoint: async () => undefined, tile: async () => undefined };
  const http = await startHttp({
    fabric,
    witness,
    blobs: memoryBlobs(),
    log,
    port: 0,
    mounts: [mcp],
  });
  return {
    fabric,
    url: http.url,
    port: http.port,
    token: realm.operatorToken,
    lines,
    close: async () => {
      await mcp.close();
      await http.close();
      await fabric.close();
    },
  };
}

/** Calls an operation as the operator, past MCP; throws where it is refused. */
export async function operate<T = Record<string, unknown>>(
  { fabric }: Pick<McpFabric, 'fabric'>,
  op: string,
  input: unknown,
): Promise<T> {
  const reply = await fabric.call(op, input, { principal: OPERATOR });
  if (reply.kind === 'reject') throw new Error(`${reply.code}: ${reply.detail}`);
  return reply.output as T;
}

export const submitPlan = (
  served: Pick<McpFabric, 'fabric'>,
  tasks: readonly object[],
  id = 'demo',
): Promise<unknown> => operate(served, 'plans.submit', { plan: { id, tasks } });

export interface Answered {
  readonly isError: boolean;
  readonly content: Record<string, unknown>;
  readonly text: string;
}

/** One client of either generation, as far as the tests use it. */
export interface AnyClient {
  readonly name: string;
  call(
    tool: string,
    args?: Record<string, unknown>,
    options?: { signal?: AbortSignal; onprogress?: (progress: unknown) => void },
  ): Promise<Answered>;
  tools(): Promise<readonly Record<string, unknown>[]>;
  /** A method that no server has. */
  unknown(): Promise<unknown>;
  readonly pid: number | null;
  close(): Promise<void>;
}

const IDENTITY = { name: 'test-agent', version: '9.9.9' };
const answered = (result: unknown): Answered => {
  const { isError, structuredContent, content } = result as {
    isError?: boolean;
    structuredContent: Record<string, unknown>;
    content: { type: string; text: string }[];
  };
  return { isError: isError === true, content: structuredContent, text: content[0]?.text ?? '' };
};

type Where = 'http' | 'stdio';
export type Generation = 'modern' | 'legacy';

export async function connectClient(
  generation: Generation,
  where: Where,
  served: Pick<McpFabric, 'url' | 'token'>,
): Promise<AnyClient> {
  return generation === 'modern' ? modern(where, served) : legacy(where, served);
}

const SERVER = fileURLToPath(new URL('./mcp-stdio-server.ts', import.meta.url));

export const stdioCommand = ({ url, token }: Pick<McpFabric, 'url' | 'token'>) => ({
  command: process.execPath,
  args: ['--conditions=source', '--disable-warning=ExperimentalWarning', SERVER],
  env: { IFAB_TEST_URL: url, IFAB_TEST_TOKEN: token },
});

const headers = (token: string) => ({
  requestInit: { headers: { authorization: `Bearer ${token}` } },
});

async function modern(where: Where, served: Pick<McpFabric, 'url' | 'token'>): Promise<AnyClient> {
  const client = new ModernClient(IDENTITY, {
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  });
  const stdio = where === 'stdio' ? new StdioClientTransport(stdioCommand(served)) : undefined;
  await client.connect(
    stdio ?? new StreamableHTTPClientTransport(new URL(`${served.url}/mcp`), headers(served.token)),
  );
  return {
    name: `v2 client, 2026-07-28, ${where}`,
    call: async (name, args = {}, options = {}) =>
      answered(await client.callTool({ name, arguments: args }, options)),
    tools: async () => (await client.listTools()).tools,
    unknown: () => client.callTool({ name: 'no_such_tool', arguments: {} }),
    pid: stdio?.pid ?? null,
    close: () => client.close(),
  };
}

async function legacy(where: Where, served: Pick<McpFabric, 'url' | 'token'>): Promise<AnyClient> {
  const client = new LegacyClient(IDENTITY);
  const stdio = where === 'stdio' ? new LegacyStdio(stdioCommand(served)) : undefined;
  await client.connect(
    stdio ?? new LegacyHttp(new URL(`${served.url}/mcp`), headers(served.token)),
  );
  return {
    name: `v1 client, 2025-11-25, ${where}`,
    call: async (name, args = {}, options = {}) =>
      answered(await client.callTool({ name, arguments: args }, undefined, options)),
    tools: async () => (await client.listTools()).tools,
    unknown: () => client.callTool({ name: 'no_such_tool', arguments: {} }),
    pid: stdio?.pid ?? null,
    close: () => client.close(),
  };
}
