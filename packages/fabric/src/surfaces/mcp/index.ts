/** The MCP surface's door. The libraries of the protocol load with the first request or connection. */
export { mountMcp } from './mount.ts';
export type { McpMount } from './mount.ts';
export { serveMcpStdio } from './stdio.ts';
export type { McpStdioOptions } from './stdio.ts';
export { clientCaller } from './tool-caller.ts';
export type { OperationClient, ToolCaller } from './tool-caller.ts';
