/**
 * G1–G5 and O1 over random histories of few swarms, few tasks and little money, so that limits are met, breakers open,
 * blockers gang up and everything ends in every way. Each seed chooses one command in the world so far: a history that
 * fails shrinks to the commands that matter.
 */
import { openedRealm, seededRandom } from '@infrafabric/testkit';
import type { Random, RealmRun, RunCommand } from '@infrafabric/testkit';
import { SESSION_IDLE_MS } from '@infrafabric/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decide,
  leaseOf,
  liveLeases,
  openSessions,
  restoreWorld,
  worldSections,
} from '../index.ts';
import type { Decision, DomainEvent, World } from '../index.ts';
import { findTask, phaseName } from '../coordinator/index.ts';
import {
  balanceOf,
  draftOf,
  governorSections,
  parentOf,
  restoreGovernor,
} from '../governor/index.ts';
import { optimiseSections, restoreOptimise, spentInAll } from '../optimise/index.ts';
import { explainMatch } from './explain-match.ts';
import { limitOfTask } from './gate.ts';
import { worldFaults } from './faults.ts';

const DOLLAR = 1_000_000;
const SKILLS = ['integration:sip', 'integration:ndi', 'integration:webrtc', 'cli:testing'];
const SWARMS = ['s0', 's1', 's2', 's3'];
const AMOUNTS = [0, 1, 1_000, 400_000, DOLLAR, 3 * DOLLAR, 9 * DOLLAR];
const LIMITS = [0, 1, DOLLAR, 4 * DOLLAR, 10 * DOLLAR, 40 * DOLLAR];
/** Models with a price, with the realm's own, and without any. */
const MODELS = ['gpt-5.5', 'own-model', 'nobody-knows'];

const some = <T>(random: Random, from: readonly T[]): T[] => from.filter(() => random.chance(0.5));

interface Sight {
  readonly random: Random;
  readonly world: World;
  readonly at: number;
}
type Choose = (sight: Sight) => RunCommand;

const command = (op: RunCommand['op'], args: object, by: Partial<RunCommand> = {}): RunCommand => ({
  op,
  args,
  ...by,
});

const register: Choose = ({ random }) =>
  command('swarms.register', {
    profile: {
      swarmId: random.pick(SWARMS),
      capabilities: [random.pick(SKILLS), ...some(random, ['docs:api-design'])],
      costPerHourMicroUsd: random.pick([0, DOLLAR, 2 * DOLLAR, 15 * DOLLAR]),
      ...(random.chance(0.5) ? { reputationPermille: random.pick([0, 500, 1_000]) } : {}),
      ...(random.chance(0.6) ? { limitMicroUsd: random.pick(LIMITS) } : {}),
    },
  });

const openOne: Choose = ({ random, world }) =>
  command(
    'sessions.open',
    {
      agent: random.pick(['ada', 'bob', 'eve']),
      ...(random.chance(0.8) ? { swarm: random.pick(SWARMS) } : { capabilities: SKILLS }),
      leasesMax: 1 + random.below(3),
      role: random.chance(0.1) ? 'runner' : 'worker',
      ...(random.chance(0.3) ? { limitMicroUsd: random.pick(LIMITS) } : {}),
    },
    { ids: [`ses${world.realm.size}`] },
  );

const submit: Choose = ({ random, world }) => {
  const id = `p${world.coordinator.plans.length % 4}`;
  const tasks = Array.from({ length: 1 + random.below(5) }, (_, i) => ({
    key: `t${i}`,
    title: 'T',
    ...(random.chance(0.4) ? { needs: some(random, SKILLS.slice(0, 2)) } : {}),
    ...(random.chance(0.3) ? { estimateMinutes: random.pick([1, 30, 600]) } : {}),
    ...(random.chance(0.3) ? { dependsOn: i === 0 ? [] : ['t0'] } : {}),
    ...(random.chance(0.2) ? { attemptsMax: 1 + random.below(3) } : {}),
    ...(random.chance(0.2) ? { gates: [{ name: 'lint', run: { shell: 'true' } }] } : {}),
    ...(random.chance(0.4)
      ? {
          budget: {
            ...(random.chance(0.6) ? { limitMicroUsd: random.pick(LIMITS) } : {}),
            ...(random.chance(0.6) ? { estimateMicroUsd: random.pick(AMOUNTS) } : {}),
          },
        }
      : {}),
  }));
  const budget = random.chance(0.5) ? { budget: { limitMicroUsd: random.pick(LIMITS) } } : {};
  return command('plans.submit', {
    plan: { id, tasks, ...budget },
    confirmMicroUsd: random.chance(0.9) ? 1_000 * DOLLAR : 0,
  });
};

