/** Flags that every command takes. */
import type { GlobalFlags, Mode, OptionSpec } from './command.ts';

export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { flag: '--json', says: 'JSON on stdout, one value a line; errors as problem JSON on stderr' },
  { flag: '--quiet', short: '-q', says: 'nothing on stderr but errors' },
  { flag: '--why', says: 'show the rule and the log entries behind the answer' },
  {
    flag: '--trace',
    value: 'trace',
    says: 'mark the call with this trace id; without one, make it and print it',
  },
  {
    flag: '--mode',
    value: 'mode',
    says: 'normal, verify or falsify: try to disprove the answer',
    completion: { kind: 'words', words: ['normal', 'verify', 'falsify'] },
  },
  { flag: '--dry-run', says: 'check everything and say what would be done; change nothing' },
  { flag: '--yes', short: '-y', says: 'do what cannot be undone without asking' },
  { flag: '--no-input', says: 'never ask: a question is an error that names its flag' },
  {
    flag: '--key',
    value: 'key',
    says: 'idempotency key: the same key gives the first reply again',
  },
  { flag: '--url', value: 'url', says: 'the fabric to talk to; else IFAB_URL, else the one here' },
  {
    flag: '--token-file',
    value: 'file',
    says: 'credential; else IFAB_TOKEN, IFAB_TOKEN_FILE, else the folder’s operator token',
    completion: { kind: 'files' },
  },
  {
    flag: '--data-dir',
    value: 'dir',
    says: 'data folder; else IFAB_DATA_DIR and the configuration',
    completion: { kind: 'files' },
  },
  { flag: '--realm', value: 'realm', says: 'realm; else IFAB_REALM, else main' },
  { flag: '--color', says: 'colour even into a pipe' },
  { flag: '--no-color', says: 'no colour; NO_COLOR says the same' },
];

const MODES: readonly Mode[] = ['normal', 'verify', 'falsify'];
export const modeOf = (word: string): Mode | undefined => MODES.find((mode) => mode === word);

/** A trace id as W3C writes it. */
export const TRACE_ID = /^[0-9a-f]{32}$/;

/**
 * `--trace` takes a value only when a trace id follows: otherwise the next word is the command's. Words after `--` are
 * nobody's flags.
 */
export const withTraceValue = (words: readonly string[]): readonly string[] => {
  const end = words.indexOf('--');
  return words.flatMap((word, at) => {
    if (word !== '--trace' || (end >= 0 && at > end)) return [word];
    return TRACE_ID.test(words[at + 1] ?? '') ? [word] : ['--trace=new'];
  });
};

/** What commander made of the global flags. */
export interface ParsedFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly why?: boolean;
  readonly trace?: string;
  readonly mode?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly input?: boolean;
  readonly key?: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly dataDir?: string;
  readonly realm?: string;
  readonly color?: boolean;
}

export const globalFlags = (parsed: ParsedFlags, mode: Mode): GlobalFlags => ({
  json: parsed.json ?? false,
  quiet: parsed.quiet ?? false,
  color: parsed.color,
  input: parsed.input ?? true,
  yes: parsed.yes ?? false,
  dryRun: parsed.dryRun ?? false,
  why: parsed.why ?? false,
  trace: parsed.trace,
  mode,
  url: parsed.url,
  dataDir: parsed.dataDir,
  realm: parsed.realm,
  tokenFile: parsed.tokenFile,
  key: parsed.key,
});
