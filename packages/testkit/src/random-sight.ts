/** What choosers of random commands share: what they see of the world, and how they pick from it. */
import type { Fence, World } from '@infrafabric/core';

import type { Random } from './random.ts';
import type { PlainArgs, RunBy, RunCommand } from './realm-run.ts';

/** Few names, so that commands meet. The last capability is unknown until somebody defines it or has it. */
export const SKILLS = [
  'code-analysis:go',
  'code-analysis:rust',
  'cli:design',
  'cli:testing',
  'gpu:training',
] as const;

/** What a chooser of commands sees of the world. */
export interface Sight {
  readonly random: Random;
  readonly world: World;
  readonly tasks: readonly string[];
  readonly sessions: readonly string[];
}

export type Choose = (sight: Sight) => RunCommand;

export const some = <T>(random: Random, from: readonly T[], share = 0.4): T[] =>
  from.filter(() => random.chance(share));

export const command = <N extends RunCommand['op']>(
  op: N,
  args: PlainArgs<N>,
  by: RunBy = {},
): RunCommand => ({ op, args, ...by });

/** The fence of a task's lease; one in ten is not the current one. */
export const fenceFor = ({ random, world }: Sight, taskId: string): Fence => {
  const { tasks, slots } = world.coordinator;
  const task = tasks.ids.indexOf(taskId);
  const holder = slots[tasks.holder[task] ?? -1]?.id ?? 'ses0';
  const stale = random.chance(0.1) ? 1 : 0;
  return { epoch: tasks.grantEpoch[task] ?? 1, holder, n: (tasks.fence[task] ?? 0) - stale };
};

/** A task in one of these phases nine times in ten, or any. */
export const taskIn = ({ random, world, tasks }: Sight, phase: number): string => {
  const { tasks: columns } = world.coordinator;
  const found = columns.ids.filter((_, task) => columns.phase[task] === phase);
  return found.length === 0 || random.chance(0.1) ? random.pick(tasks) : random.pick(found);
};

export const PHASE_LEASED = 2;

export const heldTask = (sight: Sight): string => taskIn(sight, PHASE_LEASED);

export const planOf = (taskId: string): string => taskId.slice(0, taskId.indexOf('/'));

export const nextTask: Choose = ({ random, sessions }) =>
  command('tasks.next', { sessionId: random.pick(sessions), count: 1 + random.below(3) });

/** The command where a task stands in the phase that it is about; elsewhere it asks for work, nine times in ten. */
export const ifAny =
  (phase: number, choose: Choose): Choose =>
  (sight) =>
    sight.world.coordinator.counts[phase] === 0 && sight.random.chance(0.9)
      ? nextTask(sight)
      : choose(sight);
