import { Counter, Gauge, type Registry } from 'prom-client';

import type { RunFigures } from './metrics.ts';

/** Swarms that have figures of their own; each adds seven series. Those that ran first are shown. */
export const SLO_SWARMS_MAX = 100;

const MS_PER_SECOND = 1_000;
const ONE = 10_000;

/** Runs in the sandbox, and what each swarm was measured at. Answers how to set them. */
export function createRunMetrics(registers: Registry[]): (figures: RunFigures) => void {
  const runs = new Counter({
    name: 'ifab_runs_total',
    help: 'Runs in the sandbox that have ended, by cause.',
    labelNames: ['cause'],
    registers,
  });
  const open = new Gauge({ name: 'ifab_runs_open', help: 'Runs that have not ended.', registers });
  const perSwarm = createSloMetrics(registers);
  return ({ runs: counts, swarms }) => {
    // The log counts, since before this process was started.
    runs.reset();
    for (const [cause, count] of Object.entries(counts.ended)) runs.inc({ cause }, count);
    open.set(counts.open);
    // A swarm that has nothing to show any more must not keep what it had.
    for (const { metric } of perSwarm) metric.reset();
    for (const swarm of swarms.slice(0, SLO_SWARMS_MAX)) {
      for (const { metric, labels, read } of perSwarm) {
        const value = read(swarm);
        if (value !== undefined) metric.set({ swarm: swarm.swarmId, ...labels }, value);
      }
    }
  };
}

type Swarm = RunFigures['swarms'][number];

interface SloMetric {
  readonly metric: Gauge;
  readonly labels: Readonly<Record<string, string>>;
  readonly read: (swarm: Swarm) => number | undefined;
}

const scaled = (value: number | undefined, by: number): number | undefined =>
  value === undefined ? undefined : value / by;

function createSloMetrics(registers: Registry[]): readonly SloMetric[] {
  const gauge = (name: string, help: string, ...labelNames: readonly string[]): Gauge =>
    new Gauge({ name, help, labelNames: ['swarm', ...labelNames], registers });
  const latency = gauge(
    'ifab_slo_latency_seconds',
    'Time of a run with its queue, of the window, by quantile; failures count at their deadline.',
    'quantile',
  );
  const share = (name: string, help: string, read: (swarm: Swarm) => number | undefined) => ({
    metric: gauge(name, help),
    labels: {},
    read: (swarm: Swarm) => scaled(read(swarm), ONE),
  });
  return [
    {
      metric: latency,
      labels: { quantile: '0.5' },
      read: (one) => scaled(one.p50Ms, MS_PER_SECOND),
    },
    {
      metric: latency,
      labels: { quantile: '0.95' },
      read: (one) => scaled(one.p95Ms, MS_PER_SECOND),
    },
    {
      metric: latency,
      labels: { quantile: '0.99' },
      read: (one) => scaled(one.p99Ms, MS_PER_SECOND),
    },
    share(
      'ifab_slo_success_ratio',
      'Runs of the window that completed.',
      (one) => one.successPermyriad,
    ),
    share(
      'ifab_slo_availability_ratio',
      'Runners of the window that could be had.',
      (one) => one.availabilityPermyriad,
    ),
    share(
      'ifab_slo_efficiency_ratio',
      'What runs of the window left of what they might use.',
      (one) => one.efficiencyPermyriad,
    ),
    {
      metric: gauge('ifab_slo_violations', 'Runs of the window that failed or were too slow.'),
      labels: {},
      read: (one) => one.violations,
    },
    {
      metric: gauge('ifab_reputation', 'What the swarm is ranked by, 0 to 1.'),
      labels: {},
      read: (one) => one.reputationPermille / 1_000,
    },
  ];
}
