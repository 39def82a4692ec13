/**
 * What a decision costs where ten thousand swarms and a hundred thousand ready tasks stand in one world: who can do
 * this task, what can this session do, is there anything for it, and what money adds to a claim. One thread, no disk;
 * each decision is timed by itself, and what it did is undone before the next, so that all meet the same world.
 */
import { bestMatches, hasReadyFor, taskSpec, type DomainEvent } from '@infrafabric/core';
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';

import { blockerToLeases } from './match-blocker.ts';
import { helpDecisions } from './match-help.ts';
import { pushes } from './match-push.ts';
import { drawBy, MatchWorld, type Draw, type MatchSize, type Swarm } from './match-world.ts';
import { memory } from './memory.ts';
import { check, sized, type Values } from './probe.ts';
import type { MeasureOnce } from './scenarios.ts';
import { timed, type Counts } from './timed.ts';

const WORLD: { readonly [S in 'smoke' | 'short' | 'full']: MatchSize } = {
  smoke: { swarms: 300, tasks: 2_000, needSets: 200 },
  short: { swarms: 10_000, tasks: 100_000, needSets: 4_000 },
  full: { swarms: 10_000, tasks: 100_000, needSets: 4_000 },
};
const SAMPLES = { smoke: 50, short: 3_000, full: 20_000 };
/** Before the first that counts. */
const WARM_UP = { smoke: 10, short: 1_000, full: 2_000 };
/** Answers that are held against a look at every swarm. */
const CHECKED = { smoke: 20, short: 300, full: 1_000 };
/** One swarm of so many has a session that waits and may be chosen. */
const BUSY = 100;
/** Tasks of one call of `tasks.next`. */
const MANY = 100;
const SEED = 11;

export const match: MeasureOnce = async ({ size, folder, note }) => {
  const before = memory();
  const startedAt = performance.now();
  const field = new MatchWorld(sized(size, WORLD));
  const builtMs = performance.now() - startedAt;
  const worldBytes = memory() - before;
  note(`match: ${field.swarms.length} swarms and ${field.taskIds.length} tasks built`);
  const counts = { samples: sized(size, SAMPLES), warmUp: sized(size, WARM_UP) };
  const asked = { field, counts, draw: drawBy(SEED) };
  checkMatches(asked, sized(size, CHECKED));
  return {
    'match.swarms': field.swarms.length,
    'match.tasks': field.taskIds.length,
    'match.needSets': field.needSets.length,
    'match.worldBytes': worldBytes,
    'match.buildS': builtMs / 1_000,
    ...bestSwarms(asked),
    ...nextTasks(asked),
    ...ready(asked),
    ...claims(asked),
    ...helpDecisions(field, counts),
    ...(await pushes(size)),
    ...(await blockerToLeases(size, folder)),
  };
};

interface Asked {
  readonly field: MatchWorld;
  readonly counts: Counts;
  readonly draw: Draw;
}

const LIMIT = RESOURCE_POLICY_DEFAULT.maxSwarmsPerTask;
const { minMatchPermille } = RESOURCE_POLICY_DEFAULT;

const drawn = <T>(list: readonly T[], draw: Draw): T => {
  const one = list[draw.below(list.length)];
  check(one !== undefined, 'nothing to draw');
  return one;
};

/** (a) One task against all swarms: the best of all, and the best of the few that wait. */
function bestSwarms({ field, counts, draw }: Asked): Values {
  const { index } = field.world.governor;
  const free = new Set(field.swarms.filter((_, i) => i % BUSY === 0).map(({ id }) => id));
  let found = 0;
  const best = (name: string, fits: (id: string) => boolean): Values =>
    timed(name, counts, {
      isPure: true,
      prepare: () => {
        const wanted = { needs: drawn(field.needSets, draw), minMatchPermille, limit: LIMIT };
        return () => bestMatches(index, wanted, ({ id }) => fits(id));
      },
      undo: (matches) => (found += matches.length),
    });
  const values = {
    ...best('match.swarm', () => true),
    ...best('match.swarmBusy', (id) => free.has(id)),
  };
  check(found > 0, 'no task found a swarm');
  return values;
}

/** Holds the index to the definition: containment against the threshold, then match × merit, ties by id. */
function checkMatches({ field, draw }: Asked, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const needs = drawn(field.needSets, draw);
    const wanted = { needs, minMatchPermille, limit: LIMIT };
    const matches = bestMatches(field.world.governor.index, wanted, () => true);
    const expected = everySwarm(field.swarms, needs);
    const text = matches.map(({ candidate }) => candidate.id).join(' ');
    check(text === expected.join(' '), `${needs.join(' ')}: ${text}, not ${expected.join(' ')}`);
  }
}

