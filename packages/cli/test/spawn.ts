/** `ifab swarm spawn` in the test's own process, on a data folder that the test can look into. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './io.ts';
import type { Ran, RunOptions } from './io.ts';

export interface SpawnOptions extends RunOptions {
  /** Default: a new one below the test's own folder. */
  readonly dataDir?: string;
}

export interface SpawnRan extends Ran {
  readonly dataDir: string;
}

/** Wide enough that no cell of a table is cut. */
const COLUMNS = 120;

export const spawnSwarm = async (
  words: readonly string[],
  root: string,
  options: SpawnOptions,
): Promise<SpawnRan> => {
  const dataDir = options.dataDir ?? mkdtempSync(join(root, 'data-'));
  const env = { PATH: process.env['PATH'], NO_COLOR: '1', HOME: root, ...options.env };
  const line = ['swarm', 'spawn', ...words, '--data-dir', dataDir];
  return { ...(await run(line, { columns: COLUMNS, cwd: root, ...options, env })), dataDir };
};
