/** Worlds with money: plans with budgets and estimates, swarms with prices, limits, reputations and relations. */
import type { InputOf, SwarmProfile } from '@infrafabric/protocol';

import type { Random } from '../random.ts';
import { randomPlan, type SimPlan, type SimTask } from './sim-plan.ts';

/** What a plan says of a task's money: absent members are left to the policy. */
export interface TaskMoney {
  readonly limitMicroUsd?: number;
  readonly estimateMicroUsd?: number;
  readonly estimateMinutes?: number;
}

export interface GovernorTask extends SimTask {
  readonly money: TaskMoney;
}

export interface GovernorPlan extends SimPlan {
  readonly tasks: readonly GovernorTask[];
}

export type Profile = InputOf<'swarms.register'>['profile'] & Pick<SwarmProfile, 'swarmId'>;

/** The sides of the story of seed 002. */
export const SIDES = [
  'integration:sip',
  'integration:ndi',
  'integration:webrtc',
  'integration:h323',
] as const;

/** Odd figures: what is rounded wrongly shows. */
const TASK_LIMITS = [0, 50_001, 400_000, 999_999, 3_000_000] as const;
const ESTIMATES = [1, 33_333, 250_000, 1_000_001] as const;
const MINUTES = [1, 7, 45, 240] as const;
const PLAN_LIMITS = [700_001, 2_000_000, 9_999_999] as const;
const PRICES_AN_HOUR = [0, 0, 60_001, 1_000_000, 15_000_000] as const;
const REPUTATIONS = [0, 333, 900, 1_000] as const;
const SWARM_LIMITS = [0, 500_000, 1_999_999, 20_000_000] as const;
const RELATIONS = ['minister-of', 'friend-of', 'elder-of', 'younger-of', 'governor-of'] as const;

const some = (random: Random, share: number): readonly string[] =>
  SIDES.filter(() => random.chance(share));

export function governorPlan(random: Random, id: string): GovernorPlan {
  const plain = randomPlan(random, id);
  const tasks = plain.tasks.map((task): GovernorTask => {
    const needs = random.chance(0.4) ? some(random, 0.4) : [];
    return { ...task, needs, money: moneyOf(random) };
  });
  const budget = random.chance(0.5)
    ? { budget: { limitMicroUsd: random.pick(PLAN_LIMITS) } }
    : undefined;
  const specs = plain.spec.tasks.map(({ needs: _needs, ...spec }, i) => ({
    ...spec,
    ...(tasks[i] === undefined ? {} : specOf(tasks[i])),
  }));
  return { ...plain, tasks, spec: { ...plain.spec, ...budget, tasks: specs } };
}

const moneyOf = (random: Random): TaskMoney => ({
  ...(random.chance(0.35) ? { limitMicroUsd: random.pick(TASK_LIMITS) } : {}),
  ...(random.chance(0.35) ? { estimateMicroUsd: random.pick(ESTIMATES) } : {}),
  ...(random.chance(0.35) ? { estimateMinutes: random.pick(MINUTES) } : {}),
});

const specOf = ({ needs, money }: GovernorTask): Partial<SimPlan['spec']['tasks'][number]> => {
  const { estimateMinutes, ...budget } = money;
  return {
    ...(needs.length === 0 ? {} : { needs: [...needs] }),
    ...(estimateMinutes === undefined ? {} : { estimateMinutes }),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
  };
};

/** A swarm, or another profile of one that is there. The first can do everything, so that every plan can end. */
export function randomProfile(random: Random, n: number, count: number): Profile {
  const other = `swarm-${(n + 1 + random.below(count - 1)) % count}`;
  const relations = RELATIONS.filter(() => random.chance(0.15)).map((kind) => ({
    kind,
    with: other,
  }));
  const can = n === 0 ? SIDES : some(random, 0.5);
  return {
    swarmId: `swarm-${n}`,
    capabilities: can.length === 0 ? [random.pick(SIDES)] : [...can],
    costPerHourMicroUsd: random.pick(PRICES_AN_HOUR),
    ...(random.chance(0.5) ? { reputationPermille: random.pick(REPUTATIONS) } : {}),
    ...(random.chance(0.6) ? { limitMicroUsd: random.pick(SWARM_LIMITS) } : {}),
    ...(relations.length === 0 ? {} : { relations }),
  } as Profile;
}
