/** What a plan may cost before its first claim: the price of its tasks with the swarm that each would go to. */
import type { OutputOf, PlanSpec, SwarmProfile, TaskSpec } from '@infrafabric/protocol';
import { bestMatches, expectedCostOf, worstCaseOf } from '../governor/index.ts';
import type { GovernorState } from '../governor/index.ts';

export type PlanCost = Omit<OutputOf<'plans.preview'>, 'planId'>;

interface PhaseCost {
  tasks: number;
  worstMicroUsd: number;
}

/** `specs` are the unfinished tasks; more than `limitMicroUsd` they cannot cost together. */
export const costOfPlan = (
  governor: GovernorState,
  specs: Iterable<TaskSpec>,
  limitMicroUsd = Number.POSITIVE_INFINITY,
): PlanCost => {
  const { resource } = governor.policy;
  const profileOf = profiles(governor);
  const phases = new Map<TaskSpec['phase'], PhaseCost>();
  let tasks = 0;
  let worstMicroUsd = 0;
  let expectedMicroUsd = 0;
  let unpriced = 0;
  for (const spec of specs) {
    const profile = profileOf(spec);
    const worst = worstCaseOf(spec, profile, resource);
    tasks += 1;
    worstMicroUsd += worst;
    expectedMicroUsd += expectedCostOf(spec, profile);
    if (profile === undefined && spec.budget === undefined) unpriced += 1;
    const phase = phases.get(spec.phase) ?? { tasks: 0, worstMicroUsd: 0 };
    phase.tasks += 1;
    phase.worstMicroUsd += worst;
    phases.set(spec.phase, phase);
  }
  const { confirmAboveMicroUsd } = resource;
  const atMost = Math.min(worstMicroUsd, limitMicroUsd);
  return {
    tasks,
    worstMicroUsd: atMost,
    expectedMicroUsd,
    unpriced,
    phases: [...phases].map(([phase, cost]) => (phase === undefined ? cost : { phase, ...cost })),
    confirmAboveMicroUsd,
    needsConfirmation: atMost > confirmAboveMicroUsd,
  };
};

/** The tasks of a plan at hand that are work to be done. */
export const unfinishedOf = (plan: Pick<PlanSpec, 'tasks'>): TaskSpec[] =>
  plan.tasks.filter(({ imported }) => imported?.done !== true);

/** The swarm that a task names, else the best for what it needs: looked up once for each set of needs. */
const profiles = (governor: GovernorState): ((spec: TaskSpec) => SwarmProfile | undefined) => {
  const byNeeds = new Map<string, SwarmProfile | undefined>();
  const { minMatchPermille } = governor.policy.resource;
  return ({ swarm, needs = [] }) => {
    const named = swarm === undefined ? undefined : governor.swarms.get(swarm);
    if (named !== undefined) return named.profile;
    const key = needs.join(' ');
    if (!byNeeds.has(key)) {
      const wanted = { needs: [...new Set(needs)], minMatchPermille, limit: 1 };
      const [best] = bestMatches(governor.index, wanted, () => true);
      byNeeds.set(key, governor.swarms.get(best?.candidate.id ?? '')?.profile);
    }
    return byNeeds.get(key);
  };
};
