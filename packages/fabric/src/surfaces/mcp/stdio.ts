/** The MCP surface on standard input and output: a client of a running fabric, started by an agent CLI. */
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Readable, Writable } from 'node:stream';
import type { Log } from '../../engine/ports.ts';
import { EXIT_MS_MAX } from './limits.ts';
import type { ToolCaller } from './tool-caller.ts';

export interface McpStdioOptions {
  readonly caller: ToolCaller;
  readonly version: string;
  /** Never on standard output, which belongs to the protocol. */
  readonly log: Log;
  readonly input?: Readable;
  readonly output?: Writable;
}

/**
 * Serves until the input ends, the client goes away, or SIGINT or SIGTERM comes; then resolves at once, with calls
 * under way abandoned. Whoever called ends the process, within EXIT_MS_MAX: agent CLIs wait no longer.
 */
export async function serveMcpStdio(options: McpStdioOptions): Promise<void> {
  const { input = process.stdin, output = process.stdout, log } = options;
  const [{ serveStdio, StdioServerTransport }, { createServer }] = await Promise.all([
    import('@modelcontextprotocol/server/stdio'),
    import('./server.ts'),
  ]);
  const transport = new StdioServerTransport(input, output);
  const ended = Promise.withResolvers<void>();
  const end = (): void => ended.resolve();
  for (const event of ['end', 'close', 'error']) input.once(event, end);
  output.once('error', end);
  process.once('SIGINT', end).once('SIGTERM', end);
  const served = serveStdio(() => createServer(options), {
    transport,
    onerror: (cause) => log.info({ event: 'mcp.refused', cause }),
  });
  await ended.promise;
  process.off('SIGINT', end).off('SIGTERM', end);
  // A client that reads no more must not hold the process.
  await Promise.race([served.close(), pause(EXIT_MS_MAX / 2, undefined, { ref: false })]);
}
