/** A fabric in memory on which the blocker story is played: its swarms, their plan, and hours of work in simulated time. */
import {
  createMemoryRealm,
  frameEntries,
  ManualClock,
  openMemoryFabric,
  type Committed,
  type LeadingFabric,
  type MemoryRealm,
} from '@infrafabric/fabric';

import type { StorySide } from './blocker-story.ts';
import { trustedOutput } from './judge.ts';
import { OPERATOR } from './processes.ts';

export const BLOCKED_TASK = 'phase-4/sip-bridges';

const HOUR_MS = 3_600_000;
/** A third of the default lease: no lease of an agent that works ends. */
const STEP_MS = 10_000;
/** Costs are reported this often. */
const REPORT_MS = HOUR_MS / 4;
const HOURS_MAX = 24;
const WAIT_MS = 20_000;

/** 002, lines 262–330: two dollars an hour (sessions 2 and 3 have no profile there, and are as session 1), 40 dollars. */
const PRICE_AN_HOUR_MICRO_USD = 2_000_000;
const BUDGET_MICRO_USD = 40_000_000;
const HOLDER = {
  agent: 'session-4-sip',
  capabilities: ['integration:sip', 'code-analysis:python'],
};
/** 002, lines 325–328: waits as the others do, costs more, and has nothing that is needed. */
const BYSTANDER = {
  agent: 'session-7-ifbus',
  capabilities: ['integration:sip', 'architecture:patterns'],
};
const BYSTANDER_MONEY = { costPerHourMicroUsd: 15_000_000, limitMicroUsd: 100_000_000 };
/** As long as session 4 takes alone: help that works for hours is nothing to wake a person for. */
const ESCALATE_AFTER_MS = 8 * HOUR_MS;

/** Who is sent to which side. */
export interface Sent {
  readonly side: StorySide;
  readonly to: StorySide;
}

interface Seat {
  readonly agent: string;
  readonly sessionId: string;
}

interface Lease {
  readonly taskId: string;
  readonly fencingToken: string;
}

/** One agent at one task until its hours are over. */
interface Work extends Lease {
  readonly seat: Seat;
  readonly hours: number;
  /** Whether what is handed in is of use. */
  readonly isOfUse: boolean;
}

export class BlockerStage {
  readonly #sides: readonly StorySide[];
  readonly #realm: MemoryRealm;
  readonly #clock: ManualClock;
  readonly #fabric: LeadingFabric;
  readonly #seats = new Map<string, Seat>();
  readonly #works: Work[] = [];
  /** Asked for work, and not answered until something comes or the time is up. */
  readonly #waits: Promise<unknown>[] = [];
  #holder: Lease = { taskId: BLOCKED_TASK, fencingToken: '' };

  private constructor(
    sides: readonly StorySide[],
    realm: MemoryRealm,
    parts: { readonly clock: ManualClock; readonly fabric: LeadingFabric },
  ) {
    this.#sides = sides;
    this.#realm = realm;
    this.#clock = parts.clock;
    this.#fabric = parts.fabric;
  }

  static async open(sides: readonly StorySide[]): Promise<BlockerStage> {
    const realm = createMemoryRealm();
    const clock = new ManualClock();
    return new BlockerStage(sides, realm, {
      clock,
      fabric: await openMemoryFabric(realm, { clock }),
    });
  }

