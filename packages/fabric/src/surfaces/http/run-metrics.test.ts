import { expect, test } from 'vitest';

import { createMetrics, type RunFigures } from './metrics.ts';
import { SLO_SWARMS_MAX } from './run-metrics.ts';

type Swarm = RunFigures['swarms'][number];

// A swarm's id as the registry would have parsed it.
const swarm = (swarmId: string, said: Partial<Swarm> = {}): Swarm =>
  ({ swarmId, samples: 1, violations: 0, reputationPermille: 700, ...said }) as Swarm;

test('CH-24: runs by cause, and what each swarm was measured at', async () => {
  const metrics = createMetrics();
  const figures = {
    p50Ms: 12,
    p95Ms: 250,
    p99Ms: 1_500,
    successPermyriad: 9_750,
    availabilityPermyriad: 10_000,
    efficiencyPermyriad: 8_000,
    violations: 2,
  };
  metrics.setRuns({
    runs: { open: 3, ended: { completed: 39, wall: 1 } },
    swarms: [swarm('red', figures)],
  });
  const text = await metrics.text();
  for (const line of [
    'ifab_runs_total{cause="completed"} 39',
    'ifab_runs_total{cause="wall"} 1',
    'ifab_runs_open 3',
    'ifab_slo_latency_seconds{swarm="red",quantile="0.5"} 0.012',
    'ifab_slo_latency_seconds{swarm="red",quantile="0.95"} 0.25',
    'ifab_slo_latency_seconds{swarm="red",quantile="0.99"} 1.5',
    'ifab_slo_success_ratio{swarm="red"} 0.975',
    'ifab_slo_availability_ratio{swarm="red"} 1',
    'ifab_slo_efficiency_ratio{swarm="red"} 0.8',
    'ifab_slo_violations{swarm="red"} 2',
    'ifab_reputation{swarm="red"} 0.7',
  ])
    expect(text).toContain(`${line}\n`);
});

test('the next scrape shows what is so then, not what was', async () => {
  const metrics = createMetrics();
  const runs = { open: 0, ended: { completed: 2 } };
  metrics.setRuns({ runs, swarms: [swarm('red', { p50Ms: 1 })] });
  metrics.setRuns({ runs, swarms: [swarm('blue')] });
  const text = await metrics.text();
  expect(text).toContain('ifab_runs_total{cause="completed"} 2\n');
  expect(text).toContain('ifab_reputation{swarm="blue"} 0.7\n');
  expect(text).not.toContain('swarm="red"');
  expect(text).not.toContain('ifab_slo_latency_seconds{');
});

test('however many swarms there are, the series are bounded', async () => {
  const metrics = createMetrics();
  const swarms = Array.from({ length: SLO_SWARMS_MAX + 50 }, (_, i) => swarm(`s${i}`));
  metrics.setRuns({ runs: { open: 0, ended: {} }, swarms });
  const shown = (await metrics.text()).match(/^ifab_reputation\{/gmu) ?? [];
  expect(shown).toHaveLength(SLO_SWARMS_MAX);
});
