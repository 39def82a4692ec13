/** Swarms and capabilities: who is registered, what that means for matching, and what a task would cost with each. */
import { reject } from '@infrafabric/protocol';
import type { ResourcePolicy, SwarmProfile, TaskSpec } from '@infrafabric/protocol';
import { canonicalText } from '../kernel/canonical.ts';
import { must } from '../kernel/decision.ts';
import type { Rejection } from '@infrafabric/protocol';
import { addCandidate, dropCandidate } from './match-index.ts';
import { reputationOf, swarmNamed } from './state.ts';
import type { GovernorState, SwarmState } from './state.ts';

/** Minutes of a task that says nothing of its length: one hour, so that swarms are ranked by their hourly price. */
const TASK_MINUTES_DEFAULT = 60;
const MINUTES_PER_HOUR = 60;
/** The most that a task may take of what it is expected to: beyond it a lease asks for more, while there is any. */
const WORST_CASE_FACTOR = 2;

/** What multiplies the match: reputation ÷ price an hour. A free swarm counts as one micro-dollar, so it is first. */
export const meritOf = (swarm: Pick<SwarmState, 'profile' | 'measuredPermille'>): number =>
  reputationOf(swarm) / Math.max(1, swarm.profile.costPerHourMicroUsd);

/** What a task needs to be priced with. */
export type Priced = Pick<TaskSpec, 'budget' | 'estimateMinutes'>;

/** What a task is expected to cost with a swarm, micro-dollars, rounded up; without one what its plan estimates. */
export const expectedCostOf = (spec: Priced, profile: SwarmProfile | undefined): number => {
  if (profile === undefined) return spec.budget?.estimateMicroUsd ?? 0;
  const minutes = spec.estimateMinutes ?? TASK_MINUTES_DEFAULT;
  return Math.ceil((profile.costPerHourMicroUsd * minutes) / MINUTES_PER_HOUR);
};

/** The most that a task may cost over all its attempts. */
export const taskLimitOf = (spec: Priced, resource: ResourcePolicy): number =>
  spec.budget?.limitMicroUsd ?? resource.maxCostPerTaskMicroUsd;

/**
 * What a lease sets aside: the limit that its plan names; else twice what is expected, and no more than the policy
 * allows. The full limit of the policy is not set aside for everybody: a budget would be full while nothing is spent.
 */
export const worstCaseOf = (
  spec: Priced,
  profile: SwarmProfile | undefined,
  resource: ResourcePolicy,
): number => {
  const limit = taskLimitOf(spec, resource);
  if (spec.budget?.limitMicroUsd !== undefined) return limit;
  const expected = Math.max(expectedCostOf(spec, profile), spec.budget?.estimateMicroUsd ?? 0);
  return Math.min(limit, expected * WORST_CASE_FACTOR);
};

/** Enters a swarm where helpers are looked for, or takes it out: only a closed breaker is looked for. */
export const indexSwarm = (state: GovernorState, swarm: SwarmState): void => {
  const { id, profile, breaker } = swarm;
  if (breaker.state !== 'closed') dropCandidate(state.index, id);
  else {
    addCandidate(state.index, {
      id,
      merit: meritOf(swarm),
      capabilities: new Set(profile.capabilities),
    });
  }
};

export const foldRegistered = (state: GovernorState, profile: SwarmProfile, at: number): void => {
  const known = state.swarms.get(profile.swarmId);
  const swarm: SwarmState = known ?? {
    id: profile.swarmId,
    registeredAt: at,
    profile,
    breaker: { state: 'closed' },
    failures: 0,
    results: [],
    spentSinceProgress: 0,
  };
  swarm.profile = profile;
  state.swarms.set(swarm.id, swarm);
  indexSwarm(state, swarm);
};

/** A contract names who answers for what a swarm runs: their reputation is the swarm's from now on. */
export const foldProvided = (state: GovernorState, swarmId: string, provider: string): void => {
  const swarm = swarmNamed(state, swarmId);
  swarm.providers ??= [];
  if (swarm.providers.every((one) => one.provider !== provider)) swarm.providers.push({ provider });
  linkProvider(state, swarmId, provider);
};

/** Enters a swarm among those of a provider. */
export const linkProvider = (
  { swarmsOf }: GovernorState,
  swarmId: string,
  provider: string,
): void => {
  const swarms = swarmsOf.get(provider);
  if (swarms === undefined) swarmsOf.set(provider, new Set([swarmId]));
  else swarms.add(swarmId);
};

/** A measured reputation: every swarm of the provider is ranked by it, in the place of what its profile says. */
export const foldMeasured = (
  state: GovernorState,
  { provider, permyriad }: { readonly provider: string; readonly permyriad: number },
): void => {
  for (const id of must(state.swarmsOf.get(provider), 'a reputation of no swarm')) {
    const swarm = swarmNamed(state, id);
    const own = must(swarm.providers, 'a provider of no swarm');
    for (const one of own) if (one.provider === provider) one.permyriad = permyriad;
    const least = Math.min(...own.flatMap((one) => one.permyriad ?? []));
    swarm.measuredPermille = Math.round(least / 10);
    indexSwarm(state, swarm);
  }
};

/** Whether a profile says what is known of the swarm already. */
export const isSameProfile = (known: SwarmProfile, profile: SwarmProfile): boolean =>
  canonicalText(known) === canonicalText(profile);

export const noSwarm = (swarmId: string): Rejection =>
  reject('swarm.not_found', `There is no swarm ${swarmId}. Register it: ifab swarm spawn ID.`, {
    swarmId,
  });