function everySwarm(swarms: readonly Swarm[], needs: readonly string[]): readonly string[] {
  const scored = swarms.flatMap((swarm) => {
    const has = needs.filter((need) => swarm.capabilities.includes(need)).length;
    if (has * 1_000 < needs.length * minMatchPermille) return [];
    const share = needs.length === 0 ? 1 : has / needs.length;
    const merit = swarm.reputationPermille / Math.max(1, swarm.costPerHourMicroUsd);
    return [{ id: swarm.id, score: share * merit }];
  });
  return scored
    .toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .slice(0, LIMIT)
    .map(({ id }) => id);
}

/** (b) One session against all ready tasks: decided, folded, given back. One task and a hundred. */
function nextTasks({ field, counts, draw }: Asked): Values {
  const { world } = field;
  let granted = 0;
  const next = (name: string, count: number, { samples, warmUp }: Counts): Values =>
    timed(
      name,
      { samples, warmUp },
      {
        isPure: true,
        prepare: () => {
          const { sessionId } = drawn(field.swarms, draw);
          const wish = { op: 'tasks.next', args: { sessionId, count }, session: sessionId };
          return () => ({ wish, decision: field.decide(wish) });
        },
        undo: ({ wish, decision }) => {
          check(decision.kind !== 'reject', `tasks.next: ${JSON.stringify(decision)}`);
          if (decision.kind !== 'accept') return;
          field.fold(wish, decision.events);
          field.release(decision.events);
          granted += leasesOf(decision.events).length;
        },
      },
    );
  const values = {
    ...next('match.next', 1, counts),
    ...next('match.nextMany', MANY, counts),
  };
  check(granted > counts.samples, 'sessions were given nothing');
  check(world.governor.reservations.size === 0, 'a lease was not given back');
  return values;
}

const leasesOf = (events: readonly DomainEvent[]): readonly DomainEvent[] =>
  events.filter(({ type }) => type === 'task.leased');

/** (c) What a ticket asks at each arrival: of a session that has work here, and of one that nothing suits. */
function ready({ field, counts, draw }: Asked): Values {
  const [plan] = field.taskIds[0]?.split('/') ?? [];
  check(plan !== undefined, 'there is no plan');
  const stranger = field.open(field.swarms.length, { capabilities: ['bench:nothing-else'] });
  let yes = 0;
  const asks = (name: string, idOf: () => string, planId?: string): Values =>
    timed(name, counts, {
      isPure: true,
      prepare: () => {
        const sessionId = idOf();
        return () => hasReadyFor(field.world, sessionId, planId);
      },
      undo: (is) => (yes += is ? 1 : 0),
    });
  const any = (): string => drawn(field.swarms, draw).sessionId;
  const values = {
    ...asks('match.ready', any),
    ...asks('match.readyOfPlan', any, plan),
    ...asks('match.readyStranger', () => stranger),
  };
  check(yes > 0, 'nobody has work');
  return values;
}

/** (d) A claim with five accounts and a reservation, and one without money; decided and folded. */
function claims({ field, counts, draw }: Asked): Values {
  const free = field.taskIds.filter((id) => isNeedless(field, id));
  check(free.length > 0, 'no task is for everybody');
  const paid = field.swarms.filter(({ costPerHourMicroUsd }) => costPerHourMicroUsd > 0);
  const alone = field.open(field.swarms.length + 1, {});
  let reserved = 0;
  const claim = (name: string, sessionOf: () => string): Values =>
    timed(name, counts, {
      prepare: () => {
        const sessionId = sessionOf();
        const taskId = drawn(free, draw);
        const wish = { op: 'tasks.claim', args: { taskId, sessionId }, session: sessionId };
        return () => field.run(wish);
      },
      undo: (events) => {
        reserved += events.filter(({ type }) => type === 'budget.reserved').length;
        field.release(events);
      },
    });
  const values = claim('match.claimPaid', () => drawn(paid, draw).sessionId);
  check(reserved === counts.samples + counts.warmUp, `${reserved} reservations`);
  Object.assign(
    values,
    claim('match.claimFree', () => alone),
  );
  check(reserved === counts.samples + counts.warmUp, 'a claim without money reserved some');
  return values;
}

const isNeedless = ({ world }: MatchWorld, taskId: string): boolean =>
  (taskSpec(world, taskId)?.needs ?? []).length === 0;
