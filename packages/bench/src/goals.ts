/**
 * What the fabric has promised of its speed. A goal is a ratio to a peer or to the raw machine of the same round, so
 * that it can be judged on any machine; the few absolute ones say so. A goal is missed only where the whole 95 %
 * interval of its rounds lies on the wrong side; where its end does, it is `unsure`.
 */
import { CHASSIS_GOALS } from './goals-chassis.ts';
import { bootstrapMedian, median, type Interval } from './stats.ts';
import type { Values } from './probe.ts';

export interface Goal {
  readonly id: string;
  readonly text: string;
  /** Figures of a round that it needs. */
  readonly needs: readonly string[];
  /** From those figures, in their order. */
  readonly value: (...figures: readonly number[]) => number;
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
}

export type Verdict = 'yes' | 'no' | 'unsure' | 'not run';

export interface Judged {
  readonly id: string;
  readonly text: string;
  readonly bound: string;
  readonly verdict: Verdict;
  readonly rounds: number;
  /** Median of the rounds. */
  readonly value?: number;
  readonly interval?: Interval;
}

const ratio = (one = Number.NaN, other = Number.NaN): number => one / other;
const less = (one = Number.NaN, other = Number.NaN): number => one - other;
const self = (value = Number.NaN): number => value;

const AGENTS = 10_000;
const TASKS = 1_000_000;
const SWARMS = 10_000;
const READY_TASKS = 100_000;
/** Fewer agents or tasks say nothing about the goal: `--full` runs as many as it names. */
const ofMany = (value = Number.NaN, agents = 0): number => (agents < AGENTS ? Number.NaN : value);
const ofMatching = (value = Number.NaN, swarms = 0, tasks = 0): number =>
  swarms < SWARMS || tasks < READY_TASKS ? Number.NaN : value;
const ofMillion = (value = Number.NaN, tasks = 0): number => (tasks < TASKS ? Number.NaN : value);

const DURABLE_256 = 'claims.bare.256.perS';
const PEER_256 = 'bullmq.always.256.perS';
const SYNC_P50 = 'floor.sync.p50Ms';
const MATCHED = ['match.swarms', 'match.tasks'] as const;

