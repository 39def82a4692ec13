/** What differs between the rooms that are simulated: who plays, what they are given to do, and which laws are looked at. */
import type { World } from '@infrafabric/core';
import type { Committed } from '@infrafabric/fabric';

import type { Random } from '../random.ts';
import { SimAgent, SimOperator } from './actors.ts';
import type { Answer } from './judge.ts';
import { CAPABILITIES, randomPlan, type SimPlan } from './sim-plan.ts';

export interface Cast {
  readonly plans: readonly SimPlan[];
  readonly agents: readonly SimAgent[];
  readonly operator: SimOperator;
}

/** Laws of one room, about one world. Each call may end the world with `broken`. */
export interface RoomLaws {
  /** After each entry was folded into the watched world. */
  entry(entry: Committed, world: World): void;
  answer(answer: Answer): void;
  /** The world is healed, and its plans are over. */
  end(world: World): void;
  /** How often what the room is about has happened. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface LawParts {
  readonly plans: readonly SimPlan[];
  readonly broken: (law: string) => never;
}

export interface Pace {
  readonly stepsMin: number;
  readonly stepsMoreMax: number;
  /** How often the operator is asked where each agent is asked twice. */
  readonly operatorTurns: number;
  /** What the operator does before anything else happens, mostly: worlds of which nobody knows yet are soon told. */
  readonly preludeActs: number;
}

export interface Room {
  readonly name: string;
  readonly pace: Pace;
  cast(random: Random): Cast;
  laws(parts: LawParts): RoomLaws;
  /** Whether nothing is left to do, besides the tasks of the plans. */
  isQuiet(world: World): boolean;
}

const NO_LAWS: RoomLaws = {
  entry: () => undefined,
  answer: () => undefined,
  end: () => undefined,
  counts: {},
};

/** Leases, plans and the log: what every realm has. */
export const COORDINATOR_ROOM: Room = {
  name: 'coordinator',
  pace: { stepsMin: 10, stepsMoreMax: 30, operatorTurns: 1, preludeActs: 0 },
  cast: (random) => {
    const plans = Array.from({ length: random.chance(0.2) ? 2 : 1 }, (_, i) =>
      randomPlan(random, `p${i}`),
    );
    return { plans, agents: agentsOf(random), operator: new SimOperator(plans) };
  },
  laws: () => NO_LAWS,
  isQuiet: () => true,
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
