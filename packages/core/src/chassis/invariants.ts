/** The chassis's invariants as a check of the whole slice: for the simulator, the falsifying replay and tests. */
import { SLO_RUNS_MAX } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import { standingOf } from './reputation.ts';
import type { ChassisState, RunState } from './state.ts';

/** Sentences, each with the invariant it breaks first; empty when all hold. O(runs + samples). */
export const chassisFaults = (state: ChassisState): string[] => [
  ...openFaults(state),
  ...[...state.open.values()].flatMap(grantFaults),
  ...sloFaults(state),
  ...reputationFaults(state),
];

/** H1: what has not ended is open, once a task, and nothing else is. */
const openFaults = ({ runs, open }: ChassisState): string[] => {
  const faults: string[] = [];
  let live = 0;
  for (const run of runs.values()) {
    if (run.end !== undefined) continue;
    live += 1;
    if (open.get(run.taskId) !== run)
      faults.push(`H1: ${run.id} has not ended, and is not the open run of ${run.taskId}`);
  }
  if (live !== open.size) faults.push(`H1: ${open.size} runs are open, and ${live} have not ended`);
  return faults;
};

/** H2: limits no wider than the contract's, grants that it has, and isolation as was asked for. */
const grantFaults = ({
  id,
  contract,
  limits,
  http,
  secrets,
  level,
  minLevel,
}: RunState): string[] => {
  const { limits: most, ...named } = must(contract, 'H1: an open run without its contract');
  const faults: string[] = [];
  const isWide =
    limits.cpuMsMax > most.cpuMsMax ||
    limits.wallMsMax > most.wallMsMax ||
    limits.cpuPercentMax > most.cpuPercentMax ||
    limits.memoryMibMax > most.memoryMibMax ||
    limits.apiCallsPerSecondMax > most.apiCallsPerSecondMax ||
    limits.networkCallsMax > most.networkCallsMax;
  if (isWide) faults.push(`H2: ${id} has limits wider than its contract`);
  const granted = new Set(named.http.map(({ alias }) => alias));
  if (!http.every((alias) => granted.has(alias)) || !secrets.every((one) => http.includes(one)))
    faults.push(`H2: ${id} was given what its contract does not grant`);
  if (level < minLevel) faults.push(`H2: ${id} runs at level ${level}, and needs ${minLevel}`);
  return faults;
};

/** H3: latencies in order are those of the samples. */
const sloFaults = ({ slos }: ChassisState): string[] =>
  [...slos].flatMap(([swarmId, { samples, sorted, unavailable }]) => {
    const own = samples.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
    const isRight =
      own.length === sorted.length && own.every((latencyMs, at) => latencyMs === sorted[at]);
    const isBounded = samples.length <= SLO_RUNS_MAX && unavailable.length <= SLO_RUNS_MAX;
    return isRight && isBounded ? [] : [`H3: the window of ${swarmId} is not that of its runs`];
  });

/** H3: a reputation is what its samples say. */
const reputationFaults = ({ reputations }: ChassisState): string[] =>
  [...reputations].flatMap(([provider, { value, samples }]) => {
    const own = standingOf(samples).value;
    return own === value ? [] : [`H3: ${provider} has the reputation ${value}, its runs ${own}`];
  });
