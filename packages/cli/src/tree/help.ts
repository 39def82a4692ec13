/** Help: of everything, of a noun, of a command. Plain text of 80 columns, the same on every machine. */
import { commandName } from './command.ts';
import type { ArgumentSpec, CommandSpec, OptionSpec } from './command.ts';
import { GLOBAL_OPTIONS } from './globals.ts';
import { COMMANDS, commandsOf, FIRST_WORDS, groupOf } from './tree.ts';

const WIDTH = 80;
/** Words on the left of a list; longer ones get a line of their own. */
const LEFT_CHARS = 26;
const INDENT = '  ';

/** What `ifab` alone says: where one is, and the next two commands. */
export const ORIENTATION = `InfraFabric hands out work to agents, limits it, proves it and shows it.

Start here:
  ifab serve                              start a fabric on this machine
  ifab run examples/repo-checks.yaml      run a plan of real commands on it

Then: ifab status, ifab top, ifab events -f. All commands: ifab --help
`;

export const rootHelp = (): string =>
  [
    'ifab: the fabric between AI agents.\n',
    'Usage: ifab <command> [arguments] [flags]\n',
    section('Commands', FIRST_WORDS.map(firstWordLine)),
    section('Flags of every command', GLOBAL_OPTIONS.map(optionLine)),
    'Exit codes: 0 done · 1 the answer is no · 2 change the call · 3 give up\n' +
      '            75 try later · 70 report a bug · 130 interrupted\n',
    'Example:\n  ifab plan import .beads --dry-run\n',
    'ifab help <command> says more; ifab help --json is the whole tree for programs.\n',
  ].join('\n');

const firstWordLine = (word: string): readonly [string, string] => {
  const group = groupOf(word);
  if (group !== undefined) return [`${word} …`, group.summary];
  const spec = COMMANDS.find(({ path }) => path.length === 1 && path[0] === word);
  return [word, spec?.summary ?? ''];
};

export const groupHelp = (noun: string): string =>
  [
    `${groupOf(noun)?.summary ?? ''}\n`,
    `Usage: ifab ${noun} <command> [arguments] [flags]\n`,
    section(
      'Commands',
      commandsOf(noun).map((spec) => [usageWords(spec, 1), spec.summary] as const),
    ),
    `Example:\n  ifab ${commandsOf(noun)[0]?.example ?? noun}\n`,
    `ifab help ${noun} <command> says more.\n`,
  ].join('\n');

export const commandHelp = (spec: CommandSpec): string =>
  [
    `${wrap(spec.summary, WIDTH).join('\n')}\n`,
    `Usage: ifab ${usageWords(spec, 0)}${spec.options.length > 0 ? ' [flags]' : ''}\n`,
    ...(spec.args.length > 0
      ? [
          section(
            'Arguments',
            spec.args.map((one) => [one.name, one.says] as const),
          ),
        ]
      : []),
    ...(spec.options.length > 0 ? [section('Flags', spec.options.map(optionLine))] : []),
    `Example:\n  ifab ${spec.example}\n`,
    `${wrap(footOf(spec), WIDTH).join('\n')}\n`,
  ].join('\n');

/** Which of the flags of every command mean something here. */
const footOf = (spec: CommandSpec): string => {
  const flags = [
    '--json',
    ...(spec.explains === true ? ['--why'] : []),
    ...(spec.operation === undefined ? [] : ['--trace']),
    ...(spec.mutates === true ? ['--dry-run', '--key'] : []),
    ...(spec.destructive === true ? ['--yes'] : []),
    ...(spec.modes ?? []).filter((mode) => mode !== 'normal').map((mode) => `--mode=${mode}`),
  ];
  const operation = spec.operation === undefined ? '' : ` Operation: ${spec.operation.name}.`;
  return `Also takes ${flags.join(' ')} and the other flags of ifab --help.${operation}`;
};

export const usageWords = (spec: CommandSpec, from: number): string =>
  [
    ...spec.path.slice(from),
    ...spec.args.map(argumentWord),
    ...spec.options.flatMap(requiredWord),
  ].join(' ');

const argumentWord = ({ name, required, many }: ArgumentSpec): string => {
  const word = many === true ? `${name}…` : name;
  return required ? word : `[${word}]`;
};

const requiredWord = (option: OptionSpec): readonly string[] =>
  option.field?.required === true ? [leftOf(option)] : [];

const leftOf = ({ flag, short, value }: OptionSpec): string =>
  `${short === undefined ? '' : `${short}, `}${flag}${value === undefined ? '' : ` <${value}>`}`;

const optionLine = (option: OptionSpec): readonly [string, string] => [
  leftOf(option),
  option.field?.required === true ? `${option.says} (required)` : option.says,
];

const section = (title: string, rows: readonly (readonly [string, string])[]): string =>
  `${title}:\n${rows.map(row).join('')}`;

const row = ([left, right]: readonly [string, string]): string => {
  const room = WIDTH - LEFT_CHARS - INDENT.length;
  const [first = '', ...rest] = wrap(right, room);
  const margin = ' '.repeat(INDENT.length + LEFT_CHARS);
  const head =
    left.length < LEFT_CHARS
      ? `${INDENT}${left.padEnd(LEFT_CHARS)}${first}`
      : `${INDENT}${left}\n${margin}${first}`;
  return [head, ...rest.map((line) => margin + line), ''].join('\n');
};

const wrap = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
};

/** The tree for programs: every command with its words, flags and example. */
export const helpJson = (specs: readonly CommandSpec[]) => ({
  name: 'ifab',
  flags: GLOBAL_OPTIONS.map(optionJson),
  exitCodes: {
    0: 'done',
    1: 'the command ran and its answer is no',
    2: 'fix-request',
    3: 'give-up',
    70: 'report-bug',
    75: 'retry-later',
    130: 'interrupted',
  },
  commands: specs
    .filter(({ hidden }) => hidden !== true)
    .map((spec) => ({
      name: commandName(spec),
      summary: spec.summary,
      usage: `ifab ${usageWords(spec, 0)}`,
      arguments: spec.args.map(({ name, says, required, many }) => ({
        name,
        says,
        required,
        many: many ?? false,
      })),
      flags: spec.options.map(optionJson),
      example: `ifab ${spec.example}`,
      operation: spec.operation?.name,
      effect: spec.operation?.effect,
      destructive: spec.destructive ?? false,
      modes: ['normal', ...(spec.modes ?? [])],
    })),
});

const optionJson = ({
  flag,
  short,
  value,
  says,
  many,
  field,
  completion,
}: OptionSpec): unknown => ({
  flag,
  short,
  value,
  says,
  many: many ?? false,
  required: field?.required ?? false,
  values: completion?.kind === 'words' ? completion.words : undefined,
});
