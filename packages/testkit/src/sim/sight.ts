/** What the actors of a simulated world can look at: the plans, each other, and what the log says waits for somebody. */
import { taskPhase, type World } from '@infrafabric/core';

import type { Random } from '../random.ts';
import type { ActorWorld, SimAgent } from './actors.ts';
import type { LogWatch } from './log-watch.ts';
import type { SimPlan } from './sim-plan.ts';

export interface SightParts {
  readonly random: Random;
  readonly plans: readonly SimPlan[];
  readonly agents: readonly SimAgent[];
  readonly watch: LogWatch;
  readonly now: () => number;
}

export class Sight implements ActorWorld {
  readonly random: Random;
  readonly plans: readonly SimPlan[];
  readonly agents: readonly SimAgent[];
  readonly #watch: LogWatch;
  readonly #now: () => number;
  #keys = 0;

  constructor({ random, plans, agents, watch, now }: SightParts) {
    this.random = random;
    this.plans = plans;
    this.agents = agents;
    this.#watch = watch;
    this.#now = now;
  }

  get nowMs(): number {
    return this.#now();
  }

  get world(): World {
    return this.#watch.world;
  }

  get submitted(): readonly string[] {
    return this.#tasksIn('submitted');
  }

  get parked(): readonly string[] {
    return this.#tasksIn('parked');
  }

  get paused(): readonly string[] {
    return this.world.coordinator.plans
      .filter(({ status }) => status === 'paused')
      .map(({ id }) => id);
  }

  get hopeless(): readonly string[] {
    const isCancelled = (id: string): boolean => {
      const { over, done } = this.#watch.watched(id);
      return over && !done;
    };
    return this.plans
      .flatMap(({ tasks }) => tasks)
      .filter(({ id, dependsOn }) => !this.#watch.watched(id).over && dependsOn.some(isCancelled))
      .map(({ id }) => id);
  }

  get openBlockers(): readonly string[] {
    const { blockers } = this.world.coordinator;
    return [...blockers.values()]
      .filter(({ resolution }) => resolution === undefined)
      .map(({ id }) => id);
  }

  get approvable(): ActorWorld['approvable'] {
    return this.world.coordinator.plans.flatMap((plan) =>
      plan.phases
        .filter(
          ({ status, approvals, approvalsNeeded }) =>
            status === 'open' && approvals.length < approvalsNeeded,
        )
        .map(({ key }) => ({ planId: plan.id, phase: key })),
    );
  }

  nextKey(): string {
    this.#keys += 1;
    return `key-${this.#keys}`;
  }

  #tasksIn(wanted: 'submitted' | 'parked'): readonly string[] {
    return this.plans
      .flatMap(({ tasks }) => tasks)
      .map(({ id }) => id)
      .filter((id) => taskPhase(this.world, id) === wanted);
  }
}
