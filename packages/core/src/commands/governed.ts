/**
 * What follows, for the governor, from what another room decided: leases that end are settled (G2), results and costs may
 * trip a breaker or close it, and a trip may end leases in turn. Everything lands in the entry of the decision that
 * causes it.
 */
import { cell, idOf } from '../coordinator/index.ts';
import { acknowledgedBy, balanceOf, swarmOfSession, whyTrip } from '../governor/index.ts';
import type { Draft, SwarmState, Trip } from '../governor/index.ts';
import { must } from '../kernel/decision.ts';
import type { Decision } from '../kernel/decision.ts';
import type { DomainEvent } from '../kernel/events.ts';
import { leasesEndedBy } from '../kernel/lease-ends.ts';
import { escalate } from './scene.ts';
import type { Scene } from './scene.ts';

/** The decision with what follows from it. */
export const governed = (scene: Scene, decision: Decision): Decision => {
  if (decision.kind !== 'accept') return decision;
  const { governor } = scene.world;
  // Where nothing is set aside, open or registered nothing can follow: most realms' hot path.
  if (
    governor.reservations.size === 0 &&
    governor.swarms.size === 0 &&
    governor.openEscalations === 0
  )
    return decision;
  const { events } = decision;
  return {
    kind: 'accept',
    events: settled(scene, [...events, ...breakerEvents(scene, events), ...seen(scene, events)]),
  };
};

/** What a person was to see and is over: a blocker that is resolved, a swarm that was reset, an account with a new limit. */
const seen = (
  { world: { governor }, command }: Scene,
  events: readonly DomainEvent[],
): DomainEvent[] =>
  events.flatMap((event) => {
    switch (event.type) {
      case 'blocker.resolved':
        return acknowledgedBy(governor, event.blockerId, {
          by: event.by,
          note: 'the blocker is resolved',
        });
      case 'breaker.reset':
        return acknowledgedBy(governor, event.swarmId, { by: event.by, note: event.reason });
      case 'budget.limited':
        return acknowledgedBy(governor, event.account, {
          by: command.principal,
          note: 'it has a new limit',
        });
      default:
        return [];
    }
  });

/**
 * The events with a settlement before each that ends a lease: an account that closes with it has nothing reserved any
 * more, and a cost in the same entry was charged first.
 */
const settled = ({ world }: Scene, events: readonly DomainEvent[]): readonly DomainEvent[] => {
  const lives = new Map<string, { fence: number; left: number; spent: number }>();
  const lifeOf = (taskId: string): { fence: number; left: number; spent: number } | undefined => {
    const known = lives.get(taskId) ?? world.governor.reservations.get(taskId);
    if (known === undefined) return undefined;
    const { fence, left, spent } = known;
    const life = { fence, left, spent };
    lives.set(taskId, life);
    return life;
  };
  const over = new Set<string>();
  const all: DomainEvent[] = [];
  for (const event of events) {
    for (const taskId of leasesEndedBy(event)) {
      const life = over.has(taskId) ? undefined : lifeOf(taskId);
      if (life === undefined) continue;
      over.add(taskId);
      all.push({
        fence: life.fence,
        releasedMicroUsd: life.left,
        spentMicroUsd: life.spent,
        taskId,
        type: 'budget.settled',
      });
    }
    if (event.type === 'budget.reserved') {
      lives.set(event.taskId, { fence: event.fence, left: event.amountMicroUsd, spent: 0 });
    } else if (event.type === 'usage.recorded') {
      const { fence, left, spent } = must(lifeOf(event.taskId), 'G2: a cost without a lease');
      lives.set(event.taskId, {
        fence,
        left: left - Math.min(event.chargedMicroUsd, left),
        spent: spent + event.chargedMicroUsd,
      });
    }
    all.push(event);
  }
  return all;
};

interface Outcome {
  failures: number;
  successes: number;
  spent: number;
}

