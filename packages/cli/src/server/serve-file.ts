/** `serve.json` in the data folder: where the fabric that leads it listens, for the commands of the same user. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ServeFile {
  readonly pid: number;
  readonly url: string;
  readonly realm: string;
  readonly version: string;
  readonly startedAt: string;
}

const MODE = 0o600;
const pathOf = (dataDir: string): string => join(dataDir, 'serve.json');

export const writeServeFile = (dataDir: string, file: ServeFile): void => {
  const temporary = `${pathOf(dataDir)}.${file.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(file)}\n`, { mode: MODE });
  renameSync(temporary, pathOf(dataDir));
};

/** Only its own: a successor may have written another one by then. */
export const removeServeFile = (dataDir: string, pid: number): void => {
  if (readServeFile(dataDir)?.pid === pid) rmSync(pathOf(dataDir), { force: true });
};

export const readServeFile = (dataDir: string): ServeFile | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(pathOf(dataDir), 'utf8'));
    return isServeFile(value) ? value : undefined;
  } catch {
    // None, or half of one that a crash left: no server is known.
    return undefined;
  }
};

const isServeFile = (value: unknown): value is ServeFile =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  typeof value.pid === 'number' &&
  'url' in value &&
  typeof value.url === 'string' &&
  'realm' in value &&
  typeof value.realm === 'string' &&
  'version' in value &&
  typeof value.version === 'string' &&
  'startedAt' in value &&
  typeof value.startedAt === 'string';

/** Whether its process is there. A port outlives a crash: the token must not go to whoever listens there now. */
export const isAlive = ({ pid }: Pick<ServeFile, 'pid'>): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'EPERM';
  }
};