const sessionAt = ({ random, world }: Sight): string => {
  const open = [...openSessions(world)].map(({ id }) => id);
  return open.length === 0 || random.chance(0.05) ? 'ses0' : random.pick(open);
};
const taskAt = ({ random, world }: Sight): string => {
  const { ids } = world.coordinator.tasks;
  return ids.length === 0 || random.chance(0.02) ? 'p/none' : random.pick(ids);
};
const heldAt = (sight: Sight): { readonly taskId: string; readonly fence: object } => {
  const leases = [...liveLeases(sight.world)];
  if (leases.length === 0) return { taskId: taskAt(sight), fence: { epoch: 1, holder: 'x', n: 1 } };
  const { taskId, epoch, sessionId, fence } = sight.random.pick(leases);
  const stale = sight.random.chance(0.05) ? 1 : 0;
  return { taskId, fence: { epoch, holder: sessionId, n: fence - stale } };
};
const swarmAt = ({ random }: Sight): string => random.pick([...SWARMS, 'nobody']);

const next: Choose = (sight) =>
  command('tasks.next', { sessionId: sessionAt(sight), count: 1 + sight.random.below(3) });

const usage: Choose = (sight) => {
  const { random } = sight;
  return command('usage.record', {
    ...heldAt(sight),
    ...(random.chance(0.8) ? { microUsd: random.pick(AMOUNTS) } : {}),
    ...(random.chance(0.4)
      ? { model: random.pick(MODELS), inputTokens: random.below(99_999), outputTokens: 17 }
      : {}),
  });
};

const accountAt = (sight: Sight): string => {
  const known = [...sight.world.governor.accounts.keys()];
  return sight.random.pick([
    ...known,
    `plan:p${sight.random.below(4)}`,
    `task:${taskAt(sight)}`,
    `swarm:${swarmAt(sight)}`,
    `session:${sessionAt(sight)}`,
  ]);
};

const blockerAt = ({ random, world }: Sight): string => {
  const open = [...world.coordinator.blockers.values()].filter(
    ({ resolution }) => resolution === undefined,
  );
  return open.length === 0 ? 'blk' : random.pick(open).id;
};

const policy: Choose = ({ random }) =>
  command('policies.set', {
    policy: {
      format: 'ifab-policy/1',
      governs: [],
      rules: [],
      resource: {
        onTrip: random.pick(['drain', 'release']),
        minMatchPermille: random.pick([0, 500, 700, 1_000]),
        failureThreshold: 1 + random.below(3),
        failureSamplesMin: 1 + random.below(4),
        noProgressMicroUsd: random.pick([DOLLAR, 5 * DOLLAR, 90 * DOLLAR]),
        maxSwarmsPerTask: 1 + random.below(3),
        unknownPrice: random.pick(['refuse', 'ceiling']),
        confirmAboveMicroUsd: random.pick([1, 5, 50]) * DOLLAR,
        ...(random.chance(0.3) ? { realmLimitMicroUsd: random.pick([20, 60, 100]) * DOLLAR } : {}),
      },
    },
  });

