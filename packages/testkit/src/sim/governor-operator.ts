/** An operator who governs: registers swarms, sets limits and policies, trips and resets breakers, answers escalations. */
import { moneyOfTask, taskPhase } from '@infrafabric/core';

import type { Random } from '../random.ts';
import { randomTaskId, SimOperator, type ActorWorld, type Wish } from './actors.ts';
import { AMPLE_MICRO_USD, OWN_MODEL } from './governor-agent.ts';
import { randomProfile, type Profile } from './governor-plan.ts';
import { OPEN_POLICY, POLICIES } from './governor-policies.ts';
import type { SimPlan } from './sim-plan.ts';

/** Limits asked for: some below what is spent, some above what stands over them. */
const LIMITS = [0, 1, 250_000, 1_000_001, 6_000_000, 40_000_000, 200_000_000] as const;
/** What a plan may cost is always confirmed with this much, where it is confirmed. */
const CONFIRMED_MICRO_USD = 10_000_000_000;
/** Limits under which nothing is refused any more: each is within the one above it. */
const AMPLE: Readonly<Record<string, number>> = {
  realm: 9_000_000_000_000,
  plan: 900_000_000_000,
  swarm: 900_000_000_000,
  task: AMPLE_MICRO_USD,
  session: AMPLE_MICRO_USD,
};
const KINDS = ['realm', 'plan', 'swarm', 'task', 'session'] as const;
const PRICES = [1, 200_001, 3_000_000] as const;

export class GovernorOperator extends SimOperator {
  readonly #toRegister: Profile[];
  readonly #swarms: number;

  constructor(plans: readonly SimPlan[], profiles: readonly Profile[]) {
    super(plans);
    this.#toRegister = [...profiles];
    this.#swarms = profiles.length;
  }

  override wish(world: ActorWorld): Wish | undefined {
    const { random } = world;
    const profile = random.chance(0.8) ? this.#toRegister.shift() : undefined;
    if (profile !== undefined) return { op: 'swarms.register', input: { profile } };
    if (this.toSubmit.length > 0 || random.chance(0.25)) return super.wish(world);
    return this.#govern(world);
  }

  /** Loosens what stops work, the widest first, then does what is left of an operator's duties. */
  override work(world: ActorWorld): Wish | undefined {
    const { random } = world;
    const { policy } = world.world.governor;
    if (policy.digest !== undefined && policy.spec !== undefined && !isOpen(policy.spec))
      return { op: 'policies.set', input: { policy: OPEN_POLICY } };
    return (
      widening(world) ??
      resetting(world) ??
      this.#registering(world) ??
      answering(world, random) ??
      super.work(world)
    );
  }

  protected override submission(): Wish | undefined {
    const wish = super.submission();
    // Without the confirmation a dear plan is refused; the next try has it.
    this.#submissions += 1;
    if (wish === undefined || this.#submissions % 3 === 1) return wish;
    return { ...wish, input: { ...wish.input, confirmMicroUsd: CONFIRMED_MICRO_USD } };
  }
  #submissions = 0;

  #registering({ world }: ActorWorld): Wish | undefined {
    const profile = this.#toRegister.find(({ swarmId }) => !world.governor.swarms.has(swarmId));
    if (profile === undefined) return undefined;
    // Who works for a swarm that is not registered spends too: a limit could be too late.
    const { limitMicroUsd: _limit, ...unlimited } = profile;
    return { op: 'swarms.register', input: { profile: unlimited } };
  }

  #govern(world: ActorWorld): Wish | undefined {
    const { random } = world;
    const swarmId = `swarm-${random.below(this.#swarms)}`;
    switch (random.below(12)) {
      case 0: {
        const profile = randomProfile(random, random.below(this.#swarms), this.#swarms);
        return { op: 'swarms.register', input: { profile } };
      }
      case 1:
      case 2:
      case 3:
        return this.#limiting(world, swarmId);
      case 4:
      case 5:
        return { op: 'policies.set', input: { policy: random.pick(POLICIES) } };
      case 6:
        return { op: 'breakers.trip', input: { swarmId, reason: 'looks wrong' } };
      case 7:
      case 8: {
        const limit = random.chance(0.5) ? { limitMicroUsd: random.pick(LIMITS) } : {};
        return { op: 'breakers.reset', input: { swarmId, reason: 'looked at it', ...limit } };
      }
      case 9: {
        const rate = (): number => random.pick(PRICES);
        const rates = { inputMicroUsdPerMTok: rate(), outputMicroUsdPerMTok: rate() };
        const cached = random.chance(0.5) ? { cachedMicroUsdPerMTok: rate() } : {};
        return {
          op: 'prices.set',
          input: { model: OWN_MODEL, ...rates, ...cached, source: 'sim' },
        };
      }
      case 10:
        return {
          op: 'capabilities.define',
          input: { id: 'sim:own', description: 'Of this realm.' },
        };
      default:
        return answering(world, random);
    }
  }

  #limiting(world: ActorWorld, swarmId: string): Wish {
    const { random } = world;
    const session = random.pick(world.agents).session;
    const account = random.pick([
      'realm',
      `plan:${random.pick(world.plans).id}`,
      `swarm:${swarmId}`,
      `task:${randomTaskId(world)}`,
      session === undefined ? 'realm' : `session:${session.sessionId}`,
    ]);
    return { op: 'budgets.set', input: { account, limitMicroUsd: random.pick(LIMITS) } };
  }
}

const isOpen = ({ rules, resource }: { rules: readonly unknown[]; resource: object }): boolean =>
  rules.length === 0 && Object.keys(resource).length === 0;

/** The account whose limit is the next to be widened: parents before what stands below them. */
const widening = ({ world, plans }: ActorWorld): Wish | undefined => {
  const { accounts } = world.governor;
  for (const kind of KINDS) {
    const ample = AMPLE[kind] ?? 0;
    for (const [account, { limit }] of accounts) {
      if (account.split(':')[0] !== kind || limit === undefined || limit >= ample) continue;
      return { op: 'budgets.set', input: { account, limitMicroUsd: ample } };
    }
  }
  // A task whose plan lets it cost nothing has no account before its first lease.
  const taskId = plans
    .flatMap(({ tasks }) => tasks)
    .map(({ id }) => id)
    .find((id) => taskPhase(world, id) === 'ready' && moneyOfTask(world, id).limitMicroUsd === 0);
  const account = `task:${taskId}`;
  return taskId === undefined
    ? undefined
    : { op: 'budgets.set', input: { account, limitMicroUsd: AMPLE_MICRO_USD } };
};

const resetting = ({ world }: ActorWorld): Wish | undefined => {
  for (const { id, breaker } of world.governor.swarms.values())
    if (breaker.state === 'open')
      return { op: 'breakers.reset', input: { swarmId: id, reason: 'the world is healed' } };
  return undefined;
};

const answering = ({ world }: ActorWorld, random: Random): Wish | undefined => {
  const open = [...world.governor.escalations.values()].filter(
    ({ acknowledged }) => acknowledged === undefined,
  );
  if (open.length === 0) return undefined;
  const { id: escalationId } = random.pick(open);
  return { op: 'escalations.acknowledge', input: { escalationId, note: 'seen' } };
};
