/**
 * A large world for the questions of matching: ten thousand registered swarms, each with a session, and a hundred
 * thousand ready tasks of thousands of distinct sets of needs. Built by deciding and folding, as a leader builds it.
 */
import { createWorld, decide, evolve, type DomainEvent, type World } from '@infrafabric/core';
import { BUILT_IN_CAPABILITIES, sessionIdFrom } from '@infrafabric/protocol';

import { check } from './probe.ts';
import { mulberry32 } from './stats.ts';

/** Capabilities that swarms have and tasks need. */
const CAPABILITIES = 60;
const HAVES_MIN = 3;
const HAVES_MAX = 12;
const NEEDS_MAX = 5;
const PRIORITIES = 5;
const LEASES_MAX = 100;
const PLAN_TASKS = 10_000;
const SEED = 7;
const AT = 1_767_225_600_000;
/** One swarm of so many is free. */
const FREE = 10;
const PRICE_MICRO_USD_MAX = 5_000_000;
const REPUTATION_MIN = 300;
const REPUTATIONS = 701;
/** More than all plans of a run may cost: nobody is asked for a confirmation here. */
const CONFIRM_MICRO_USD = 1_000_000_000_000;
/** Enough for the leases of a run, which are all given back. */
const REALM_MICRO_USD = 1_000_000_000_000;
const DIGEST = `sha256:${'0'.repeat(64)}`;

export interface MatchSize {
  readonly swarms: number;
  readonly tasks: number;
  readonly needSets: number;
}

export interface Swarm {
  readonly id: string;
  readonly sessionId: string;
  readonly capabilities: readonly string[];
  readonly reputationPermille: number;
  readonly costPerHourMicroUsd: number;
}

/** A command by its name, its arguments and who asks; the minted ids where it needs any. */
interface Wish {
  readonly op: string;
  readonly args: object;
  readonly ids?: readonly string[];
  readonly session?: string;
}

/** A number below `max`, and a choice of so many of a list, each once. */
export interface Draw {
  below(max: number): number;
  some<T>(all: readonly T[], count: number): readonly T[];
}

export function drawBy(seed: number): Draw {
  const random = mulberry32(seed);
  const below = (max: number): number => Math.floor(random() * max);
  return {
    below,
    some: (all, count) => {
      const left = [...all];
      return Array.from({ length: count }, () => left.splice(below(left.length), 1)).flat();
    },
  };
}

/** The world and what is known of it outside. */
export class MatchWorld {
  readonly world: World = createWorld();
  readonly swarms: readonly Swarm[];
  readonly needSets: readonly (readonly string[])[];
  readonly taskIds: readonly string[];

  constructor(size: MatchSize) {
    const draw = drawBy(SEED);
    this.run({ op: 'budgets.set', args: { account: 'realm', limitMicroUsd: REALM_MICRO_USD } });
    this.needSets = distinct(size.needSets, () =>
      draw.some(NAMES, draw.below(NEEDS_MAX + 1)).toSorted(),
    );
    const sets = distinct(size.swarms, () =>
      draw.some(NAMES, HAVES_MIN + draw.below(HAVES_MAX - HAVES_MIN + 1)).toSorted(),
    );
    this.swarms = sets.map((capabilities, i) => this.#spawn(i, capabilities, draw));
    this.taskIds = this.#submit(size.tasks, draw);
  }

  /** Decides and folds. Throws where the wish is refused. */
  run(wish: Wish): readonly DomainEvent[] {
    const decision = this.decide(wish);
    check(decision.kind === 'accept', `${wish.op}: ${JSON.stringify(decision)}`);
    this.fold(wish, decision.events);
    return decision.events;
  }

  decide(wish: Wish): ReturnType<typeof decide> {
    return decide(this.world, this.#command(wish));
  }

  fold(wish: Wish, events: readonly DomainEvent[]): void {
    evolve(this.world, {
      ...this.#command(wish),
      index: this.world.realm.size,
      epoch: 1,
      events,
    });
  }

  /** Gives back what `events` lease. */
  release(events: readonly DomainEvent[]): void {
    for (const event of events) {
      if (event.type !== 'task.leased') continue;
      const { taskId, sessionId, fence } = event;
      this.run({
        op: 'tasks.release',
        args: { taskId, fence: { epoch: 1, holder: sessionId, n: fence } },
        session: sessionId,
      });
    }
  }

  /** A session of its own, with or without a swarm. */
  open(
    n: number,
    more: {
      readonly swarm?: string;
      readonly capabilities?: readonly string[];
      readonly leasesMax?: number;
    },
  ): string {
    const bytes = new Uint8Array(10);
    new DataView(bytes.buffer).setUint32(6, n);
    const sessionId = sessionIdFrom(bytes);
    this.run({ op: 'sessions.open', args: { agent: `agent-${n}`, ...more }, ids: [sessionId] });
    return sessionId;
  }

  #command({ op, args, ids = [], session }: Wish) {
    const asked = { op, args, ids, at: AT } as const;
    return session === undefined
      ? ({ ...asked, cred: 'operator', principal: 'operator' } as const)
      : ({ ...asked, cred: 'session', principal: 'bench', session } as const);
  }

  #spawn(i: number, capabilities: readonly string[], draw: Draw): Swarm {
    const id = `swarm-${i}`;
    const reputationPermille = REPUTATION_MIN + draw.below(REPUTATIONS);
    const costPerHourMicroUsd = draw.below(FREE) === 0 ? 0 : 1 + draw.below(PRICE_MICRO_USD_MAX);
    const profile = { swarmId: id, capabilities, costPerHourMicroUsd, reputationPermille };
    this.run({ op: 'swarms.register', args: { profile } });
    const sessionId = this.open(i, { swarm: id, leasesMax: LEASES_MAX });
    return { id, sessionId, capabilities, reputationPermille, costPerHourMicroUsd };
  }

  /** Each count of needs is as likely as the next; which needs, the sets of that count say. */
  #submit(count: number, draw: Draw): readonly string[] {
    const taskIds: string[] = [];
    const bySize = Map.groupBy(this.needSets, (needs) => needs.length);
    const needs = (): readonly string[] | undefined => {
      const sets = bySize.get(draw.below(NEEDS_MAX + 1)) ?? [[]];
      return sets[draw.below(sets.length)];
    };
    for (let left = count; left > 0; left -= PLAN_TASKS) {
      const id = `match-${taskIds.length / PLAN_TASKS}`;
      const tasks = Array.from({ length: Math.min(left, PLAN_TASKS) }, (_, i) => ({
        key: `t${i}`,
        title: 'a task to match',
        needs: needs(),
        priority: draw.below(PRIORITIES),
      }));
      const args = { plan: { id, tasks }, digest: DIGEST, confirmMicroUsd: CONFIRM_MICRO_USD };
      this.run({ op: 'plans.submit', args });
      for (const { key } of tasks) taskIds.push(`${id}/${key}`);
    }
    return taskIds;
  }
}

const NAMES: readonly string[] = BUILT_IN_CAPABILITIES.slice(0, CAPABILITIES).map(({ id }) => id);

/** So many lists of which no two are the same. */
function distinct(count: number, next: () => readonly string[]): readonly (readonly string[])[] {
  const byText = new Map<string, readonly string[]>();
  // Ends: the lists that may be drawn are millions, and those that are asked for are thousands.
  while (byText.size < count) {
    const list = next();
    byText.set(list.join(' '), list);
  }
  return [...byText.values()];
}
