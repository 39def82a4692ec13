/**
 * In which swarms the sessions of a run are. A module in the sandbox runs under the contract that its session's swarm has
 * for it, so its task needs a session of that swarm; a command runs in any.
 */
import type { PlanSpec, TaskSpec } from '@infrafabric/protocol';

/** A swarm, or none: sessions that pay out of the realm's purse and have no contract. */
export type SwarmOfRun = string | undefined;

const isModule = ({ run }: TaskSpec): boolean => run !== undefined && 'wasm' in run;

/**
 * The swarm that was asked for; else those that tasks with modules name, in the plan's order; else none. Sessions are
 * dealt out to them in turn.
 */
export const swarmsOfRun = (
  { tasks }: Pick<PlanSpec, 'tasks'>,
  asked: SwarmOfRun,
): readonly SwarmOfRun[] => {
  if (asked !== undefined) return [asked];
  const named = tasks.filter(isModule).flatMap(({ swarm }) => (swarm === undefined ? [] : [swarm]));
  return named.length === 0 ? [undefined] : [...new Set<SwarmOfRun>(named)];
};

/** Whether a session of this swarm can do a task: a module's own swarm, where it names one, is the session's. */
export const isOfSwarm = (task: TaskSpec, swarm: SwarmOfRun): boolean =>
  !isModule(task) || (swarm !== undefined && (task.swarm ?? swarm) === swarm);
