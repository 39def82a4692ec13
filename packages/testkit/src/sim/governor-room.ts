/** Worlds with money: swarms under budgets, breakers and policies, that call each other for help. */
import type { Random } from '../random.ts';
import { GovernorAgent } from './governor-agent.ts';
import { GovernorOperator } from './governor-operator.ts';
import {
  governorPlan,
  randomProfile,
  SIDES,
  type GovernorPlan,
  type Profile,
} from './governor-plan.ts';
import { GovernorWatch } from './governor-watch.ts';
import { trustedOutput } from './judge.ts';
import type { Room } from './room.ts';

export const GOVERNOR_ROOM: Room = {
  name: 'governor',
  pace: { stepsMin: 25, stepsMoreMax: 50, operatorTurns: 2, preludeActs: 6 },
  cast: (random) => {
    const count = 2 + random.below(3);
    const profiles = Array.from({ length: count }, (_, n) => randomProfile(random, n, count));
    const plans = Array.from({ length: random.chance(0.2) ? 2 : 1 }, (_, i) =>
      governorPlan(random, `p${i}`),
    );
    return {
      plans,
      agents: agentsOf(random, profiles),
      operator: new GovernorOperator(plans, profiles),
    };
  },
  laws: ({ plans, broken }) =>
    new GovernorWatch(trustedOutput<readonly GovernorPlan[]>(plans), broken),
  isQuiet: ({ governor, coordinator }) =>
    governor.reservations.size === 0 && coordinator.openBlockers === 0,
};

/** Several sessions of some swarms, one of none; the first can do everything, so that every plan can end. */
const agentsOf = (random: Random, profiles: readonly Profile[]): readonly GovernorAgent[] => {
  const count = 3 + random.below(3);
  return Array.from({ length: count }, (_, i) => {
    const profile = random.chance(0.85)
      ? profiles[i === 0 ? 0 : random.below(profiles.length)]
      : undefined;
    const own = i === 0 ? SIDES : SIDES.filter(() => random.chance(0.5));
    const can = i > 0 && profile !== undefined && random.chance(0.6) ? profile.capabilities : own;
    const name = i > 0 && random.chance(0.2) ? `agent0~${i}` : `agent${i}`;
    const leasesMax = random.pick([1, 1, 2, 3]);
    return new GovernorAgent(name, can, { leasesMax, swarmId: profile?.swarmId });
  });
};