const CHOICES: readonly (readonly [number, Choose])[] = [
  [2, register],
  [3, openOne],
  [2, submit],
  [8, next],
  [3, (sight) => command('tasks.claim', { taskId: taskAt(sight), sessionId: sessionAt(sight) })],
  [8, usage],
  [
    7,
    (sight) =>
      command('tasks.complete', {
        ...heldAt(sight),
        ...(sight.random.chance(0.5) ? { next: true } : {}),
      }),
  ],
  [
    3,
    (sight) =>
      command('tasks.fail', { ...heldAt(sight), reason: 'r', retry: sight.random.chance(0.8) }),
  ],
  [1, (sight) => command('tasks.release', heldAt(sight))],
  [
    1,
    (sight) =>
      command('tasks.progress', {
        ...heldAt(sight),
        ...(sight.random.chance(0.5) ? { evidence: 'commit' } : {}),
      }),
  ],
  [
    2,
    (sight) => {
      const { taskId } = heldAt(sight);
      const lease = leaseOf(sight.world, taskId);
      return command(
        'leases.expire',
        { taskId, fence: lease?.fence ?? 1, renewedAt: lease?.grantedAt ?? 0 },
        { cred: 'realm' },
      );
    },
  ],
  [
    2,
    (sight) =>
      command(
        'tasks.judge',
        {
          taskId: taskAt(sight),
          verdict: sight.random.chance(0.6) ? 'accept' : 'reject',
          reason: 'seen',
        },
        { principal: 'olga' },
      ),
  ],
  [1, (sight) => command('tasks.cancel', { taskId: taskAt(sight), reason: 'r' })],
  [1, (sight) => command('tasks.park', { taskId: taskAt(sight), reason: 'r' })],
  [1, (sight) => command('tasks.unpark', { taskId: taskAt(sight) })],
  [0.5, (sight) => command('plans.cancel', { planId: `p${sight.random.below(4)}`, reason: 'r' })],
  [0.5, (sight) => command('sessions.close', { sessionId: sessionAt(sight) })],
  [0.5, (sight) => command('sessions.revoke', { sessionId: sessionAt(sight), reason: 'r' })],
  [
    0.5,
    (sight) =>
      command(
        'sessions.expire',
        { sessionId: sessionAt(sight), seenAt: sight.at - SESSION_IDLE_MS },
        { cred: 'realm' },
      ),
  ],
  [1, (sight) => command('breakers.trip', { swarmId: swarmAt(sight), reason: 'r' })],
  [
    3,
    (sight) =>
      command('breakers.reset', {
        swarmId: swarmAt(sight),
        reason: 'r',
        ...(sight.random.chance(0.6) ? { limitMicroUsd: sight.random.pick(LIMITS) } : {}),
      }),
  ],
  [
    2,
    (sight) =>
      command('budgets.set', {
        account: accountAt(sight),
        limitMicroUsd: sight.random.pick(LIMITS),
      }),
  ],
  [
    4,
    (sight) =>
      command(
        'blockers.raise',
        {
          ...heldAt(sight),
          kind: 'integration',
          title: 'stuck',
          needs: some(sight.random, SKILLS),
          release: sight.random.chance(0.3),
          ...(sight.random.chance(0.3) ? { quorum: 1 } : {}),
          waiting: [...openSessions(sight.world)].map(({ id }) => id),
        },
        { ids: [`blk${sight.world.realm.size}`] },
      ),
  ],
  [1, (sight) => command('blockers.resolve', { blockerId: blockerAt(sight), resolution: 'gone' })],
  [
    0.5,
    (sight) => command('blockers.escalate', { blockerId: blockerAt(sight) }, { cred: 'realm' }),
  ],
  [1, policy],
  [
    0.5,
    ({ random }) =>
      command('prices.set', {
        model: 'own-model',
        inputMicroUsdPerMTok: random.pick([0, 999_999, 3_000_000]),
        outputMicroUsdPerMTok: 1,
        source: 'invoice',
      }),
  ],
  [
    0.5,
    ({ random, world }) =>
      command('escalations.acknowledge', {
        escalationId: [...world.governor.escalations.keys()].at(random.below(9) - 9) ?? 'esc_0',
      }),
  ],
];
const WEIGHTS = CHOICES.reduce((sum, [weight]) => sum + weight, 0);

