/** Windows, percentiles and how a run counts. */
import { NO_MEASURE, SLO_RUNS_MAX, SLO_RUNS_MIN, ServiceContract } from '@infrafabric/protocol';
import type { RunCause, RunMeasure } from '@infrafabric/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  availabilityOf,
  efficiencyMeanOf,
  NO_RUNS,
  objectivesOf,
  percentileOf,
  sampleOf,
  SLO_WINDOW_MS,
  successOf,
  windowAt,
} from './slo.ts';
import type { Sample, SloWindow } from './slo.ts';

const contract = (guarantees: object = {}, limits: object = {}): ServiceContract =>
  ServiceContract.parse({
    contractVersion: 1,
    provider: 'acme',
    swarmId: 's',
    version: '1.0.0',
    module: { digest: `sha256:${'a'.repeat(64)}`, abi: 'json', entrypoints: ['run'] },
    guarantees,
    limits: {
      cpuMsMax: 1_000,
      wallMsMax: 10_000,
      memoryMibMax: 100,
      networkCallsMax: 10,
      ...limits,
    },
  });

const measure = (said: Partial<RunMeasure> = {}): RunMeasure => ({
  ...NO_MEASURE,
  wallMs: 10,
  ...said,
});

const counted = (
  cause: RunCause,
  said: Partial<RunMeasure> | undefined = {},
  guarantees: object = { latencyP99Ms: 200, latencyP95Ms: 50 },
) => {
  const one = contract(guarantees);
  return sampleOf(one, one.limits, {
    cause,
    measure: said === undefined ? undefined : measure(said),
  });
};

test('times that add up to no safe integer count as the largest', () => {
  const most = Number.MAX_SAFE_INTEGER;
  for (const cause of ['completed', 'failed'] as const)
    expect(counted(cause, { queueMs: most, wallMs: most }).latencyMs).toBe(most);
});

const sample = (at: number, said: Partial<Sample> = {}): Sample => ({
  at,
  ok: true,
  missed: false,
  latencyMs: 10,
  efficiencyPermyriad: 5_000,
  stepPermyriad: 100,
  ...said,
});

const windowOf = (samples: readonly Sample[], unavailable: readonly number[] = []): SloWindow => {
  let window = NO_RUNS;
  for (const at of unavailable) window = windowAt(window, at, { unavailable: true });
  for (const one of samples) window = windowAt(window, one.at, { sample: one });
  return window;
};

describe('how a run counts', () => {
  test('case 96: a failure is never fast: it counts at its deadline, with no efficiency', () => {
    for (const cause of ['failed', 'invalid', 'trapped', 'crashed', 'refused', 'protocol'] as const)
      expect(counted(cause, { wallMs: 1 })).toStrictEqual({
        efficiencyPermyriad: 0,
        latencyMs: 10_000,
        missed: true,
        stepPermyriad: -500,
      });
    expect(counted('wall', { queueMs: 5_000, wallMs: 10_050 }).latencyMs).toBe(15_050);
    expect(counted('revoked', undefined).latencyMs).toBe(10_000);
  });

  test('case 98: a result that is empty where the schema wants one is a failure', () => {
    expect(counted('invalid', { wallMs: 1 })).toMatchObject({ missed: true, latencyMs: 10_000 });
  });

  test('case 99: the queue, and the time of host calls within the run, are in its latency', () => {
    expect(counted('completed', { queueMs: 150, wallMs: 60 })).toMatchObject({
      latencyMs: 210,
      missed: true,
      stepPermyriad: -500,
    });
    expect(counted('completed', { queueMs: 140, wallMs: 60 })).toMatchObject({
      latencyMs: 200,
      missed: false,
      stepPermyriad: 100,
    });
  });

  test('what is too slow is slower than the 99th percentile that is promised, else than the 95th', () => {
    const slow = { wallMs: 60 };
    expect(counted('completed', slow, { latencyP95Ms: 50 }).missed).toBe(true);
    expect(counted('completed', slow, { latencyP95Ms: 50, latencyP99Ms: 60 }).missed).toBe(false);
    expect(counted('completed', slow, { latencyP50Ms: 1 }).missed).toBe(false);
  });

  test('efficiency is what is left of CPU, memory and calls, each no less than nothing', () => {
    const of = (said: Partial<RunMeasure>): number =>
      counted('completed', said).efficiencyPermyriad;
    expect(of({})).toBe(10_000);
    expect(of({ cpuMs: 1_000, peakMemoryBytes: 100 * 1_048_576, networkCalls: 10 })).toBe(0);
    expect(of({ cpuMs: 300 })).toBe(9_000);
    // The runtime itself takes more than the guest may.
    expect(of({ peakMemoryBytes: 900 * 1_048_576 })).toBe(6_667);
    const none = contract({}, { networkCallsMax: 0 });
    const used = { cause: 'completed', measure: measure({ networkCalls: 1 }) } as const;
    expect(sampleOf(none, none.limits, used).efficiencyPermyriad).toBe(6_667);
  });

  test('penalty and gain are the contract\u2019s, in ten-thousandths', () => {
    const own = {
      ...contract(),
      reputation: { missPenaltyPermyriad: 2_000, successGainPermyriad: 0 },
    };
    const of = (cause: RunCause): number =>
      sampleOf(own, own.limits, { cause, measure: measure() }).stepPermyriad;
    expect([of('failed'), of('completed')]).toStrictEqual([-2_000, 0]);
    const kind = { ...own, reputation: { missPenaltyPermyriad: 0, successGainPermyriad: 10_000 } };
    expect(sampleOf(kind, kind.limits, { cause: 'failed', measure: undefined }).stepPermyriad).toBe(
      0,
    );
  });
});

