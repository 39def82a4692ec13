/** The world of one seed: its steps, its healing, and what is looked at after each of them. */
import { taskPhase, worldSections } from '@infrafabric/core';

import { LawBroken } from '../crash-lives.ts';
import { seededRandom, type Random } from '../random.ts';
import type { Actor, SimAgent, SimOperator } from './actors.ts';
import { countEvents, countOne, noCounts, type SimCounts } from './counts.ts';
import type { Doubles } from './doubles.ts';
import { Judge } from './judge.ts';
import { learn } from './learning.ts';
import { LogWatch } from './log-watch.ts';
import { Machine } from './machine.ts';
import { FileMedium, MemoryMedium } from './media.ts';
import { Post } from './post.ts';
import type { SimProcess } from './processes.ts';
import { COORDINATOR_ROOM, type Room, type RoomLaws } from './room.ts';
import { SameState } from './same-state.ts';
import { Sight } from './sight.ts';
import type { SimOptions } from './simulate.ts';
import { whoWaitsInVain } from './waiting.ts';

/** Share of worlds of which the operator has told all before anybody works. */
const PRELUDE_SHARE = 0.8;
/** Rounds after which a leader that does not serve is restarted. */
const SUPERVISED_ROUNDS = 60;
/** Share of restarts after which the whole log is read again; at the end it always is. */
const REREAD_SHARE = 0.3;
/** Share of worlds on the file journal: each costs about four of memory. */
const FILE_SHARE = 0.12;
/** Rounds in which a healed world must finish. */
const HEALED_ROUNDS_MAX = 400;

export class Simulation {
  readonly #seed: number;
  readonly #options: SimOptions;
  readonly #doubles: Doubles;
  readonly #random: Random;
  readonly #room: Room;
  readonly #laws: RoomLaws;
  readonly #agents: readonly SimAgent[];
  readonly #operator: SimOperator;
  readonly #machine: Machine;
  readonly #watch: LogWatch;
  readonly #judge: Judge;
  readonly #sight: Sight;
  readonly #post: Post;
  readonly #state: SameState;
  readonly #counts = noCounts();
  readonly #sessions = new Map<string, readonly string[]>();

