/**
 * Where a bug in a decision is put in. `planted-core.ts` stands in the place of core's door and passes every decision
 * through here; where it does not stand there, a planted decision would change nothing and prove nothing, so that is
 * refused.
 */
import type { Command, Conditions, Decision, World } from '@infrafabric/core';

/** The real decision, with the world, command and conditions that it is asked about. */
export interface Asked {
  readonly world: World;
  readonly command: Command;
  readonly real: (command?: Command) => Decision;
}

export type PlantedDecision = (asked: Asked) => Decision;

type RealDecide = (world: World, command: Command, conditions?: Conditions) => Decision;

let planted: PlantedDecision | undefined;
let isPassed = false;

/** From here on decisions are made with the bug, or again without one. */
export function plant(decision: PlantedDecision | undefined): void {
  if (decision !== undefined && !isPassed)
    throw new Error('defect: a planted decision, and core is imported without its double');
  planted = decision;
}

/** `decide` as the double of core exports it. */
export const passing = (real: RealDecide): RealDecide => {
  isPassed = true;
  return (world, command, conditions) => {
    const ask = (one = command): Decision => real(world, one, conditions);
    return planted === undefined ? ask() : planted({ world, command, real: ask });
  };
};
