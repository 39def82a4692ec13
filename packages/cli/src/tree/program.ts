/** The commands as a commander program: it parses, we say the words. */
import { Command, CommanderError, Option } from 'commander';
import { cliError } from '../output/problem.ts';
import type { CliError } from '../output/problem.ts';
import type { CommandSpec, OptionSpec } from './command.ts';
import { GLOBAL_OPTIONS, modeOf, TRACE_ID, withTraceValue } from './globals.ts';
import type { ParsedFlags } from './globals.ts';
import { commandHelp, groupHelp, ORIENTATION, rootHelp } from './help.ts';
import { COMMANDS, commandsOf, FIRST_WORDS, groupOf, suggestCommand } from './tree.ts';

/** What the words of a command line came to. */
export type Parsed =
  | {
      readonly kind: 'command';
      readonly spec: CommandSpec;
      readonly args: readonly string[];
      readonly options: ReadonlyMap<string, readonly string[]>;
      readonly flags: ParsedFlags;
    }
  /** Text for stdout: help, the version, the orientation. */
  | { readonly kind: 'text'; readonly text: string };

/** Parses the words behind `ifab`. Throws a CliError for words that no command takes. */
export const parseCommandLine = (words: readonly string[], versionText: string): Parsed => {
  let parsed: Parsed | undefined;
  const program = buildProgram(versionText, (found) => {
    parsed = found;
  });
  try {
    program.parse(withTraceValue(words), { from: 'user' });
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause;
    if (cause.exitCode === 0) {
      return parsed ?? { kind: 'text', text: written.splice(0).join('') };
    }
    throw usageError(cause, words);
  }
  return parsed ?? { kind: 'text', text: ORIENTATION };
};

/** What commander wrote while it parsed: help or the version. */
const written: string[] = [];

const buildProgram = (versionText: string, found: (parsed: Parsed) => void): Command => {
  const program = command('ifab', rootHelp);
  program.version(versionText, '-V, --version', 'the version');
  for (const spec of GLOBAL_OPTIONS) program.addOption(commanderOption(spec));
  program.action(() => found({ kind: 'text', text: ORIENTATION }));
  for (const word of FIRST_WORDS) {
    if (groupOf(word) === undefined) continue;
    const group = command(word, () => groupHelp(word));
    group.action(() => found({ kind: 'text', text: groupHelp(word) }));
    for (const spec of commandsOf(word)) group.addCommand(leaf(spec, program, found));
    program.addCommand(group);
  }
  for (const spec of COMMANDS) {
    if (spec.path.length === 1) program.addCommand(leaf(spec, program, found));
  }
  return program;
};

const command = (name: string, help: () => string): Command => {
  written.length = 0;
  const made = new Command(name);
  made.exitOverride();
  made.helpCommand(false);
  made.configureOutput({
    writeOut: (text) => {
      written.push(text);
    },
    // Errors come as exceptions; their text is ours.
    writeErr: () => undefined,
  });
  made.configureHelp({ formatHelp: help });
  return made;
};

const leaf = (spec: CommandSpec, program: Command, found: (parsed: Parsed) => void): Command => {
  const made = command(spec.path.at(-1) ?? '', () => commandHelp(spec));
  for (const { name, required, many } of spec.args) {
    const word = many === true ? `${name}...` : name;
    made.argument(required ? `<${word}>` : `[${word}]`);
  }
  for (const option of spec.options) made.addOption(commanderOption(option));
  made.action(() => {
    found({
      kind: 'command',
      spec,
      args: made.processedArgs.flatMap((word: unknown) =>
        Array.isArray(word) ? word.map(String) : word === undefined ? [] : [String(word)],
      ),
      options: optionsOf(made, spec.options),
      flags: program.opts<ParsedFlags>(),
    });
  });
  return made;
};

const commanderOption = ({ flag, short, value, says }: OptionSpec): Option => {
  const name = `${short === undefined ? '' : `${short}, `}${flag}`;
  const option = new Option(value === undefined ? name : `${name} <${value}>`, says);
  // Several values gather; a flag that is given once has a list of one.
  if (value !== undefined) {
    option.argParser((word: string, before: unknown) =>
      isGlobal(flag) ? word : [...(Array.isArray(before) ? before : []), word],
    );
  }
  return option;
};

const isGlobal = (flag: string): boolean => GLOBAL_OPTIONS.some((option) => option.flag === flag);

/** Values by flag without dashes, only of flags that were given. */
const optionsOf = (
  made: Command,
  specs: readonly OptionSpec[],
): ReadonlyMap<string, readonly string[]> => {
  const options = new Map<string, readonly string[]>();
  for (const { flag } of specs) {
    const name = flag.replace(/^--(no-)?/, '');
    const attribute = name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (made.getOptionValueSource(attribute) !== 'cli') continue;
    const value: unknown = made.getOptionValue(attribute);
    options.set(name, Array.isArray(value) ? value.map(String) : [String(value)]);
  }
  return options;
};

const usageError = (cause: CommanderError, words: readonly string[]): CliError => {
  const path = words.filter((word) => !word.startsWith('-')).slice(0, 2);
  const [noun = ''] = path;
  if (cause.code === 'commander.unknownCommand' || isUnknownWord(cause, path)) {
    const known = groupOf(noun) === undefined ? path.slice(0, 1) : path;
    const near = suggestCommand(path);
    return cliError(
      'cli.usage',
      `there is no command “${known.join(' ')}”`,
      near === undefined
        ? 'See which commands there are: ifab --help'
        : `Did you mean: ifab ${near}`,
      near === undefined ? {} : { facts: { near } },
    );
  }
  const [what = '', hint] = cause.message.replace(/^error: /, '').split('\n');
  const near = /Did you mean (?:one of )?([^?)]+)/.exec(hint ?? '')?.[1];
  const name = groupOf(noun) === undefined ? noun : path.join(' ');
  const help = suggestless(name) ? 'ifab --help' : `ifab help ${name}`;
  return cliError(
    'cli.usage',
    what,
    near === undefined ? `See how it is written: ${help}` : `Did you mean ${near}? See ${help}`,
    near === undefined ? {} : { facts: { near } },
  );
};

const suggestless = (name: string): boolean =>
  name === '' || !COMMANDS.some(({ path }) => path.join(' ').startsWith(name));

/** A word where a noun or a verb should be: commander takes it for an argument too many. */
const isUnknownWord = (cause: CommanderError, [first = '', second]: readonly string[]): boolean =>
  cause.code === 'commander.excessArguments' &&
  (!FIRST_WORDS.includes(first) ||
    (groupOf(first) !== undefined && !commandsOf(first).some(({ path }) => path[1] === second)));

/** The mode and the trace id, checked; throws a CliError where they are none. */
export const checkedFlags = ({ mode = 'normal', trace }: ParsedFlags) => {
  const known = modeOf(mode);
  if (known === undefined) {
    throw cliError('cli.usage', `“${mode}” is no mode`, 'Take --mode=normal, verify or falsify.');
  }
  if (trace !== undefined && trace !== 'new' && !TRACE_ID.test(trace)) {
    throw cliError('cli.usage', 'a trace id has 32 hex digits', 'Leave it out to have one made.');
  }
  return { mode: known };
};
