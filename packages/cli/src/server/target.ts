/** Which fabric a command talks to, and with which credential. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Environment } from '../config.ts';
import { cliError } from '../output/problem.ts';
import type { GlobalFlags } from '../tree/command.ts';
import { isAlive, readServeFile } from './serve-file.ts';
import { readClientSettings } from './settings.ts';

export interface Target {
  readonly url: string;
  readonly token: string;
  readonly dataDir: string;
}

interface Here {
  readonly env: Environment;
  readonly cwd: string;
}

/**
 * The fabric of `--url` or IFAB_URL, else the one that leads the data folder. The folder's operator token goes to the
 * folder's own fabric only: a URL that somebody typed must not collect it.
 */
export const findTarget = (flags: GlobalFlags, { env, cwd }: Here): Target => {
  const { url, dataDir, tokenFile, token: said } = readClientSettings(flags, env, cwd);
  const local = readServeFile(dataDir);
  const alive = local !== undefined && isAlive(local) ? local : undefined;
  if (url === undefined && alive === undefined) {
    throw cliError(
      'cli.no_server',
      local === undefined
        ? `no fabric runs on ${dataDir}`
        : `the fabric of ${dataDir} (process ${local.pid}) has ended`,
      'Start it in another terminal: ifab serve',
      { facts: { dataDir } },
    );
  }
  const target = url ?? alive?.url ?? '';
  const isLocal = sameOrigin(target, alive?.url);
  const given = tokenFile === undefined ? undefined : readToken(resolve(cwd, tokenFile));
  const token =
    (flags.tokenFile === undefined ? (said ?? given) : given) ??
    (isLocal ? readToken(operatorTokenPath(dataDir)) : undefined);
  if (token === undefined || token === '') {
    throw cliError(
      'cli.not_signed_in',
      `there is no credential for ${target}`,
      'Set IFAB_TOKEN_FILE to a file that holds its operator token, or use --token-file.',
    );
  }
  return { url: target, token, dataDir };
};

export const operatorTokenPath = (dataDir: string): string =>
  join(dataDir, 'keys', 'operator.token');

const sameOrigin = (one: string, other: string | undefined): boolean =>
  other !== undefined &&
  URL.canParse(one) &&
  URL.canParse(other) &&
  new URL(one).origin === new URL(other).origin;

const readToken = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw cliError(
      'cli.not_signed_in',
      `the token file ${path} cannot be read`,
      'Name another one with --token-file, or read it as the user who started the fabric.',
      { cause },
    );
  }
};
