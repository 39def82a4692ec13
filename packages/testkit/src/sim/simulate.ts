/**
 * A whole fabric by seed, on one thread and in virtual time: the real engine over a medium that goes wrong, actors
 * that do what agents do, crashes, pauses, second leaders, wall clocks that jump. After every step the log and every
 * answer are held to their laws (`LogWatch`, `Judge`); at the end the world is healed and must finish its plans.
 */
import {
  evolve,
  hasReadyFor,
  taskPhase,
  worldSections,
  type Section,
  type World,
} from '@infrafabric/core';
import {
  memoryBlobs,
  openFabric,
  replay,
  sha256Hex,
  type Fabric,
  type Journal,
  type LeadingFabric,
  type Log,
  type Principal,
  type Reply,
} from '@infrafabric/fabric';
import { RealmId } from '@infrafabric/protocol';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

import { LawBroken } from '../crash-lives.ts';
import { seededRandom, type Random } from '../random.ts';
import {
  SimAgent,
  SimOperator,
  type Actor,
  type ActorWorld,
  type SimCall,
  type Wish,
} from './actors.ts';
import { grantsIn, Judge, trustedOutput, type Answer } from './judge.ts';
import { LogWatch } from './log-watch.ts';
import {
  FileMedium,
  MemoryMedium,
  SIM_GENESIS_LEAF,
  type Medium,
  type MediumDoubles,
} from './media.ts';
import { CAPABILITIES, randomPlan, type SimPlan } from './sim-plan.ts';
import { microtasksDone, ProcessClock } from './virtual-time.ts';

/** What a planted bug puts in the place of the real parts. */
export interface Doubles extends MediumDoubles {
  /** The medium on which the bug shows; absent: either. */
  readonly medium?: Medium['kind'];
  /** Calls as a surface with the bug passes them on. `life` is new with every process. */
  readonly surface?: (fabric: LeadingFabric, life: object) => Pick<Fabric, 'call'>;
  /** Behind its monotonic clock, a leader runs this late, ms. */
  readonly clockLagMs?: number;
  readonly sections?: (world: World) => readonly Section[];
}

export interface SimOptions {
  readonly doubles?: Doubles;
  /** Told of every step: for one seed, read by a person. */
  readonly trace?: (line: string) => void;
}

/** How often things happened: a run in which nothing happens proves nothing. */
export interface SimCounts {
  entries: number;
  calls: number;
  answers: number;
  grants: number;
  expiries: number;
  refusedWrites: number;
  repeats: number;
  crashes: number;
  powerCuts: number;
  secondLeaders: number;
  pauses: number;
  clockJumps: number;
  epochs: number;
  files: number;
  /** Leaders that served again only after a restart, although their medium had healed. */
  stuck: number;
}

export const noCounts = (): SimCounts => ({
  entries: 0,
  calls: 0,
  answers: 0,
  grants: 0,
  expiries: 0,
  refusedWrites: 0,
  repeats: 0,
  crashes: 0,
  powerCuts: 0,
  secondLeaders: 0,
  pauses: 0,
  clockJumps: 0,
  epochs: 0,
  files: 0,
  stuck: 0,
});

/** Runs the world of one seed to its end. Rejects with `LawBroken`, which names the law. */
export async function simulate(seed: number, options: SimOptions = {}): Promise<SimCounts> {
  const sim = new Simulation(seed, options);
  try {
    return await sim.run();
  } catch (cause) {
    if (cause instanceof LawBroken) throw cause;
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    throw new LawBroken(`seed ${seed}: ${text}`, { cause });
  }
}

const REALM = RealmId.parse('main');
const ORIGIN = 'sim.local/ifab/main';
const SECRET = Buffer.alloc(32, 'simulated');
const SECRETS = { realm: SECRET, operatorTokenSha256: sha256Hex('ifo1.simulated') };
const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };

