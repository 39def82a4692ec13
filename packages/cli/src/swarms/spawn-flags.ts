/** The words of `ifab swarm spawn`, read and checked; every no names its flag. */
import { microUsdOfDollars, permilleOfShare, SwarmId, SwarmRole } from '@infrafabric/protocol';
import { cliError } from '../output/problem.ts';
import { didYouMean } from '../plans/issues.ts';
import { isSet, optionOf } from '../tree/command.ts';
import type { CommandContext } from '../tree/command.ts';

export interface SpawnFlags {
  readonly swarmId: SwarmId;
  /** Folder to detect capabilities in; absent: the one here, where nothing else says what the swarm can do. */
  readonly repo: string | undefined;
  readonly manifest: string | undefined;
  readonly capabilities: readonly string[] | undefined;
  readonly costPerHourMicroUsd: number | undefined;
  readonly limitMicroUsd: number | undefined;
  readonly reputationPermille: number | undefined;
  readonly model: string | undefined;
  readonly role: SwarmRole | undefined;
  readonly sessions: number;
  /** Take what was detected without a question. */
  readonly isAccepted: boolean;
  readonly tokensFile: string | undefined;
  readonly showTokens: boolean;
}

/** More sessions of one swarm on one machine exhaust its memory before they do work. */
const SESSIONS_MAX = 1_000;

export const spawnFlags = (context: CommandContext): SpawnFlags => {
  const [id = ''] = context.args;
  const swarmId = SwarmId.safeParse(id);
  if (!swarmId.success) {
    throw cliError(
      'cli.usage',
      `“${id}” is no swarm id`,
      'Write a–z, 0–9 and . _ - only, 64 at most.',
    );
  }
  const showTokens = isSet(context, 'show-tokens');
  if (showTokens && !context.flags.json) {
    throw cliError(
      'cli.usage',
      '--show-tokens is for programs: it needs --json',
      'People find the tokens in the file that is named at the end.',
    );
  }
  return {
    swarmId: swarmId.data,
    repo: optionOf(context, 'repo'),
    manifest: optionOf(context, 'manifest'),
    capabilities: wordsOf(context, 'capabilities'),
    costPerHourMicroUsd: dollars(context, 'cost-per-hour'),
    limitMicroUsd: dollars(context, 'budget'),
    reputationPermille: share(context, 'reputation'),
    model: optionOf(context, 'model'),
    role: roleOf(context),
    sessions: sessionsOf(context),
    isAccepted: isSet(context, 'accept') || context.flags.yes,
    tokensFile: optionOf(context, 'tokens-file'),
    showTokens,
  };
};

const wordsOf = ({ options }: CommandContext, flag: string): readonly string[] | undefined => {
  const parts = options.get(flag);
  const words = parts?.flatMap((part) => part.split(',').map((word) => word.trim()));
  if (words?.includes('') === true) {
    return wrong(flag, parts?.join(',') ?? '', 'Write ids with a comma between them: a:b,c:d');
  }
  return words;
};

const dollars = (context: CommandContext, flag: string): number | undefined => {
  const text = optionOf(context, flag);
  if (text === undefined) return undefined;
  return (
    microUsdOfDollars(text) ??
    wrong(flag, text, 'Write dollars as 2.00: not negative, below a billion, at most six decimals.')
  );
};

const share = (context: CommandContext, flag: string): number | undefined => {
  const text = optionOf(context, flag);
  if (text === undefined) return undefined;
  return permilleOfShare(text) ?? wrong(flag, text, 'Write 0 to 1 with at most three decimals.');
};

const sessionsOf = (context: CommandContext): number => {
  const text = optionOf(context, 'sessions') ?? '1';
  const count = Number(text);
  if (/^\d{1,4}$/.test(text) && count <= SESSIONS_MAX) return count;
  return wrong('sessions', text, `Write a whole number from 0 to ${SESSIONS_MAX}.`);
};

const roleOf = (context: CommandContext): SwarmRole | undefined => {
  const text = optionOf(context, 'role');
  if (text === undefined) return undefined;
  const role = SwarmRole.options.find((one) => one === text);
  const hint = didYouMean(text, SwarmRole.options);
  return role ?? wrong('role', text, `${hint}One of: ${SwarmRole.options.join(', ')}`);
};

const wrong = (flag: string, text: string, next: string): never => {
  throw cliError('cli.usage', `--${flag} is “${text}”`, next);
};
