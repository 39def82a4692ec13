/**
 * The plan of seven sessions and 49 agents, with what goes wrong in real life done to it on purpose: a process is killed,
 * another one is frozen past its leases and wakes, a session blocks three others.
 */
import type { FeedItem } from '../../packages/protocol/src/index.ts';
import { FabricError } from '../../packages/sdk/src/index.ts';
import type { Client } from '../../packages/sdk/src/index.ts';
import { CrewMember, PROCESSES } from './crew.ts';
import type { CrewEvent } from './crew.ts';
import type { Story } from './story.ts';

const PLAN = 'swarm-of-swarms';
const CORE = `${PLAN}/s4-p04-core`;
/** Who is killed and who is frozen, and after how many tasks that are done. */
const KILLED = { at: 2, afterDone: 60 } as const;
const FROZEN = { at: 4, afterDone: 160 } as const;
/** Short, so that the demo is: three lost renewals at one each half second. */
const LEASE_MS = 1_500;
const WORK_MS = 60;
/** In the processes that are killed and frozen: long enough that they are hit at work, also on a busy machine. */
const VICTIM_WORK_MS = 300;
/** The core of the bridges: long enough that the sessions that need it come before it is done. */
const CORE_MS = 3_000;
/** Longer than a frozen process needs to wake while somebody else holds its task. */
const AGAIN_MS = 900;
/** A frozen process is woken by then, whatever happened. If it had just handed everything in, another try follows. */
const FROZEN_MS_MAX = 3 * LEASE_MS;
const TOLD_EVERY_S = 1.5;
/** The plan is done long before; then something hangs, and the demo says so instead of hanging, too. */
const PLAN_MS_MAX = 75_000;

export interface SwarmResult {
  readonly tasks: number;
  readonly done: number;
  /** Sessions of the process that was killed. */
  readonly killedSessions: readonly string[];
  readonly lateWrites: number;
  readonly agents: number;
  readonly blocked: number;
}

/** Starts the processes; each waits for its order. */
export class Swarm {
  readonly #story: Story;
  readonly #seed: number;
  readonly #crew: readonly CrewMember[];
  readonly #memberOf = new Map<string, CrewMember>();
  readonly #holders = new Map<string, string>();
  readonly #killedSessions: string[] = [];
  /** Tasks that the frozen process held, until somebody else has one. */
  readonly #orphans = new Set<string>();
  readonly #blockedBy = new Set<string>();
  #frozen: 'not-yet' | 'now' | 'woken' = 'not-yet';
  #wake: ReturnType<typeof setTimeout> | undefined;
  #isKilled = false;
  #done = 0;
  #total = 0;
  #lateWrites = 0;
  #toldAtS = 0;

  constructor(story: Story, seed: number) {
    this.#story = story;
    this.#seed = seed;
    this.#crew = Array.from({ length: PROCESSES }, (_, at) => new CrewMember(at, this.#hear));
  }