const STEPS_MIN = 10;
const STEPS_MORE_MAX = 30;
/** Rounds after which a leader that does not serve is restarted. */
const SUPERVISED_ROUNDS = 60;
/** Share of restarts after which the whole log is read again; at the end it always is. */
const REREAD_SHARE = 0.3;
/** Share of worlds on the file journal: each costs about four of memory. */
const FILE_SHARE = 0.12;
/** Rounds in which a healed world must finish. */
const HEALED_ROUNDS_MAX = 400;
/** Steps of the wall clock are larger than what a leader takes for drift. */
const CLOCK_JUMPS_MS = [-86_400_000, -60_000, -5_000, 5_000, 60_000, 86_400_000] as const;

interface SimProcess {
  readonly clock: ProcessClock;
  /** `refused`: it did not open, and says why; `fatal`: it asks to be ended. */
  phase: 'opening' | 'open' | 'closing' | 'refused' | 'fatal' | 'dead';
  why: string;
  fabric: LeadingFabric | undefined;
  surface: Pick<Fabric, 'call'> | undefined;
  journal: Journal | undefined;
  /** Calls that came while it was stopped. */
  inbox: SimCall[];
}

class Simulation implements ActorWorld {
  readonly random: Random;
  readonly plans: readonly SimPlan[];
  readonly agents: readonly SimAgent[];
  nowMs = 0;
  readonly #seed: number;
  readonly #options: SimOptions;
  readonly #doubles: Doubles;
  readonly #operator: SimOperator;
  readonly #medium: Medium;
  readonly #watch: LogWatch;
  readonly #judge: Judge;
  readonly #counts = noCounts();
  readonly #blobs = memoryBlobs();
  readonly #sessions = new Map<string, readonly string[]>();
  #leader: SimProcess | undefined;
  /** A leader that was deposed and does not know it. */
  #former: SimProcess | undefined;
  #answers: Answer[] = [];
  #moment = 0;
  #keys = 0;

  constructor(seed: number, options: SimOptions) {
    this.#seed = seed;
    this.#options = options;
    this.#doubles = options.doubles ?? {};
    const random = seededRandom(seed);
    this.random = random;
    this.plans = Array.from({ length: random.chance(0.2) ? 2 : 1 }, (_, i) =>
      randomPlan(random, `p${i}`),
    );
    this.agents = agentsOf(random);
    this.#operator = new SimOperator(this.plans);
    const isFile =
      this.#doubles.medium === undefined
        ? random.chance(FILE_SHARE)
        : this.#doubles.medium === 'file';
    this.#medium = isFile
      ? new FileMedium(random, this.#doubles)
      : new MemoryMedium(random, this.#doubles);
    const broken = (law: string): never => this.#broken(law);
    const nowMs = (): number => this.nowMs;
    this.#watch = new LogWatch({
      broken,
      nowMs,
      plans: () => this.plans,
      sessionNeeds: (sessionId) => this.#sessions.get(sessionId),
    });
    this.#judge = new Judge(this.#watch, broken);
  }

  get submitted(): readonly string[] {
    return this.#tasksIn('submitted');
  }

  get parked(): readonly string[] {
    return this.#tasksIn('parked');
  }

  get paused(): readonly string[] {
    return this.#watch.world.coordinator.plans
      .filter(({ status }) => status === 'paused')
      .map(({ id }) => id);
  }

  get hopeless(): readonly string[] {
    const isCancelled = (id: string): boolean => {
      const { over, done } = this.#watch.watched(id);
      return over && !done;
    };
    return this.plans
      .flatMap(({ tasks }) => tasks)
      .filter(({ id, dependsOn }) => !this.#watch.watched(id).over && dependsOn.some(isCancelled))
      .map(({ id }) => id);
  }

  get openBlockers(): readonly string[] {
    const { blockers } = this.#watch.world.coordinator;
    return [...blockers.values()]
      .filter(({ resolution }) => resolution === undefined)
      .map(({ id }) => id);
  }

  get approvable(): ActorWorld['approvable'] {
    return this.#watch.world.coordinator.plans.flatMap((plan) =>
      plan.phases
        .filter(
          ({ status, approvals, approvalsNeeded }) =>
            status === 'open' && approvals.length < approvalsNeeded,
        )
        .map(({ key }) => ({ planId: plan.id, phase: key })),
    );
  }

