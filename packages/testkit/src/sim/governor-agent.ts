/** Agents that spend: they report costs small and far beyond what was set aside, call for help, help, and declare. */
import { PRICE_CATALOGUE } from '@infrafabric/protocol';

import type { Random } from '../random.ts';
import { held, SimAgent, soft, type ActorWorld, type Lease, type Wish } from './actors.ts';
import { SIDES } from './governor-plan.ts';

/** A model of the catalogue with one price for every prompt. */
export const KNOWN_MODEL =
  PRICE_CATALOGUE.models.find(
    ({ longPrompt, effectiveUntil }) => longPrompt === undefined && effectiveUntil === undefined,
  )?.model ?? '';
/** Has a price once the operator sets one, and one that nobody ever has. */
export const OWN_MODEL = 'sim/own';
export const UNKNOWN_MODEL = 'sim/unknown';

const LEASES_MS = [1_000, 1_500, 2_500, 4_000] as const;
const SMALL_MICRO_USD = 40_000;
const MIDDLE_MICRO_USD = 900_001;
const FAR_MICRO_USD = 60_000_000;
const TOKENS_MAX = 30_000;
/** Limits as large as this stop nobody. */
export const AMPLE_MICRO_USD = 90_000_000_000;
const SESSION_LIMITS = [0, 300_000, 5_000_000] as const;

export class GovernorAgent extends SimAgent {
  readonly #swarmId: string | undefined;

  constructor(
    name: string,
    capabilities: readonly string[],
    { leasesMax, swarmId }: { readonly leasesMax: number; readonly swarmId: string | undefined },
  ) {
    super(name, capabilities, leasesMax);
    this.#swarmId = swarmId;
  }

  override wish(world: ActorWorld): Wish | undefined {
    const { random } = world;
    const { session } = this;
    if (session === undefined) return this.#opening(random.chance(0.25), random);
    const dice = random.below(100);
    if (dice < 5) return this.mischief(world);
    if (dice < 8) return this.#overreach(random);
    if (dice < 10) return soft('sessions.heartbeat', { sessionId: session.sessionId });
    if (dice < 11) return { op: 'sessions.close', input: { sessionId: session.sessionId } };
    if (dice < 15) return this.#join(world, session.sessionId);
    const leases = [...this.held.values()];
    const lease = leases[random.below(leases.length + 1)];
    if (lease !== undefined) return this.#withLease(lease, world);
    return this.#look(world, session.sessionId);
  }

  override work(world: ActorWorld): Wish | undefined {
    const { random } = world;
    const { session } = this;
    if (session === undefined) return this.#opening(false, random);
    // While the operator loosens what stops work, most ask again only now and then.
    if (isTight(world) && random.chance(0.7)) return undefined;
    const [lease] = this.held.values();
    if (lease !== undefined)
      return random.chance(0.2)
        ? held('usage.record', lease, { microUsd: random.below(SMALL_MICRO_USD) })
        : held('tasks.complete', lease, random.chance(0.3) ? { next: true } : {});
    const waits = random.chance(0.4) ? { waitMs: 3_000 } : {};
    return { op: 'tasks.next', input: { sessionId: session.sessionId, leaseMs: 4_000, ...waits } };
  }

  #opening(isLimited: boolean, random: Random): Wish {
    const { name: agent, capabilities, leasesMax } = this;
    const input = {
      agent: agent.split('~')[0],
      capabilities,
      leasesMax,
      ...(this.#swarmId === undefined ? {} : { swarm: this.#swarmId }),
      ...(isLimited ? { limitMicroUsd: random.pick(SESSION_LIMITS) } : {}),
    };
    return { op: 'sessions.open', input, bearer: undefined };
  }

  #look({ random, plans }: ActorWorld, sessionId: string): Wish {
    const leaseMs = random.pick(LEASES_MS);
    if (random.chance(0.35)) {
      const taskId = random.pick(random.pick(plans).tasks).id;
      return { op: 'tasks.claim', input: { sessionId, taskId, leaseMs } };
    }
    const count = random.chance(0.3) ? { count: 1 + random.below(3) } : {};
    const waits = random.chance(0.6) ? { waitMs: 500 + random.below(6_000) } : {};
    return { op: 'tasks.next', input: { sessionId, leaseMs, ...count, ...waits } };
  }

  #withLease(lease: Lease, { random }: ActorWorld): Wish {
    switch (random.below(13)) {
      case 0:
      case 1:
        return held('tasks.complete', lease, random.chance(0.6) ? { next: true } : {});
      case 2:
        return held('tasks.fail', lease, { reason: 'it broke' });
      case 3:
        return held('tasks.release', lease, {});
      case 4:
      case 5:
      case 6:
        return raising(lease, random);
      case 7:
        return soft('tasks.renew', { sessionId: this.session?.sessionId });
      case 8:
        return held('tasks.progress', lease, { evidence: 'commit' });
      default:
        return held('usage.record', lease, costOf(random));
    }
  }

  /** What only operators may do. */
  #overreach(random: Random): Wish {
    const swarmId = this.#swarmId ?? 'swarm-0';
    if (random.chance(0.5))
      return { op: 'breakers.reset', input: { swarmId, reason: 'I am fine now' } };
    return { op: 'budgets.set', input: { account: `swarm:${swarmId}`, limitMicroUsd: 90_000_000 } };
  }

  /** Joins a blocker, or declares it lifted. */
  #join({ random, openBlockers }: ActorWorld, sessionId: string): Wish | undefined {
    if (openBlockers.length === 0) return undefined;
    const blockerId = random.pick(openBlockers);
    return random.chance(0.5)
      ? { op: 'blockers.join', input: { blockerId, sessionId } }
      : { op: 'blockers.resolve', input: { blockerId, sessionId, resolution: 'my side is done' } };
  }
}

const raising = (lease: Lease, random: Random): Wish => {
  const needs = SIDES.filter(() => random.chance(0.5));
  return held('blockers.raise', lease, {
    kind: 'integration',
    title: 'the bridge',
    ...(needs.length === 0 ? {} : { needs }),
    ...(random.chance(0.3) ? { release: true } : {}),
    ...(random.chance(0.3) ? { quorum: 1 + random.below(2) } : {}),
    ...(random.chance(0.5) ? { escalateAfterMs: 1_000 + random.below(2_000) } : {}),
  });
};

/** Limits from before the world was healed stand, or a breaker is open. */
const isTight = ({ world: { governor } }: ActorWorld): boolean =>
  [...governor.accounts.values()].some(
    ({ limit }) => limit !== undefined && limit < AMPLE_MICRO_USD,
  ) || [...governor.swarms.values()].some(({ breaker }) => breaker.state === 'open');

/** A cost, by its amount or by tokens of a model. */
const costOf = (random: Random): Wish['input'] => {
  const dice = random.below(10);
  if (dice < 3) return { microUsd: random.below(SMALL_MICRO_USD), component: 'tool' };
  if (dice < 5) return { microUsd: random.below(MIDDLE_MICRO_USD) };
  if (dice < 6) return { microUsd: random.below(FAR_MICRO_USD) };
  const model = random.pick([KNOWN_MODEL, KNOWN_MODEL, OWN_MODEL, UNKNOWN_MODEL]);
  return {
    model,
    inputTokens: random.below(TOKENS_MAX),
    ...(random.chance(0.7) ? { outputTokens: random.below(TOKENS_MAX) } : {}),
    ...(random.chance(0.3) ? { cachedTokens: random.below(TOKENS_MAX) } : {}),
  };
};
