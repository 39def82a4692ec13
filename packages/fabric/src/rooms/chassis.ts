/** The chassis's replies and reads: contracts, modules, runs, and what was measured of them. */
import {
  findRun,
  viewContract,
  viewContracts,
  viewModules,
  viewReputation,
  viewRun,
  viewRuns,
  viewSlo,
  viewSlos,
  type ArgsOf,
  type WriteName,
} from '@infrafabric/core';
import { grantOfRun, type OutputOf } from '@infrafabric/protocol';

import type { Committed } from '../engine/call.ts';
import {
  eventOf,
  eventsOf,
  trusted,
  type ReadName,
  type Reads,
  type Replies,
  type RoomContext,
  type Unchangeds,
} from './room.ts';

export type ChassisWrite = Extract<
  WriteName,
  `contracts.${string}` | `modules.${string}` | `runs.${string}`
>;
export type ChassisRead = Extract<
  ReadName,
  | `contracts.${string}`
  | `modules.${string}`
  | `runs.${string}`
  | `slo.${string}`
  | `reputation.${string}`
>;

const accepted = (
  { contract }: ArgsOf<'contracts.accept'>,
  changed: boolean,
): OutputOf<'contracts.accept'> => ({
  swarmId: contract.swarmId,
  module: contract.module.digest,
  changed,
});

const recorded = (
  { digest, admitted }: ArgsOf<'modules.record'>,
  changed: boolean,
): OutputOf<'modules.record'> => ({ digest, admitted, changed });

/**
 * What the run was granted when it started. Once it has ended its own contract is kept no more: where another is in force
 * by then a repeat is given no grant of that one (H2).
 */
const started = (entry: Committed, { world }: RoomContext): OutputOf<'runs.start'> => {
  const {
    contract: digest,
    runId,
    swarmId,
    module,
    minLevel,
    limits,
    http,
  } = eventOf(entry, 'run.started');
  const own = findRun(world, runId)?.contract;
  const inForce = outputOf(
    viewContract(world, { swarmId: trusted(swarmId), module: trusted(module) }),
  );
  const use = own !== undefined || inForce.digest === digest ? [...http] : [];
  const contract = own ?? inForce.contract;
  const grant = grantOfRun(contract, { use: trusted(use), limits: undefined });
  return {
    runId: trusted(runId),
    contract,
    limits,
    http: trusted([...grant.http]),
    secrets: trusted([...grant.secrets]),
    minLevel,
  };
};

const outputOf = (known: ReturnType<typeof viewContract>): OutputOf<'contracts.show'> => {
  if ('kind' in known) throw new Error('defect: a run started without a contract');
  return known;
};

const ended = (entry: Committed): OutputOf<'runs.end'> => {
  const { runId, cause, sample } = eventOf(entry, 'run.ended');
  const [changed] = eventsOf(entry, 'reputation.changed');
  return {
    runId: trusted(runId),
    cause,
    missed: sample?.missed ?? false,
    ...(changed === undefined ? {} : { reputationPermyriad: changed.permyriad }),
  };
};

export const chassisReplies: Replies<ChassisWrite> = {
  'contracts.accept': ({ args }) => accepted(trusted(args), true),
  'modules.record': ({ args }) => recorded(trusted(args), true),
  'runs.start': started,
  'runs.note': (entry) => ({
    runId: trusted<ArgsOf<'runs.note'>>(entry.args).runId,
    kept: eventsOf(entry, 'run.violated').length + eventsOf(entry, 'credential.used').length,
    more: eventsOf(entry, 'run.notes_dropped').reduce((sum, { count }) => sum + count, 0),
  }),
  'runs.end': ended,
  'runs.expire': (entry) => ({ runId: trusted(eventOf(entry, 'run.ended').runId) }),
};

/** Replies that look at the world besides the entry. */
export const CHASSIS_REPLIES_AT_DECISION = [
  'runs.start',
] as const satisfies readonly ChassisWrite[];

export const chassisUnchanged: Unchangeds<ChassisWrite> = {
  'contracts.accept': (args) => accepted(trusted(args), false),
  'modules.record': (args) => recorded(trusted(args), false),
};

export const chassisReads: Reads<ChassisRead> = {
  'contracts.list': (input, { world }) => viewContracts(world, input),
  'contracts.show': (input, { world }) => viewContract(world, input),
  'modules.list': (input, { world }) => viewModules(world, input),
  'runs.list': (input, { world }) => viewRuns(world, input),
  'runs.show': (input, { world }) => viewRun(world, input),
  'slo.show': (input, { world, now }) => viewSlo(world, input, now()),
  'slo.list': (input, { world, now }) => viewSlos(world, input, now()),
  'reputation.show': (input, { world, now }) => viewReputation(world, input, now()),
};