  nextKey(): string {
    this.#keys += 1;
    return `key-${this.#keys}`;
  }

  async run(): Promise<SimCounts> {
    this.#watch.onEntry = ({ index, at, epoch, op, principal, events }) => {
      this.#trace(
        () =>
          `    #${index} @${at % 10_000_000} e${epoch} ${op} by ${principal}: ${events.map((e) => ('fence' in e ? `${e.type} ${e.taskId} ${e.fence}` : e.type)).join(', ')}`,
      );
    };
    this.#start();
    await this.#settle();
    const steps = STEPS_MIN + this.random.below(STEPS_MORE_MAX + 1);
    for (let step = 0; step < steps; step += 1) {
      await this.#step();
      // Where a turn does not end between two steps, their commands share a batch.
      if (this.random.chance(0.75)) await this.#settle();
    }
    await this.#heal();
    await this.#finish();
    const counts = this.#counts;
    counts.entries = this.#watch.entries.length;
    counts.epochs = this.#watch.epoch;
    if (this.#medium.kind === 'file') counts.files = 1;
    for (const { events } of this.#watch.entries) {
      for (const { type } of events) {
        if (type === 'task.leased') counts.grants += 1;
        if (type === 'lease.expired') counts.expiries += 1;
        if (type === 'write.refused') counts.refusedWrites += 1;
      }
    }
    return counts;
  }

  #broken(law: string): never {
    throw new LawBroken(`seed ${this.#seed}: ${law}`);
  }

  #trace(line: () => string): void {
    this.#options.trace?.(`${String(this.nowMs).padStart(7)} ${line()}`);
  }

  #tasksIn(wanted: 'submitted' | 'parked'): readonly string[] {
    const { world } = this.#watch;
    return this.plans
      .flatMap(({ tasks }) => tasks)
      .map(({ id }) => id)
      .filter((id) => taskPhase(world, id) === wanted);
  }

  // Steps.

  async #step(): Promise<void> {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 62) this.#act(random.pick([...this.agents, ...this.agents, this.#operator]));
    else if (dice < 80) await this.#advance(this.#someMs());
    else if (dice < 85) this.#medium.stir();
    else if (dice < 89) await this.#crash();
    else if (dice < 92) await this.#pause();
    else if (dice < 94) this.#jump();
    else if (dice < 95) await this.#depose();
    else if (dice < 97) this.#giveUpWaiting(random.pick(this.agents));
    else await this.#compareWorlds();
  }

  /** Often exactly the moment at which something ends. */
  #someMs(): number {
    const { random } = this;
    const dice = random.below(10);
    if (dice < 4) return random.below(400);
    if (dice < 9) {
      const ends = [...this.#watch.tasks.values()]
        .filter(({ live, endsBy }) => live && endsBy > this.nowMs)
        .map(({ endsBy }) => endsBy - this.nowMs);
      if (ends.length > 0) return Math.max(0, random.pick(ends) - (random.chance(0.2) ? 1 : 0));
    }
    return random.below(random.chance(0.02) ? 1_000_000 : 3_000);
  }

  #act(actor: Actor): void {
    if (actor.pending !== undefined) return;
    const { unanswered } = actor;
    if (unanswered !== undefined) {
      actor.unanswered = undefined;
      // An actor that never asks again never learns what became of its call.
      if (this.random.chance(0.75)) return this.#send(unanswered);
    }
    const wish = actor.wish(this);
    if (wish !== undefined) this.#send(this.#callOf(actor, wish));
  }

  #callOf(by: Actor, wish: Wish): SimCall {
    const session = by instanceof SimAgent ? by.session : undefined;
    return {
      by,
      op: wish.op,
      input: wish.input,
      key: wish.keyed === false || this.random.chance(0.1) ? undefined : this.nextKey(),
      bearer: 'bearer' in wish ? wish.bearer : session,
      lease: wish.lease,
      token: wish.token ?? 'own',
      attempts: 0,
      firstSentAtMs: this.nowMs,
      sentAtMs: this.nowMs,
      sizeAtFirst: this.#watch.size,
      calledAt: (this.#moment += 1),
    };
  }

  #send(call: SimCall): void {
    call.sentAtMs = this.nowMs;
    const target = this.#target(call);
    if (target === undefined) {
      // Nobody listens.
      call.by.unanswered = call;
      return;
    }
    call.attempts += 1;
    this.#counts.calls += 1;
    if (call.attempts > 1) {
      this.#counts.repeats += 1;
      this.#judge.sentAgain(call);
    }
    call.by.pending = call;
    this.#trace(
      () =>
        `${call.by.name} calls ${call.op} ${JSON.stringify(call.input).slice(0, 150)} #${call.attempts} ${call.token}`,
    );
    if (target.clock.phase === 'running') this.#deliver(call, target);
    else target.inbox.push(call);
  }

  /** A deposed leader gets writes only: it has no lease of its leadership, so what it says from memory is worth nothing. */
  #target(call: SimCall): SimProcess | undefined {
    const former = this.#former;
    if (former?.fabric !== undefined && call.key !== undefined && this.random.chance(0.3)) {
      return former;
    }
    const leader = this.#leader;
    return leader?.phase === 'open' ? leader : undefined;
  }

  #deliver(call: SimCall, to: SimProcess): void {
    const { fabric, surface } = to;
    if (fabric === undefined || surface === undefined) return;
    const said =
      call.bearer === undefined
        ? { kind: 'ok' as const, principal: OPERATOR }
        : fabric.authenticate(call.bearer.token);
    if (said.kind === 'reject') {
      this.#arrived(call, to, said);
      return;
    }
    const options = {
      principal: said.principal,
      ...(call.key === undefined ? {} : { idempotencyKey: call.key }),
    };
    if (call.op === 'tasks.renew') this.#renewing(call);
    surface.call(call.op, call.input, options).then(
      (reply) => {
        this.#arrived(call, to, reply);
      },
      (cause: unknown) => {
        this.#arrived(call, to, {
          kind: 'reject',
          code: 'internal',
          detail: `a call threw: ${String(cause)}`,
        });
      },
    );
  }

  /** A renewal may move the end of a lease on whether or not its answer is ever heard. */
  #renewing({ bearer }: SimCall): void {
    for (const watch of this.#watch.tasks.values()) {
      if (watch.live && watch.holder === bearer?.sessionId && this.nowMs < watch.endsBy)
        watch.endsBy = this.nowMs + watch.leaseMs;
    }
  }

  #arrived(call: SimCall, from: SimProcess, reply: Reply): void {
    if (call.by.pending !== call || from.phase === 'dead') return;
    if (from === this.#leader && this.#medium.isCut) return;
    // On a full disk a leader serves reads of a world that no epoch of its own has fenced yet.
    const isFenced = from.fabric?.leader.phase === 'serving';
    const fromLeader = from === this.#leader && this.#former === undefined && isFenced;
    call.by.pending = undefined;
    this.#answers.push({ call, reply, returnedAt: (this.#moment += 1), fromLeader });
  }

  #giveUpWaiting(actor: Actor): void {
    const call = actor.pending;
    if (call === undefined) return;
    actor.pending = undefined;
    actor.unanswered = call;
  }

  // Time and processes.

  #start(): void {
    const clock = new ProcessClock(this, this.#doubles.clockLagMs);
    const starting: SimProcess = {
      clock,
      phase: 'opening',
      why: '',
      fabric: undefined,
      surface: undefined,
      journal: undefined,
      inbox: [],
    };
    this.#leader = starting;
    this.#open(starting).catch((cause: unknown) => {
      if (starting.phase !== 'opening') return;
      starting.phase = 'refused';
      starting.why = String(cause);
    });
  }

  async #open(starting: SimProcess): Promise<void> {
    const journal = await this.#medium.open();
    starting.journal = journal;
    const fabric = await openFabric({
      realm: REALM,
      origin: ORIGIN,
      version: '0',
      journal,
      blobs: this.#blobs,
      secrets: SECRETS,
      genesisLeaf: SIM_GENESIS_LEAF,
      clock: starting.clock,
      random: this.random,
      log: this.#log,
      onFatal: (fault) => {
        starting.phase = 'fatal';
        starting.why = String(fault);
      },
    });
    if (starting.phase !== 'opening') return;
    starting.fabric = fabric;
    starting.surface = this.#doubles.surface?.(fabric, starting) ?? fabric;
    starting.phase = 'open';
  }

  /** What the fabric would write for people, in the trace. */
  readonly #log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields) => {
      this.#trace(() => `    ${JSON.stringify(fields)}`);
    },
    error: (fields) => {
      this.#trace(() => `    ${JSON.stringify(fields)}`);
    },
  };

  /** Runs every process until nothing moves, then looks at the log and at what was answered. */
  async #settle(): Promise<void> {
    let moved = true;
    while (moved) {
      await microtasksDone();
      moved = false;
      for (const one of [this.#leader, this.#former]) {
        if (one !== undefined && one.phase !== 'dead' && one.clock.endTurn()) moved = true;
      }
    }
    await this.#watch.follow(this.#medium);
    this.#hear();
    this.#endBroken();
    const leader = this.#leader;
    if (leader?.phase === 'open' && leader.clock.phase === 'running') {
      this.#judge.settle();
      this.#nobodyWaitsInVain(leader);
    }
  }

  /** Ends a leader that asked for it, or whose machine has no power. */
  #endBroken(): void {
    const leader = this.#leader;
    if (leader === undefined) return;
    const { phase, why } = leader;
    if (this.#medium.isCut) {
      if (this.#medium.kind === 'file') this.#counts.powerCuts += 1;
      this.#kill(leader);
    } else if (phase === 'refused' || phase === 'fatal') {
      if (why.includes('log.damaged')) this.#broken(`a leader refused its own log: ${why}`);
      if (why.includes('internal')) this.#broken(`a leader ended by a defect: ${why}`);
      this.#kill(leader);
    }
  }

  #hear(): void {
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) {
      this.#counts.answers += 1;
      this.#trace(
        () =>
          `  ${answer.call.by.name} hears ${answer.call.op}: ${JSON.stringify(answer.reply).slice(0, 220)}`,
      );
      this.#judge.take(answer);
      this.#learn(answer);
    }
  }

  /** What the actor makes of an answer. */
  #learn({ call, reply }: Answer): void {
    const { by, op, bearer } = call;
    if (reply.kind === 'reject') {
      if (reply.code.startsWith('log.') || reply.code.startsWith('fabric.')) {
        if (this.random.chance(0.7)) by.unanswered = call;
        return;
      }
      if (by instanceof SimAgent) this.#learnNo(by, call, reply.code);
      return;
    }
    if (op === 'plans.submit' && by instanceof SimOperator) by.toSubmit.shift();
    if (!(by instanceof SimAgent)) return;
    if (op === 'sessions.open') {
      const opened = trustedOutput<{ sessionId: string; token: string }>(reply.output);
      this.#sessions.set(opened.sessionId, by.capabilities);
      by.session = opened;
    }
    if (op === 'sessions.close') by.sessionOver();
    // Grants to a session that the agent has left since are nobody's.
    if (bearer?.sessionId !== by.session?.sessionId) return;
    if (call.lease !== undefined && op !== 'tasks.progress') {
      const keeps = op === 'blockers.raise' && call.input['release'] !== true;
      if (!keeps) by.lost(call.lease.taskId);
    }
    for (const grant of grantsIn(reply.output)) by.granted(grant);
    if (op === 'tasks.renew') {
      const { lost } = trustedOutput<{ lost: readonly { taskId: string }[] }>(reply.output);
      for (const { taskId } of lost) by.lost(taskId);
    }
  }

  #learnNo(by: SimAgent, call: SimCall, code: string): void {
    if (call.bearer?.sessionId !== by.session?.sessionId) return;
    if (code === 'lease.stale' && call.lease !== undefined && call.token === 'own')
      by.lost(call.lease.taskId);
    if (code === 'session.ended' || code === 'auth.invalid' || code === 'auth.expired')
      by.sessionOver();
  }

  /** K1: work that is ready is not kept from a session that waits for it. */
  #nobodyWaitsInVain({ fabric }: SimProcess): void {
    const view = fabric?.leader.view();
    if (fabric === undefined || view === undefined || !('world' in view)) return;
    // Some wait at the other one of two leaders.
    if (
      this.#former !== undefined ||
      fabric.leader.phase !== 'serving' ||
      fabric.leader.durable?.size !== view.size
    )
      return;
    for (const { pending, session, name } of this.agents) {
      if (pending?.op !== 'tasks.next' || pending.input['waitMs'] === undefined) continue;
      if (
        session !== undefined &&
        fabric.figures().tickets > 0 &&
        hasReadyFor(view.world, session.sessionId)
      )
        this.#broken(`K1: ${name} waits for work while some is ready for it`);
    }
  }

  async #advance(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    // Ends: a timer that fires is gone, and each new one lies behind now or is due at once and gone too.
    for (let fired = 0; fired < TIMERS_A_STEP_MAX; fired += 1) {
      const processes = [this.#leader, this.#former].filter((one) => one !== undefined);
      const next = Math.min(end, ...processes.map(({ clock }) => clock.nextAt));
      this.nowMs = Math.max(this.nowMs, next);
      let moved = false;
      for (const { clock } of processes) if (clock.fire()) moved = true;
      if (!moved) break;
      await this.#settle();
    }
    this.nowMs = Math.max(this.nowMs, end);
    await this.#settle();
  }

  async #crash(): Promise<void> {
    const leader = this.#leader;
    if (leader === undefined) {
      this.#start();
      return;
    }
    const orderly = leader.phase === 'open' && this.random.chance(0.2);
    this.#trace(() => (orderly ? 'the leader stops' : 'the leader dies'));
    if (orderly && (await this.#stop(leader))) this.#medium.closed();
    else this.#medium.crash();
    this.#counts.crashes += 1;
    this.#bury(leader);
    if (this.random.chance(0.8)) {
      this.#start();
      await this.#settle();
      if (this.random.chance(REREAD_SHARE)) await this.#watch.reread(this.#medium);
    }
  }

  /** Closes a fabric in order, if its medium lets it; what hangs is killed. */
  async #stop(leader: SimProcess): Promise<boolean> {
    let closed = false;
    // From here on its journal may be closed, and shows nothing.
    leader.phase = 'closing';
    leader.fabric?.close().then(
      () => {
        closed = true;
      },
      () => undefined,
    );
    await this.#settle();
    return closed && !this.#medium.isCut;
  }

  #kill(leader: SimProcess): void {
    this.#trace(() => `the leader ends: ${leader.why}`);
    this.#medium.crash();
    this.#counts.crashes += 1;
    this.#bury(leader);
  }

  #bury(one: SimProcess): void {
    one.phase = 'dead';
    one.clock.phase = 'dead';
    if (one === this.#leader) this.#leader = undefined;
    if (one === this.#former) this.#former = undefined;
    for (const actor of [...this.agents, this.#operator]) this.#giveUpWaiting(actor);
  }

  /** SIGSTOP, some time, SIGCONT. */
  async #pause(): Promise<void> {
    const leader = this.#leader;
    if (leader === undefined) {
      this.#start();
      return;
    }
    this.#counts.pauses += 1;
    leader.clock.phase = 'stopped';
    this.#trace(() => 'the leader is stopped');
    for (const agent of this.agents) if (this.random.chance(0.3)) this.#act(agent);
    await this.#advance(this.#someMs());
    this.#wake(leader);
  }

  #wake(stopped: SimProcess): void {
    if (stopped.phase === 'dead') return;
    stopped.clock.phase = 'running';
    // What is due comes before what has come: timers first, as an event loop has it.
    stopped.clock.fire();
    for (const call of stopped.inbox.splice(0)) {
      if (call.by.pending === call) this.#deliver(call, stopped);
    }
  }

  #jump(): void {
    const leader = this.#leader;
    if (leader === undefined) return;
    this.#counts.clockJumps += 1;
    this.#trace(() => 'the wall clock jumps');
    leader.clock.wallErrorMs += this.random.pick(CLOCK_JUMPS_MS);
  }

  /** Another process takes the lead while the first one is stopped, as two leaders over one stream. */
  async #depose(): Promise<void> {
    const first = this.#leader;
    if (this.#medium.kind !== 'memory' || first?.phase !== 'open') return;
    if (this.#former !== undefined) {
      this.#endRivalry();
      return;
    }
    this.#counts.secondLeaders += 1;
    this.#trace(() => 'a second leader');
    first.clock.phase = 'stopped';
    this.#former = first;
    for (const actor of [...this.agents, this.#operator]) {
      if (this.random.chance(0.5)) this.#giveUpWaiting(actor);
    }
    this.#start();
    await this.#settle();
    this.#wake(first);
  }

  /**
   * Who leads is told by the log alone, and a leader without commands to write never learns that it was deposed (a
   * lease of leadership tells it; there is none here). So both end, and a new one begins.
   */
  #endRivalry(): void {
    if (this.#former === undefined) return;
    this.#bury(this.#former);
    if (this.#leader !== undefined) this.#kill(this.#leader);
    this.#start();
  }

  // The end.

  async #compareWorlds(): Promise<void> {
    await this.#settle();
    const { fabric } = this.#leader ?? {};
    const view = fabric?.leader.view();
    if (fabric === undefined || view === undefined || !('world' in view)) return;
    if (this.#former !== undefined || view.size !== this.#watch.size) return;
    this.#same('the live world', view.world, 'the replayed one', this.#watch.world);
  }

  #same(one: string, worldOne: World, other: string, worldOther: World): void {
    const [a, b] = [this.#hash(worldOne), this.#hash(worldOther)];
    if (a.digest === b.digest) return;
    const differs = [...a.parts].filter(([name, digest]) => b.parts.get(name) !== digest);
    this.#broken(
      `state: ${one} and ${other} differ in ${differs.map(([name]) => name).join(', ')}`,
    );
  }

  #hash(world: World): SectionHashes {
    return hashSections(this.#doubles.sections?.(world) ?? worldSections(world));
  }

  async #heal(): Promise<void> {
    this.#trace(() => 'healed');
    this.#endRivalry();
    this.#medium.heal();
    await this.#settle();
    for (let round = 0; round < HEALED_ROUNDS_MAX; round += 1) {
      const leader = this.#leader;
      if (leader === undefined) this.#start();
      else if (leader.clock.phase === 'stopped') this.#wake(leader);
      else if (round % SUPERVISED_ROUNDS === SUPERVISED_ROUNDS - 1) this.#supervise(leader);
      if (this.#isFinished()) return;
      for (const actor of [this.#operator, ...this.agents]) this.#workOn(actor);
      await this.#settle();
      // Every fourth round a lease's length: what nobody holds any more comes free.
      await this.#advance(round % 4 === 3 ? 1_500 : 120);
    }
    const left = this.plans.flatMap(({ tasks }) =>
      tasks
        .filter(({ id }) => !this.#watch.watched(id).over)
        .map(({ id }) => `${id} ${taskPhase(this.#watch.world, id)}`),
    );
    this.#broken(
      `no progress: ${left.join(', ')} after ${HEALED_ROUNDS_MAX} healed rounds (leader ${this.#leader?.phase} ${this.#leader?.fabric?.leader.phase})`,
    );
  }

  /** What a supervisor does with a leader that is not ready for long, on a disk that works. */
  #supervise(leader: SimProcess): void {
    if (leader.fabric?.leader.phase === 'serving') return;
    this.#counts.stuck += 1;
    this.#kill(leader);
  }

  #workOn(actor: Actor): void {
    if (actor.pending !== undefined) return;
    const again = actor.unanswered;
    actor.unanswered = undefined;
    if (again !== undefined) {
      this.#send(again);
      return;
    }
    const wish = actor.work(this);
    if (wish !== undefined) this.#send(this.#callOf(actor, wish));
  }

  #isFinished(): boolean {
    return (
      this.#operator.toSubmit.length === 0 &&
      this.plans.every(({ tasks }) => tasks.every(({ id }) => this.#watch.watched(id).over))
    );
  }

  async #finish(): Promise<void> {
    await this.#settle();
    await this.#watch.reread(this.#medium);
    this.#judge.settle();
    this.#judge.end();
    await this.#compareWorlds();
    await this.#replayed();
    this.#hashCovers();
  }

  /** What a start would make of the log is what the leader has. */
  async #replayed(): Promise<void> {
    const { journal } = this.#leader ?? {};
    if (journal === undefined) this.#broken('a finished world without a leader');
    const { world, head } = await replay({
      journal,
      blobs: this.#blobs,
      genesisLeaf: SIM_GENESIS_LEAF,
    });
    if (head.size !== this.#watch.size)
      this.#broken(`W2: a replay sees ${head.size} entries of ${this.#watch.size}`);
    this.#same('a world from zero', world, 'the watched one', this.#watch.world);
  }

  /** The state hash sees every room: one entry more, without any event, is another state of the realm. */
  #hashCovers(): void {
    const { world } = this.#watch;
    const before = this.#hash(world).digest;
    const { size, at, epoch } = world.realm;
    const entry = { index: size, at, epoch, op: 'witness.record', args: {}, principal: 'nobody' };
    evolve(world, { ...entry, idem: 'never seen', events: [] });
    if (this.#hash(world).digest === before) this.#broken('state: the hash does not see the realm');
  }
}

/** Timers that may fire in one step of time; more is a loop. */
const TIMERS_A_STEP_MAX = 5_000;

interface SectionHashes {
  readonly digest: string;
  readonly parts: ReadonlyMap<string, string>;
}

const hashSections = (sections: readonly Section[]): SectionHashes => {
  const parts = new Map<string, string>();
  const whole = createHash('sha256');
  for (const { name, content } of sections) {
    const digest = createHash('sha256').update(content).digest('base64');
    parts.set(name, digest);
    whole.update(`${name} ${digest}\n`);
  }
  return { digest: whole.digest('base64'), parts };
};

/** One that can do everything, so that every plan can end, and a few that cannot. */
const agentsOf = (random: Random): readonly SimAgent[] => {
  const count = 2 + random.below(3);
  return Array.from({ length: count }, (_, i) => {
    const can = i === 0 ? CAPABILITIES : CAPABILITIES.filter(() => random.chance(0.5));
    const name = i > 0 && random.chance(0.3) ? `agent0~${i}` : `agent${i}`;
    return new SimAgent(name, can, random.pick([1, 1, 2, 3]));
  });
};
