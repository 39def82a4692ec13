/** The flags of `ifab run`, read and checked. */
import { cliError } from '../output/problem.ts';
import { isSet, optionOf } from '../tree/command.ts';
import type { CommandContext } from '../tree/command.ts';

export interface RunFlags {
  readonly path: string;
  readonly sessions: number;
  readonly sharedFolder: string | undefined;
  readonly isSimulated: boolean;
  readonly workMs: number;
  readonly seed: number;
  readonly reopen: boolean;
  readonly planId: string | undefined;
  readonly join: string | undefined;
  readonly swarm: string | undefined;
  readonly isKept: boolean;
  readonly approve: boolean;
}

/** Two for each of two cores: commands wait for disks and networks half of their time. */
const SESSIONS_DEFAULT = 4;
/** More commands at one time than this exhaust processes and memory of most machines. */
const SESSIONS_MAX = 1_000;
const WORK_MS_DEFAULT = 200;
const WORK_MS_MAX = 86_400_000;

export function runFlags(context: CommandContext): RunFlags {
  const [path] = context.args;
  if (path === undefined) throw cliError('cli.usage', 'no plan is named', 'Write: ifab run PLAN');
  return {
    path,
    sessions: count(context, 'sessions', { least: 1, most: SESSIONS_MAX }) ?? SESSIONS_DEFAULT,
    sharedFolder: optionOf(context, 'in'),
    isSimulated: isSet(context, 'simulate'),
    workMs: count(context, 'work-ms', { least: 0, most: WORK_MS_MAX }) ?? WORK_MS_DEFAULT,
    seed: count(context, 'seed', { least: 0, most: Number.MAX_SAFE_INTEGER }) ?? 1,
    reopen: isSet(context, 'reopen'),
    planId: optionOf(context, 'id'),
    join: optionOf(context, 'join'),
    swarm: optionOf(context, 'swarm'),
    isKept: isSet(context, 'keep'),
    approve: isSet(context, 'approve'),
  };
}

function count(
  context: CommandContext,
  flag: string,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  const text = optionOf(context, flag);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,16}$/.test(text) && value >= least && value <= most) return value;
  throw cliError(
    'cli.usage',
    `--${flag} is “${text}”`,
    `Write a whole number from ${least} to ${most}.`,
  );
}
