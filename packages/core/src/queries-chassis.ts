/** What the engine and the surfaces ask of the chassis. Nothing here changes the world. */
import { reject } from '@infrafabric/protocol';
import type { OutputOf, ParsedOf, Rejection } from '@infrafabric/protocol';
import {
  contractRow,
  findContract,
  moduleRow,
  orphanDue,
  reputationFigures,
  runCounts,
  runDetail,
  runRow,
  sloDetail,
  sloFigures,
} from './chassis/index.ts';
import type { RunState } from './chassis/index.ts';
import { page } from './coordinator/index.ts';
import { noSwarm, reputationOf } from './governor/index.ts';
import { leasesEndedBy } from './kernel/lease-ends.ts';
import { must } from './kernel/decision.ts';
import type { DomainEvent } from './kernel/events.ts';
import type { World } from './world.ts';

/** A page goes on after a contract by its swarm and module: `swarm sha256:…`. */
export const viewContracts = (
  { chassis }: World,
  input: ParsedOf<'contracts.list'>,
): OutputOf<'contracts.list'> => {
  const { swarmId, provider } = input;
  const { rows, next } = page(chassis.contracts, input, {
    id: ([key]) => key,
    row: ([, one]) => contractRow(one),
    keep: ([, { contract }]) =>
      (swarmId === undefined || contract.swarmId === swarmId) &&
      (provider === undefined || contract.provider === provider),
  });
  return { contracts: [...rows], ...(next === undefined ? {} : { next }) };
};

export const viewContract = (
  { chassis }: World,
  { swarmId, module }: ParsedOf<'contracts.show'>,
): OutputOf<'contracts.show'> | Rejection => {
  const known = findContract(chassis, swarmId, module);
  if (known === undefined) {
    const detail = `There is no contract of swarm ${swarmId} for module ${module}.`;
    return reject('contract.not_found', detail, { swarmId, module });
  }
  const { contract, digest, acceptedAt, acceptedBy } = known;
  // Ids inside the state were parsed when they came in.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { contract, digest, acceptedAt, acceptedBy } as OutputOf<'contracts.show'>;
};

export const viewModules = (
  { chassis }: World,
  input: ParsedOf<'modules.list'>,
): OutputOf<'modules.list'> => {
  const { rows, next } = page(chassis.modules.values(), input, {
    id: ({ digest }) => digest,
    row: moduleRow,
    keep: ({ admitted }) => input.admitted === undefined || admitted === input.admitted,
  });
  return { modules: [...rows], ...(next === undefined ? {} : { next }) };
};

/** The newest first. */
export const viewRuns = (
  { chassis }: World,
  input: ParsedOf<'runs.list'>,
): OutputOf<'runs.list'> => {
  const { swarmId, taskId, open } = input;
  const { rows, next } = page([...chassis.runs.values()].toReversed(), input, {
    id: ({ id }) => id,
    row: runRow,
    keep: (run) =>
      (swarmId === undefined || run.swarmId === swarmId) &&
      (taskId === undefined || run.taskId === taskId) &&
      (open === undefined || (run.end === undefined) === open),
  });
  return { runs: [...rows], ...(next === undefined ? {} : { next }) };
};

export const viewRun = (
  { chassis }: World,
  { runId }: ParsedOf<'runs.show'>,
): OutputOf<'runs.show'> | Rejection => {
  const run = chassis.runs.get(runId);
  return run === undefined
    ? reject('run.not_found', `There is no run ${runId}.`, { runId })
    : runDetail(run);
};

/** At `at`, ms since the epoch: what was measured too long ago does not count any more. */
export const viewSlo = (
  { chassis, governor }: World,
  { swarmId }: ParsedOf<'slo.show'>,
  at: number,
): OutputOf<'slo.show'> | Rejection =>
  governor.swarms.has(swarmId) ? { swarmId, ...sloDetail(chassis, swarmId, at) } : noSwarm(swarmId);

/** Of several who answer for a swarm's modules the one with the least reputation: the swarm is ranked by it. */
export const viewReputation = (
  { chassis, governor }: World,
  { swarmId }: ParsedOf<'reputation.show'>,
  at: number,
): OutputOf<'reputation.show'> | Rejection => {
  const swarm = governor.swarms.get(swarmId);
  if (swarm === undefined) return noSwarm(swarmId);
  const all = (swarm.providers ?? [])
    .filter(({ provider }) => chassis.reputations.has(provider))
    .map(({ provider }) => ({ provider, ...reputationFigures(chassis, provider, at) }));
  const [first, ...rest] = all;
  if (first !== undefined) {
    const least = rest.reduce((one, other) => (other.value < one.value ? other : one), first);
    return { swarmId, ...least, measured: true };
  }
  const provider = swarm.providers?.[0]?.provider;
  return {
    swarmId,
    ...reputationFigures(chassis, '', at),
    ...(provider === undefined ? {} : { provider }),
    value: reputationOf(swarm) * 10,
    measured: false,
  };
};

export interface Orphan {
  readonly runId: string;
  /** When the realm ends it, ms since the epoch. */
  readonly dueAt: number;
}

const orphanOf = (run: RunState): readonly Orphan[] => {
  const dueAt = orphanDue(run);
  return dueAt === undefined ? [] : [{ runId: run.id, dueAt }];
};

/** Runs that are open though their lease has ended. */
export const orphanRuns = ({ chassis }: World): readonly Orphan[] =>
  [...chassis.open.values()].flatMap(orphanOf);

/** Those of them whose lease ended by an event that was folded. */
export const orphansBy = ({ chassis }: World, event: DomainEvent): readonly Orphan[] =>
  chassis.open.size === 0
    ? NO_ORPHANS
    : leasesEndedBy(event).flatMap((taskId) => {
        const run = chassis.open.get(taskId);
        return run === undefined ? [] : orphanOf(run);
      });

const NO_ORPHANS: readonly Orphan[] = [];

/** One run as it stands, or undefined; what it runs under only while it is open. */
export const findRun = ({ chassis }: World, runId: string): RunState | undefined =>
  chassis.runs.get(runId);

/** Swarms that have run something, in the order of their first run. */
export const viewSlos = (
  { chassis, governor }: World,
  input: ParsedOf<'slo.list'>,
  at: number,
): OutputOf<'slo.list'> => {
  const { rows, next } = page(chassis.slos.keys(), input, {
    id: (swarmId) => swarmId,
    row: (swarmId) => ({
      swarmId,
      ...sloFigures(chassis, swarmId, at),
      reputationPermille: reputationOf(must(governor.swarms.get(swarmId), 'runs of no swarm')),
    }),
  });
  // Ids inside the state were parsed when they came in.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    runs: runCounts(chassis),
    swarms: [...rows],
    ...(next === undefined ? {} : { next }),
  } as OutputOf<'slo.list'>;
};
