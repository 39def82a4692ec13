/**
 * What follows from the end of a run: how it counts, whether it broke a promise, and what its provider's reputation is
 * then. Several may end in one entry, so the windows of those before are carried along.
 *
 * How a cause counts:
 * - `completed` is a success; it is a miss where it was slower than the contract promises.
 * - `unavailable` is no run: it counts against availability alone.
 * - `revoked` counts as a failure where the lease expired under the run: it took too long. Whatever else ended the lease
 *   (a plan that was cancelled, an operator, the holder itself) is not the provider's doing, and counts for nothing.
 * - Every other cause is a failure.
 */
import type { RunCause, RunMeasure } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import type {
  ChassisEvent,
  ReputationChanged,
  RunEnded,
  RunSample,
  SloViolated,
} from './events.ts';
import { standingOf } from './reputation.ts';
import type { ReputationState } from './reputation.ts';
import { isTooOld, keptAt, NO_RUNS, objectivesOf, sampleOf, windowAt } from './slo.ts';
import type { Sample, SloWindow } from './slo.ts';
import type { ChassisState, RunState } from './state.ts';

/** How one run ends. */
export interface Ending {
  readonly run: RunState;
  readonly cause: RunCause;
  readonly measure?: RunMeasure;
  readonly detail?: string | undefined;
  readonly output?: string | undefined;
}

/** When, and who says so. */
export interface EndedBy {
  readonly at: number;
  readonly by: string;
}

/** Pure: windows of the state are read, and what they become is carried from one ending to the next. */
export const endEvents = (
  state: ChassisState,
  endings: readonly Ending[],
  ended: EndedBy,
): ChassisEvent[] => {
  const windows = new Map<string, SloWindow>();
  const records = new Map<string, Pick<ReputationState, 'samples' | 'value'>>();
  return endings.flatMap((ending) => {
    const { run, cause } = ending;
    const counted = isCounted(ending)
      ? sampleOf(must(run.contract, 'H1: an open run without its contract'), run.limits, {
          cause,
          measure: ending.measure,
        })
      : undefined;
    const event = endedEvent(ending, counted, ended.by);
    if (counted === undefined) return [event];
    const sample: Sample = { ...counted, at: ended.at, ok: cause === 'completed' };
    const before = windows.get(run.swarmId) ?? state.slos.get(run.swarmId) ?? NO_RUNS;
    const window = windowAt(before, ended.at, { sample });
    windows.set(run.swarmId, window);
    const known = records.get(run.provider) ?? state.reputations.get(run.provider);
    const samples = keptAt(known?.samples ?? [], ended.at, sample);
    const standing = standingOf(samples);
    records.set(run.provider, { samples, value: standing.value });
    return [
      event,
      ...(counted.missed ? [violated(ending, counted, window)] : []),
      ...(known?.value === standing.value
        ? []
        : [changed(run, { ...standing, samples: samples.length, runId: run.id })]),
    ];
  });
};

const isCounted = ({ run, cause }: Ending): boolean => {
  if (cause === 'unavailable') return false;
  return cause !== 'revoked' || run.leaseEnded?.how === 'expired';
};

const endedEvent = (
  { run, cause, measure, detail, output }: Ending,
  sample: RunSample | undefined,
  by: string,
): RunEnded => ({
  by,
  cause,
  ...(detail === undefined ? {} : { detail }),
  ...(measure === undefined ? {} : { measure: ordered(measure) }),
  ...(run.more === 0 ? {} : { more: run.more }),
  ...(output === undefined ? {} : { output }),
  runId: run.id,
  ...(sample === undefined ? {} : { sample }),
  taskId: run.taskId,
  type: 'run.ended',
});

/** In the order of canonical JSON, as every member of an event. */
const ordered = (measure: RunMeasure): RunMeasure => ({
  apiCalls: measure.apiCalls,
  cpuMs: measure.cpuMs,
  ...(measure.fuel === undefined ? {} : { fuel: measure.fuel }),
  logBytes: measure.logBytes,
  networkCalls: measure.networkCalls,
  peakMemoryBytes: measure.peakMemoryBytes,
  queueMs: measure.queueMs,
  receivedBytes: measure.receivedBytes,
  sentBytes: measure.sentBytes,
  wallMs: measure.wallMs,
});

const violated = (
  { run, cause }: Ending,
  { latencyMs }: RunSample,
  window: SloWindow,
): SloViolated => {
  const { guarantees } = must(run.contract, 'H1: an open run without its contract');
  return {
    cause,
    latencyMs,
    module: run.module,
    objectives: objectivesOf([guarantees], window).flatMap(({ name, wanted, measured, verdict }) =>
      verdict === 'missed' && measured !== undefined ? [{ measured, name, wanted }] : [],
    ),
    provider: run.provider,
    runId: run.id,
    swarmId: run.swarmId,
    type: 'slo.violated',
    why: cause === 'completed' ? 'slow' : 'failed',
  };
};

const changed = (
  { provider, swarmId }: { readonly provider: string; readonly swarmId?: string },
  said: {
    readonly adjustment: number;
    readonly value: number;
    readonly samples: number;
    readonly runId?: string;
  },
): ReputationChanged => ({
  adjustmentPermyriad: said.adjustment,
  permyriad: said.value,
  provider,
  ...(said.runId === undefined ? {} : { runId: said.runId }),
  samples: said.samples,
  ...(swarmId === undefined ? {} : { swarmId }),
  type: 'reputation.changed',
});

/** What is known of a provider, for a swarm that works for it from now on; nothing where nothing is. */
export const knownEvents = (
  state: ChassisState,
  {
    provider,
    swarmId,
    at,
  }: { readonly provider: string; readonly swarmId: string; readonly at: number },
): ReputationChanged[] => {
  const known = state.reputations.get(provider);
  return known === undefined ? [] : [againAt(known, { provider, swarmId }, at)];
};

/** Reputations that one start of a run says again: an entry stays small, and the next start says more. */
export const AGED_PER_START_MAX = 20;

/**
 * Everybody of whom runs have grown too old: who is idle, because others are chosen, drifts back to the prior and is
 * chosen again. One look at each provider's oldest run.
 */
export const agedEvents = (state: ChassisState, at: number): ReputationChanged[] => {
  const aged: ReputationChanged[] = [];
  for (const [provider, known] of state.reputations) {
    if (aged.length === AGED_PER_START_MAX) break;
    const [oldest] = known.samples;
    if (oldest !== undefined && isTooOld(oldest, at)) aged.push(againAt(known, { provider }, at));
  }
  return aged;
};

const againAt = (
  { samples }: ReputationState,
  whose: { readonly provider: string; readonly swarmId?: string },
  at: number,
): ReputationChanged => {
  const kept = keptAt(samples, at);
  return changed(whose, { ...standingOf(kept), samples: kept.length });
};
