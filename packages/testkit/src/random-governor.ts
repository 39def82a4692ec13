/**
 * Random commands of money, swarms, breakers, policy and help. Amounts are few and far apart, so that limits are passed
 * by much, by little and not at all.
 */
import type { World } from '@infrafabric/core';

import {
  command,
  fenceFor,
  heldTask,
  ifAny,
  PHASE_LEASED,
  planOf,
  SKILLS,
  some,
  type Choose,
  type Sight,
} from './random-sight.ts';
import type { Random } from './random.ts';
import type { PlainArgs } from './realm-run.ts';

const AGENTS = ['ada', 'bob', 'dan', 'eve'];
/** The last one is never registered. */
const SWARMS = ['core', 'sip', 'lone'];
const MODELS = ['small', 'large'];
const AMOUNTS = [0, 1, 300_000, 2_000_000, 9_000_000];
const LIMITS = [0, 500_000, 3_000_000, 20_000_000, 100_000_000];
/** A task that may cost more than there is is never done: such are few. */
const TASK_LIMITS = [0, 500_000, 500_000, 3_000_000, 3_000_000, 100_000_000];
/** What most people who set a limit mean. */
const ENOUGH_MICRO_USD = 1_000_000_000;
const RELATIONS = ['minister-of', 'friend-of', 'younger-of', 'governor-of'] as const;

type TaskArgs = PlainArgs<'plans.submit'>['plan']['tasks'][number];
type PolicyArgs = PlainArgs<'policies.set'>['policy'];

/** Most tasks say nothing of money. */
export const randomBudget = (random: Random): Pick<TaskArgs, 'budget' | 'estimateMinutes'> => ({
  ...(random.chance(0.2) ? { estimateMinutes: random.below(120) } : {}),
  ...(random.chance(0.3)
    ? {
        budget: {
          ...(random.chance(0.5) ? { limitMicroUsd: random.pick(TASK_LIMITS) } : {}),
          ...(random.chance(0.7) ? { estimateMicroUsd: random.pick(AMOUNTS) } : {}),
        },
      }
    : {}),
});

export const openSession: Choose = ({ random, world }) =>
  command(
    'sessions.open',
    {
      agent: random.pick(AGENTS),
      ...(random.chance(0.9) ? { capabilities: some(random, SKILLS, 0.6) } : {}),
      leasesMax: 1 + random.below(3),
      role: random.chance(0.2) ? 'runner' : 'worker',
      ...(random.chance(0.5) ? { swarm: random.pick(SWARMS) } : {}),
      ...(random.chance(0.1) ? { limitMicroUsd: random.pick(LIMITS) } : {}),
    },
    { ids: [`ses${world.realm.size}`] },
  );

const ESCALATE_MS = [1_000, 60_000];

/** A blocker, mostly one for which somebody waits who could help. */
export const raiseBlocker: Choose = (sight) => {
  const taskId = heldTask(sight);
  const { random, tasks, sessions, world } = sight;
  return command(
    'blockers.raise',
    {
      taskId,
      fence: fenceFor(sight, taskId),
      kind: 'dependency',
      title: 'in the way',
      release: random.chance(0.4),
      ...(random.chance(0.8) ? { needs: some(random, SKILLS, 0.5) } : {}),
      ...(random.chance(0.4) ? { waitsOn: random.pick(tasks) } : {}),
      ...(random.chance(0.3) ? { quorum: 1 + random.below(2) } : {}),
      ...(random.chance(0.5) ? { escalateAfterMs: random.pick(ESCALATE_MS) } : {}),
      waiting: some(random, sessions, 0.8),
    },
    { ids: [`blk${world.realm.size}`] },
  );
};

const registerSwarm: Choose = ({ random }) => {
  const known = random.chance(0.9) ? SKILLS.slice(0, -1) : SKILLS;
  const capabilities = some(random, known, 0.6);
  return command('swarms.register', {
    profile: {
      swarmId: random.pick(SWARMS.slice(0, 2)),
      capabilities: capabilities.length === 0 ? [SKILLS[0]] : capabilities,
      costPerHourMicroUsd: random.pick(AMOUNTS),
      ...(random.chance(0.5) ? { reputationPermille: random.below(1_001) } : {}),
      ...(random.chance(0.3) ? { limitMicroUsd: random.pick(LIMITS) } : {}),
      ...(random.chance(0.5)
        ? { relations: [{ kind: random.pick(RELATIONS), with: random.pick(SWARMS) }] }
        : {}),
    },
  });
};

