/**
 * Configuration: one schema, one reader. A key is taken from the first of: flag, `IFAB_*`, project file, user file,
 * default. `explainConfig` says which one won and what it hid. The only place that reads the environment.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { RealmId } from '@infrafabric/protocol';
import { z } from 'zod';

import { isSecretVariable } from './adapters/secrets-env/store.ts';
import { SECRETS_DEFAULT, SecretsConfig } from './chassis/secrets-config.ts';
import { maskedNotify, NOTIFY_DEFAULT, NotifyConfig } from './effects/notify-config.ts';
import { Fault } from './fault.ts';

const HOSTS_MAX = 100;
const Host = z.string().min(1).max(255);

const FileJournalConfig = z.strictObject({
  kind: z.literal('file'),
  /** `fsync`: survives a power cut. `os`: survives the process only, and every answer says so. */
  durability: z.enum(['fsync', 'os']).default('fsync'),
});
const MemoryJournalConfig = z.strictObject({ kind: z.literal('memory') });

export const Config = z.strictObject({
  /** Which realm the data folder holds. */
  realm: RealmId.default(RealmId.parse('main')),
  /** Where the realm lives. Default: `./.infrafabric` where it exists, else the user's state folder. */
  dataDir: z.string().min(1).max(4_096).optional(),
  /** Loopback unless somebody decides otherwise. */
  listenHost: Host.default('127.0.0.1'),
  listenPort: z.int().min(0).max(65_535).default(7_070),
  journal: z
    .discriminatedUnion('kind', [FileJournalConfig, MemoryJournalConfig])
    .default({ kind: 'file', durability: 'fsync' }),
  /** Host headers served besides loopback's own. */
  allowedHosts: z.array(Host).max(HOSTS_MAX).default([]),
  /** Origins of pages that may call. */
  allowedOrigins: z.array(z.string().min(1).max(300)).max(HOSTS_MAX).default([]),
  /** Who tells people of escalations: the console, files, webhooks (docs/guides/escalations.md). */
  notify: NotifyConfig.default(NOTIFY_DEFAULT),
  /** Where credentials of guests come from: a file, variables, systemd, Vault (docs/guides/secrets.md). */
  secrets: SecretsConfig.default(SECRETS_DEFAULT),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Where a client finds its fabric, and with which token it comes. */
  url: z.url({ protocol: /^https?$/ }).optional(),
  token: z.string().min(1).max(500).optional(),
});
export type Config = z.infer<typeof Config>;
export type ConfigKey = keyof Config;

/** Never shown, and never taken from flags: other users of the machine can read them. */
const SECRETS: ReadonlySet<string> = new Set(['token'] satisfies ConfigKey[]);
const MASK = '••••••';

export type ConfigSource =
  | { readonly kind: 'flag' }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'project'; readonly path: string }
  | { readonly kind: 'user'; readonly path: string }
  | { readonly kind: 'default' };

export interface ConfigInputs {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  /** The text of a file, or undefined where there is none. */
  readonly readText: (path: string) => string | undefined;
  readonly exists: (path: string) => boolean;
}

interface Layer {
  readonly source: ConfigSource;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface LoadedConfig {
  readonly config: Config & { readonly dataDir: string };
  /** Variables named `IFAB_…` that are no key: perhaps a slip, so start-up and `doctor` name them. */
  readonly unknownEnv: readonly string[];
  readonly layers: readonly Layer[];
}

export interface ConfigExplanation {
  readonly key: ConfigKey;
  /** As it is in force; secrets are masked. */
  readonly value: unknown;
  readonly from: ConfigSource;
  /** What else was said and did not count, nearest first. */
  readonly hid: readonly { readonly from: ConfigSource; readonly value: unknown }[];
}

/** The real machine's inputs. */
export const systemInputs = (flags: Readonly<Record<string, unknown>> = {}): ConfigInputs => ({
  flags,
  env: process.env,
  cwd: process.cwd(),
  home: homedir(),
  readText: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
  exists: existsSync,
});

/** Reads and checks the configuration. Throws a Fault `config.invalid` that names every wrong key and its source. */
export function readConfig(inputs: ConfigInputs): LoadedConfig {
  const { values: env, unknown } = readEnv(inputs.env);
  const layers: Layer[] = [{ source: { kind: 'flag' }, values: defined(inputs.flags) }, ...env];
  const project = findProject(inputs);
  if (project !== undefined) layers.push(readFile(inputs, { kind: 'project', path: project }));
  const user = join(baseOf(inputs, 'XDG_CONFIG_HOME', '.config'), 'infrafabric', 'config.json');
  if (inputs.exists(user)) layers.push(readFile(inputs, { kind: 'user', path: user }));
  refuseUnknown(layers);
  const merged = Object.assign({}, ...layers.map(({ values }) => values).toReversed());
  const parsed = Config.safeParse(merged);
  if (!parsed.success) throw invalid(parsed.error.issues, layers);
  const config = { ...parsed.data, dataDir: dataDirOf(parsed.data, inputs) };
  // Where secrets are variables, theirs are no slip.
  const unknownEnv =
    config.secrets.kind === 'env' ? unknown.filter((name) => !isSecretVariable(name)) : unknown;
  return { config, unknownEnv, layers };
}

/** Which source a key came from, and what it hid. */
export function explainConfig({ config, layers }: LoadedConfig, key: ConfigKey): ConfigExplanation {
  const said = layers.filter(({ values }) => Object.hasOwn(values, key));
  const [winner, ...others] = said;
  const shown = (value: unknown): unknown => shownOf(key, value);
  return {
    key,
    value: shown(config[key]),
    from: winner?.source ?? { kind: 'default' },
    hid: others.map(({ source, values }) => ({ from: source, value: shown(values[key]) })),
  };
}

/** The configuration for a log line: secrets masked. */
export const maskedConfig = (config: Config): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]: [string, unknown]) => [key, shownOf(key, value)]),
  );