  constructor(seed: number, options: SimOptions) {
    this.#seed = seed;
    this.#options = options;
    this.#doubles = options.doubles ?? {};
    this.#room = options.room ?? COORDINATOR_ROOM;
    const random = seededRandom(seed);
    this.#random = random;
    const { plans, agents, operator } = this.#room.cast(random);
    this.#agents = agents;
    this.#operator = operator;
    const isFile =
      this.#doubles.medium === undefined
        ? random.chance(FILE_SHARE)
        : this.#doubles.medium === 'file';
    const medium = isFile
      ? new FileMedium(random, this.#doubles)
      : new MemoryMedium(random, this.#doubles);
    const counts = this.#counts;
    const broken = (law: string): never => this.#broken(law);
    const trace = (line: () => string): void => {
      this.#trace(line);
    };
    this.#machine = new Machine({
      random,
      medium,
      doubles: this.#doubles,
      counts,
      trace,
      broken,
      onSettled: () => this.#look(),
      onBuried: () => {
        for (const actor of this.#actors) this.#post.giveUp(actor);
      },
    });
    const machine = this.#machine;
    this.#laws = this.#room.laws({ plans, broken });
    this.#watch = new LogWatch({
      broken,
      nowMs: () => machine.nowMs,
      plans: () => plans,
      sessionNeeds: (sessionId) => this.#sessions.get(sessionId),
      onFolded: (entry, world) => {
        this.#laws.entry(entry, world);
      },
    });
    const watch = this.#watch;
    this.#judge = new Judge(watch, broken);
    const judge = this.#judge;
    this.#sight = new Sight({ random, plans, agents, watch, now: () => machine.nowMs });
    const { sections = worldSections } = this.#doubles;
    this.#state = new SameState({ machine, watch, sections, broken });
    this.#post = new Post({ machine, sight: this.#sight, watch, judge, counts, trace });
  }

  /** Who may act next. */
  get #turns(): readonly Actor[] {
    const operator: Actor = this.#operator;
    const turns = Array.from({ length: this.#room.pace.operatorTurns }, () => operator);
    return [...this.#agents, ...this.#agents, ...turns];
  }

  get #actors(): readonly Actor[] {
    return [...this.#agents, this.#operator];
  }

  async run(): Promise<SimCounts> {
    this.#watch.onEntry = ({ index, at, epoch, op, principal, events }) => {
      this.#trace(
        () =>
          `    #${index} @${at % 10_000_000} e${epoch} ${op} by ${principal}: ${events.map((e) => ('fence' in e ? `${e.type} ${e.taskId} ${e.fence}` : e.type)).join(', ')}`,
      );
    };
    this.#machine.start();
    await this.#machine.settle();
    const { stepsMin, stepsMoreMax, preludeActs } = this.#room.pace;
    if (preludeActs > 0 && this.#random.chance(PRELUDE_SHARE)) await this.#prelude(preludeActs);
    const steps = stepsMin + this.#random.below(stepsMoreMax + 1);
    for (let step = 0; step < steps; step += 1) {
      await this.#step();
      // Where a turn does not end between two steps, their commands share a batch.
      if (this.#random.chance(0.75)) await this.#machine.settle();
    }
    await this.#heal();
    await this.#finish();
    return this.#counted();
  }

  #counted(): SimCounts {
    const counts = this.#counts;
    counts.entries = this.#watch.entries.length;
    counts.epochs = this.#watch.epoch;
    if (this.#machine.medium.kind === 'file') counts.files = 1;
    countEvents(counts, this.#watch.entries);
    Object.assign(counts.room, this.#laws.counts);
    return counts;
  }

  #broken(law: string): never {
    throw new LawBroken(`seed ${this.#seed}: ${law}`);
  }

  #trace(line: () => string): void {
    this.#options.trace?.(`${String(this.#machine.nowMs).padStart(7)} ${line()}`);
  }

  // Steps.

  async #prelude(acts: number): Promise<void> {
    for (let act = 0; act < acts; act += 1) {
      this.#act(this.#operator);
      for (const agent of this.#agents) if (agent.session === undefined) this.#act(agent);
      await this.#machine.settle();
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const dice = random.below(100);
    if (dice < 62) this.#act(random.pick(this.#turns));
    else if (dice < 80) await this.#machine.advance(this.#someMs());
    else if (dice < 85) this.#machine.medium.stir();
    else if (dice < 89) await this.#crash();
    else if (dice < 92) await this.#pause();
    else if (dice < 94) this.#machine.jump();
    else if (dice < 95) await this.#depose();
    else if (dice < 97) this.#post.giveUp(random.pick(this.#agents));
    else await this.#compareWorlds();
  }

  /** Often exactly the moment at which something ends. */
  #someMs(): number {
    const random = this.#random;
    const { nowMs } = this.#machine;
    const dice = random.below(10);
    if (dice < 4) return random.below(400);
    if (dice < 9) {
      const ends = [...this.#watch.tasks.values()]
        .filter(({ live, endsBy }) => live && endsBy > nowMs)
        .map(({ endsBy }) => endsBy - nowMs);
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
      if (this.#random.chance(0.75)) return this.#post.send(unanswered);
    }
    const wish = actor.wish(this.#sight);
    if (wish !== undefined) this.#post.send(this.#post.callOf(actor, wish));
  }

  async #crash(): Promise<void> {
    if (!(await this.#machine.crash())) {
      this.#machine.start();
      return;
    }
    if (this.#random.chance(0.8)) {
      this.#machine.start();
      await this.#machine.settle();
      if (this.#random.chance(REREAD_SHARE)) await this.#watch.reread(this.#machine.medium);
    }
  }

  /** SIGSTOP, some time, SIGCONT. */
  async #pause(): Promise<void> {
    const { leader } = this.#machine;
    if (leader === undefined) {
      this.#machine.start();
      return;
    }
    this.#counts.pauses += 1;
    leader.clock.phase = 'stopped';
    this.#trace(() => 'the leader is stopped');
    for (const agent of this.#agents) if (this.#random.chance(0.3)) this.#act(agent);
    await this.#machine.advance(this.#someMs());
    this.#post.wake(leader);
  }

  /** Another process takes the lead while the first one is stopped, as two leaders over one stream. */
  async #depose(): Promise<void> {
    const machine = this.#machine;
    const first = machine.leader;
    if (machine.medium.kind !== 'memory' || first?.phase !== 'open') return;
    if (machine.former !== undefined) {
      machine.endRivalry();
      return;
    }
    this.#counts.secondLeaders += 1;
    this.#trace(() => 'a second leader');
    first.clock.phase = 'stopped';
    machine.former = first;
    for (const actor of this.#actors) {
      if (this.#random.chance(0.5)) this.#post.giveUp(actor);
    }
    machine.start();
    await machine.settle();
    this.#post.wake(first);
  }

  // What is looked at.

  /** Nothing moves any more: reads the log, hears the answers, ends what is broken. */
  async #look(): Promise<void> {
    const machine = this.#machine;
    await this.#watch.follow(machine.medium);
    this.#hear();
    machine.endBroken();
    const { leader } = machine;
    if (leader?.phase === 'open' && leader.clock.phase === 'running') {
      this.#judge.settle();
      // Some wait at the other one of two leaders.
      const inVain =
        machine.former === undefined ? whoWaitsInVain(leader, this.#agents) : undefined;
      if (inVain !== undefined) this.#broken(inVain);
    }
  }

  #hear(): void {
    for (const answer of this.#post.collect()) {
      const { call, reply } = answer;
      this.#counts.answers += 1;
      if (reply.kind === 'reject') countOne(this.#counts.refusals, reply.code);
      this.#trace(
        () => `  ${call.by.name} hears ${call.op}: ${JSON.stringify(reply).slice(0, 220)}`,
      );
      this.#judge.take(answer);
      this.#laws.answer(answer);
      learn(answer, this.#random, (sessionId, capabilities) => {
        this.#sessions.set(sessionId, capabilities);
      });
    }
  }

  async #compareWorlds(): Promise<void> {
    await this.#machine.settle();
    this.#state.live();
  }

  // The end.

  async #heal(): Promise<void> {
    const machine = this.#machine;
    this.#trace(() => 'healed');
    machine.endRivalry();
    machine.medium.heal();
    await machine.settle();
    for (let round = 0; round < HEALED_ROUNDS_MAX; round += 1) {
      const { leader } = machine;
      if (leader === undefined) machine.start();
      else if (leader.clock.phase === 'stopped') this.#post.wake(leader);
      else if (round % SUPERVISED_ROUNDS === SUPERVISED_ROUNDS - 1) this.#supervise(leader);
      if (this.#isFinished()) return;
      for (const actor of [this.#operator, ...this.#agents]) this.#workOn(actor);
      await machine.settle();
      // Every fourth round a lease's length: what nobody holds any more comes free.
      await machine.advance(round % 4 === 3 ? 1_500 : 120);
    }
    const left = this.#sight.plans.flatMap(({ tasks }) =>
      tasks
        .filter(({ id }) => !this.#watch.watched(id).over)
        .map(({ id }) => `${id} ${taskPhase(this.#watch.world, id)}`),
    );
    this.#broken(
      `no progress: ${left.join(', ')} after ${HEALED_ROUNDS_MAX} healed rounds (leader ${machine.leader?.phase} ${machine.leader?.fabric?.leader.phase})`,
    );
  }

  /** What a supervisor does with a leader that is not ready for long, on a disk that works. */
  #supervise(leader: SimProcess): void {
    if (leader.fabric?.leader.phase === 'serving') return;
    this.#counts.stuck += 1;
    this.#machine.kill(leader);
  }

  #workOn(actor: Actor): void {
    if (actor.pending !== undefined) return;
    const again = actor.unanswered;
    actor.unanswered = undefined;
    if (again !== undefined) {
      this.#post.send(again);
      return;
    }
    const wish = actor.work(this.#sight);
    if (wish !== undefined) this.#post.send(this.#post.callOf(actor, wish));
  }

  #isFinished(): boolean {
    return (
      this.#operator.toSubmit.length === 0 &&
      this.#sight.plans.every(({ tasks }) =>
        tasks.every(({ id }) => this.#watch.watched(id).over),
      ) &&
      this.#room.isQuiet(this.#watch.world)
    );
  }

  async #finish(): Promise<void> {
    await this.#machine.settle();
    await this.#watch.reread(this.#machine.medium);
    this.#judge.settle();
    this.#judge.end();
    this.#laws.end(this.#watch.world);
    await this.#compareWorlds();
    await this.#state.replayed();
    this.#state.hashCovers();
  }
}
