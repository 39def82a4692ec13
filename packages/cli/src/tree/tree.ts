/** All commands, in the order in which help shows them, and how they are found. */
import { nearest } from '../plans/issues.ts';
import { commandName } from './command.ts';
import type { CommandSpec } from './command.ts';
import { operationCommands } from './operations.ts';
import { OWN_COMMANDS } from './own.ts';

/** A noun and what is said of it in the list of commands. */
export interface GroupSpec {
  readonly noun: string;
  readonly summary: string;
}

export const GROUPS: readonly GroupSpec[] = [
  { noun: 'plan', summary: 'Take plans, change them, watch them, write them out.' },
  { noun: 'phase', summary: 'Approve phases and record their checks.' },
  { noun: 'task', summary: 'See, take, finish and steer tasks.' },
  { noun: 'session', summary: 'Sessions of agents: open, list, end.' },
  { noun: 'blocker', summary: 'What tasks wait for that their holders cannot provide.' },
  { noun: 'witness', summary: 'The log: query, prove, verify, replay.' },
  { noun: 'swarm', summary: 'Swarms: who works, what it can do, what it costs.' },
  { noun: 'capability', summary: 'What swarms can do.' },
  { noun: 'match', summary: 'Which swarm a task would go to, and why.' },
  { noun: 'budget', summary: 'Limits of accounts.' },
  { noun: 'cost', summary: 'What was spent, on what, what is left, and where it leads.' },
  { noun: 'usage', summary: 'Charge costs to leases.' },
  { noun: 'price', summary: 'What models cost.' },
  { noun: 'breaker', summary: 'What stops a swarm, and who lets it go on.' },
  { noun: 'policy', summary: 'Check, compare, explain and set the realm’s policy.' },
  { noun: 'escalation', summary: 'What a person must see.' },
  {
    noun: 'chassis',
    summary: 'Modules that nobody trusts: load them, run them in the sandbox, see how they do.',
  },
  { noun: 'contract', summary: 'What modules may do, and what their providers promise.' },
  { noun: 'module', summary: 'Modules that were admitted or refused.' },
  { noun: 'secret', summary: 'Credentials that modules use and never see.' },
  { noun: 'config', summary: 'Settings and where they come from.' },
];

const derived = operationCommands(OWN_COMMANDS);
const firstWords =
  'serve run status top events plan phase task session blocker swarm capability match cost budget usage price breaker policy escalation chassis contract module secret witness doctor config op mcp completion help'.split(
    ' ',
  );
const rank = ({ path: [first = ''] }: CommandSpec): number => {
  const at = firstWords.indexOf(first);
  return at < 0 ? firstWords.length : at;
};

/** Sorting is stable: within a noun the registry's order stays, behind the terminal's own. */
export const COMMANDS: readonly CommandSpec[] = [...OWN_COMMANDS, ...derived].toSorted(
  (one, other) => rank(one) - rank(other),
);

/** First words in the order of help, each once. */
export const FIRST_WORDS: readonly string[] = [
  ...new Set(COMMANDS.map(({ path: [first = ''] }) => first)),
];

export const groupOf = (noun: string): GroupSpec | undefined =>
  GROUPS.find((group) => group.noun === noun) ??
  (COMMANDS.some(({ path }) => path.length > 1 && path[0] === noun)
    ? { noun, summary: `Operations of ${noun}.` }
    : undefined);

export const commandsOf = (noun: string): readonly CommandSpec[] =>
  COMMANDS.filter(({ path }) => path.length > 1 && path[0] === noun);

export const findCommand = (path: readonly string[]): CommandSpec | undefined => {
  const name = path.join(' ');
  return COMMANDS.find((spec) => commandName(spec) === name);
};

/** The command that somebody may have meant. */
export const suggestCommand = (path: readonly string[]): string | undefined => {
  const [first = '', second] = path;
  if (second === undefined || groupOf(first) === undefined) {
    const word = nearest(first, FIRST_WORDS);
    return word === undefined || second === undefined
      ? word
      : (nearest(`${word} ${second}`, COMMANDS.map(commandName)) ?? word);
  }
  const verb = nearest(
    second,
    commandsOf(first).map(({ path: [, one = ''] }) => one),
  );
  return verb === undefined ? undefined : `${first} ${verb}`;
};
