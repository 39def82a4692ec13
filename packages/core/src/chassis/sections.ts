/** The slice as one section for snapshots and the state hash. What follows from the rest is built again. */
import type { RunCause } from '@infrafabric/protocol';
import { canonicalText } from '../kernel/canonical.ts';
import { assert } from '../kernel/decision.ts';
import type { Section } from '../kernel/decision.ts';
import type { ReputationState } from './reputation.ts';
import type { Sample, SloWindow } from './slo.ts';
import { contractKey, createChassis } from './state.ts';
import type { ChassisState, ContractState, ModuleState, RunState } from './state.ts';

const NAME = 'chassis/rest';

/** at, latency, efficiency, step, and 1 for what succeeded plus 2 for what missed: a thousand of them a swarm. */
type Row = readonly [number, number, number, number, number];

interface Stored {
  readonly contracts: readonly ContractState[];
  readonly modules: readonly ModuleState[];
  readonly runs: readonly RunState[];
  readonly ended: readonly (readonly [RunCause, number])[];
  readonly slos: readonly (readonly [string, readonly Row[], SloWindow['unavailable']])[];
  readonly reputations: readonly (readonly [
    string,
    Omit<ReputationState, 'samples'>,
    readonly Row[],
  ])[];
  readonly refusals: ChassisState['refusals'];
}

const rowOf = ({ at, latencyMs, efficiencyPermyriad, stepPermyriad, ok, missed }: Sample): Row => [
  at,
  latencyMs,
  efficiencyPermyriad,
  stepPermyriad,
  (ok ? 1 : 0) + (missed ? 2 : 0),
];

const sampleOfRow = ([at, latencyMs, efficiencyPermyriad, stepPermyriad, how]: Row): Sample => ({
  at,
  latencyMs,
  efficiencyPermyriad,
  stepPermyriad,
  ok: (how & 1) === 1,
  missed: (how & 2) === 2,
});

/** None while nothing has happened here: a log without contracts and modules has the state that it had before this room. */
export const chassisSections = (state: ChassisState): Section[] => {
  if (state.contracts.size === 0 && state.modules.size === 0) return [];
  const stored: Stored = {
    contracts: [...state.contracts.values()],
    modules: [...state.modules.values()],
    runs: [...state.runs.values()],
    ended: [...state.ended],
    slos: [...state.slos].map(([id, { samples, unavailable }]) => [
      id,
      samples.map(rowOf),
      unavailable,
    ]),
    reputations: [...state.reputations].map(([id, { samples, ...rest }]) => [
      id,
      rest,
      samples.map(rowOf),
    ]),
    refusals: state.refusals,
  };
  return [{ name: NAME, content: canonicalText(stored) }];
};

/** Builds the slice from its section, which was written by `chassisSections` and checked by its hash; without one, anew. */
export const restoreChassis = (sections: ReadonlyMap<string, Section>): ChassisState => {
  const state = createChassis();
  const content = sections.get(NAME)?.content;
  if (content === undefined) return state;
  assert(typeof content === 'string', 'the section of the chassis is no text');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const stored = JSON.parse(content) as Stored;
  for (const one of stored.contracts)
    state.contracts.set(contractKey(one.contract.swarmId, one.contract.module.digest), one);
  for (const module of stored.modules) state.modules.set(module.digest, module);
  for (const run of stored.runs) {
    state.runs.set(run.id, run);
    if (run.end === undefined) state.open.set(run.taskId, run);
  }
  for (const [cause, count] of stored.ended) state.ended.set(cause, count);
  for (const [id, rows, unavailable] of stored.slos) {
    const samples = rows.map(sampleOfRow);
    const sorted = samples.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
    state.slos.set(id, { samples, sorted, unavailable });
  }
  for (const [id, rest, rows] of stored.reputations)
    state.reputations.set(id, { ...rest, samples: rows.map(sampleOfRow) });
  state.refusals = stored.refusals;
  return state;
};
