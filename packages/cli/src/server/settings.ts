/**
 * The settings that a client needs, read without the fabric's configuration: its schemas take longer to load than
 * most commands run. Precedence and names are the same, and a test holds both readers to the same answers.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Environment } from '../config.ts';
import type { GlobalFlags } from '../tree/command.ts';

export interface ClientSettings {
  readonly realm: string;
  readonly dataDir: string;
  /** Where somebody says that the fabric is; absent: where serve.json says. */
  readonly url: string | undefined;
  /** A credential that somebody set, by variable or file. */
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
}

type Wishes = Pick<GlobalFlags, 'url' | 'dataDir' | 'realm' | 'tokenFile'>;

/** What both files and both other sources may name. */
type Source = Readonly<Record<string, unknown>>;

const PROJECT_FILES = ['ifab.json', join('.config', 'ifab.json')];
/** Folders looked at on the way up; deeper trees than this are loops. */
const FOLDERS_MAX = 64;

export const readClientSettings = (
  flags: Wishes,
  env: Environment,
  cwd: string,
): ClientSettings => {
  const project = readObject(findProjectFile(cwd));
  const user = readObject(userFile(env));
  const textOf = (key: string, flag: string | undefined, variable: string): string | undefined =>
    flag ?? nonEmpty(env[variable]) ?? text(project?.[key]) ?? text(user?.[key]);
  const realm = textOf('realm', flags.realm, 'IFAB_REALM') ?? 'main';
  const dataDir = textOf('dataDir', flags.dataDir, 'IFAB_DATA_DIR');
  return {
    realm,
    dataDir: dataDir === undefined ? defaultDataDir(realm, env, cwd) : resolve(cwd, dataDir),
    url: textOf('url', flags.url, 'IFAB_URL'),
    token: textOf('token', undefined, 'IFAB_TOKEN'),
    tokenFile: flags.tokenFile ?? nonEmpty(env['IFAB_TOKEN_FILE']),
  };
};

const nonEmpty = (value: string | undefined): string | undefined =>
  value === '' ? undefined : value;
const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** `.infrafabric` here where it exists, else the state folder of the user. */
const defaultDataDir = (realm: string, env: Environment, cwd: string): string => {
  const here = join(cwd, '.infrafabric');
  if (existsSync(here)) return here;
  return join(baseOf(env, 'XDG_STATE_HOME', join('.local', 'state')), 'infrafabric', realm);
};

const userFile = (env: Environment): string =>
  join(baseOf(env, 'XDG_CONFIG_HOME', '.config'), 'infrafabric', 'config.json');

/** A relative path in an XDG variable is to be ignored (XDG Base Directory Specification 0.8). */
const baseOf = (env: Environment, name: string, otherwise: string): string => {
  const base = env[name];
  if (base?.startsWith('/') === true) return base;
  return join(nonEmpty(env['HOME']) ?? homedir(), otherwise);
};

const findProjectFile = (cwd: string): string | undefined => {
  let folder = resolve(cwd);
  for (let round = 0; round < FOLDERS_MAX; round += 1) {
    const found = PROJECT_FILES.map((name) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined || dirname(folder) === folder) return found;
    folder = dirname(folder);
  }
  return undefined;
};

export interface ConfigFile {
  readonly kind: 'project' | 'user';
  readonly path: string;
  readonly exists: boolean;
}

/** The files that settings come from, the nearest first. */
export const configFiles = (env: Environment, cwd: string): readonly ConfigFile[] => {
  const project = findProjectFile(cwd);
  const user = userFile(env);
  return [
    {
      kind: 'project',
      path: project ?? join(resolve(cwd), 'ifab.json'),
      exists: project !== undefined,
    },
    { kind: 'user', path: user, exists: existsSync(user) },
  ];
};

/** Undefined where there is no file, or nothing that can be read: the fabric's own reader says what is wrong with it. */
const readObject = (path: string | undefined): Source | undefined => {
  if (path === undefined || !existsSync(path)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
};
