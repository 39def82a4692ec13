/** The governor's replies and reads: from the events of an entry, and from the world, to the outputs of its operations. */
import type { Conditions } from '@infrafabric/core';
import {
  explainMatch,
  explainPolicy,
  previewPlan,
  viewAccount,
  viewAccounts,
  viewBreakers,
  viewCapabilities,
  viewEscalations,
  viewPolicy,
  viewSwarm,
  viewSwarms,
  type ArgsOf,
  type WriteName,
} from '@infrafabric/core';
import type { OutputOf } from '@infrafabric/protocol';

import type { Committed } from '../engine/call.ts';
import {
  eventsOf,
  trusted,
  type ReadName,
  type Reads,
  type Replies,
  type RoomContext,
  type Unchangeds,
} from './room.ts';

export type GovernorWrite = Extract<
  WriteName,
  | `swarms.${string}`
  | `capabilities.${string}`
  | `budgets.${string}`
  | `breakers.${string}`
  | `policies.${string}`
  | `escalations.${string}`
  | 'usage.record'
  | 'prices.set'
>;
export type GovernorRead = Extract<
  ReadName,
  | `swarms.${string}`
  | `capabilities.${string}`
  | `budgets.${string}`
  | `breakers.${string}`
  | `policies.${string}`
  | `escalations.${string}`
  | 'match.explain'
  | 'plans.preview'
>;

const limitOf = ({ world }: RoomContext, account: string): number =>
  viewAccount(world, account).limitMicroUsd;

const usageReply = (entry: Committed, { world }: RoomContext): OutputOf<'usage.record'> => {
  const [usage] = eventsOf(entry, 'usage.recorded');
  if (usage === undefined) throw new Error(`defect: entry ${entry.index} records no usage`);
  const { taskId, planId, sessionId, swarmId, microUsd, chargedMicroUsd, overrunMicroUsd } = usage;
  const accounts = [`task:${taskId}`, `session:${sessionId}`, `plan:${planId}`, 'realm'];
  if (swarmId !== undefined) accounts.push(`swarm:${swarmId}`);
  const available = accounts.map((account) => viewAccount(world, account).availableMicroUsd);
  const reserved = world.governor.reservations.get(taskId)?.left ?? 0;
  return {
    taskId: trusted(taskId),
    microUsd,
    chargedMicroUsd,
    overrunMicroUsd,
    leftMicroUsd: reserved + Math.min(...available),
  };
};

const registered = (
  { profile }: ArgsOf<'swarms.register'>,
  context: RoomContext,
  changed: boolean,
): OutputOf<'swarms.register'> => ({
  swarmId: profile.swarmId,
  changed,
  limitMicroUsd: limitOf(context, `swarm:${profile.swarmId}`),
});

const policySet = (
  { policy, digest }: ArgsOf<'policies.set'>,
  changed: boolean,
): OutputOf<'policies.set'> => ({ digest: trusted(digest), rules: policy.rules.length, changed });

export const governorReplies: Replies<GovernorWrite> = {
  'swarms.register': (entry, context) => registered(trusted(entry.args), context, true),
  'capabilities.define': ({ args }) => ({
    id: trusted<ArgsOf<'capabilities.define'>>(args).id,
    changed: true,
  }),
  'budgets.set': ({ args }, { world }) =>
    viewAccount(world, trusted<ArgsOf<'budgets.set'>>(args).account),
  'breakers.trip': (entry) => ({
    swarmId: trusted<ArgsOf<'breakers.trip'>>(entry.args).swarmId,
    state: 'open',
    released: eventsOf(entry, 'task.released').map(({ taskId }) => trusted(taskId)),
  }),
  'breakers.reset': ({ args }, context) => {
    const { swarmId } = trusted<ArgsOf<'breakers.reset'>>(args);
    return { swarmId, state: 'half-open', limitMicroUsd: limitOf(context, `swarm:${swarmId}`) };
  },
  'policies.set': ({ args }) => policySet(trusted(args), true),
  'escalations.acknowledge': ({ args }) => ({
    escalationId: trusted<ArgsOf<'escalations.acknowledge'>>(args).escalationId,
    status: 'acknowledged',
  }),
  'usage.record': usageReply,
  'prices.set': ({ args }) => ({ model: trusted<ArgsOf<'prices.set'>>(args).model, changed: true }),
};

/** Replies that look at the world besides the entry. */
export const GOVERNOR_REPLIES_AT_DECISION = [
  'swarms.register',
  'budgets.set',
  'breakers.reset',
  'usage.record',
] as const satisfies readonly GovernorWrite[];

export const governorUnchanged: Unchangeds<GovernorWrite> = {
  'swarms.register': (args, context) => registered(trusted(args), context, false),
  'capabilities.define': (args) => ({
    id: trusted<ArgsOf<'capabilities.define'>>(args).id,
    changed: false,
  }),
  'budgets.set': (args, { world }) =>
    viewAccount(world, trusted<ArgsOf<'budgets.set'>>(args).account),
  'policies.set': (args) => policySet(trusted(args), false),
  'escalations.acknowledge': (args) => ({
    escalationId: trusted<ArgsOf<'escalations.acknowledge'>>(args).escalationId,
    status: 'acknowledged',
  }),
  'prices.set': (args) => ({ model: trusted<ArgsOf<'prices.set'>>(args).model, changed: false }),
};

export const governorReads = (conditions: Conditions): Reads<GovernorRead> => ({
  'swarms.list': (input, { world }) => viewSwarms(world, input),
  'swarms.show': (input, { world }) => viewSwarm(world, input),
  'capabilities.list': (input, { world }) => viewCapabilities(world, input),
  'match.explain': (input, { world }) => explainMatch(world, input),
  'budgets.list': (input, { world }) => viewAccounts(world, input),
  'plans.preview': (input, { world }) => previewPlan(world, input),
  'breakers.list': (input, { world }) => viewBreakers(world, input),
  'policies.show': (_input, { world }) => viewPolicy(world),
  'policies.explain': (input, { world }) => explainPolicy(world, input, conditions),
  'escalations.list': (input, { world }) => viewEscalations(world, input),
});
