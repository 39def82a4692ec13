import { performance } from 'node:perf_hooks';
import type { OutputOf } from '@infrafabric/protocol';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

import { createRunMetrics } from './run-metrics.ts';

// The one catalogue of metrics: every name that `/metrics` shows is in this file or, of runs in the
// sandbox, in run-metrics.ts, with its unit in the name.

/**
 * Around an fsync (0.1–1 ms) and around a wait (25 s): what lies between tells a slow disk from a
 * slow caller.
 */
const CALL_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5, 30];
/** Powers of four up to the most entries of one frame. */
const BATCH_ENTRIES = [1, 4, 16, 64, 256, 1_024];

export type SurfaceName = 'http' | 'ws' | 'mcp';

/** What a surface needs that only answers calls. */
export interface CallMetrics {
  /** One answered call: `code` is `ok` or the refusal's. */
  observeCall(call: {
    readonly surface: SurfaceName;
    readonly operation: string;
    readonly code: string;
    readonly seconds: number;
  }): void;
}

export interface Metrics extends CallMetrics {
  /** One durable append of the leader; the opening of a term is none. */
  observeBatch(entries: number): void;
  readersOpened(surface: SurfaceName): void;
  /** `lagging`: the reader was dropped because it was too slow. */
  readersClosed(surface: SurfaceName, why: 'ended' | 'lagging'): void;
  connectionsOpened(): void;
  connectionsClosed(): void;
  /** What the leader says of itself, read once a scrape. */
  setRealm(status: RealmFigures): void;
  /** What was measured of runs, read once a scrape: the swarms of one page. */
  setRuns(figures: RunFigures): void;
  /** The Prometheus text format 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface RealmFigures {
  readonly size: number;
  readonly epoch: number;
  readonly sessions: { readonly open: number; readonly waiting: number };
  readonly tasks: Readonly<Record<string, number>>;
  readonly blockersOpen: number;
  readonly breakersOpen: number;
  readonly escalationsOpen: number;
  readonly money: {
    readonly limitMicroUsd: number;
    readonly reservedMicroUsd: number;
    readonly spentMicroUsd: number;
    readonly overrunMicroUsd: number;
  };
  readonly readOnly: boolean;
}

export type RunFigures = Pick<OutputOf<'slo.list'>, 'runs' | 'swarms'>;

/** A catalogue with a registry of its own: two fabrics in one process do not mix their figures. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const traffic = createTraffic(registers);
  const realm = createRealm(registers);
  const setRuns = createRunMetrics(registers);
  createLoop(registers);
  return {
    contentType: registry.contentType,
    observeCall: ({ surface, operation, code, seconds }) => {
      traffic.calls.inc({ surface, operation, code });
      traffic.callSeconds.observe({ surface, operation }, seconds);
    },
    observeBatch: (entries) => traffic.batchEntries.observe(entries),
    readersOpened: (surface) => traffic.readers.inc({ surface }),
    readersClosed: (surface, why) => {
      traffic.readers.dec({ surface });
      if (why === 'lagging') traffic.readersDropped.inc({ surface });
    },
    connectionsOpened: () => traffic.connections.inc(),
    connectionsClosed: () => traffic.connections.dec(),
    setRealm: (status) => {
      realm.entries.set(status.size);
      realm.epoch.set(status.epoch);
      realm.sessions.set({ state: 'open' }, status.sessions.open);
      realm.sessions.set({ state: 'waiting' }, status.sessions.waiting);
      for (const [phase, count] of Object.entries(status.tasks)) {
        if (phase !== 'total') realm.tasks.set({ phase }, count);
      }
      realm.blockers.set(status.blockersOpen);
      realm.breakers.set(status.breakersOpen);
      realm.escalations.set(status.escalationsOpen);
      const { limitMicroUsd, reservedMicroUsd, spentMicroUsd, overrunMicroUsd } = status.money;
      realm.money.set({ part: 'limit' }, limitMicroUsd);
      realm.money.set({ part: 'reserved' }, reservedMicroUsd);
      realm.money.set({ part: 'spent' }, spentMicroUsd);
      realm.money.set({ part: 'overrun' }, overrunMicroUsd);
      realm.readOnly.set(status.readOnly ? 1 : 0);
    },
    setRuns,
    text: () => registry.metrics(),
  };
}

function createTraffic(registers: Registry[]) {
  return {
    calls: new Counter({
      name: 'ifab_calls_total',
      help: 'Answered calls by surface, operation and outcome.',
      labelNames: ['surface', 'operation', 'code'],
      registers,
    }),
    callSeconds: new Histogram({
      name: 'ifab_call_seconds',
      help: 'Time from a parsed request to its durable answer.',
      labelNames: ['surface', 'operation'],
      buckets: CALL_SECONDS,
      registers,
    }),
    batchEntries: new Histogram({
      name: 'ifab_batch_entries',
      help: 'Entries of one durable append.',
      buckets: BATCH_ENTRIES,
      registers,
    }),
    readers: new Gauge({
      name: 'ifab_feed_readers',
      help: 'Open readers of the feed.',
      labelNames: ['surface'],
      registers,
    }),
    readersDropped: new Counter({
      name: 'ifab_feed_readers_dropped_total',
      help: 'Readers of the feed that were dropped because they were too slow.',
      labelNames: ['surface'],
      registers,
    }),
    connections: new Gauge({
      name: 'ifab_connections',
      help: 'Open WebSocket connections.',
      registers,
    }),
  };
}

function createRealm(registers: Registry[]) {
  return {
    entries: new Gauge({ name: 'ifab_log_entries', help: 'Entries of the log.', registers }),
    epoch: new Gauge({ name: 'ifab_leader_epoch', help: 'Epoch of the leader.', registers }),
    sessions: new Gauge({
      name: 'ifab_sessions',
      help: 'Sessions by state.',
      labelNames: ['state'],
      registers,
    }),
    tasks: new Gauge({
      name: 'ifab_tasks',
      help: 'Tasks by phase.',
      labelNames: ['phase'],
      registers,
    }),
    blockers: new Gauge({ name: 'ifab_blockers_open', help: 'Open blockers.', registers }),
    breakers: new Gauge({
      name: 'ifab_breakers_open',
      help: 'Swarms whose breaker is not closed.',
      registers,
    }),
    escalations: new Gauge({
      name: 'ifab_escalations_open',
      help: 'Escalations that nobody has acknowledged.',
      registers,
    }),
    money: new Gauge({
      name: 'ifab_realm_micro_usd',
      help: 'The account of the realm, in micro-dollars.',
      labelNames: ['part'],
      registers,
    }),
    readOnly: new Gauge({
      name: 'ifab_read_only',
      help: '1 while the realm refuses writes because the disk is full.',
      registers,
    }),
  };
}

/**
 * Sampled by the scrape itself: a sampling timer would wake an idle fabric a hundred times a
 * second.
 */
function createLoop(registers: Registry[]): void {
  const lag = new Gauge({
    name: 'ifab_event_loop_lag_seconds',
    help: 'How long a task that was due at once waited, measured by this scrape.',
    registers,
    collect: async () => {
      const asked = performance.now();
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      lag.set((performance.now() - asked) / 1_000);
    },
  });
  let before = performance.eventLoopUtilization();
  const busy = new Gauge({
    name: 'ifab_event_loop_busy_ratio',
    help: 'Share of the time since the last scrape in which the event loop worked.',
    registers,
    collect: () => {
      const now = performance.eventLoopUtilization();
      busy.set(performance.eventLoopUtilization(now, before).utilization);
      before = now;
    },
  });
  const resident = new Gauge({
    name: 'ifab_resident_memory_bytes',
    help: 'Memory of the process that is in RAM.',
    registers,
    collect: (): void => resident.set(process.memoryUsage.rss()),
  });
}
