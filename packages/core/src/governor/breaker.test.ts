/** When a breaker opens: each cause on its own, at the very figure where it begins. */
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';
import type { ResourcePolicy, SwarmProfile } from '@infrafabric/protocol';
import { describe, expect, test } from 'vitest';
import { dollars, foldClosed, foldReset, foldResult, foldTripped, whyTrip } from './breaker.ts';
import type { Tally } from './breaker.ts';
import { createGovernor, RESULTS_KEPT_MAX } from './state.ts';
import type { GovernorState, SwarmState } from './state.ts';
import { foldRegistered } from './swarm.ts';

const PROFILE = {
  swarmId: 's',
  capabilities: ['integration:sip'],
  costPerHourMicroUsd: 2_000_000,
} as unknown as SwarmProfile;

const given = (): { readonly state: GovernorState; readonly swarm: SwarmState } => {
  const state = createGovernor();
  foldRegistered(state, PROFILE, 0);
  const swarm = state.swarms.get('s');
  if (swarm === undefined) throw new Error('defect: the swarm was not registered');
  return { state, swarm };
};

const AT = 1_000_000;
const NOTHING: Tally = { at: AT, failures: 0, successes: 0, spent: 0, limit: 10_000_000, used: 0 };

const why = (
  swarm: SwarmState,
  record: Partial<Tally>,
  resource: Partial<ResourcePolicy> = {},
): string | undefined =>
  whyTrip(swarm, { ...NOTHING, ...record }, { ...RESOURCE_POLICY_DEFAULT, ...resource })?.cause;

describe('money', () => {
  test('the last micro-dollar of the limit opens it, one less does not', () => {
    const { swarm } = given();
    expect(why(swarm, { spent: 1, used: 9_999_999 })).toBeUndefined();
    expect(
      whyTrip(swarm, { ...NOTHING, spent: 1, used: 10_000_000 }, RESOURCE_POLICY_DEFAULT),
    ).toStrictEqual({ cause: 'budget', reason: 'it has spent $10.00 of $10.00' });
  });

  test('what costs nothing never opens it, not even under a limit of nought', () => {
    expect(why(given().swarm, { limit: 0 })).toBeUndefined();
    expect(why(given().swarm, { limit: 0, used: 1, spent: 1 })).toBe('budget');
  });
});

describe('failures in a row', () => {
  test('the third opens it, and a success between forgives the first two', () => {
    const { swarm } = given();
    foldResult(swarm, 1, false);
    expect(why(swarm, { failures: 1 })).toBeUndefined();
    foldResult(swarm, 2, false);
    expect(whyTrip(swarm, { ...NOTHING, failures: 1 }, RESOURCE_POLICY_DEFAULT)).toStrictEqual({
      cause: 'failures',
      reason: '3 attempts failed in a row',
    });
    foldResult(swarm, 3, true);
    expect(why(swarm, { failures: 1 })).toBeUndefined();
  });

  test('a session that dies with three leases is three failures', () => {
    expect(why(given().swarm, { failures: 2 })).toBeUndefined();
    expect(why(given().swarm, { failures: 3 })).toBe('failures');
  });

  test('a success in the same decision forgives what came before it, not what comes with it', () => {
    const { swarm } = given();
    foldResult(swarm, 1, false);
    foldResult(swarm, 2, false);
    expect(why(swarm, { failures: 1, successes: 1 })).toBeUndefined();
    expect(why(swarm, { failures: 3, successes: 1 })).toBe('failures');
  });

  test('the threshold is the policy’s', () => {
    expect(why(given().swarm, { failures: 1 }, { failureThreshold: 1 })).toBe('failures');
    expect(
      whyTrip(
        given().swarm,
        { ...NOTHING, failures: 1 },
        { ...RESOURCE_POLICY_DEFAULT, failureThreshold: 1 },
      )?.reason,
    ).toBe('1 attempt failed in a row');
  });
});

/** Four failures and five successes, never three failures in a row, at the instant given. */
const mixed = (swarm: SwarmState, at: number): void => {
  for (const ok of [false, false, true, false, false, true, true, true, true])
    foldResult(swarm, at, ok);
};

describe('the rate of failures', () => {
  test('half of ten opens it, and less than ten say nothing', () => {
    const { swarm } = given();
    mixed(swarm, AT);
    expect(whyTrip(swarm, { ...NOTHING, failures: 1 }, RESOURCE_POLICY_DEFAULT)).toStrictEqual({
      cause: 'failure-rate',
      reason: '5 of 10 attempts failed within 10 minutes',
    });
    expect(why(swarm, { failures: 1 }, { failureRatePermille: 501 })).toBeUndefined();
    expect(why(swarm, { failures: 1 }, { failureSamplesMin: 11 })).toBeUndefined();
    swarm.results.shift();
    expect(why(swarm, { failures: 1 })).toBeUndefined();
  });

  test('the window is half-open: what happened at its very beginning is out of it', () => {
    const [inside, outside] = [given().swarm, given().swarm];
    mixed(inside, AT - 600_000 + 1);
    mixed(outside, AT - 600_000);
    expect(why(inside, { failures: 1 })).toBe('failure-rate');
    expect(why(outside, { failures: 1 })).toBeUndefined();
  });

  test('a success never opens it, however bad the rate', () => {
    const { swarm } = given();
    mixed(swarm, AT);
    expect(why(swarm, { successes: 1 }, { failureRatePermille: 1 })).toBeUndefined();
  });

  test('successes of the same decision count as samples', () => {
    const { swarm } = given();
    mixed(swarm, AT);
    expect(why(swarm, { failures: 1, successes: 1 })).toBeUndefined();
    expect(why(swarm, { failures: 2, successes: 1 })).toBe('failure-rate');
    const strict = { failureSamplesMin: 12, failureRatePermille: 400 };
    expect(why(swarm, { failures: 1, successes: 2 }, strict)).toBe('failure-rate');
    expect(why(swarm, { failures: 1, successes: 1 }, strict)).toBeUndefined();
  });
});

