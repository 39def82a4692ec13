/** What is wrong with words that no command takes, and what was probably meant. */
import type { CommanderError } from 'commander';
import { cliError } from '../output/problem.ts';
import type { CliError } from '../output/problem.ts';
import { COMMANDS, commandsOf, FIRST_WORDS, groupOf, suggestCommand } from './tree.ts';

export const usageError = (cause: CommanderError, words: readonly string[]): CliError => {
  const path = words.filter((word) => !word.startsWith('-')).slice(0, 2);
  const isUnknown = cause.code === 'commander.unknownCommand' || isUnknownWord(cause, path);
  return isUnknown ? unknownCommand(path) : wrongWords(cause, path);
};

/** The refusal of a path that no command has. */
export const unknownCommand = (path: readonly string[]): CliError => {
  const known = groupOf(path[0] ?? '') === undefined ? path.slice(0, 1) : path;
  const near = suggestCommand(path);
  return cliError(
    'cli.usage',
    `there is no command “${known.join(' ')}”`,
    near === undefined ? 'See which commands there are: ifab --help' : `Did you mean: ifab ${near}`,
    near === undefined ? {} : { facts: { near } },
  );
};

/** A flag or a word that the command does not take; commander knows which, and what was near it. */
const wrongWords = (cause: CommanderError, path: readonly string[]): CliError => {
  const [what = '', hint = ''] = cause.message.replace(/^error: /, '').split('\n');
  const near = /Did you mean (?:one of )?([^?)]+)/.exec(hint)?.[1];
  const help = helpOf(path);
  return cliError(
    'cli.usage',
    what,
    near === undefined ? `See how it is written: ${help}` : `Did you mean ${near}? See ${help}`,
    near === undefined ? {} : { facts: { near } },
  );
};

const helpOf = (path: readonly string[]): string => {
  const [noun = ''] = path;
  const name = groupOf(noun) === undefined ? noun : path.join(' ');
  const exists = COMMANDS.some((spec) => spec.path.join(' ').startsWith(name));
  return name === '' || !exists ? 'ifab --help' : `ifab help ${name}`;
};

/** A word where a noun or a verb should be: commander takes it for an argument too many. */
const isUnknownWord = (
  { code }: CommanderError,
  [first = '', second]: readonly string[],
): boolean => {
  if (code !== 'commander.excessArguments') return false;
  if (!FIRST_WORDS.includes(first)) return true;
  return groupOf(first) !== undefined && commandsOf(first).every(({ path }) => path[1] !== second);
};