  /** Works on the plan until it is done. Throws where it is not in time. */
  async run(
    client: Client,
    access: { readonly url: string; readonly token: string },
  ): Promise<SwarmResult> {
    const story = this.#story;
    const agents = this.#crew.flatMap((member) => member.agents).length;
    story.chapter(`Seven sessions, ${agents} agents, 70 phases`);
    const stop = new AbortController();
    const { counts } = await client.call('plans.show', { planId: PLAN });
    this.#done = counts.done;
    this.#total = counts.total;
    const { size } = await client.call('realm.status', {});
    for (const member of this.#crew) member.order({ ...access, ...this.#order(member.at) });
    story.fact(
      `${PROCESSES} processes with ${agents} agents, one of each session in every process`,
    );
    const late = setTimeout(() => stop.abort(), PLAN_MS_MAX);
    try {
      for await (const item of client.subscribe({
        planId: PLAN,
        after: String(size - 1),
        signal: stop.signal,
      })) {
        this.#take(item);
        if (item.type === 'phase.passed')
          await this.#approveAfter(client, String(item.event['phase']));
        if (this.#done >= this.#total) break;
      }
    } finally {
      clearTimeout(late);
      clearTimeout(this.#wake);
    }
    if (this.#done < this.#total)
      throw new Error(`only ${this.#done} of ${this.#total} tasks were done in time`);
    story.good(`all ${this.#total} tasks are done, each once`);
    return {
      tasks: this.#total,
      done: this.#done,
      killedSessions: this.#killedSessions,
      lateWrites: this.#lateWrites,
      agents,
      blocked: this.#blockedBy.size,
    };
  }

  /** Ends all processes, in order where they can. */
  async stop(): Promise<void> {
    for (const member of this.#crew) member.signal('SIGCONT');
    await Promise.all(this.#crew.map((member) => member.stop()));
  }

  #order(at: number) {
    return {
      planId: PLAN,
      leaseMs: LEASE_MS,
      workMs: at === KILLED.at || at === FROZEN.at ? VICTIM_WORK_MS : WORK_MS,
      againMs: AGAIN_MS,
      slow: [[CORE, CORE_MS] as const],
      seed: this.#seed,
      isStubborn: at === FROZEN.at,
      // Session 4 blocks the others: their side of the bridge turns out to need its core.
      needs: [1, 2, 3].map((session) => [`${PLAN}/s${session}-p04-side`, CORE] as const),
    };
  }

  /** What the agents say themselves. */
  readonly #hear = (member: CrewMember, event: CrewEvent): void => {
    if (event.type === 'started')
      for (const session of event.sessions) this.#memberOf.set(session, member);
    if (event.type !== 'refused' || member.at !== FROZEN.at) return;
    this.#lateWrites += 1;
    this.#story.refusal(`${event.agent}, awake again, ${event.op} of ${event.taskId}`, event);
  };

  /** What the log says. */
  #take({ type, event }: FeedItem): void {
    const taskId = String(event['taskId']);
    const sessionId = String(event['sessionId']);
    switch (type) {
      case 'task.leased':
        this.#holders.set(taskId, sessionId);
        if (this.#orphans.has(taskId)) this.#wakeFrozen(`${taskId} has another holder`);
        this.#misbehave(this.#memberOf.get(sessionId));
        break;
      case 'task.completed':
        this.#holders.delete(taskId);
        this.#done += 1;
        this.#tellProgress();
        break;
      case 'lease.expired':
        this.#holders.delete(taskId);
        this.#expired(taskId, this.#memberOf.get(sessionId));
        break;
      case 'blocker.raised':
        this.#holders.delete(taskId);
        this.#blockedBy.add(taskId);
        this.#story.fact(
          `${taskId} is blocked: waits for ${String(event['waitsOn'])}; its agent takes other work`,
        );
        break;
      case 'blocker.resolved':
        this.#story.good(`${taskId} is unblocked: ${String(event['resolution'])}`);
        break;
      default:
    }
  }

  /** A process is hit when it has just taken a task, so that there is something to lose. */
  #misbehave(member: CrewMember | undefined): void {
    if (member?.at === KILLED.at && !this.#isKilled && this.#done >= KILLED.afterDone)
      this.#kill(member);
    const isFreezable =
      this.#isKilled && this.#frozen === 'not-yet' && this.#done >= FROZEN.afterDone;
    if (member?.at === FROZEN.at && isFreezable) this.#freeze(member);
  }

  #kill(member: CrewMember): void {
    this.#isKilled = true;
    this.#killedSessions.push(...member.sessions);
    member.signal('SIGKILL');
    this.#story.deed(`kill -9 ${member.pid}: ${this.#toll(member)}`);
  }

  #freeze(member: CrewMember): void {
    this.#frozen = 'now';
    member.signal('SIGSTOP');
    this.#story.deed(`kill -STOP ${member.pid}: ${this.#toll(member)}`);
    this.#wake = setTimeout(() => this.#wakeFrozen('it slept long enough'), FROZEN_MS_MAX);
  }

  #toll(member: CrewMember): string {
    const held = this.#heldBy(member);
    const leases = held.length === 1 ? 'a lease' : `${held.length} leases`;
    return `${member.sessions.length} agents, one of each session, with ${leases} (${named(held)})`;
  }

  #wakeFrozen(why: string): void {
    if (this.#frozen !== 'now') return;
    this.#frozen = this.#orphans.size > 0 ? 'woken' : 'not-yet';
    clearTimeout(this.#wake);
    const member = this.#crew[FROZEN.at];
    this.#story.deed(
      `kill -CONT ${member?.pid ?? 0}: ${why}, and the frozen agents wake and hand in`,
    );
    member?.signal('SIGCONT');
  }

  #expired(taskId: string, member: CrewMember | undefined): void {
    if (member?.at === FROZEN.at && this.#frozen === 'now') this.#orphans.add(taskId);
    const whose =
      member?.at === KILLED.at
        ? 'a dead agent'
        : member?.at === FROZEN.at
          ? 'a frozen agent'
          : 'an agent';
    this.#story.fact(`the lease of ${whose} on ${taskId} has expired: the task is ready again`);
  }

  #heldBy(member: CrewMember): readonly string[] {
    return [...this.#holders].flatMap(([taskId, session]) =>
      this.#memberOf.get(session) === member ? [taskId] : [],
    );
  }

  #tellProgress(): void {
    const { seconds } = this.#story;
    if (seconds - this.#toldAtS < TOLD_EVERY_S) return;
    this.#toldAtS = seconds;
    this.#story.fact(`${this.#done} of ${this.#total} done, ${this.#holders.size} at work`);
  }

  /** The last phase of each session is autonomous: it stays closed until a person approves it. */
  async #approveAfter(client: Client, phase: string): Promise<void> {
    const session = /^s(\d)-p09$/.exec(phase)?.[1];
    if (session === undefined) return;
    const last = `s${session}-p10`;
    if (session === '1') await this.#tryUnapproved(client, last);
    await client.call('phases.approve', {
      planId: PLAN,
      phase: last,
      reason: 'approved in the demonstration',
    });
    this.#story.good(`phase ${last} is approved by the operator and opens`);
  }

  async #tryUnapproved(client: Client, phase: string): Promise<void> {
    const eager = await client.openSession({ agent: 'eager', capabilities: ['integration:ndi'] });
    try {
      await eager.claim(`${PLAN}/${phase}-guard`);
      throw new Error('a task of an unapproved phase was leased');
    } catch (cause) {
      if (!(cause instanceof FabricError)) throw cause;
      this.#story.refusal(`eager claims work of ${phase} before anybody approved it`, {
        code: cause.code,
        detail: cause.problem.detail,
      });
    } finally {
      await eager.close('It was told to wait.');
    }
  }
}

const NAMED_MAX = 3;
const named = (tasks: readonly string[]): string =>
  tasks
    .slice(0, NAMED_MAX)
    .map((taskId) => taskId.slice(PLAN.length + 1))
    .join(', ') + (tasks.length > NAMED_MAX ? ', …' : '');
