/** Runs, where several rooms have a word: the lease that they are under, the swarm's contract, the policy. */
import { reject } from '@infrafabric/protocol';
import { decideAccept, decideStart, orphanEvents } from '../chassis/index.ts';
import type { IsolationPolicy, RunState } from '../chassis/index.ts';
import { heldBy, specOf } from '../coordinator/index.ts';
import { noSwarm } from '../governor/index.ts';
import type { ArgsOf } from '../kernel/args.ts';
import type { Decision } from '../kernel/decision.ts';
import type { Scene } from './scene.ts';

export const acceptContract = ({
  world: { chassis, governor },
  command,
}: Scene<ArgsOf<'contracts.accept'>>): Decision => {
  const { swarmId } = command.args.contract;
  return governor.swarms.has(swarmId) ? decideAccept(chassis, command) : noSwarm(swarmId);
};

/** What runs is what the leased task says, under the contract of the swarm whose session holds the lease. */
export const startRun = ({ world, command }: Scene<ArgsOf<'runs.start'>>): Decision => {
  const held = heldBy(world.coordinator, command);
  if (held.kind !== 'held') return held;
  const { run } = specOf(world.coordinator, held.task);
  const { taskId } = command.args;
  if (run === undefined || !('wasm' in run))
    return reject('request.invalid', `${taskId} names no module to run.`, { taskId });
  const { spec, resource } = world.governor.policy;
  const policy: IsolationPolicy = { resource, isolation: spec.isolation ?? [] };
  const { id: sessionId, swarm: swarmId } = held.session;
  return decideStart(world.chassis, command, { sessionId, swarmId, run, policy });
};

/**
 * H1: a task that is leased again has no open run of an earlier lease. Whoever ran that has been told by the end of its
 * lease to kill it, and has not said how it ended.
 */
export const withoutOrphans = ({ world, command }: Scene, decision: Decision): Decision => {
  const { chassis } = world;
  if (decision.kind !== 'accept' || chassis.open.size === 0) return decision;
  const orphans = decision.events.flatMap((event): readonly RunState[] => {
    const run = event.type === 'task.leased' ? chassis.open.get(event.taskId) : undefined;
    return run === undefined ? [] : [run];
  });
  if (orphans.length === 0) return decision;
  const ends = orphanEvents(chassis, orphans, command.at);
  return { kind: 'accept', events: [...decision.events, ...ends] };
};
