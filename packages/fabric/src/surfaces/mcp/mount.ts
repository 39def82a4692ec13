/** The MCP surface on the fabric's own listener. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fabric } from '../../engine/fabric.ts';
import type { CallMetrics } from '../http/metrics.ts';
import type { McpHandler, McpHandlerOptions } from './http.ts';

export interface McpMount {
  readonly path: string;
  /** Counts the operations that the tools call in `metrics`, as those of the surface `mcp`. */
  serve(incoming: IncomingMessage, outgoing: ServerResponse, metrics?: CallMetrics): void;
  /** Ends the calls that are under way; a lease that was decided stands. */
  close(): Promise<void>;
}

/**
 * A mount for `startHttp`: everything below `path` (default `/mcp`) is served as MCP over streamable HTTP, each
 * request with the rights of its own bearer. Host and Origin are the listener's to check.
 *
 * The libraries load with the first request: a fabric that no agent reaches by MCP never pays for them.
 */
export function mountMcp(
  fabric: Fabric,
  { path = '/mcp', ...options }: McpHandlerOptions & { readonly path?: string },
): McpMount {
  let handler: Promise<McpHandler> | undefined;
  const load = async (): Promise<McpHandler> => {
    const { createHandler } = await import('./http.ts');
    return createHandler(fabric, options);
  };
  const serve = async (...request: Parameters<McpHandler['serve']>): Promise<void> => {
    handler ??= load();
    await (await handler).serve(...request);
  };
  return {
    path,
    serve: (incoming, outgoing, metrics) => {
      serve(incoming, outgoing, metrics).catch((cause: unknown) => {
        options.log.error({ event: 'mcp.failed', cause });
        if (!outgoing.headersSent) outgoing.writeHead(500);
        outgoing.end();
      });
    },
    close: async () => (await handler)?.close(),
  };
}
