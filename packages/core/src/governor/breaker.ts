/**
 * Breakers: closed, open, half-open. Closed: the swarm works. Open: it gets no lease (G4), whatever its budget says; the
 * breaker never touches a balance. Half-open, after an operator's reset: one lease at a time, until one succeeds.
 */
import type { ResourcePolicy } from '@infrafabric/protocol';
import { counted } from '../kernel/words.ts';
import type { BreakerReset, BreakerTripped, TripCause } from './events.ts';
import { RESULTS_KEPT_MAX, swarmNamed } from './state.ts';
import type { GovernorState, SwarmState } from './state.ts';
import { indexSwarm } from './swarm.ts';

export interface Trip {
  readonly cause: TripCause;
  readonly reason: string;
}

/** What a decision adds to what the swarm has done before it. */
export interface Tally {
  readonly at: number;
  readonly failures: number;
  readonly successes: number;
  readonly spent: number;
  /** The swarm's account after the decision. */
  readonly limit: number;
  readonly used: number;
}

/** Micro-dollars as people read them. */
export const dollars = (microUsd: number): string => {
  const whole = Math.floor(microUsd / 1_000_000);
  const rest = String(microUsd % 1_000_000)
    .padStart(6, '0')
    .replace(/0{1,4}$/, '');
  return `$${whole}.${rest}`;
};

/** Why the breaker opens now, or undefined. A success in the same decision forgives what came before it. */
export const whyTrip = (
  swarm: SwarmState,
  tally: Tally,
  resource: ResourcePolicy,
): Trip | undefined => {
  if (swarm.breaker.state === 'open') return undefined;
  return (
    brokeOf(tally) ??
    (tally.failures > 0 ? failureOf(swarm, tally, resource) : undefined) ??
    stuckOf(swarm, tally, resource)
  );
};

const brokeOf = ({ spent, limit, used }: Tally): Trip | undefined =>
  spent > 0 && used >= limit
    ? { cause: 'budget', reason: `it has spent ${dollars(used)} of ${dollars(limit)}` }
    : undefined;

const failureOf = (
  swarm: SwarmState,
  { at, failures, successes }: Tally,
  resource: ResourcePolicy,
): Trip | undefined => {
  if (swarm.breaker.state === 'half-open')
    return { cause: 'failures', reason: 'the task that it was tried with failed' };
  const inRow = (successes > 0 ? 0 : swarm.failures) + failures;
  if (inRow >= resource.failureThreshold)
    return { cause: 'failures', reason: `${counted(inRow, 'attempt')} failed in a row` };
  const lately = swarm.results.filter((result) => result.at > at - resource.failureWindowMs);
  const samples = lately.length + failures + successes;
  const failed = lately.filter(({ ok }) => !ok).length + failures;
  if (
    samples < resource.failureSamplesMin ||
    failed * 1_000 < samples * resource.failureRatePermille
  )
    return undefined;
  const minutes = Math.round(resource.failureWindowMs / 60_000);
  return {
    cause: 'failure-rate',
    reason: `${failed} of ${samples} attempts failed within ${counted(minutes, 'minute')}`,
  };
};

const stuckOf = (
  { spentSinceProgress }: SwarmState,
  { spent, successes }: Tally,
  resource: ResourcePolicy,
): Trip | undefined => {
  const total = spentSinceProgress + spent;
  return spent > 0 && successes === 0 && total >= resource.noProgressMicroUsd
    ? { cause: 'no-progress', reason: `it has spent ${dollars(total)} and nothing came of it` }
    : undefined;
};

export const foldResult = (swarm: SwarmState, at: number, ok: boolean): void => {
  swarm.failures = ok ? 0 : swarm.failures + 1;
  swarm.results.push({ at, ok });
  if (swarm.results.length > RESULTS_KEPT_MAX) swarm.results.shift();
};

export const foldTripped = (state: GovernorState, event: BreakerTripped, at: number): void => {
  const swarm = swarmNamed(state, event.swarmId);
  const { cause, reason, by } = event;
  swarm.breaker = { state: 'open', cause, reason, by, since: at };
  indexSwarm(state, swarm);
};

/** What tripped it is forgiven: it is judged by what it does from now on. */
export const foldReset = (state: GovernorState, event: BreakerReset, at: number): void => {
  const swarm = swarmNamed(state, event.swarmId);
  swarm.breaker = { state: 'half-open', reason: event.reason, by: event.by, since: at };
  swarm.failures = 0;
  swarm.results = [];
  swarm.spentSinceProgress = 0;
  indexSwarm(state, swarm);
};

export const foldClosed = (state: GovernorState, swarmId: string, at: number): void => {
  const swarm = swarmNamed(state, swarmId);
  swarm.breaker = { state: 'closed', since: at };
  indexSwarm(state, swarm);
};
