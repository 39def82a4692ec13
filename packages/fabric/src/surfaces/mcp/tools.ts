/** An agent's life over MCP, in the order in which it is lived. The golden file is the truth of what goes out. */
import { askQuestion, joinBlocker, reportBlocker, resolveBlocker } from './tools/blockers.ts';
import { failTask, releaseTask, reportProgress, submitTask } from './tools/hold.ts';
import { registerSession } from './tools/register.ts';
import { showStatus } from './tools/status.ts';
import { claimTask, nextTask } from './tools/take.ts';
import type { McpTool } from './tool.ts';

export const mcpTools: readonly McpTool[] = [
  registerSession,
  nextTask,
  claimTask,
  reportProgress,
  reportBlocker,
  askQuestion,
  joinBlocker,
  resolveBlocker,
  submitTask,
  failTask,
  releaseTask,
  showStatus,
];
