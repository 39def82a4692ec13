/** The MCP surface's door. The libraries of the protocol load with the first request or connection. */
export { mountMcp } from './mount.ts';
export type { McpMount } from './mount.ts';
export { serveMcpStdio } from './stdio.ts';
export type { McpStdioOptions } from './stdio.ts';
export { clientCaller, fabricCaller } from './tool-caller.ts';
export type { Answer, OperationClient, ToolCaller, ToolCallOptions } from './tool-caller.ts';
