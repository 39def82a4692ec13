/**
 * A log of ordinary work by seed: plans, sessions, claims, completions, releases, failures, refused writes, records of
 * other programs. For measurements, and for whoever tests a reader of logs.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { DECIDER_VERSION, leaseOf, type ArgsOf, type Fence } from '@infrafabric/core';
import {
  AgentName,
  Digest,
  EntryIndex,
  PlanSpec,
  TaskId,
  TraceId,
  blockerIdFrom,
  sessionIdFrom,
  SessionId,
} from '@infrafabric/protocol';

import type { Call, Submission } from '../engine/call.ts';
import { canonicalText } from '../engine/canonical.ts';
import type { BlobStore } from '../engine/ports.ts';
import type { Journal } from '../ports/journal.ts';
import { LogRecorder } from './recorder.ts';

/** Tasks of a plan. The first plan has more: its arguments do not fit into an entry and go to the blob store. */
const PLAN_TASKS = 250;
const FIRST_PLAN_TASKS = 1_200;
const SESSIONS = 16;
/** Leases that are open at a time. */
const OPEN_LEASES = 64;
/** 2026-01-01T00:00:00Z. */
const START_MS = 1_767_225_600_000;

export interface SampleOptions {
  readonly journal: Journal;
  readonly blobs: BlobStore;
  readonly origin: string;
  /** Entries to write, at least. */
  readonly entries: number;
  readonly seed: number;
  /** Entries of a frame, at most. Default 64. */
  readonly frameEntries?: number;
  /** Called when so many more entries are durable; a state hash that it answers goes into the log. */
  readonly every?: {
    readonly entries: number;
    readonly call: (
      recorder: LogRecorder,
    ) => Promise<{ readonly index: number; readonly hash: string } | undefined>;
  };
}

/** Writes the log into the empty journal; the recorder holds its world. Rejects with the journal's Fault. */
export async function recordSample(options: SampleOptions): Promise<LogRecorder> {
  const random = mulberry32(options.seed);
  const recorder = new LogRecorder({ ...options, mint: (op) => mint(op, random) });
  const work = new SampleWork(recorder, random, options.origin);
  await work.open();
  const { entries, frameEntries = 64, every } = options;
  let flushed = 0;
  let called = 0;
  // Ends: nearly every step is one that the log keeps.
  while (recorder.size < entries) {
    await work.step();
    if (recorder.size - flushed < frameEntries) continue;
    flushed = (await recorder.flush()).size;
    if (every === undefined || flushed - called < every.entries) continue;
    called = flushed;
    const hashed = await every.call(recorder);
    if (hashed !== undefined) await work.recordHash(hashed);
  }
  await recorder.flush();
  return recorder;
}

interface Held {
  readonly taskId: TaskId;
  readonly sessionId: SessionId;
  readonly fence: Fence;
}

class SampleWork {
  readonly #recorder: LogRecorder;
  readonly #random: () => number;
  readonly #origin: string;
  readonly #sessions: SessionId[] = [];
  readonly #fresh: TaskId[] = [];
  readonly #held: Held[] = [];
  #lost: Held | undefined;
  #plans = 0;
  #at = START_MS;

  constructor(recorder: LogRecorder, random: () => number, origin: string) {
    this.#recorder = recorder;
    this.#random = random;
    this.#origin = origin;
  }

