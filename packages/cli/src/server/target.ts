/** Which fabric a command talks to, and with which credential. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Environment } from '../config.ts';
import { cliError } from '../output/problem.ts';
import type { CliError } from '../output/problem.ts';
import type { GlobalFlags } from '../tree/command.ts';
import { isAlive, readServeFile } from './serve-file.ts';
import type { ServeFile } from './serve-file.ts';
import { readClientSettings } from './settings.ts';
import type { ClientSettings } from './settings.ts';

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
export const findTarget = (flags: GlobalFlags, here: Here): Target => {
  const settings = readClientSettings(flags, here.env, here.cwd);
  const { dataDir } = settings;
  const served = readServeFile(dataDir);
  const localUrl = served !== undefined && isAlive(served) ? served.url : undefined;
  const url = settings.url ?? localUrl;
  if (url === undefined) throw noServer(dataDir, served);
  const token = givenToken(flags, here, settings) ?? folderToken(url, localUrl, dataDir);
  if (token !== undefined && token !== '') return { url, token, dataDir };
  throw cliError(
    'cli.not_signed_in',
    `there is no credential for ${url}`,
    'Set IFAB_TOKEN_FILE to a file that holds its operator token, or use --token-file.',
  );
};

const noServer = (dataDir: string, served: ServeFile | undefined): CliError =>
  cliError(
    'cli.no_server',
    served === undefined
      ? `no fabric runs on ${dataDir}`
      : `the fabric of ${dataDir} (process ${served.pid}) has ended`,
    'Start it in another terminal: ifab serve',
    { facts: { dataDir } },
  );

/** A flag is nearer than a variable that holds the token itself, and that is nearer than one that names a file. */
const givenToken = (
  flags: GlobalFlags,
  { cwd }: Here,
  { token, tokenFile }: ClientSettings,
): string | undefined => {
  if (tokenFile === undefined) return token;
  if (flags.tokenFile === undefined && token !== undefined) return token;
  return readToken(resolve(cwd, tokenFile));
};

const folderToken = (
  url: string,
  localUrl: string | undefined,
  dataDir: string,
): string | undefined =>
  sameOrigin(url, localUrl) ? readToken(operatorTokenPath(dataDir)) : undefined;

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
