/** The fold of runs: their start, their notes, their lease's end and their own, and what they count as. */
import { must } from '../kernel/decision.ts';
import { contractKey, RUNS_KEPT_MAX, runNamed } from './state.ts';
import type { ChassisState, RunState } from './state.ts';
import type { ReputationChanged, RunEnded, RunStarted } from './events.ts';
import { NO_REPUTATION, remembered } from './reputation.ts';
import { keptAt, NO_RUNS, windowAt } from './slo.ts';
import type { Sample } from './slo.ts';

export const foldStarted = (state: ChassisState, event: RunStarted, at: number): void => {
  const { type: _type, runId, contract: _digest, ...rest } = event;
  const key = contractKey(event.swarmId, event.module);
  const { contract } = must(state.contracts.get(key), 'H2: a run without a contract');
  const run: RunState = { ...rest, id: runId, startedAt: at, contract, notes: 0, more: 0 };
  state.runs.set(runId, run);
  state.open.set(event.taskId, run);
};

export const foldEnded = (state: ChassisState, event: RunEnded, at: number): void => {
  const { type: _type, by: _by, runId, taskId, more: _more, ...end } = event;
  const run = runNamed(state, runId);
  run.end = { ...end, at };
  delete run.contract;
  state.open.delete(taskId);
  state.ended.set(event.cause, (state.ended.get(event.cause) ?? 0) + 1);
  count(state, run, event, at);
  if (state.runs.size - state.open.size > RUNS_KEPT_MAX) forgetOldest(state);
};

const count = (
  state: ChassisState,
  { swarmId, provider }: RunState,
  { cause, sample: counted }: RunEnded,
  at: number,
): void => {
  const slo = state.slos.get(swarmId) ?? NO_RUNS;
  if (cause === 'unavailable') state.slos.set(swarmId, windowAt(slo, at, { unavailable: true }));
  if (counted === undefined) return;
  const sample: Sample = { ...counted, at, ok: cause === 'completed' };
  state.slos.set(swarmId, windowAt(slo, at, { sample }));
  const known = state.reputations.get(provider) ?? NO_REPUTATION;
  state.reputations.set(provider, { ...known, samples: keptAt(known.samples, at, sample) });
};

/** Forgets the oldest run that has ended; those that are open before it are few. */
const forgetOldest = (state: ChassisState): void => {
  for (const [id, { end }] of state.runs) {
    if (end === undefined) continue;
    state.runs.delete(id);
    return;
  }
};

export const foldReputation = (
  state: ChassisState,
  { provider, permyriad: value, runId }: ReputationChanged,
  at: number,
): void => {
  const known = must(state.reputations.get(provider), 'a reputation of nobody');
  const past = { at, value, ...(runId === undefined ? {} : { runId }) };
  state.reputations.set(provider, {
    value,
    samples: keptAt(known.samples, at),
    history: remembered(known.history, past),
  });
};

/** The lease of an open run has ended. What comes first counts: a task may be parked by the expiry of its lease. */
export const foldLeaseEnd = (
  { open }: ChassisState,
  taskId: string,
  ended: NonNullable<RunState['leaseEnded']>,
): void => {
  const run = open.get(taskId);
  if (run !== undefined) run.leaseEnded ??= ended;
};