const choose = (realm: RealmRun, seed: number): RunCommand => {
  const random = seededRandom(seed);
  const sight: Sight = { random, world: realm.world, at: realm.at };
  // Nothing happens before there are swarms, sessions and tasks.
  const { swarms } = realm.world.governor;
  const { openSessions: sessions, plans } = realm.world.coordinator;
  if (swarms.size < 2) return register(sight);
  if (plans.length === 0) return submit(sight);
  if (sessions < 3) return openOne(sight);
  let left = (random.below(1_000_000) / 1_000_000) * WEIGHTS;
  for (const [weight, one] of CHOICES) {
    left -= weight;
    if (left < 0) return one(sight);
  }
  return next(sight);
};

const eventsOf = (decision: Decision): readonly DomainEvent[] => {
  if (decision.kind === 'accept') return decision.events;
  return decision.kind === 'refuse' ? [decision.record] : [];
};

/** Live leases of a swarm's sessions. */
const leasesOf = (world: World, swarmId: string): readonly string[] =>
  [...openSessions(world)]
    .filter(({ swarm }) => swarm === swarmId)
    .flatMap(({ leases }) => [...leases].map((task) => world.coordinator.tasks.ids[task] ?? ''));

interface Before {
  readonly states: ReadonlyMap<string, string>;
  readonly leases: ReadonlyMap<string, readonly string[]>;
}

const lookBefore = ({ governor, ...world }: World): Before => ({
  states: new Map([...governor.swarms.values()].map(({ id, breaker }) => [id, breaker.state])),
  leases: new Map(SWARMS.map((id) => [id, leasesOf({ governor, ...world }, id)])),
});

/** G4, looked at from outside: by what was granted and what the breaker said before. */
const grantFaults = (realm: RealmRun, before: Before, events: readonly DomainEvent[]): string[] => {
  const granted = new Map<string, number>();
  for (const event of events) {
    if (event.type !== 'task.leased') continue;
    const { swarm = '' } = realm.world.coordinator.sessions.get(event.sessionId) ?? {};
    granted.set(swarm, (granted.get(swarm) ?? 0) + 1);
  }
  return [...granted].flatMap(([swarm, count]) => {
    const state = before.states.get(swarm);
    if (state === 'open') return [`G4: ${swarm} is stopped and was given a lease`];
    if (state !== 'half-open') return [];
    const kept = (before.leases.get(swarm) ?? []).filter((taskId) =>
      leasesOf(realm.world, swarm).includes(taskId),
    );
    return count > 1 || kept.length > 0
      ? [`G4: ${swarm} is tried with ${count} new leases beside ${kept.length}`]
      : [];
  });
};

/** G3: a limit that is set is no wider than the one above; helpers share what the blocked task may cost. */
const limitFaults = ({ world }: RealmRun, events: readonly DomainEvent[]): string[] => {
  const { governor, coordinator } = world;
  const draft = draftOf(governor);
  const wide = events.flatMap((event) => {
    if (event.type !== 'budget.limited') return [];
    const parent = parentOf(governor, event.account);
    if (parent !== event.parent) return [`G3: ${event.account} stands below ${parent}`];
    return parent !== undefined && event.limitMicroUsd > balanceOf(draft, parent).limit
      ? [`G3: ${event.account} is wider than ${parent}`]
      : [];
  });
  const raised = events.find((event) => event.type === 'blocker.raised');
  if (raised === undefined) return wide;
  const spec = coordinator.tasks.specs[findTask(coordinator, raised.taskId)];
  if (spec === undefined) return [...wide, 'a blocker of no task'];
  const open = [...coordinator.blockers.values()].filter(
    ({ task, resolution }) =>
      coordinator.tasks.ids[task] === raised.taskId && resolution === undefined,
  );
  const unfinished = open.flatMap(({ help }) =>
    help.filter(({ task }) => [0, 1, 2, 3, 4, 5].includes(coordinator.tasks.phase[task] ?? 9)),
  );
  const shares = unfinished.reduce(
    (sum, { task }) => sum + (coordinator.tasks.specs[task]?.budget?.limitMicroUsd ?? 0),
    0,
  );
  const limit = limitOfTask({ world }, raised.taskId, spec);
  return shares > limit ? [...wide, `G3: helpers may spend ${shares} of ${limit}`] : wide;
};