  /** Swarms, sessions and the plan; session 4 takes the task for which the others wait. */
  async prepare(): Promise<void> {
    const helpers = this.#sides.map(({ agent, need }) => ({
      agent,
      capabilities: [need, 'docs:technical-writing'],
    }));
    const money = { costPerHourMicroUsd: PRICE_AN_HOUR_MICRO_USD, limitMicroUsd: BUDGET_MICRO_USD };
    for (const swarm of [HOLDER, ...helpers]) await this.#join(swarm, money);
    await this.#join(BYSTANDER, BYSTANDER_MONEY);
    const bridges = {
      key: 'sip-bridges',
      title: 'The SIP bridges',
      needs: ['integration:sip'],
      budget: { limitMicroUsd: BUDGET_MICRO_USD },
    };
    const waiting = this.#sides.map(({ key, need }) => ({
      key,
      title: `${key} over SIP`,
      needs: [need],
      dependsOn: ['sip-bridges'],
    }));
    await this.#submit('phase-4', [bridges, ...waiting]);
    this.#holder = await this.#claim(HOLDER.agent, BLOCKED_TASK);
  }

  /** Session 4 says that it is blocked, and of nothing that would help. */
  async raise(more: object = {}): Promise<void> {
    await this.#call('blockers.raise', {
      ...this.#holder,
      kind: 'integration',
      title: 'three bridges, one session',
      escalateAfterMs: ESCALATE_AFTER_MS,
      ...more,
    });
  }

  /** It says what it needs, while the others wait for work: who can help has its lease when the raise is durable. */
  async gangUp(): Promise<void> {
    const asked = this.#sides.map((side) => ({ side, answer: this.#waiting(side.agent) }));
    this.#waits.push(this.#waiting(BYSTANDER.agent));
    await this.raise({ needs: this.#sides.map(({ need }) => need) });
    for (const { side, answer } of asked) {
      const { grants } = await answer;
      for (const { taskId, fencingToken } of grants) {
        const seat = this.#seat(side.agent);
        this.#works.push({ seat, taskId, fencingToken, hours: side.hours, isOfUse: true });
      }
    }
  }

  /** Everybody is sent to some side. That a side needs something is written nowhere: nobody can look. */
  async sendBlindly(sent: readonly Sent[]): Promise<void> {
    await this.raise();
    const share = Math.floor(BUDGET_MICRO_USD / this.#sides.length);
    const tasks = this.#sides.map(({ key }) => ({
      key: `${key}-side`,
      title: `${key} side`,
      budget: { limitMicroUsd: share },
    }));
    await this.#call('plans.edit', { planId: 'phase-4', add: tasks });
    for (const { side, to } of sent) {
      const lease = await this.#claim(side.agent, `phase-4/${to.key}-side`);
      this.#works.push({
        seat: this.#seat(side.agent),
        ...lease,
        hours: to.hours,
        isOfUse: side === to,
      });
    }
  }

  /** Hours pass: whoever works renews, reports what it costs and commits what it has, until nobody works. */
  async work(holderHours: number): Promise<void> {
    this.#works.push({
      seat: this.#seat(HOLDER.agent),
      ...this.#holder,
      hours: holderHours,
      isOfUse: true,
    });
    let working: readonly Work[] = this.#works;
    for (let passedMs = STEP_MS; working.length > 0; passedMs += STEP_MS) {
      if (passedMs > HOURS_MAX * HOUR_MS) throw new Error('defect: a story without an end');
      this.#clock.advance(STEP_MS);
      for (const work of working) await this.#step(work, passedMs);
      working = working.filter(({ hours }) => passedMs < hours * HOUR_MS);
    }
  }

  /** Ends the fabric; the answer is its log. */
  async close(): Promise<readonly Committed[]> {
    await Promise.all(this.#waits);
    await this.#fabric.close();
    const { log, blobs } = this.#realm;
    const all = { bytes: Number.MAX_SAFE_INTEGER, frames: Number.MAX_SAFE_INTEGER };
    const stored = await Promise.all(
      log.read(0, all).map((frame) => frameEntries(frame, frame.first, blobs)),
    );
    return stored.flat().map(({ entry }) => entry);
  }

  async #step(
    { seat, taskId, fencingToken, hours, isOfUse }: Work,
    passedMs: number,
  ): Promise<void> {
    const held = { taskId, fencingToken };
    await this.#call('tasks.renew', { sessionId: seat.sessionId, leases: [held] });
    if (passedMs % REPORT_MS === 0) {
      const microUsd = (PRICE_AN_HOUR_MICRO_USD * REPORT_MS) / HOUR_MS;
      await this.#call('usage.record', { ...held, microUsd });
    }
    if (passedMs % HOUR_MS === 0)
      await this.#call('tasks.progress', { ...held, evidence: 'commit' });
    if (passedMs < hours * HOUR_MS) return;
    if (isOfUse) await this.#call('tasks.complete', held);
    else await this.#call('tasks.fail', { ...held, reason: 'not our side', retry: false });
  }

  async #submit(id: string, tasks: readonly object[]): Promise<void> {
    // Its worst case is more than is taken unasked; whoever plays the story says yes.
    await this.#call('plans.submit', {
      plan: { id, tasks },
      confirmMicroUsd: BUDGET_MICRO_USD * 10,
    });
  }

  async #join(
    { agent, capabilities }: { readonly agent: string; readonly capabilities: readonly string[] },
    money: { readonly costPerHourMicroUsd: number; readonly limitMicroUsd: number },
  ): Promise<void> {
    await this.#call('swarms.register', { profile: { swarmId: agent, capabilities, ...money } });
    const opened = await this.#call<Seat>('sessions.open', { agent, swarm: agent, capabilities });
    this.#seats.set(agent, { agent, sessionId: opened.sessionId });
  }

  /** Asks for work and waits for it. */
  #waiting(agent: string): Promise<{ readonly grants: readonly Lease[] }> {
    const { sessionId } = this.#seat(agent);
    return this.#call('tasks.next', { sessionId, waitMs: WAIT_MS });
  }

  async #claim(agent: string, taskId: string): Promise<Lease> {
    const { sessionId } = this.#seat(agent);
    const { fencingToken } = await this.#call<Lease>('tasks.claim', { sessionId, taskId });
    return { taskId, fencingToken };
  }

  #seat(agent: string): Seat {
    const seat = this.#seats.get(agent);
    if (seat === undefined) throw new Error(`defect: nobody sits as ${agent}`);
    return seat;
  }

  /** Every call of the story is one that succeeds. */
  async #call<T = unknown>(op: string, input: object): Promise<T> {
    const reply = await this.#fabric.call(op, input, { principal: OPERATOR });
    if (reply.kind === 'reject') throw new Error(`${op}: ${reply.code}: ${reply.detail}`);
    return trustedOutput<T>(reply.output);
  }
}
