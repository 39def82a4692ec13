/**
 * 72 hours of a busy swarm (B7): a hundred contended claims a second, one winner of five each time, leases that
 * expire, completions that come too late. Decided and folded as fast as they go, beside an oracle that shares no code
 * with either: who may hold what, and which fence comes next.
 */
import {
  createWorld,
  decide,
  evolve,
  type Decision,
  type Entry,
  type World,
} from '@infrafabric/core';
import { sessionIdFrom } from '@infrafabric/protocol';

import { check, sized } from './probe.ts';
import type { MeasureOnce } from './scenarios.ts';
import { mulberry32 } from './stats.ts';

/** 72 h at 100 a second. */
const HOURS_72_CLAIMS = 25_920_000;
const CLAIMS = { smoke: 5_000, short: 400_000, full: HOURS_72_CLAIMS };
const TASKS = 10_000;
const SESSIONS = 100;
const LOSERS = 4;
const LEASE_MS = 30_000;
const MS_A_CLAIM = 10;
/** Of a hundred leases: so many expire, so many are handed in after they did. */
const EXPIRE_PERCENT = 5;
const LATE_PERCENT = 10;
const SEED = 72;

export const long: MeasureOnce = ({ size }) => {
  const claims = sized(size, CLAIMS);
  const swarm = new Swarm();
  const startedAt = performance.now();
  for (let i = 0; i < claims; i += 1) swarm.step(i);
  const seconds = (performance.now() - startedAt) / 1_000;
  check(swarm.granted === claims, `${swarm.granted} grants of ${claims} claims`);
  check(swarm.refused === claims * LOSERS, `${swarm.refused} losers of ${claims * LOSERS}`);
  return Promise.resolve({
    'long.claims': claims,
    'long.refused': swarm.refused,
    'long.expired': swarm.expired,
    'long.lateRefused': swarm.late,
    'long.violations': 0,
    'long.claimsPerS': claims / seconds,
    'long.72hS': (seconds * HOURS_72_CLAIMS) / claims,
  });
};

class Swarm {
  granted = 0;
  refused = 0;
  expired = 0;
  late = 0;
  readonly #world: World = createWorld();
  readonly #random = mulberry32(SEED);
  readonly #sessions: readonly string[];
  /** The oracle: grants so far of each task. */
  readonly #fences = new Int32Array(TASKS);
  #at = 0;

  constructor() {
    // A lease that expires counts as a failed attempt; a hundred are the most that a task may have.
    const tasks = Array.from({ length: TASKS }, (_, i) => ({
      key: `t${i}`,
      title: 'a task of the swarm',
      attemptsMax: 100,
      leaseMs: LEASE_MS,
    }));
    this.#must('plans.submit', {
      plan: { id: 'swarm', tasks },
      digest: `sha256:${'0'.repeat(64)}`,
    });
    this.#sessions = Array.from({ length: SESSIONS }, (_, i) => {
      const id = sessionIdFrom(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, i));
      this.#must('sessions.open', { agent: `a${i}`, leasesMax: 1_000 }, [id]);
      return id;
    });
  }

  /** One contest: a winner, its losers, and how the lease ends. */
  step(i: number): void {
    const slot = Math.floor(this.#random() * TASKS);
    const taskId = `swarm/t${slot}`;
    this.#at += MS_A_CLAIM;
    const winner = this.#session(i);
    const fence = this.#grant(slot, taskId, winner);
    for (let loser = 1; loser <= LOSERS; loser += 1) {
      const decision = this.#ask('tasks.claim', { taskId, sessionId: this.#session(i + loser) });
      check(decision.kind === 'reject' && decision.code === 'task.leased', 'a second holder');
      this.refused += 1;
    }
    const lot = this.#random() * 100;
    if (lot < EXPIRE_PERCENT)
      this.#expire(slot, {
        taskId,
        winner,
        fence,
        isLate: lot < (EXPIRE_PERCENT * LATE_PERCENT) / 100,
      });
    else this.#must('tasks.release', { taskId, fence: { epoch: 0, holder: winner, n: fence } });
  }

  #session(i: number): string {
    return this.#sessions[i % SESSIONS] ?? '';
  }

  #grant(slot: number, taskId: string, sessionId: string): number {
    const expected = (this.#fences[slot] ?? 0) + 1;
    const [leased] = this.#must('tasks.claim', { taskId, sessionId });
    check(
      leased?.type === 'task.leased' && leased.fence === expected,
      'a fence was skipped or repeated',
    );
    this.#fences[slot] = expected;
    this.granted += 1;
    return expected;
  }

  #expire(
    slot: number,
    lease: {
      readonly taskId: string;
      readonly winner: string;
      readonly fence: number;
      readonly isLate: boolean;
    },
  ): void {
    const { taskId, winner, fence } = lease;
    const renewedAt = this.#at;
    const early = this.#ask('leases.expire', { taskId, fence, renewedAt }, this.#at + LEASE_MS - 1);
    check(early.kind !== 'accept', 'a lease expired before its end');
    this.#at += LEASE_MS;
    const ends = this.#must('leases.expire', { taskId, fence, renewedAt });
    this.expired += 1;
    // In three days a task fails more often than it may: an operator lets it go on.
    if (ends.some(({ type }) => type === 'task.parked')) this.#must('tasks.unpark', { taskId });
    const ended = this.#must('tasks.claim', { taskId, sessionId: winner });
    check(ended[0]?.type === 'task.leased', 'an expired task is not free');
    this.#fences[slot] = fence + 1;
    // The old token of the same session must not pass for the new one.
    const stale = this.#ask('tasks.complete', {
      taskId,
      fence: { epoch: 0, holder: winner, n: fence },
    });
    check(stale.kind !== 'accept', 'a stale completion was accepted');
    this.late += 1;
    this.#must('tasks.release', { taskId, fence: { epoch: 0, holder: winner, n: fence + 1 } });
  }

  #ask(op: Entry['op'], args: object, at = this.#at, ids: readonly string[] = []): Decision {
    return decide(this.#world, { op, args, at, ids, cred: 'realm', principal: 'bench' });
  }

  /** Decides and folds; answers the events. Throws where it is refused. */
  #must(op: Entry['op'], args: object, ids: readonly string[] = []) {
    const decision = this.#ask(op, args, this.#at, ids);
    check(decision.kind === 'accept', `${op}: ${JSON.stringify(decision)}`);
    const { events } = decision;
    const index = this.#world.realm.size;
    evolve(this.#world, { index, at: this.#at, epoch: 0, op, args, principal: 'bench', events });
    return events;
  }
}
