/** An operation's input from the words of a command line. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseUsd } from '../costs/money.ts';
import type { Io } from '../io.ts';
import { cliError } from '../output/problem.ts';
import { nearest } from '../plans/issues.ts';
import type { CommandContext, FieldSpec } from '../tree/command.ts';
import { commandName } from '../tree/command.ts';
import { parseDurationMs, parseTimeMs } from './duration.ts';

type Input = Record<string, unknown>;

/** What the operation is sent. Throws a CliError that names the word that is missing or wrong. */
export const inputOf = async (context: CommandContext): Promise<Input> => {
  const { spec, args, options, io } = context;
  const input: Input = {};
  for (const [at, { field, name }] of spec.args.entries()) {
    const word = args[at];
    if (field !== undefined && word !== undefined) {
      input[field.name] = await readField(field, [word], name, io);
    }
  }
  for (const { flag, field } of spec.options) {
    if (field === undefined) continue;
    const words = options.get(flag.replace(/^--(no-)?/, '')) ?? fromEnvironment(field, io);
    if (words !== undefined) input[field.name] = await readField(field, words, flag, io);
    else if (field.required) {
      throw cliError(
        'cli.usage',
        `${flag} is missing`,
        `${field.env === undefined ? 'Give it' : `Give it, or set ${field.env}`}: ifab help ${commandName(spec)}`,
      );
    }
  }
  return input;
};

const fromEnvironment = ({ env: name }: FieldSpec, { env }: Io): readonly string[] | undefined => {
  const value = name === undefined ? undefined : env[name];
  return value === undefined || value === '' ? undefined : [value];
};

const readField = async (
  { type }: FieldSpec,
  words: readonly string[],
  where: string,
  io: Io,
): Promise<unknown> => {
  const word = words.at(-1) ?? '';
  const wrong = (wanted: string) =>
    cliError('cli.usage', `${where} is ${wanted}`, `You wrote “${word}”.`);
  switch (type.kind) {
    case 'string':
      return word;
    case 'strings':
      return words.flatMap((part) => part.split(',')).filter((part) => part !== '');
    case 'bool':
      return word === 'true';
    case 'int':
      if (!/^-?\d+$/.test(word) || !Number.isSafeInteger(Number(word)))
        throw wrong('a whole number');
      return Number(word);
    case 'duration':
      return parseDurationMs(word) ?? fail(wrong('a length of time: 500ms, 30s, 5m, 1h'));
    case 'time':
      return (
        parseTimeMs(word, Date.now()) ?? fail(wrong('a time: 10m, 2h, 1d ago, or an ISO time'))
      );
    case 'money':
      return parseUsd(word) ?? fail(wrong('an amount in dollars: 40, 0.25, 1.5'));
    case 'enum':
      if (!type.values.includes(word)) throw notOneOf(word, type.values, where);
      return word;
    case 'json':
      return readJson(word, where, io);
  }
};

const fail = (error: Error): never => {
  throw error;
};

const notOneOf = (word: string, values: readonly string[], where: string): Error => {
  const near = nearest(word, values);
  const hint = near === undefined ? '' : `Did you mean ${near}? `;
  return cliError(
    'cli.usage',
    `${where} cannot be “${word}”`,
    `${hint}One of: ${values.join(', ')}`,
  );
};

/** JSON as it stands, from a file (`@file`), or from standard input (`-`). */
export const readJson = async (word: string, where: string, io: Io): Promise<unknown> => {
  const text = await readText(word, io);
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : '';
    throw cliError(
      'cli.input',
      `${where} is no JSON: ${why}`,
      'Write JSON, @file, or - for standard input.',
      {
        cause,
      },
    );
  }
};

const readText = async (word: string, io: Io): Promise<string> => {
  if (word === '-') return io.readStdin();
  return word.startsWith('@') ? readFile(resolve(io.cwd, word.slice(1)), 'utf8') : word;
};