const accountFor = ({ random, tasks, sessions }: Sight): string => {
  const task = random.pick(tasks);
  return random.pick([
    'realm',
    `plan:${planOf(task)}`,
    `task:${task}`,
    `swarm:${random.pick(SWARMS)}`,
    `session:${random.pick(sessions)}`,
    'plan:none',
  ]);
};

/** A limit, one in two times high: a realm whose money is gone shows little else. */
const setBudget: Choose = (sight) => {
  const { random } = sight;
  return command('budgets.set', {
    account: random.chance(0.3) ? 'realm' : accountFor(sight),
    limitMicroUsd: random.chance(0.6) ? ENOUGH_MICRO_USD : random.pick(LIMITS),
    ...(random.chance(0.3) ? { reason: 'so it is' } : {}),
  });
};

const spend: Choose = (sight) => {
  const taskId = heldTask(sight);
  const { random } = sight;
  const held = { taskId, fence: fenceFor(sight, taskId) };
  if (random.chance(0.6)) {
    return command('usage.record', {
      ...held,
      microUsd: random.pick(AMOUNTS),
      ...(random.chance(0.3) ? { component: 'gateway' } : {}),
      ...(random.chance(0.3) ? { model: random.pick(MODELS) } : {}),
    });
  }
  return command('usage.record', {
    ...held,
    model: random.pick(MODELS),
    inputTokens: random.below(100_000),
    ...(random.chance(0.7) ? { outputTokens: random.below(20_000) } : {}),
    ...(random.chance(0.3) ? { cachedTokens: random.below(20_000) } : {}),
  });
};

const progress: Choose = (sight) => {
  const taskId = heldTask(sight);
  const held = { taskId, fence: fenceFor(sight, taskId) };
  return sight.random.chance(0.5)
    ? command('tasks.progress', { ...held, evidence: 'commit' })
    : command('tasks.progress', { ...held, artifact: { name: 'x', digest: 'd', bytes: 1 } });
};

const setPrice: Choose = ({ random }) =>
  command('prices.set', {
    model: random.pick(MODELS),
    inputMicroUsdPerMTok: random.pick(AMOUNTS),
    outputMicroUsdPerMTok: random.pick(AMOUNTS),
    ...(random.chance(0.4) ? { cachedMicroUsdPerMTok: random.pick(AMOUNTS) } : {}),
    source: 'the list',
  });

const swarmIn = ({ random, world }: Sight, state: 'closed' | 'open' | 'half-open'): string => {
  const found = [...world.governor.swarms.values()].filter((one) => one.breaker.state === state);
  return found.length === 0 || random.chance(0.1) ? random.pick(SWARMS) : random.pick(found).id;
};

const trip: Choose = (sight) =>
  command('breakers.trip', { swarmId: swarmIn(sight, 'closed'), reason: 'enough' });

const reset: Choose = (sight) =>
  command('breakers.reset', {
    swarmId: swarmIn(sight, 'open'),
    reason: 'mended',
    ...(sight.random.chance(0.4) ? { limitMicroUsd: ENOUGH_MICRO_USD } : {}),
  });

const escalationIn = ({ random, world }: Sight): string =>
  random.pick([...world.governor.escalations.keys(), 'esc_0']);

/** Policies without rules, with one that forbids and one that permits; most of them let most things pass. */
const POLICIES: readonly PolicyArgs[] = [
  {},
  { minMatchPermille: 500, onTrip: 'release' as const, failureThreshold: 1 },
  { minMatchPermille: 1_000, unknownPrice: 'ceiling' as const, maxSwarmsPerTask: 1 },
  { failureSamplesMin: 2, failureThreshold: 100, noProgressMicroUsd: 2_000_000 },
  { confirmAboveMicroUsd: 1_000_000, maxCostPerTaskMicroUsd: 2_000_000, maxSwarmsPerTask: 2 },
  { realmLimitMicroUsd: 5_000_000, escalateAfterMs: 1_000 },
].map((resource) => ({ format: 'ifab-policy/1' as const, resource, governs: [], rules: [] }));

