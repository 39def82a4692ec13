/** Which costs are asked for, from the flags of the command line. */
import type { InputOf } from '@infrafabric/protocol';
import { parseTimeMs } from '../commands/duration.ts';
import { cliError } from '../output/problem.ts';
import { nearest } from '../plans/issues.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext } from '../tree/command.ts';

export type Dimension = InputOf<'costs.report'>['by'][number];
/** What every read of costs is narrowed by. */
export type CostFilter = Pick<
  InputOf<'costs.entries'>,
  | 'planId'
  | 'swarmId'
  | 'taskId'
  | 'sessionId'
  | 'model'
  | 'component'
  | 'since'
  | 'until'
  | 'before'
>;

const DIMENSIONS: readonly Dimension[] = [
  'plan',
  'swarm',
  'task',
  'session',
  'model',
  'component',
  'day',
];
const DIMENSIONS_MAX = 3;

const FLAGS = [
  ['plan', 'planId'],
  ['swarm', 'swarmId'],
  ['task', 'taskId'],
  ['session', 'sessionId'],
  ['model', 'model'],
  ['component', 'component'],
] as const;

/** Throws a CliError where a time is none. */
export const filterOf = (context: Pick<CommandContext, 'options'>, nowMs: number): CostFilter => {
  const filter: { -readonly [K in keyof CostFilter]: CostFilter[K] } = {};
  for (const [flag, field] of FLAGS) {
    const word = optionOf(context, flag);
    if (word !== undefined) filter[field] = word;
  }
  for (const flag of ['since', 'until'] as const) {
    const word = optionOf(context, flag);
    if (word !== undefined) filter[flag] = timeOf(word, flag, nowMs);
  }
  return filter;
};

const timeOf = (word: string, flag: string, nowMs: number): number => {
  const at = parseTimeMs(word, nowMs);
  if (at !== undefined) return at;
  throw cliError(
    'cli.usage',
    `“${word}” is no time`,
    `Write --${flag} as a length before now (7d, 12h) or a day (2026-11-21).`,
  );
};

/** `--by plan,model`: one to three dimensions, each once. */
export const dimensionsOf = (word: string): readonly Dimension[] => {
  const words = word.split(',').map((part) => part.trim());
  const found = words.map(dimensionOf);
  if (found.length <= DIMENSIONS_MAX && new Set(found).size === found.length) return found;
  throw cliError(
    'cli.usage',
    `--by takes one to ${DIMENSIONS_MAX} different words`,
    `Of these: ${DIMENSIONS.join(', ')}.`,
  );
};

export const dimensionOf = (word: string): Dimension => {
  const found = DIMENSIONS.find((dimension) => dimension === word);
  if (found !== undefined) return found;
  const near = nearest(word, DIMENSIONS);
  throw cliError(
    'cli.usage',
    `costs cannot be summed by “${word}”`,
    near === undefined ? `Take ${DIMENSIONS.join(', ')}.` : `Did you mean ${near}?`,
    near === undefined ? {} : { facts: { near } },
  );
};

const DAY_MS = 86_400_000;

/** The filter that leaves the records of one group, for what was asked with `filter`. */
export const filterOfGroup = (
  filter: CostFilter,
  group: Readonly<Record<string, string>>,
): CostFilter => {
  const narrowed: { -readonly [K in keyof CostFilter]: CostFilter[K] } = { ...filter };
  for (const [flag, field] of FLAGS) {
    const value = group[flag];
    if (value !== undefined) narrowed[field] = value;
  }
  const { day } = group;
  return day === undefined ? narrowed : withSpan(narrowed, Date.parse(day), DAY_MS);
};

/** The filter within [from, from + span), inclusive ends as the fabric takes them. */
export const withSpan = (filter: CostFilter, fromMs: number, spanMs: number): CostFilter => ({
  ...filter,
  since: Math.max(filter.since ?? 0, fromMs),
  until: Math.min(filter.until ?? Number.MAX_SAFE_INTEGER, fromMs + spanMs - 1, TIME_MAX),
});

/** The last time that is one, ms. */
const TIME_MAX = 8_640_000_000_000_000;
