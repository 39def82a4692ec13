/** What a lease must set aside, read a second time from the plans and profiles: the worst case of what it may cost. */
import type { DomainEvent } from '@infrafabric/core';
import type { Committed } from '@infrafabric/fabric';
import {
  RESOURCE_POLICY_DEFAULT,
  resourcesOf,
  type InputOf,
  type PolicySpec,
} from '@infrafabric/protocol';

import type { GovernorPlan, TaskMoney } from './governor-plan.ts';
import { trustedOutput } from './judge.ts';

const MINUTES_DEFAULT = 60;

export class OwnWorth {
  readonly #money = new Map<string, TaskMoney>();
  readonly #pricesAnHour = new Map<string, number>();
  #limit = RESOURCE_POLICY_DEFAULT.maxCostPerTaskMicroUsd;

  constructor(plans: readonly GovernorPlan[]) {
    for (const { tasks } of plans) for (const { id, money } of tasks) this.#money.set(id, money);
  }

  /** Follows profiles, policies and the help that is offered. */
  event(event: DomainEvent, { args }: Committed): void {
    if (event.type === 'swarm.registered') {
      const { profile } = trustedOutput<InputOf<'swarms.register'>>(args);
      this.#pricesAnHour.set(profile.swarmId, profile.costPerHourMicroUsd);
    } else if (event.type === 'policy.set') {
      const { policy } = trustedOutput<{ policy: PolicySpec }>(args);
      this.#limit = resourcesOf(policy).maxCostPerTaskMicroUsd;
    } else if (event.type === 'help.offered') {
      // A help task has its share, and of the blocked task nothing else.
      this.#money.set(event.taskId, { limitMicroUsd: event.limitMicroUsd });
    }
  }

  /** What a task may cost over all its attempts, by its plan and the policy. */
  limitOf(taskId: string): number {
    return this.#money.get(taskId)?.limitMicroUsd ?? this.#limit;
  }

  /** What one more lease sets aside; `left` is what the task's own account has left, where it has one. */
  worstOf(taskId: string, swarmId: string | undefined, left: number | undefined): number {
    const { limitMicroUsd, estimateMicroUsd = 0, estimateMinutes } = this.#money.get(taskId) ?? {};
    const anHour = swarmId === undefined ? undefined : this.#pricesAnHour.get(swarmId);
    const byTime =
      anHour === undefined ? 0 : Math.ceil((anHour * (estimateMinutes ?? MINUTES_DEFAULT)) / 60);
    const worst = limitMicroUsd ?? Math.min(this.#limit, 2 * Math.max(byTime, estimateMicroUsd));
    return left === undefined || left <= 0 ? worst : Math.min(worst, left);
  }
}