type Rule = PolicyArgs['rules'][number];
type Given = Rule['tests'][number]['given'];

const rule = (
  id: string,
  effect: Rule['effect'],
  on: Rule['on'][number],
  when: string,
  { applies, silent }: { readonly applies: Given; readonly silent: Given },
): Rule => ({
  id,
  effect,
  on: [on],
  when,
  reason: `because of ${id}`,
  tests: [
    { given: applies, expect: effect === 'forbid' ? 'forbids' : 'permits' },
    { given: silent, expect: 'none' },
  ],
});

const STRICT: readonly PolicyArgs[] = [
  { format: 'ifab-policy/1', resource: {}, governs: ['task.claim', 'budget.set'], rules: [] },
  {
    format: 'ifab-policy/1',
    resource: { onTrip: 'release' },
    governs: ['help.lease'],
    rules: [
      rule('no-partial', 'forbid', 'task.claim', 'matchPermille < 1000', {
        applies: {},
        silent: { matchPermille: 1_000 },
      }),
      rule('help-is-cheap', 'permit', 'help.lease', 'task.isHelp = true', {
        applies: { task: { isHelp: true } },
        silent: {},
      }),
    ],
  },
  {
    format: 'ifab-policy/1',
    resource: {},
    governs: [],
    rules: [
      rule('no-reset', 'forbid', 'breaker.reset', 'swarm.id = sip', {
        applies: { swarm: { id: 'sip' } },
        silent: {},
      }),
      rule('no-big-plan', 'forbid', 'plan.submit', 'plan.tasks > 5', {
        applies: { plan: { tasks: 6 } },
        silent: {},
      }),
      rule('no-second-profile', 'forbid', 'swarm.register', 'swarm.registered = true', {
        applies: { swarm: { registered: true } },
        silent: {},
      }),
    ],
  },
  // A rule whose own test fails: the policy is refused whole.
  {
    format: 'ifab-policy/1',
    resource: {},
    governs: [],
    rules: [
      rule('untrue', 'forbid', 'budget.set', 'limitMicroUsd > 5', { applies: {}, silent: {} }),
    ],
  },
];

const setPolicy: Choose = ({ random }) =>
  command('policies.set', {
    policy: random.pick(random.chance(0.8) ? POLICIES : STRICT),
    ...(random.chance(0.3) ? { reason: 'new times' } : {}),
  });

const hasSwarms = ({ governor }: World): boolean => governor.swarms.size > 0;

const hasStopped = ({ governor }: World): boolean =>
  [...governor.swarms.values()].some(({ breaker }) => breaker.state === 'open');

/** The command where a swarm is stopped, or one time in ten; else a cost. */
const ifStopped =
  (choose: Choose): Choose =>
  (sight) =>
    hasStopped(sight.world) || sight.random.chance(0.1)
      ? choose(sight)
      : ifAny(PHASE_LEASED, spend)(sight);

/** The command where a swarm is registered; else one is. */
const ifSwarm =
  (choose: Choose): Choose =>
  (sight) =>
    hasSwarms(sight.world) ? choose(sight) : registerSwarm(sight);

export const GOVERNOR_CHOICES: readonly (readonly [number, Choose])[] = [
  [2, registerSwarm],
  [2, setBudget],
  [6, ifAny(PHASE_LEASED, spend)],
  [1, ifAny(PHASE_LEASED, progress)],
  [0.5, setPrice],
  [0.5, ifSwarm(trip)],
  [3, ifStopped(reset)],
  [1.5, setPolicy],
  [
    0.5,
    ({ random }) =>
      command('capabilities.define', {
        id: random.pick(['gpu:training', 'gpu:other', 'cli:design']),
        description: random.pick(['Trains.', 'Does it.']),
      }),
  ],
  [
    1,
    (sight) =>
      command('escalations.acknowledge', {
        escalationId: escalationIn(sight),
        ...(sight.random.chance(0.3) ? { note: 'seen' } : {}),
      }),
  ],
];
