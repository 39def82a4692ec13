/** Policies that the operator of a simulated world sets: tight and loose figures, rules, and one that fails its own tests. */
import type { InputOf } from '@infrafabric/protocol';

type Policy = InputOf<'policies.set'>['policy'];

/** What holds when all that is wanted is that the work gets done. */
export const OPEN_POLICY: Policy = { format: 'ifab-policy/1', resource: {}, rules: [] };

const tight: Policy = {
  format: 'ifab-policy/1',
  resource: {
    maxSwarmsPerTask: 1,
    maxCostPerTaskMicroUsd: 200_001,
    minMatchPermille: 1_000,
    failureThreshold: 1,
    noProgressMicroUsd: 500_000,
    onTrip: 'release',
    confirmAboveMicroUsd: 100_000,
    unknownPrice: 'refuse',
    escalateAfterMs: 1_000,
  },
  rules: [],
};

const loose: Policy = {
  format: 'ifab-policy/1',
  resource: {
    maxSwarmsPerTask: 4,
    minMatchPermille: 300,
    failureThreshold: 5,
    failureSamplesMin: 2,
    failureRatePermille: 900,
    unknownPrice: 'ceiling',
    priceCeilingMicroUsdPerMTok: 75_000_001,
  },
  rules: [],
};

/** Governs claims: only what sets little aside is leased. */
const frugal: Policy = {
  format: 'ifab-policy/1',
  resource: { failureThreshold: 2, onTrip: 'release' },
  governs: ['task.claim', 'help.lease'],
  rules: [
    {
      id: 'small-leases',
      effect: 'permit',
      on: ['task.claim', 'help.lease'],
      when: 'amountMicroUsd <= 600000',
      reason: 'What costs little is leased unasked.',
      tests: [
        { given: { action: 'task.claim', amountMicroUsd: 600_000 }, expect: 'permits' },
        { given: { action: 'help.lease', amountMicroUsd: 1 }, expect: 'permits' },
        { given: { action: 'task.claim', amountMicroUsd: 600_001 }, expect: 'none' },
      ],
    },
  ],
};

/** Forbids some acts of operators, and says nothing of claims. */
const stern: Policy = {
  format: 'ifab-policy/1',
  resource: { realmLimitMicroUsd: 30_000_000 },
  rules: [
    {
      id: 'no-large-budgets',
      effect: 'forbid',
      on: ['budget.set'],
      when: 'limitMicroUsd > 5000000',
      reason: 'Large budgets want another policy first.',
      tests: [
        { given: { limitMicroUsd: 5_000_001 }, expect: 'forbids' },
        { given: { limitMicroUsd: 5_000_000 }, expect: 'none' },
      ],
    },
    {
      id: 'no-dear-swarms',
      effect: 'forbid',
      on: ['swarm.register', 'breaker.reset'],
      when: 'swarm.costPerHourMicroUsd > 10000000 || swarm.spentMicroUsd > 3000000',
      reason: 'Too dear.',
      tests: [
        {
          given: { action: 'swarm.register', swarm: { costPerHourMicroUsd: 10_000_001 } },
          expect: 'forbids',
        },
        {
          given: { action: 'breaker.reset', swarm: { spentMicroUsd: 3_000_001 } },
          expect: 'forbids',
        },
        { given: { action: 'breaker.reset', swarm: { spentMicroUsd: 1 } }, expect: 'none' },
      ],
    },
  ],
};

/** Its rule does not hold its own test: it is refused, and changes nothing. */
const untrue: Policy = {
  format: 'ifab-policy/1',
  resource: {},
  rules: [
    {
      id: 'says-otherwise',
      effect: 'forbid',
      on: ['budget.set'],
      when: 'limitMicroUsd > 10',
      reason: 'Never taken.',
      tests: [
        { given: { limitMicroUsd: 10 }, expect: 'forbids' },
        { given: { limitMicroUsd: 11 }, expect: 'none' },
      ],
    },
  ],
};

export const POLICIES: readonly Policy[] = [OPEN_POLICY, tight, loose, frugal, stern, untrue];
