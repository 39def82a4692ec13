/** U1: what the policy in force denies does not happen, whoever asks. The rules of `POLICIES`, read a second time. */
import type { DomainEvent } from '@infrafabric/core';
import type { Committed } from '@infrafabric/fabric';
import type { InputOf } from '@infrafabric/protocol';

import { trustedOutput } from './judge.ts';

/** The figures of the rules, by their ids. */
const RULES = {
  'small-leases': 600_000,
  'no-large-budgets': 5_000_000,
  'no-dear-swarms': 10_000_000,
} as const;

export class PolicyWatch {
  readonly #broken: (law: string) => never;
  #rules: ReadonlySet<string> = new Set();

  constructor(broken: (law: string) => never) {
    this.#broken = broken;
  }

  event(event: DomainEvent, entry: Committed): void {
    const { index, op, args } = entry;
    switch (event.type) {
      case 'policy.set': {
        const { policy } = trustedOutput<InputOf<'policies.set'>>(args);
        this.#rules = new Set(policy.rules.map(({ id }) => id));
        break;
      }
      case 'budget.reserved':
        if (this.#denies('small-leases', event.amountMicroUsd))
          this.#broken(
            `U1: entry ${index} (${op}) leases ${event.taskId} for ${event.amountMicroUsd}`,
          );
        break;
      case 'budget.limited':
        if (op === 'budgets.set' && this.#denies('no-large-budgets', event.limitMicroUsd))
          this.#broken(`U1: entry ${index} gives ${event.account} ${event.limitMicroUsd}`);
        break;
      case 'swarm.registered': {
        const { profile } = trustedOutput<InputOf<'swarms.register'>>(args);
        if (this.#denies('no-dear-swarms', profile.costPerHourMicroUsd))
          this.#broken(
            `U1: entry ${index} registers ${event.swarmId} at ${profile.costPerHourMicroUsd}`,
          );
        break;
      }
      default:
    }
  }

  #denies(rule: keyof typeof RULES, microUsd: number): boolean {
    return this.#rules.has(rule) && microUsd > RULES[rule];
  }
}
