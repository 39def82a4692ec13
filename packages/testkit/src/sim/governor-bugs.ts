/**
 * Bugs of the governor on purpose. Each changes what is decided, in every process and for whoever decides the log again:
 * a replay agrees with itself, and only the laws can tell.
 */
import type { Decision, DomainEvent, World } from '@infrafabric/core';

import type { Doubles } from './doubles.ts';
import { trustedOutput } from './judge.ts';
import type { Asked, PlantedDecision } from './planted-decision.ts';
import { OPERATOR } from './processes.ts';

type Of<T extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: T }>;
type Rewrite = (event: DomainEvent, asked: Asked) => readonly DomainEvent[];

/** Events as a decision with the bug has them, of some operations or of all. */
const rewriting =
  (rewrite: Rewrite, ...ops: readonly string[]): PlantedDecision =>
  (asked) => {
    const decision = asked.real();
    if (decision.kind !== 'accept' || (ops.length > 0 && !ops.includes(asked.command.op)))
      return decision;
    return { ...decision, events: decision.events.flatMap((event) => rewrite(event, asked)) };
  };

const without =
  (type: DomainEvent['type']): Rewrite =>
  (event) =>
    event.type === type ? [] : [event];

/** Decides while some breakers look closed. `decide` is synchronous: nobody else sees it. */
const lookingClosed = (
  { world, command, real }: Asked,
  isIgnored: (swarmId: string, state: string, world: World) => boolean,
): Decision => {
  const changed: (() => void)[] = [];
  for (const swarm of world.governor.swarms.values()) {
    const { breaker } = swarm;
    if (!isIgnored(swarm.id, breaker.state, world)) continue;
    swarm.breaker = { state: 'closed' };
    changed.push(() => {
      swarm.breaker = breaker;
    });
  }
  const decision = real(command);
  for (const undo of changed) undo();
  return decision;
};

const liveLeases = ({ governor, coordinator }: World, swarmId: string): number =>
  [...(governor.sessionsOf.get(swarmId) ?? [])].reduce(
    (sum, id) => sum + (coordinator.sessions.get(id)?.leases.size ?? 0),
    0,
  );

const argsOf = ({ command }: Asked): Readonly<Record<string, unknown>> =>
  trustedOutput<Readonly<Record<string, unknown>>>(command.args);

/** A cost that no account covers, as if one did. */
const coveredCost = (event: DomainEvent): readonly DomainEvent[] =>
  event.type === 'usage.recorded'
    ? [{ ...event, chargedMicroUsd: event.microUsd, overrunMicroUsd: 0 }]
    : [event];

/** Each helper is given what all of them together may have. */
const wholeShares: PlantedDecision = (asked) => {
  const decision = asked.real();
  if (decision.kind !== 'accept') return decision;
  const { events } = decision;
  const offers = events.filter(
    (event): event is Of<'help.offered'> => event.type === 'help.offered',
  );
  const isHelp = new Set(offers.map(({ taskId }) => taskId));
  const times = offers.length;
  return {
    ...decision,
    events: events.map((event): DomainEvent => {
      if (event.type === 'help.offered')
        return { ...event, limitMicroUsd: event.limitMicroUsd * times };
      if (event.type !== 'budget.reserved' || !isHelp.has(event.taskId)) return event;
      return {
        ...event,
        amountMicroUsd: event.amountMicroUsd * times,
        limitMicroUsd: event.limitMicroUsd * times,
      };
    }),
  };
};

/** Every planted bug of the governor by its name, for `--room governor --bug` and `--planted`. */
export const GOVERNOR_BUGS: Readonly<Record<string, Doubles>> = {
  'reservation forgotten on push': {
    decide: rewriting(without('budget.reserved'), 'blockers.raise'),
  },
  'settlement skipped on expiry': {
    decide: rewriting(without('budget.settled'), 'leases.expire', 'sessions.expire'),
  },
  'settlement twice': {
    decide: rewriting((event) => (event.type === 'budget.settled' ? [event, event] : [event])),
  },
  'settlement gives back what was spent': {
    decide: rewriting((event) =>
      event.type === 'budget.settled' && event.spentMicroUsd > 0
        ? [{ ...event, spentMicroUsd: 0 }]
        : [event],
    ),
  },
  'charge above the limit counted as spent': { decide: rewriting(coveredCost) },
  'cost without cover hidden': {
    decide: rewriting((event) =>
      event.type === 'usage.recorded'
        ? [{ ...event, microUsd: event.chargedMicroUsd, overrunMicroUsd: 0 }]
        : [event],
    ),
  },
  'breaker open ignored for complete with next': {
    decide: (asked) =>
      asked.command.op === 'tasks.complete' && argsOf(asked)['next'] === true
        ? lookingClosed(asked, (_id, state) => state === 'open')
        : asked.real(),
  },
  'half-open gives two': {
    decide: (asked) =>
      asked.command.op === 'tasks.claim' || asked.command.op === 'tasks.next'
        ? lookingClosed(
            asked,
            (id, state, world) => state === 'half-open' && liveLeases(world, id) === 1,
          )
        : asked.real(),
  },
  'reset by a worker accepted': {
    surface: (fabric) => ({
      call: (op, input, options) =>
        fabric.call(
          op,
          input,
          op === 'breakers.reset' ? { ...options, principal: OPERATOR } : options,
        ),
    }),
  },
  'unknown price charged as nought': {
    decide: (asked) => {
      const decision = asked.real();
      if (decision.kind !== 'reject' || decision.code !== 'price.unknown') return decision;
      const free = asked.real({ ...asked.command, args: { ...argsOf(asked), microUsd: 0 } });
      return free;
    },
  },
  'help budget not split': { decide: wholeShares },
  'trip that tells nobody': {
    decide: rewriting((event) =>
      event.type === 'escalation.raised' && event.kind === 'breaker' ? [] : [event],
    ),
  },
  'spent budget trips nothing': {
    decide: rewriting((event, { command }) => {
      const isTold = event.type === 'escalation.raised' && event.kind === 'breaker';
      return command.op === 'usage.record' && (event.type === 'breaker.tripped' || isTold)
        ? []
        : [event];
    }),
  },
  'policy forgotten for the next lease': {
    decide: (asked) => {
      const { world, command } = asked;
      const { policy } = world.governor;
      if (command.op !== 'tasks.next') return asked.real();
      world.governor.policy = { ...policy, spec: { ...policy.spec, governs: [], rules: [] } };
      const decision = asked.real();
      world.governor.policy = policy;
      return decision;
    },
  },
  'limit wider than the one above it': {
    decide: (asked) => {
      const decision = asked.real();
      if (decision.kind !== 'reject' || decision.code !== 'budget.too_wide') return decision;
      if (asked.command.op !== 'budgets.set') return decision;
      const { account, parent } = trustedOutput<{ account: string; parent: string }>(
        decision.facts,
      );
      const limitMicroUsd = Number(argsOf(asked)['limitMicroUsd']);
      const by = asked.command.principal;
      return {
        kind: 'accept',
        events: [{ account, by, limitMicroUsd, parent, type: 'budget.limited' }],
      };
    },
  },
};
