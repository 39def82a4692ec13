/** What readers see of contracts, modules, runs and figures. */
import type {
  ContractRow,
  ModuleRow,
  OutputOf,
  RunRow,
  ServiceContract,
  SloRow,
} from '@infrafabric/protocol';
import { SLO_WINDOW_DAYS } from '@infrafabric/protocol';
import { NO_REPUTATION, PRIOR, standingOf } from './reputation.ts';
import {
  availabilityOf,
  efficiencyMeanOf,
  keptAt,
  NO_RUNS,
  objectivesOf,
  percentileOf,
  successOf,
  windowAt,
} from './slo.ts';
import type { SloWindow } from './slo.ts';
import type { ChassisState, ContractState, ModuleState, RunState } from './state.ts';

// Ids inside the state were parsed when they came in: the casts below say so.

export const contractRow = (one: ContractState): ContractRow => {
  const { contract, digest, acceptedAt, acceptedBy } = one;
  const { swarmId, module, provider, version, minLevel } = contract;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    swarmId,
    module: module.digest,
    provider,
    version,
    abi: module.abi,
    entrypoints: [...module.entrypoints],
    minLevel,
    digest,
    acceptedAt,
    acceptedBy,
  } as ContractRow;
};

export const moduleRow = (module: ModuleState): ModuleRow =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  ({ ...module }) as ModuleRow;

export const runRow = (run: RunState): RunRow => {
  const { end } = run;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    runId: run.id,
    taskId: run.taskId,
    sessionId: run.sessionId,
    swarmId: run.swarmId,
    provider: run.provider,
    module: run.module,
    entrypoint: run.entrypoint,
    level: run.level,
    layers: [...run.layers],
    node: run.node,
    platform: run.platform,
    minLevel: run.minLevel,
    startedAt: run.startedAt,
    status: end === undefined ? 'open' : 'ended',
    ...(end === undefined ? {} : { endedAt: end.at, cause: end.cause }),
    ...(end?.measure === undefined ? {} : { measure: end.measure }),
    ...(end?.sample === undefined
      ? {}
      : { latencyMs: end.sample.latencyMs, missed: end.sample.missed }),
    notes: run.notes,
    more: run.more,
  } as RunRow;
};

export const runDetail = (run: RunState): OutputOf<'runs.show'> => {
  const { end, limits, http, secrets } = run;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    ...runRow(run),
    limits,
    http: [...http],
    secrets: [...secrets],
    ...(end?.detail === undefined ? {} : { detail: end.detail }),
    ...(end?.output === undefined ? {} : { output: end.output }),
  } as OutputOf<'runs.show'>;
};

export type SloFigures = Omit<SloRow, 'swarmId' | 'reputationPermille'>;

const figuresOf = (window: SloWindow): SloFigures => ({
  samples: window.samples.length,
  ...latencies(window),
  ...some('successPermyriad', successOf(window)),
  ...some('availabilityPermyriad', availabilityOf(window)),
  ...some('efficiencyPermyriad', efficiencyMeanOf(window)),
  violations: window.samples.filter(({ missed }) => missed).length,
});

/** At `at`: what was measured longer ago than the window is wide does not count any more. */
const windowOf = ({ slos }: ChassisState, swarmId: string, at: number): SloWindow =>
  windowAt(slos.get(swarmId) ?? NO_RUNS, at);

export const sloFigures = (state: ChassisState, swarmId: string, at: number): SloFigures =>
  figuresOf(windowOf(state, swarmId, at));

/** The figures against the strictest of what the swarm's contracts promise. */
export const sloDetail = (
  state: ChassisState,
  swarmId: string,
  at: number,
): Omit<OutputOf<'slo.show'>, 'swarmId'> => {
  const window = windowOf(state, swarmId, at);
  const promised = [...contractsOf(state, swarmId)].map(({ guarantees }) => guarantees);
  return {
    ...figuresOf(window),
    windowDays: SLO_WINDOW_DAYS,
    objectives: [...objectivesOf(promised, window)],
  };
};

const latencies = ({ sorted }: SloWindow): Pick<SloFigures, 'p50Ms' | 'p95Ms' | 'p99Ms'> => ({
  ...some('p50Ms', percentileOf(sorted, 50)),
  ...some('p95Ms', percentileOf(sorted, 95)),
  ...some('p99Ms', percentileOf(sorted, 99)),
});

const some = <K extends string>(
  name: K,
  value: number | undefined,
): { readonly [N in K]?: number } =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  (value === undefined ? {} : { [name]: value }) as { readonly [N in K]?: number };

/** The contracts of a swarm that are in force. O(contracts of the realm): for readers. */
function* contractsOf(state: ChassisState, swarmId: string): Generator<ServiceContract> {
  for (const { contract } of state.contracts.values())
    if (contract.swarmId === swarmId) yield contract;
}

export type ReputationFigures = Omit<
  OutputOf<'reputation.show'>,
  'swarmId' | 'provider' | 'measured'
>;

export const reputationFigures = (
  state: ChassisState,
  provider: string,
  at: number,
): ReputationFigures => {
  const { samples, history } = state.reputations.get(provider) ?? NO_REPUTATION;
  const kept = keptAt(samples, at);
  const { value, score, adjustment } = standingOf(kept);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    value,
    ...some('score', score),
    adjustment,
    prior: PRIOR,
    samples: kept.length,
    history: [...history],
  } as ReputationFigures;
};

/** Runs that are open, and how many ended of what cause since the log began. */
export const runCounts = ({ open, ended }: ChassisState): OutputOf<'slo.list'>['runs'] => ({
  open: open.size,
  ended: Object.fromEntries(ended),
});