/** A trip is told of once, in its own entry, under the entry's id. */
const escalationFaults = (index: number, events: readonly DomainEvent[]): string[] => {
  const raised = events.filter((event) => event.type === 'escalation.raised');
  const trips = events.filter((event) => event.type === 'breaker.tripped').length;
  const told = raised.filter(({ kind }) => kind === 'breaker').length;
  const ids = raised.map((_, n) => (n === 0 ? `esc_${index}` : `esc_${index}.${n}`));
  return [
    ...(trips === told ? [] : [`${trips} trips were told of ${told} times`]),
    ...(ids.every((id, n) => raised[n]?.escalationId === id) ? [] : ['an escalation is misnamed']),
  ];
};

/** A release by a trip comes after its settlement, in the same entry. */
const settledBefore = (events: readonly DomainEvent[]): string[] => {
  const settled = new Set<string>();
  return events.flatMap((event) => {
    if (event.type === 'budget.settled') settled.add(event.taskId);
    const ended = event.type === 'task.released' || event.type === 'task.completed';
    const reserved =
      ended && events.some((one) => one.type === 'budget.settled' && one.taskId === event.taskId);
    return reserved && !settled.has(event.taskId) ? [`G2: ${event.taskId} ended unsettled`] : [];
  });
};

/** Runs a history; looks at the world after every step. Time goes on by up to a lease at each. */
const live = (
  seeds: readonly number[],
  look: (realm: RealmRun, decision: Decision, before: Before) => void,
): RealmRun => {
  const realm = openedRealm();
  for (const seed of seeds) {
    realm.at += seededRandom(seed + 1).below(20_000);
    const before = lookBefore(realm.world);
    const decision = realm.submit(choose(realm, seed));
    look(realm, decision, before);
  }
  return realm;
};

const histories = fc.array(fc.nat(), { minLength: 1, maxLength: 120 });

/** Everything that can be ended ends. */
const endAll = (realm: RealmRun): void => {
  for (const { id } of openSessions(realm.world))
    realm.submit(command('sessions.close', { sessionId: id }));
};