describe('spending with nothing to show', () => {
  const FIVE = { noProgressMicroUsd: 5_000_000 };

  test('the figure of the policy opens it, a micro-dollar less does not', () => {
    const { swarm } = given();
    swarm.spentSinceProgress = 4_000_000;
    expect(why(swarm, { spent: 999_999 }, FIVE)).toBeUndefined();
    expect(
      whyTrip(swarm, { ...NOTHING, spent: 1_000_000 }, { ...RESOURCE_POLICY_DEFAULT, ...FIVE }),
    ).toStrictEqual({
      cause: 'no-progress',
      reason: 'it has spent $5.00 and nothing came of it',
    });
  });

  test('a success in the same decision is what came of it', () => {
    expect(why(given().swarm, { spent: 9_000_000, successes: 1 }, FIVE)).toBeUndefined();
  });

  test('a failure that spends nothing is no spending', () => {
    const { swarm } = given();
    swarm.spentSinceProgress = 9_000_000;
    expect(why(swarm, { failures: 1 }, FIVE)).toBeUndefined();
  });
});

describe('what the state of the breaker changes', () => {
  const trip = (state: GovernorState): void =>
    foldTripped(
      state,
      { by: 'realm', cause: 'failures', reason: 'r', swarmId: 's', type: 'breaker.tripped' },
      7,
    );
  const reset = (state: GovernorState): void =>
    foldReset(state, { by: 'olga', reason: 'fixed', swarmId: 's', type: 'breaker.reset' }, 8);

  test('an open breaker is not opened again, whatever happens', () => {
    const { state, swarm } = given();
    trip(state);
    expect(why(swarm, { failures: 9, spent: 99_000_000, used: 99_000_000 })).toBeUndefined();
  });

  test('half-open: one failure opens it again, before any threshold', () => {
    const { state, swarm } = given();
    trip(state);
    reset(state);
    expect(why(swarm, { successes: 1 })).toBeUndefined();
    expect(whyTrip(swarm, { ...NOTHING, failures: 1 }, RESOURCE_POLICY_DEFAULT)).toStrictEqual({
      cause: 'failures',
      reason: 'the task that it was tried with failed',
    });
  });

  test('a reset forgives what opened it; the state says who, why and since when', () => {
    const { state, swarm } = given();
    for (const at of [1, 2, 3]) foldResult(swarm, at, false);
    swarm.spentSinceProgress = 5;
    trip(state);
    expect(swarm.breaker).toStrictEqual({
      state: 'open',
      cause: 'failures',
      reason: 'r',
      by: 'realm',
      since: 7,
    });
    reset(state);
    expect(swarm).toMatchObject({
      breaker: { state: 'half-open', reason: 'fixed', by: 'olga', since: 8 },
      failures: 0,
      results: [],
      spentSinceProgress: 0,
    });
    foldClosed(state, 's', 9);
    expect(swarm.breaker).toStrictEqual({ state: 'closed', since: 9 });
  });

  test('G4: only a closed breaker is looked for', () => {
    const { state } = given();
    expect(state.index.byId.has('s')).toBe(true);
    trip(state);
    expect(state.index.byId.has('s')).toBe(false);
    reset(state);
    expect(state.index.byId.has('s')).toBe(false);
    foldRegistered(state, { ...PROFILE, reputationPermille: 1 }, 9);
    expect(state.index.byId.has('s')).toBe(false);
    foldClosed(state, 's', 9);
    expect(state.index.byId.get('s')?.merit).toBe(1 / 2_000_000);
  });

  test('an event of a swarm that nobody registered is a defect', () => {
    expect(() => foldClosed(createGovernor(), 's', 1)).toThrow('an event of no swarm');
  });
});

test('the newest thousand results are kept', () => {
  const { swarm } = given();
  for (let at = 0; at < RESULTS_KEPT_MAX + 5; at += 1) foldResult(swarm, at, true);
  expect(swarm.results).toHaveLength(RESULTS_KEPT_MAX);
  expect(swarm.results[0]).toStrictEqual({ at: 5, ok: true });
});

test('dollars read as people write them, and not a micro-dollar is lost', () => {
  const read: readonly (readonly [number, string])[] = [
    [0, '$0.00'],
    [1, '$0.000001'],
    [400_000, '$0.40'],
    [123_450, '$0.12345'],
    [1_000_000, '$1.00'],
    [99_999_999, '$99.999999'],
    [10_050_000, '$10.05'],
  ];
  for (const [microUsd, text] of read) expect(dollars(microUsd)).toBe(text);
});