  async open(): Promise<void> {
    const args = {
      release: '0.1.0',
      decider: DECIDER_VERSION,
      cutBytes: 0,
      cause: 'start' as const,
      node: 'sample',
      origin: this.#origin,
    };
    await this.#record({ op: 'realm.open', args, cred: 'realm', principal: 'realm' });
    for (let i = 0; i < SESSIONS; i += 1) {
      const decision = await this.#record({
        op: 'sessions.open',
        args: { agent: AgentName.parse(`agent-${i}`), leasesMax: OPEN_LEASES },
        cred: 'operator',
        principal: 'operator',
      });
      const [event] = decision.kind === 'accept' ? decision.events : [];
      if (event?.type === 'session.opened') this.#sessions.push(SessionId.parse(event.sessionId));
    }
  }

  /** The leader's entry for a hash that a follower found. */
  async recordHash({
    index,
    hash,
  }: {
    readonly index: number;
    readonly hash: string;
  }): Promise<void> {
    const args = { index: EntryIndex.parse(index), hash: Digest.parse(hash) };
    await this.#record({ op: 'realm.record_state_hash', args, cred: 'realm', principal: 'realm' });
  }

  /** One call, chosen by chance; not every one becomes an entry. */
  async step(): Promise<void> {
    this.#at += Math.floor(this.#random() * 3);
    if (this.#fresh.length === 0) await this.#submitPlan();
    const chance = this.#random();
    if (chance < 0.02) await this.#record(this.#note());
    else if (chance < 0.05) await this.#giveUp('tasks.release');
    else if (chance < 0.06) await this.#giveUp('tasks.fail');
    else if (chance < 0.08) await this.#writeStale();
    else if (this.#held.length >= OPEN_LEASES || (chance < 0.5 && this.#held.length > 0)) {
      await this.#complete();
    } else await this.#claim();
  }

  async #submitPlan(): Promise<void> {
    const tasks = this.#plans === 0 ? FIRST_PLAN_TASKS : PLAN_TASKS;
    const plan = PlanSpec.parse({
      id: `plan-${this.#plans}`,
      title: `Sample plan ${this.#plans}`,
      tasks: Array.from({ length: tasks }, (_, i) => ({ key: `t${i}`, title: `Task number ${i}` })),
    });
    this.#plans += 1;
    const digest = `sha256:${createHash('sha256').update(canonicalText(plan)).digest('hex')}`;
    await this.#record({ op: 'plans.submit', args: { plan, digest }, ...OPERATOR });
    for (const { key } of plan.tasks) this.#fresh.push(TaskId.parse(`${plan.id}/${key}`));
  }

  async #claim(): Promise<void> {
    const sessionId = this.#sessionId();
    const viaNext = this.#random() < 0.1;
    const taskId = viaNext ? undefined : this.#fresh.shift();
    const call: Call =
      taskId === undefined
        ? { op: 'tasks.next', args: { sessionId } }
        : { op: 'tasks.claim', args: { sessionId, taskId, leaseMs: 30_000 } };
    const decision = await this.#record(this.#bySession(call, sessionId));
    if (decision.kind !== 'accept') return;
    for (const event of decision.events) if (event.type === 'task.leased') this.#hold(event.taskId);
  }

  #hold(taskId: string): void {
    const lease = leaseOf(this.#recorder.world, taskId);
    const sessionId = this.#sessions.find((id) => id === lease?.sessionId);
    if (lease === undefined || sessionId === undefined) return;
    const fence = { epoch: lease.epoch, holder: lease.sessionId, n: lease.fence };
    this.#held.push({ taskId: TaskId.parse(taskId), sessionId, fence });
  }

  async #complete(): Promise<void> {
    const held = this.#held.shift();
    if (held === undefined) return;
    const { taskId, sessionId, fence } = held;
    await this.#record(
      this.#bySession({ op: 'tasks.complete', args: { taskId, fence } }, sessionId),
    );
  }

  async #giveUp(op: 'tasks.release' | 'tasks.fail'): Promise<void> {
    const held = this.#held.shift();
    if (held === undefined) return;
    const { taskId, sessionId, fence } = held;
    const reason = 'the work tree was gone';
    await this.#record(this.#bySession({ op, args: { taskId, fence, reason } }, sessionId));
    this.#lost = held;
  }

  /** A worker that was away writes with the token of a lease that it no longer has. */
  async #writeStale(): Promise<void> {
    if (this.#lost === undefined) return;
    const { taskId, sessionId, fence } = this.#lost;
    await this.#record(
      this.#bySession({ op: 'tasks.complete', args: { taskId, fence } }, sessionId),
    );
  }

  #note(): Submission {
    const args: ArgsOf<'witness.record'> = {
      component: 'linter',
      operation: 'finding',
      severity: this.#random() < 0.2 ? 'high' : 'info',
      params: {
        file: `src/${Math.floor(this.#random() * 1_000)}.ts`,
        line: 12,
        note: 'naïve “quotes” and ümläute',
      },
    };
    return this.#bySession({ op: 'witness.record', args }, this.#sessionId());
  }

  #bySession(call: Call, sessionId: SessionId): Submission {
    const agent = `agent-${this.#sessions.indexOf(sessionId)}`;
    const trace = TraceId.parse(hexOf(this.#random, 32));
    const idem = Buffer.from(hexOf(this.#random, 32), 'hex').toString('base64url');
    return { ...call, cred: 'session', principal: agent, session: sessionId, trace, idem };
  }

  #sessionId(): SessionId {
    const sessionId = this.#sessions[Math.floor(this.#random() * this.#sessions.length)];
    if (sessionId === undefined) throw new Error('defect: a sample without sessions');
    return sessionId;
  }

  #record(call: Submission): ReturnType<LogRecorder['record']> {
    return this.#recorder.record(call, this.#at);
  }
}

const OPERATOR = { cred: 'operator', principal: 'operator' } as const;

function mint(op: Call['op'], random: () => number): readonly string[] {
  const bytes = Uint8Array.from({ length: 10 }, () => Math.floor(random() * 256));
  if (op === 'sessions.open') return [sessionIdFrom(bytes)];
  return op === 'blockers.raise' ? [blockerIdFrom(bytes)] : [];
}

/** T. Ettinger's mulberry32: 32 bits of state, good enough to choose the next call, the same everywhere. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function hexOf(random: () => number, digits: number): string {
  let text = '';
  while (text.length < digits)
    text += Math.floor(random() * 65_536)
      .toString(16)
      .padStart(4, '0');
  return text;
}
