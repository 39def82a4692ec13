import { createMcpHandler } from '@modelcontextprotocol/server';
import type { McpServerFactory } from '@modelcontextprotocol/server';
import { expect, test } from 'vitest';
import { silentLog } from '../../packages/fabric/src/engine/ports.ts';
import { createServer } from '../../packages/fabric/src/surfaces/mcp/server.ts';
import type { ToolCaller } from '../../packages/fabric/src/surfaces/mcp/tool-caller.ts';
import { mcpTools } from '../../packages/fabric/src/surfaces/mcp/tools.ts';

/** Listing tools reaches no fabric. */
const nobody: ToolCaller = {
  call: () => Promise.reject(new Error('listing tools called an operation')),
};
const factory: McpServerFactory = () =>
  createServer({ caller: nobody, version: '0.0.0', log: silentLog });

interface Listed {
  readonly tools: readonly {
    readonly name: string;
    readonly description: string;
    readonly inputSchema: { readonly properties: Readonly<Record<string, unknown>> };
    readonly _meta?: Readonly<Record<string, unknown>>;
  }[];
}

async function ask(
  method: string,
  params: object,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  const handler = createMcpHandler(factory);
  const request = new Request('http://127.0.0.1/mcp', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const text = await (await handler.fetch(request)).text();
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  return (JSON.parse(data) as { readonly result: unknown }).result;
}

const MODERN = {
  _meta: {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'golden', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  },
};
const modernHeaders = (method: string) => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
});

const inModern = (method: string) => ask(method, MODERN, modernHeaders(method));
const inLegacy = (method: string) => ask(method, {}, { 'mcp-protocol-version': '2025-11-25' });

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

test('mcp-tools.json is what clients of 2026-07-28 are shown', async () => {
  const listed = await inModern('tools/list');
  await expect(pretty(listed)).toMatchFileSnapshot('mcp-tools.json');
});

test('mcp-tools-legacy.json is what clients up to 2025-11-25 are shown: the same tools', async () => {
  const listed = (await inLegacy('tools/list')) as Listed;
  await expect(pretty(listed)).toMatchFileSnapshot('mcp-tools-legacy.json');
  expect(listed.tools).toEqual(((await inModern('tools/list')) as Listed).tools);
});

test('mcp-tools-discover.json is what a client learns of the server before it calls', async () => {
  await expect(pretty(await inModern('server/discover'))).toMatchFileSnapshot(
    'mcp-tools-discover.json',
  );
});

/** Models charge by token; 3.5 characters a token is below every tokenizer seen on JSON of English words. */
const CHARS_PER_TOKEN = 3.5;
const TOKENS_MAX = 3_000;

test('all tools together cost fewer than 3,000 tokens, counted high', async () => {
  const { tools } = (await inModern('tools/list')) as Listed;
  const tokens = Math.ceil(JSON.stringify(tools).length / CHARS_PER_TOKEN);
  expect(tokens).toBeLessThan(TOKENS_MAX);
});

test('at most twelve tools, named verb_noun, found by distinct words', async () => {
  const { tools } = (await inModern('tools/list')) as Listed;
  expect(tools.length).toBeLessThanOrEqual(12);
  for (const { name, description } of tools) {
    expect(name).toMatch(/^[a-z]+_[a-z]+$/);
    // Names of MCP Tasks stay free; the longest prefix of a client is "mcp__infrafabric__".
    expect(name.startsWith('tasks_')).toBe(false);
    expect(`mcp__infrafabric__${name}`.length).toBeLessThan(64);
    // A search by the words of the name finds the first sentence.
    const [sentence = ''] = description.toLowerCase().split(/[.:]/u);
    const [verb = '', noun = ''] = name.split('_');
    expect(`${sentence} ${name}`).toContain(noun);
    expect(description.toLowerCase()).toContain(verb === 'next' ? 'get work' : verb);
  }
  expect(new Set(tools.map(({ description }) => description)).size).toBe(tools.length);
});

test('the two entry tools ask to be loaded without a search, no others do', async () => {
  const { tools } = (await inModern('tools/list')) as Listed;
  const loaded = tools.filter(({ _meta: meta }) => meta?.['anthropic/alwaysLoad'] === true);
  expect(loaded.map(({ name }) => name)).toEqual(['register_session', 'next_task']);
});

test('every tool that writes takes an idempotency key', () => {
  for (const { listed } of mcpTools) {
    const keys = Object.keys(listed.inputSchema.properties ?? {});
    const reads = listed.annotations?.readOnlyHint === true;
    expect(keys.includes('idempotencyKey'), listed.name).toBe(!reads);
  }
});