describe('random histories', () => {
  test('G1–G5, O1: every invariant holds at every position of every log', () => {
    fc.assert(
      fc.property(histories, (seeds) => {
        live(seeds, (realm, decision, before) => {
          const events = eventsOf(decision);
          const index = realm.world.realm.size - 1;
          expect([
            ...worldFaults(realm.world),
            ...grantFaults(realm, before, events),
            ...limitFaults(realm, events),
            ...escalationFaults(index, events),
            ...settledBefore(events),
          ]).toStrictEqual([]);
        });
      }),
      { numRuns: 200 },
    );
  });

  test('G2: once every lease has ended nothing is reserved anywhere', () => {
    fc.assert(
      fc.property(histories, (seeds) => {
        const realm = live(seeds, () => undefined);
        endAll(realm);
        const { governor } = realm.world;
        expect(governor.reservations.size).toBe(0);
        expect(
          [...governor.accounts.values()].filter(({ reserved }) => reserved !== 0),
        ).toHaveLength(0);
      }),
      { numRuns: 100 },
    );
  });

  test('O1: the usage of the log is what the realm has spent, and each plan and swarm, to the micro-dollar', () => {
    fc.assert(
      fc.property(histories, (seeds) => {
        const realm = live(seeds, () => undefined);
        const sums = new Map<string, number>();
        const add = (account: string, microUsd: number): void =>
          void sums.set(account, (sums.get(account) ?? 0) + microUsd);
        for (const event of realm.entries.flatMap(({ events }) => events)) {
          if (event.type !== 'usage.recorded') continue;
          expect(event.microUsd).toBe(event.chargedMicroUsd + event.overrunMicroUsd);
          add('realm', event.microUsd);
          add(`plan:${event.planId}`, event.microUsd);
          if (event.swarmId !== undefined) add(`swarm:${event.swarmId}`, event.microUsd);
        }
        const { accounts } = realm.world.governor;
        for (const [account, microUsd] of sums) {
          const { spent = 0, overrun = 0 } = accounts.get(account) ?? {};
          expect([account, spent + overrun]).toStrictEqual([account, microUsd]);
        }
        expect(spentInAll(realm.world.optimise)).toBe(sums.get('realm') ?? 0);
      }),
      { numRuns: 100 },
    );
  });

  test('match.explain says of each swarm what a claim of its would be told, and why', () => {
    let compared = 0;
    fc.assert(
      fc.property(histories, (seeds) => {
        const realm = live(seeds, () => undefined);
        const { coordinator, governor } = realm.world;
        const ready = coordinator.tasks.ids.filter(
          (_, task) => phaseName(coordinator.tasks, task) === 'ready',
        );
        for (const swarm of governor.swarms.keys())
          realm.run('sessions.open', { agent: `new-${swarm}`, swarm }, { ids: [`new-${swarm}`] });
        for (const taskId of ready) {
          const answer = explainMatch(realm.world, { taskId } as Parameters<
            typeof explainMatch
          >[1]);
          if (!('candidates' in answer)) throw new Error(`defect: no answer for ${taskId}`);
          for (const { swarmId, verdict, reason } of answer.candidates) {
            const args = { taskId, sessionId: `new-${swarmId}` };
            const told = decide(realm.world, realm.commandOf({ op: 'tasks.claim', args }));
            const shown = [taskId, swarmId, reason, JSON.stringify(told)].join(' ');
            expect(told.kind === 'accept', shown).toBe(verdict !== 'refused');
            compared += 1;
          }
          expect(answer.chosen === undefined).toBe(
            answer.candidates.every(({ verdict }) => verdict === 'refused'),
          );
        }
      }),
      { numRuns: 60 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  test('D1: a world restored from its sections is the same, decides the same and goes on the same', () => {
    fc.assert(
      fc.property(histories, fc.array(fc.nat(), { maxLength: 20 }), (seeds, more) => {
        const realm = live(seeds, () => undefined);
        const { governor, optimise } = realm.world;
        const sections = new Map(
          [...governorSections(governor), ...optimiseSections(optimise)].map((one) => [
            one.name,
            one,
          ]),
        );
        expect(restoreGovernor(sections)).toStrictEqual(governor);
        expect(restoreOptimise(sections)).toStrictEqual(optimise);
        for (const seed of more) {
          const twin = restoreWorld(worldSections(realm.world));
          const asked = choose(realm, seed);
          const expected = decide(realm.world, realm.commandOf(asked), realm.conditions);
          expect(decide(twin, realm.commandOf(asked), realm.conditions)).toStrictEqual(expected);
          expect(realm.submit(asked)).toStrictEqual(expected);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('the histories meet what they are for: every event of the governor, and every refusal of money', () => {
    const seen = new Set<string>();
    for (let run = 0; run < 60; run += 1) {
      const seeds = Array.from({ length: 120 }, (_, i) => run * 1_000 + i * 7);
      live(seeds, (_, decision) => {
        for (const { type } of eventsOf(decision)) seen.add(type);
        if (decision.kind === 'reject') seen.add(decision.code);
        if (decision.kind === 'refuse') seen.add(decision.rejection.code);
      });
    }
    const wanted = [
      'swarm.registered',
      'budget.limited',
      'budget.reserved',
      'budget.settled',
      'budget.alerted',
      'usage.recorded',
      'breaker.tripped',
      'breaker.reset',
      'breaker.closed',
      'policy.set',
      'escalation.raised',
      'escalation.acknowledged',
      'help.offered',
      'blocker.escalated',
      'budget.exceeded',
      'budget.too_low',
      'budget.too_wide',
      'budget.not_found',
      'budget.unconfirmed',
      'swarm.suspended',
      'swarm.not_found',
      'breaker.open',
      'breaker.closed',
      'price.unknown',
    ];
    expect(wanted.filter((one) => !seen.has(one))).toStrictEqual([]);
  });
});