describe('the window', () => {
  test('CH-21: it keeps the newest 1,000 runs, none older than 30 days', () => {
    const all = Array.from({ length: SLO_RUNS_MAX + 5 }, (_, i) => sample(i, { latencyMs: i }));
    const window = windowOf(all);
    expect(window.samples).toHaveLength(SLO_RUNS_MAX);
    expect(window.samples[0]?.at).toBe(5);
    expect(window.sorted).toStrictEqual(all.slice(5).map(({ latencyMs }) => latencyMs));
    const late = windowAt(window, SLO_WINDOW_MS + 500);
    expect(late.samples).toHaveLength(SLO_RUNS_MAX + 5 - 500);
    expect(late.samples[0]?.at).toBe(500);
    expect(windowAt(window, 2 * SLO_WINDOW_MS)).toStrictEqual(NO_RUNS);
    expect(windowAt(late, SLO_WINDOW_MS + 500).samples).toBe(late.samples);
  });

  test('a runner that could not be had counts against availability over the same time, and is no run', () => {
    const window = windowOf([sample(1), sample(2), sample(3)], [1]);
    expect(window.samples).toHaveLength(3);
    expect(availabilityOf(window)).toBe(7_500);
    expect(successOf(window)).toBe(10_000);
    expect(windowAt(window, SLO_WINDOW_MS + 2).unavailable).toStrictEqual([]);
    // Where the runs are full, what was before the oldest of them is over too.
    const full = windowOf(
      Array.from({ length: SLO_RUNS_MAX }, (_, i) => sample(i + 10)),
      [3],
    );
    expect(full.unavailable).toStrictEqual([]);
    const asks = Array.from({ length: SLO_RUNS_MAX + 1 }, (_, i) => i);
    expect(windowOf([], asks).unavailable).toHaveLength(SLO_RUNS_MAX);
    expect(availabilityOf(windowOf([], asks))).toBe(0);
  });

  // Property: the order that is kept is the order that sorting gives. Method: any latencies and pauses.
  test('H3: latencies stay in order whatever comes and goes', () => {
    const runs = fc.array(fc.tuple(fc.integer({ min: 0, max: SLO_WINDOW_MS }), fc.nat(50)), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(runs, (list) => {
        let window = NO_RUNS;
        let at = 0;
        for (const [pauseMs, latencyMs] of list) {
          at += Math.floor(pauseMs / 8);
          window = windowAt(window, at, { sample: sample(at, { latencyMs }) });
          const own = window.samples.map((one) => one.latencyMs).toSorted((a, b) => a - b);
          expect(window.sorted).toStrictEqual(own);
          expect(window.samples.every((one) => one.at >= at - SLO_WINDOW_MS)).toBe(true);
        }
      }),
    );
  });

  test('percentiles are by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    expect([50, 95, 99].map((percent) => percentileOf(hundred, percent))).toStrictEqual([
      50, 95, 99,
    ]);
    const five = [15, 20, 35, 40, 50];
    expect([5, 30, 40, 50, 100].map((percent) => percentileOf(five, percent))).toStrictEqual([
      15, 20, 20, 35, 50,
    ]);
    expect(percentileOf([], 50)).toBeUndefined();
  });
});

describe('objectives', () => {
  const promised = [
    { latencyP50Ms: 20, latencyP95Ms: 100, latencyP99Ms: 400, successPermyriadMin: 9_000 },
    { latencyP95Ms: 50, successPermyriadMin: 9_500, availabilityPermyriadMin: 9_900 },
  ];
  const runs = (count: number, said: Partial<Sample> = {}): readonly Sample[] =>
    Array.from({ length: count }, (_, i) => sample(i, said));

  test('fewer than 20 runs are not enough data, never compliant', () => {
    const verdicts = (window: SloWindow) =>
      objectivesOf(promised, window).map(({ verdict }) => verdict);
    const unknown = Array<string>(5).fill('not-enough-data');
    expect(verdicts(NO_RUNS)).toStrictEqual(unknown);
    expect(objectivesOf(promised, NO_RUNS)[0]).toStrictEqual({
      name: 'latencyP50Ms',
      wanted: 20,
      verdict: 'not-enough-data',
    });
    expect(verdicts(windowOf(runs(SLO_RUNS_MIN - 1)))).toStrictEqual(unknown);
    expect(verdicts(windowOf(runs(SLO_RUNS_MIN)))).toStrictEqual(Array<string>(5).fill('met'));
  });

  test('the strictest promise of each kind holds, and is met or missed', () => {
    const slow = windowOf([...runs(18), ...runs(2, { latencyMs: 60, ok: false })], [0]);
    expect(objectivesOf(promised, slow)).toStrictEqual([
      { name: 'latencyP50Ms', wanted: 20, measured: 10, verdict: 'met' },
      { name: 'latencyP95Ms', wanted: 50, measured: 60, verdict: 'missed' },
      { name: 'latencyP99Ms', wanted: 400, measured: 60, verdict: 'met' },
      { name: 'successPermyriadMin', wanted: 9_500, measured: 9_000, verdict: 'missed' },
      { name: 'availabilityPermyriadMin', wanted: 9_900, measured: 9_523, verdict: 'missed' },
    ]);
    expect(efficiencyMeanOf(slow)).toBe(5_000);
    expect(efficiencyMeanOf(NO_RUNS)).toBeUndefined();
    expect(objectivesOf([{}], slow)).toStrictEqual([]);
  });
});
