/** What may be asked for by name, and how it is measured: by probes round by round, or once. */
import type { ProbeName } from './probes.ts';
import type { Size, Values } from './probe.ts';

export interface OnceOptions {
  readonly size: Size;
  readonly folder: string;
  readonly note: (text: string) => void;
}

/** Measured once: too long for rounds, or the same each time. */
export type MeasureOnce = (options: OnceOptions) => Promise<Values>;

export interface Scenario {
  readonly id: string;
  readonly what: string;
  readonly probes: readonly ProbeName[];
  readonly once?: () => Promise<MeasureOnce>;
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  floors: { id: 'B0', what: 'sync, scheduler, pipe, WebSocket echo, SHA-256', probes: ['floors'] },
  micro: {
    id: 'B1',
    what: 'encode, hash, MAC, decide, fold: one thread, no disk',
    probes: ['floors', 'micro'],
  },
  claims: {
    id: 'B2',
    what: 'claims in process: alone, 16, 256, two a task, a hundred on one',
    probes: ['floors', 'bare', 'file', 'os', 'memory', 'port'],
  },
  remote: {
    id: 'B4',
    what: 'a leader process and 1,000 agents on WebSockets',
    probes: ['floors', 'remote'],
  },
  connections: {
    id: 'B5',
    what: '10,000 connections: memory, an event to all, a push to one',
    probes: [],
    once: () => import('./connections.ts').then((found) => found.connections),
  },
  dag: {
    id: 'B6',
    what: 'a million tasks with dependencies: memory, completing all, snapshot, recovery',
    probes: [],
    once: () => import('./dag.ts').then((found) => found.dag),
  },
  long: {
    id: 'B7',
    what: '72 hours of contended claims at 100 a second, as fast as they go',
    probes: [],
    once: () => import('./long.ts').then((found) => found.long),
  },
  crash: {
    id: 'B8',
    what: 'kill -9 and power cuts: scripts/crash.ts',
    probes: [],
    once: () => import('./proofs.ts').then((found) => found.crash),
  },
  flips: {
    id: 'B9',
    what: 'changed bytes of a log that the verifier finds',
    probes: [],
    once: () => import('./proofs.ts').then((found) => found.flips),
  },
  order: {
    id: 'B12',
    what: 'recorded histories of concurrent callers are linear in the order of the journal',
    probes: [],
    once: () => import('./order.ts').then((found) => found.order),
  },
  verify: {
    id: 'WP7',
    what: 'verifying and replaying a log, entry by entry',
    probes: [],
    once: () => import('./verify.ts').then((found) => found.verify),
  },
  match: {
    id: 'M1',
    what: 'matching, money and help where 10,000 swarms meet 100,000 ready tasks; blocker to helpers',
    probes: ['policy'],
    once: () => import('./match.ts').then((found) => found.match),
  },
  chassis: {
    id: 'S1',
    what: 'the sandbox: start, first result, call, host call, a guest’s speed, kill, memory, share',
    probes: [],
    once: () => import('./chassis.ts').then((found) => found.chassis),
  },
  idle: {
    id: 'idle',
    what: 'a fabric with 100 connected sessions that do nothing',
    probes: [],
    once: () => import('./idle.ts').then((found) => found.idle),
  },
  profile: {
    id: 'B1',
    what: 'where the time of a claim goes, in process and in a leader that agents call',
    probes: [],
    once: () => import('./profile.ts').then((found) => found.profile),
  },
  cold: {
    id: 'P14',
    what: 'from the start of a process to its first durable claim',
    probes: [],
    once: () => import('./idle.ts').then((found) => found.cold),
  },
};
