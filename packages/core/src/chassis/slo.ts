/**
 * What runs were measured at: the newest SLO_RUNS_MAX, none older than SLO_WINDOW_DAYS. All figures are the runner host's
 * (H3); what a guest or its runner says of itself is in none of them.
 *
 * A failure is never fast: it counts at its deadline, so that no latency can be farmed with runs that fail at once.
 */
import { SLO_RUNS_MAX, SLO_RUNS_MIN, SLO_WINDOW_DAYS } from '@infrafabric/protocol';
import type {
  Guarantees,
  RunCause,
  RunLimits,
  RunMeasure,
  ServiceContract,
  SloObjective,
} from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import type { RunSample } from './events.ts';

const DAY_MS = 86_400_000;
export const SLO_WINDOW_MS = SLO_WINDOW_DAYS * DAY_MS;
/** One, in ten-thousandths. */
export const WHOLE = 10_000;
const MIB = 1_048_576;

/** One run that counts. */
export interface Sample extends RunSample {
  /** When it ended. */
  readonly at: number;
  readonly ok: boolean;
}

/** A value that never changes: what follows from one more run is another one. */
export interface SloWindow {
  /** Oldest first. */
  readonly samples: readonly Sample[];
  /** Latencies of the samples, ascending, ms. */
  readonly sorted: readonly number[];
  /** When no runner could be had, over the same time; at most SLO_RUNS_MAX. */
  readonly unavailable: readonly number[];
}

export const NO_RUNS: SloWindow = { samples: [], sorted: [], unavailable: [] };

/** How a run counts: `limits` are those that it had, `measure` is absent where nobody told of it. */
export const sampleOf = (
  { guarantees, reputation }: Pick<ServiceContract, 'guarantees' | 'reputation'>,
  limits: RunLimits,
  { cause, measure }: { readonly cause: RunCause; readonly measure: RunMeasure | undefined },
): RunSample => {
  const ok = cause === 'completed';
  // Each is a safe integer, and what readers are promised is one, too.
  const tookMs =
    measure === undefined ? 0 : Math.min(Number.MAX_SAFE_INTEGER, measure.queueMs + measure.wallMs);
  const latencyMs = ok ? tookMs : Math.max(limits.wallMsMax, tookMs);
  const missed = !ok || latencyMs > objectiveOf(guarantees);
  return {
    efficiencyPermyriad: ok ? efficiencyOf(limits, must(measure, 'H3: no measure')) : 0,
    latencyMs,
    missed,
    stepPermyriad: missed ? 0 - reputation.missPenaltyPermyriad : reputation.successGainPermyriad,
  };
};

/** The latency that a run misses its SLO above: of the 99th percentile, else of the 95th. */
const objectiveOf = ({ latencyP99Ms, latencyP95Ms }: Guarantees): number =>
  latencyP99Ms ?? latencyP95Ms ?? Number.POSITIVE_INFINITY;

/** 1 − mean(CPU, memory, network calls: used ÷ allowed), each of them 1 at most. */
const efficiencyOf = (limits: RunLimits, measure: RunMeasure): number => {
  const used =
    usedOf(measure.cpuMs, limits.cpuMsMax) +
    usedOf(measure.peakMemoryBytes, limits.memoryMibMax * MIB) +
    usedOf(measure.networkCalls, limits.networkCallsMax);
  return Math.round(WHOLE - used / 3);
};

const usedOf = (used: number, allowed: number): number =>
  used === 0 ? 0 : Math.min(WHOLE, Math.floor((used / Math.max(1, allowed)) * WHOLE));

export const isTooOld = (sample: Pick<Sample, 'at'>, at: number): boolean =>
  sample.at < at - SLO_WINDOW_MS;

/** The samples that still count at `at`, and the one that comes now; the newest SLO_RUNS_MAX. */
export const keptAt = (
  samples: readonly Sample[],
  at: number,
  sample?: Sample,
): readonly Sample[] => {
  const all = sample === undefined ? samples : [...samples, sample];
  const young = all.findIndex((one) => !isTooOld(one, at));
  const from = young === -1 ? all.length : Math.max(young, all.length - SLO_RUNS_MAX);
  return from === 0 ? all : all.slice(from);
};