export const GOALS: readonly Goal[] = [
  {
    id: 'P1',
    text: 'a lone durable claim in process, p50, in raw syncs',
    needs: ['claims.bare.alone.p50Ms', 'claims.bare.raw.p50Ms'],
    value: ratio,
    bound: { atMost: 1.5 },
  },
  {
    id: 'P1',
    text: 'its p99 less 0.2 ms, in raw syncs at p99',
    needs: ['claims.bare.alone.p99Ms', 'claims.bare.raw.p99Ms'],
    value: (claim = Number.NaN, sync = Number.NaN) => (claim - 0.2) / sync,
    bound: { atMost: 2 },
  },
  {
    id: 'P1',
    text: 'its p95, ms (on a quiet machine)',
    needs: ['claims.bare.alone.p95Ms'],
    value: self,
    bound: { atMost: 1 },
  },
  {
    id: 'P2',
    text: 'durable claims, 256 in flight, in process / BullMQ with AOF always',
    needs: [DURABLE_256, PEER_256],
    value: ratio,
    bound: { atLeast: 5 },
  },
  {
    id: 'P2',
    text: 'processor time of the leader’s thread a claim, 256 in flight, µs',
    needs: ['claims.bare.256.threadUs'],
    value: self,
    bound: { atMost: 6.8 },
  },
  {
    id: 'P2',
    text: 'processor time of BullMQ’s client thread a claim / of the leader’s',
    needs: ['bullmq.always.256.threadUs', 'claims.bare.256.threadUs'],
    value: ratio,
    bound: { atLeast: 5 },
  },
  {
    id: 'P2',
    text: 'durable claims, 256 in flight / Redis Lua claim with AOF always',
    needs: [DURABLE_256, 'redis.always.256.perS'],
    value: ratio,
    bound: { atLeast: 1.8 },
  },
  {
    id: 'P3',
    text: 'claims that only the operating system has, 256 in flight / BullMQ everysec',
    needs: ['claims.os.256.perS', 'bullmq.everysec.256.perS'],
    value: ratio,
    bound: { atLeast: 9 },
  },
  {
    id: 'P3',
    text: 'such a claim alone, p50 ms',
    needs: ['claims.os.alone.p50Ms'],
    value: self,
    bound: { atMost: 0.015 },
  },
  {
    id: 'P4',
    text: 'a lone durable claim over WebSocket, p50, less one sync and two echoes, ms',
    needs: ['remote.alone.p50Ms', SYNC_P50, 'floor.echo.p50Ms'],
    value: (claim = Number.NaN, sync = Number.NaN, echo = Number.NaN) => claim - sync - 2 * echo,
    bound: { atMost: 0.25 },
  },
  {
    id: 'P4',
    text: 'the same p50 / BullMQ alone',
    needs: ['remote.alone.p50Ms', 'bullmq.always.alone.p50Ms'],
    value: ratio,
    bound: { atMost: 1 },
  },
  {
    id: 'P4',
    text: '1,000 agents, one claim each under way / BullMQ 256 in flight',
    needs: ['remote.agents.perS', PEER_256],
    value: ratio,
    bound: { atLeast: 1.3 },
  },
  {
    id: 'P4',
    text: 'a frame of 100 claims, one entry (`tasks.next`) / BullMQ 256 in flight',
    needs: ['remote.next100.perS', PEER_256],
    value: ratio,
    bound: { atLeast: 6 },
  },
  {
    id: 'P5',
    text: 'blocker to observer, durable before notice, p50 / BullMQ add to processor',
    needs: ['remote.blocker.p50Ms', 'bullmq.always.push.p50Ms'],
    value: ratio,
    bound: { atMost: 0.5 },
  },
  {
    id: 'P5',
    text: 'completion to the next lease pushed, p50 / BullMQ add to processor',
    needs: ['remote.unlock.p50Ms', 'bullmq.always.push.p50Ms'],
    value: ratio,
    bound: { atMost: 0.5 },
  },
  {
    id: 'P5',
    text: 'blocker to observer, p99 ms (on a quiet machine)',
    needs: ['remote.blocker.p99Ms'],
    value: self,
    bound: { atMost: 5 },
  },
  {
    id: 'P6',
    text: '100 claimers of 1 task: last answer at p99 less a raw sync at p99, ms',
    needs: ['claims.bare.crowd.lastP99Ms', 'claims.bare.raw.p99Ms'],
    value: less,
    bound: { atMost: 2 },
  },
  {
    id: 'P9',
    text: 'throughput that the witness costs: 1 − with / without, 256 in flight',
    needs: ['claims.file.256.perS', DURABLE_256],
    value: (witnessed = Number.NaN, bare = Number.NaN) => 1 - witnessed / bare,
    bound: { atMost: 0.25 },
  },
  {
    id: 'P9',
    text: 'entries verified a second (frames, chain, tree, checkpoints)',
    needs: ['verify.entriesPerS'],
    value: self,
    bound: { atLeast: 300_000 },
  },
  {
    id: 'P10',
    text: '72 hours of contended claims (25.92 M), seconds',
    needs: ['long.72hS'],
    value: self,
    bound: { atMost: 360 },
  },
  {
    id: 'P11',
    text: 'bytes a task without its payload, a million tasks',
    needs: ['dag.taskBytes', 'dag.tasks'],
    value: ofMillion,
    bound: { atMost: 150 },
  },
  {
    id: 'P11',
    text: 'tasks completed a second with readiness, state only',
    needs: ['dag.completePerS', 'dag.tasks'],
    value: ofMillion,
    bound: { atLeast: 5_000_000 },
  },
  {
    id: 'P11',
    text: 'recovery from a snapshot of a million tasks and a million entries, seconds',
    needs: ['dag.recoveryS', 'dag.tasks'],
    value: ofMillion,
    bound: { atMost: 4 },
  },
  {
    id: 'P12',
    text: 'memory of one of 10,000 connected agents, bytes',
    needs: ['connections.agentBytes', 'connections.agents'],
    value: ofMany,
    bound: { atMost: 15_360 },
  },
  {
    id: 'P12',
    text: 'one event to 10,000 agents, ms',
    needs: ['connections.eventToAllMs', 'connections.agents'],
    value: ofMany,
    bound: { atMost: 200 },
  },
  {
    id: 'P13',
    text: 'longest stall of the event loop at 256 in flight less the scheduler’s longest, ms',
    needs: ['claims.bare.256.stallMs', 'floor.spin.longestMs'],
    value: less,
    bound: { atMost: 20 },
  },
  {
    id: 'P14',
    text: 'from the start of the process to its first durable claim, seconds',
    needs: ['cold.firstClaimS'],
    value: self,
    bound: { atMost: 1 },
  },
  {
    id: 'WP7',
    text: 'verifying an entry at V0, in a SHA-256 of 500 bytes and one of 65',
    needs: ['verify.framesInHashes'],
    value: self,
    bound: { atMost: 2.5 },
  },
  {
    id: 'WP13',
    text: 'deciding and folding it again (V5), in the same',
    needs: ['verify.replayInHashes'],
    value: self,
    bound: { atMost: 10 },
  },
  {
    id: 'M1',
    text: 'one task against 10,000 swarms: the best three, least of three tries, p99 ms',
    needs: ['match.swarm.least.p99Ms', ...MATCHED],
    value: ofMatching,
    bound: { atMost: 1 },
  },
  {
    id: 'M1',
    text: 'one session against 100,000 ready tasks: deciding `tasks.next`, the same, p99 ms',
    needs: ['match.next.least.p99Ms', ...MATCHED],
    value: ofMatching,
    bound: { atMost: 1 },
  },
  {
    id: 'M2',
    text: 'blocker to three helpers leased, in process, durable: p99 less a raw sync at p99, ms',
    needs: ['match.blocker.p99Ms', 'match.blocker.raw.p99Ms'],
    value: less,
    bound: { atMost: 10 },
  },
  {
    id: 'M2',
    text: 'the same over HTTP, ms',
    needs: ['match.blockerHttp.p99Ms', 'match.blockerHttp.raw.p99Ms'],
    value: less,
    bound: { atMost: 100 },
  },
  {
    id: 'M3',
    text: 'one decision of a policy of 100 rules, p50 ms',
    needs: ['policy.decide.p50Ms'],
    value: self,
    bound: { atMost: 0.05 },
  },
  {
    id: 'M3',
    text: 'the same, p99 ms',
    needs: ['policy.decide.p99Ms'],
    value: self,
    bound: { atMost: 1 },
  },
  {
    id: 'idle',
    text: 'processor of an idle fabric with 100 sessions connected, share of a core',
    needs: ['idle.cpuShare'],
    value: self,
    bound: { atMost: 0.01 },
  },
  ...CHASSIS_GOALS,
];

/** Judges every goal by the rounds of one run. */
export const judge = (rounds: readonly Values[]): readonly Judged[] =>
  GOALS.map((goal) => judgeOne(goal, rounds));

function judgeOne({ id, text, needs, value, bound }: Goal, rounds: readonly Values[]): Judged {
  const values = rounds
    .map((round) => value(...needs.map((name) => round[name] ?? Number.NaN)))
    .filter((one) => !Number.isNaN(one));
  const goal = { id, text, bound: boundText(bound), rounds: values.length };
  if (values.length === 0) return { ...goal, verdict: 'not run' };
  const interval = bootstrapMedian(values);
  return { ...goal, verdict: verdictOf(bound, interval), value: median(values), interval };
}

const verdictOf = (bound: Goal['bound'], { low, high }: Interval): Verdict => {
  const [worst, best] = 'atLeast' in bound ? [low, high] : [-high, -low];
  const least = 'atLeast' in bound ? bound.atLeast : -bound.atMost;
  if (worst >= least) return 'yes';
  return best < least ? 'no' : 'unsure';
};

const boundText = (bound: Goal['bound']): string =>
  'atLeast' in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`;