/** A value that may be shown: secrets are masked, and of webhooks what may be one. */
const shownOf = (key: string, value: unknown): unknown => {
  if (value === undefined) return value;
  if (SECRETS.has(key)) return MASK;
  // One that hides behind another was not checked: it may hold what the schema would refuse.
  if (key === 'secrets') return SecretsConfig.safeParse(value).success ? value : MASK;
  if (key !== 'notify') return value;
  const notify = NotifyConfig.safeParse(value);
  return notify.success ? maskedNotify(notify.data) : MASK;
};

const KEYS = Object.keys(Config.shape);
const LISTS: ReadonlySet<string> = new Set(['allowedHosts', 'allowedOrigins']);
const INTEGERS: ReadonlySet<string> = new Set(['listenPort']);
/** Objects that their kind alone may stand for. */
const KINDS: ReadonlySet<string> = new Set(['journal', 'secrets']);

/** `listenPort` ⇔ `IFAB_LISTEN_PORT`. */
const envName = (key: string): string =>
  `IFAB_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

const keyOfEnv: ReadonlyMap<string, string> = new Map(KEYS.map((key) => [envName(key), key]));

const readEnv = (
  env: ConfigInputs['env'],
): { readonly values: readonly Layer[]; readonly unknown: readonly string[] } => {
  const values: Layer[] = [];
  const unknown: string[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('IFAB_') || text === undefined || text === '') continue;
    const key = keyOfEnv.get(name);
    if (key === undefined) unknown.push(name);
    else values.push({ source: { kind: 'env', name }, values: { [key]: fromText(key, text) } });
  }
  return { values, unknown };
};

/** A variable's text as the schema wants it: lists by commas, numbers, a kind alone or as JSON. */
const fromText = (key: string, text: string): unknown => {
  if (LISTS.has(key)) return text.split(',').map((part) => part.trim());
  if (INTEGERS.has(key)) return /^\d{1,15}$/.test(text) ? Number(text) : text;
  if (key === 'notify') return parseJson(text, envName(key));
  if (!KINDS.has(key)) return text;
  return text.startsWith('{') ? parseJson(text, envName(key)) : { kind: text };
};

const findProject = ({ cwd, exists }: ConfigInputs): string | undefined => {
  // Ends at the root, whose parent is itself.
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const found = [join(folder, 'ifab.json'), join(folder, '.config', 'ifab.json')].find(exists);
    if (found !== undefined || folder === dirname(folder)) return found;
  }
};

const readFile = (
  { readText }: ConfigInputs,
  source: Extract<ConfigSource, { readonly path: string }>,
): Layer => {
  const values = parseJson(readText(source.path) ?? '{}', source.path);
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new Fault('config.invalid', {
      transient: false,
      detail: `${source.path} is no JSON object`,
    });
  }
  return { source, values: { ...values } };
};

const parseJson = (text: string, where: string): unknown => {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (cause) {
    throw new Fault('config.invalid', { transient: false, detail: `${where} is no JSON`, cause });
  }
};

const refuseUnknown = (layers: readonly Layer[]): void => {
  for (const { source, values } of layers) {
    const unknown = Object.keys(values).filter((key) => !KEYS.includes(key));
    const secret =
      source.kind === 'flag' ? Object.keys(values).filter((key) => SECRETS.has(key)) : [];
    if (unknown.length === 0 && secret.length === 0) continue;
    const detail =
      unknown.length > 0
        ? `${whereOf(source)} has no key ${unknown.join(', ')}; there are ${KEYS.join(', ')}`
        : `${secret.join(', ')} is a secret: give it by ${secret.map(envName).join(', ')} or a file`;
    throw new Fault('config.invalid', { transient: false, detail });
  }
};

const invalid = (issues: readonly z.core.$ZodIssue[], layers: readonly Layer[]): Fault => {
  const lines = issues.map(({ path, message }) => {
    const [key] = path;
    const layer = layers.find(({ values }) => Object.hasOwn(values, String(key)));
    return `${path.map(String).join('.')} (${layer === undefined ? 'default' : whereOf(layer.source)}): ${message}`;
  });
  return new Fault('config.invalid', { transient: false, detail: lines.join('; ') });
};

const whereOf = (source: ConfigSource): string => {
  switch (source.kind) {
    case 'flag':
      return 'the command line';
    case 'env':
      return source.name;
    case 'project':
    case 'user':
      return source.path;
    case 'default':
      return 'the default';
  }
};

const dataDirOf = (config: Config, inputs: ConfigInputs): string => {
  const { cwd, exists } = inputs;
  if (config.dataDir !== undefined) return resolve(cwd, config.dataDir);
  const local = join(cwd, '.infrafabric');
  if (exists(local)) return local;
  return join(
    baseOf(inputs, 'XDG_STATE_HOME', join('.local', 'state')),
    'infrafabric',
    config.realm,
  );
};

const baseOf = ({ env, home }: ConfigInputs, name: string, otherwise: string): string => {
  const base = env[name];
  // A relative path in an XDG variable is to be ignored (XDG Base Directory Specification 0.8).
  return base?.startsWith('/') === true ? base : join(home, otherwise);
};

const defined = (flags: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