/** The window at `at`, with what comes now: a run, or the want of a runner. O(samples), without sorting them. */
export const windowAt = (
  { samples, sorted, unavailable }: SloWindow,
  at: number,
  now: { readonly sample?: Sample; readonly unavailable?: boolean } = {},
): SloWindow => {
  const kept = keptAt(samples, at, now.sample);
  const [oldest] = kept;
  const since =
    kept.length === SLO_RUNS_MAX && oldest !== undefined ? oldest.at : at - SLO_WINDOW_MS;
  const asked = now.unavailable === true ? [...unavailable, at] : unavailable;
  const order = [...sorted];
  const gone = samples.length + (now.sample === undefined ? 0 : 1) - kept.length;
  for (const { latencyMs } of samples.slice(0, gone)) order.splice(placeOf(order, latencyMs), 1);
  if (now.sample !== undefined)
    order.splice(placeOf(order, now.sample.latencyMs), 0, now.sample.latencyMs);
  return {
    samples: kept,
    sorted: order,
    unavailable: asked.filter((one) => one >= since).slice(-SLO_RUNS_MAX),
  };
};

/** The first place whose value is not below. */
const placeOf = (sorted: readonly number[], value: number): number => {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (must(sorted[middle], 'a place outside its list') < value) from = middle + 1;
    else to = middle;
  }
  return from;
};

/** The `percent`-th percentile by nearest rank: the ⌈percent × n ÷ 100⌉-th of n; undefined of none. */
export const percentileOf = (sorted: readonly number[], percent: number): number | undefined =>
  sorted[Math.ceil((percent * sorted.length) / 100) - 1];

/** Shares in ten-thousandths, rounded down: what is not quite reached is not reached. */
export const shareOf = (part: number, whole: number): number | undefined =>
  whole === 0 ? undefined : Math.floor((part * WHOLE) / whole);

export const successOf = ({ samples }: SloWindow): number | undefined =>
  shareOf(samples.filter(({ ok }) => ok).length, samples.length);

/** Runners that could be had ÷ runners that were asked for. */
export const availabilityOf = ({ samples, unavailable }: SloWindow): number | undefined =>
  shareOf(samples.length, samples.length + unavailable.length);

export const efficiencyMeanOf = ({ samples }: SloWindow): number | undefined => {
  const sum = samples.reduce((total, one) => total + one.efficiencyPermyriad, 0);
  return shareOf(sum, samples.length * WHOLE);
};

type Promised = Pick<SloObjective, 'name' | 'wanted'> & { readonly isCeiling: boolean };

/** What contracts promise, the strictest of each kind, in the order of `Guarantees`. */
const promisesOf = (guarantees: readonly Guarantees[]): readonly Promised[] => {
  const strictest = (
    name: SloObjective['name'],
    pick: (one: Guarantees) => number | undefined,
    isCeiling: boolean,
  ): readonly Promised[] => {
    const all = guarantees.flatMap((one) => pick(one) ?? []);
    if (all.length === 0) return [];
    return [{ name, wanted: isCeiling ? Math.min(...all) : Math.max(...all), isCeiling }];
  };
  return [
    ...strictest('latencyP50Ms', (one) => one.latencyP50Ms, true),
    ...strictest('latencyP95Ms', (one) => one.latencyP95Ms, true),
    ...strictest('latencyP99Ms', (one) => one.latencyP99Ms, true),
    ...strictest('successPermyriadMin', (one) => one.successPermyriadMin, false),
    ...strictest('availabilityPermyriadMin', (one) => one.availabilityPermyriadMin, false),
  ];
};

/** Every promise with what was measured. Fewer than SLO_RUNS_MIN runs are not enough to call it met, or missed. */
export const objectivesOf = (
  guarantees: readonly Guarantees[],
  window: SloWindow,
): readonly SloObjective[] =>
  promisesOf(guarantees).map(({ name, wanted, isCeiling }): SloObjective => {
    const measured = measuredOf(window, name);
    const asked =
      window.samples.length + (name === 'availabilityPermyriadMin' ? window.unavailable.length : 0);
    if (measured === undefined || asked < SLO_RUNS_MIN) {
      const verdict = 'not-enough-data';
      return measured === undefined
        ? { name, wanted, verdict }
        : { name, wanted, measured, verdict };
    }
    const isMet = isCeiling ? measured <= wanted : measured >= wanted;
    return { name, wanted, measured, verdict: isMet ? 'met' : 'missed' };
  });

const measuredOf = (window: SloWindow, name: SloObjective['name']): number | undefined => {
  switch (name) {
    case 'latencyP50Ms':
      return percentileOf(window.sorted, 50);
    case 'latencyP95Ms':
      return percentileOf(window.sorted, 95);
    case 'latencyP99Ms':
      return percentileOf(window.sorted, 99);
    case 'successPermyriadMin':
      return successOf(window);
    case 'availabilityPermyriadMin':
      return availabilityOf(window);
  }
};