/** What the events say of the work of each registered swarm. */
const outcomesOf = (
  { world: { governor } }: Scene,
  events: readonly DomainEvent[],
): ReadonlyMap<SwarmState, Outcome> => {
  const outcomes = new Map<SwarmState, Outcome>();
  const add = (sessionId: string, by: Partial<Outcome>): void => {
    const swarm = swarmOfSession(governor, sessionId);
    if (swarm === undefined) return;
    const known = outcomes.get(swarm) ?? { failures: 0, successes: 0, spent: 0 };
    known.failures += by.failures ?? 0;
    known.successes += by.successes ?? 0;
    known.spent += by.spent ?? 0;
    outcomes.set(swarm, known);
  };
  for (const event of events) {
    switch (event.type) {
      case 'task.completed':
        add(event.sessionId, { successes: 1 });
        break;
      case 'task.accepted':
        add(event.author, { successes: 1 });
        break;
      case 'task.failed':
      case 'lease.expired':
        add(event.sessionId, { failures: 1 });
        break;
      case 'task.rejected':
        add(event.author, { failures: 1 });
        break;
      case 'session.closed':
        if (event.how === 'expired') add(event.sessionId, { failures: event.released.length });
        break;
      case 'usage.recorded':
        add(event.sessionId, { spent: event.microUsd });
        break;
      default:
    }
  }
  return outcomes;
};

const breakerEvents = (scene: Scene, events: readonly DomainEvent[]): DomainEvent[] => {
  const { policy } = scene.world.governor;
  return [...outcomesOf(scene, events)].flatMap(([swarm, outcome]): DomainEvent[] => {
    const { limit, used } = usedOf(scene.draft, swarm.id);
    const record = { at: scene.command.at, limit, used, ...outcome };
    const trip = whyTrip(swarm, record, policy.resource);
    if (trip !== undefined) return tripEvents(scene, swarm, trip, events);
    return swarm.breaker.state === 'half-open' && outcome.successes > 0
      ? [{ swarmId: swarm.id, type: 'breaker.closed' }]
      : [];
  });
};

const usedOf = (
  draft: Draft,
  swarmId: string,
): { readonly limit: number; readonly used: number } => {
  const { limit, spent, overrun } = balanceOf(draft, `swarm:${swarmId}`);
  return { limit, used: spent + overrun };
};

/** G4: the breaker opens, a person is told once, and where the policy says so the swarm's leases end. */
export const tripEvents = (
  scene: Scene,
  swarm: SwarmState,
  trip: Trip & { readonly by?: string },
  events: readonly DomainEvent[],
): DomainEvent[] => [
  {
    by: trip.by ?? 'realm',
    cause: trip.cause,
    reason: trip.reason,
    swarmId: swarm.id,
    type: 'breaker.tripped',
  },
  escalate(scene, {
    kind: 'breaker',
    severity: 'high',
    subject: swarm.id,
    summary: `Swarm ${swarm.id} is stopped: ${trip.reason}. Let it try again: ifab breaker reset ${swarm.id} --reason TEXT`,
  }),
  ...(scene.world.governor.policy.resource.onTrip === 'release'
    ? releases(scene, swarm, events)
    : []),
];

/** Its leases end, but for those that the decision ends already. */
const releases = (
  { world }: Scene,
  { id }: SwarmState,
  events: readonly DomainEvent[],
): DomainEvent[] => {
  const { coordinator, governor } = world;
  const over = new Set(events.flatMap(leasesEndedBy));
  return [...(governor.sessionsOf.get(id) ?? [])].flatMap((sessionId) =>
    [...must(coordinator.sessions.get(sessionId), 'a swarm of no session').leases].flatMap(
      (task): DomainEvent[] => {
        const taskId = idOf(coordinator, task);
        const fence = cell(coordinator.tasks.fence, task);
        return over.has(taskId)
          ? []
          : [
              {
                fence,
                reason: `swarm ${id} was stopped`,
                sessionId,
                taskId,
                type: 'task.released',
              },
            ];
      },
    ),
  );
};
