/** The commands as a commander program: it parses, we say the words. */
import { Command, CommanderError, Option } from 'commander';
import { cliError } from '../output/problem.ts';
import type { CommandSpec, Mode, OptionSpec } from './command.ts';
import { GLOBAL_OPTIONS, modeOf, TRACE_ID, withTraceValue } from './globals.ts';
import type { ParsedFlags } from './globals.ts';
import { commandHelp, groupHelp, ORIENTATION, rootHelp } from './help.ts';
import { COMMANDS, commandsOf, FIRST_WORDS, groupOf } from './tree.ts';
import { usageError } from './usage.ts';

/** What the words of a command line came to. */
export type Parsed =
  | {
      readonly kind: 'command';
      readonly spec: CommandSpec;
      readonly args: readonly string[];
      /** Values by flag without dashes, only of flags that were given. */
      readonly options: ReadonlyMap<string, readonly string[]>;
      readonly flags: ParsedFlags;
    }
  /** Help, and the commands that it speaks of. */
  | { readonly kind: 'help'; readonly text: string; readonly specs: readonly CommandSpec[] }
  | { readonly kind: 'version'; readonly text: string };

type Found = (parsed: Parsed) => void;

/** Parses the words behind `ifab`. Throws a CliError for words that no command takes. */
export const parseCommandLine = (words: readonly string[], version: string): Parsed => {
  let parsed: Parsed = { kind: 'help', text: ORIENTATION, specs: COMMANDS };
  const program = buildProgram(version, (found) => {
    parsed = found;
  });
  try {
    program.parse(withTraceValue(words), { from: 'user' });
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause;
    // Help and the version end the parse by an exception too.
    if (cause.code === 'commander.version') return { kind: 'version', text: `${version}\n` };
    if (cause.exitCode !== 0) throw usageError(cause, words);
  }
  return parsed;
};

const buildProgram = (version: string, found: Found): Command => {
  const program = command('ifab', { text: rootHelp, specs: COMMANDS }, found);
  program.version(version, '-V, --version', 'the version');
  for (const spec of GLOBAL_OPTIONS) program.addOption(commanderOption(spec));
  program.action(() => found({ kind: 'help', text: ORIENTATION, specs: COMMANDS }));
  for (const word of FIRST_WORDS) {
    if (groupOf(word) === undefined) continue;
    const specs = commandsOf(word);
    const group = command(word, { text: () => groupHelp(word), specs }, found);
    group.action(() => found({ kind: 'help', text: groupHelp(word), specs }));
    for (const spec of specs) group.addCommand(leaf(spec, program, found));
    program.addCommand(group);
  }
  for (const spec of COMMANDS) {
    if (spec.path.length === 1) program.addCommand(leaf(spec, program, found));
  }
  return program;
};

const command = (
  name: string,
  help: { readonly text: () => string; readonly specs: readonly CommandSpec[] },
  found: Found,
): Command => {
  const made = new Command(name);
  made.exitOverride();
  made.helpCommand(false);
  // Nothing is written here: help is what the parse came to, errors come as exceptions with words of ours.
  made.configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  made.configureHelp({
    formatHelp: () => {
      const text = help.text();
      found({ kind: 'help', text, specs: help.specs });
      return text;
    },
  });
  return made;
};

const leaf = (spec: CommandSpec, program: Command, found: Found): Command => {
  const help = { text: () => commandHelp(spec), specs: [spec] };
  const made = command(spec.path.at(-1) ?? '', help, found);
  for (const { name, required, many } of spec.args) {
    const word = many === true ? `${name}...` : name;
    made.argument(required ? `<${word}>` : `[${word}]`);
  }
  for (const option of spec.options) made.addOption(commanderOption(option));
  made.action(() =>
    found({
      kind: 'command',
      spec,
      args: made.args,
      options: optionsOf(made, spec.options),
      flags: program.opts<ParsedFlags>(),
    }),
  );
  return made;
};

const commanderOption = ({ flag, short, value, says }: OptionSpec): Option => {
  const name = `${short === undefined ? '' : `${short}, `}${flag}`;
  if (value === undefined) return new Option(name, says);
  const option = new Option(`${name} <${value}>`, says);
  if (GLOBAL_OPTIONS.some((one) => one.flag === flag)) return option;
  // Several values gather; a flag that is given once has a list of one.
  return option.argParser((word: string, before: unknown): readonly string[] => [
    ...(Array.isArray(before) ? before.map(String) : []),
    word,
  ]);
};

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

/** The mode, checked as the trace id is. Throws a CliError where either is none. */
export const checkedMode = ({ mode = 'normal', trace }: ParsedFlags): Mode => {
  const known = modeOf(mode);
  if (known === undefined) {
    throw cliError('cli.usage', `“${mode}” is no mode`, 'Take --mode=normal, verify or falsify.');
  }
  if (trace !== undefined && trace !== 'new' && !TRACE_ID.test(trace)) {
    throw cliError('cli.usage', 'a trace id has 32 hex digits', 'Leave it out to have one made.');
  }
  return known;
};
