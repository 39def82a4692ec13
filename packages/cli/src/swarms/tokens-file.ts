/**
 * Where the tokens of opened sessions go: a file that only its owner can read. Never a screen, an argument or a log. A
 * token lives an hour, and a heartbeat brings the next one to the agent itself; the file is for its first call.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { SessionId } from '@infrafabric/protocol';
import { z } from 'zod';
import { cliError } from '../output/problem.ts';

const TokenRow = z.strictObject({
  agent: z.string(),
  sessionId: SessionId,
  token: z.string(),
  /** Milliseconds since 1970. */
  tokenExpiresAt: z.int(),
  /** The fabric that takes it. */
  url: z.string(),
});
export type TokenRow = z.infer<typeof TokenRow>;

const TokensFile = z.strictObject({
  format: z.literal('ifab-tokens/1'),
  swarmId: z.string(),
  sessions: z.array(TokenRow),
});

/** A swarm id has no slash: the file is in the folder that it seems to be in. */
export const tokensPath = (dataDir: string, swarmId: string): string =>
  join(dataDir, 'swarms', `${swarmId}.tokens.json`);

export interface TokensWriter {
  /** Tokens that the file holds and that have not expired. */
  readonly kept: readonly TokenRow[];
  /** Puts these beside the kept ones, all at once. */
  readonly write: (rows: readonly TokenRow[]) => void;
  /** Leaves the file as it is. */
  readonly discard: () => void;
}

const OWNER_ONLY = 0o600;

/**
 * Makes sure that tokens can be kept before there are any: a token that cannot be written down is lost.
 *
 * @throws CliError where the file is there and holds something else; the system's error where it cannot be written.
 */
export const openTokensFile = (path: string, swarmId: string, nowMs: number): TokensWriter => {
  const kept = keptRows(path).filter(({ tokenExpiresAt }) => tokenExpiresAt > nowMs);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', OWNER_ONLY);
  const finish = (last: () => void): void => {
    closeSync(file);
    last();
  };
  return {
    kept,
    write: (rows) => {
      const opened = new Set<string>(rows.map(({ sessionId }) => sessionId));
      const sessions = [...kept.filter(({ sessionId }) => !opened.has(sessionId)), ...rows];
      const content = { format: 'ifab-tokens/1', swarmId, sessions };
      writeSync(file, `${JSON.stringify(content, undefined, 2)}\n`);
      fsyncSync(file);
      finish(() => renameSync(temporary, path));
    },
    discard: () => finish(() => rmSync(temporary, { force: true })),
  };
};

/** Sessions of which the file has, or had, a token. */
export const sessionsInFile = (path: string): ReadonlySet<string> =>
  new Set(keptRows(path).map(({ sessionId }) => sessionId));

const keptRows = (path: string): readonly TokenRow[] => {
  const text = textOf(path);
  if (text === undefined) return [];
  const parsed = TokensFile.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data.sessions;
  throw cliError(
    'cli.input',
    `${path} is there, and is no file of tokens`,
    'Name another one: --tokens-file FILE',
  );
};

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw cause;
  }
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
