/** Decisions about plans as a whole; their edits stand in `plan-edit.ts`. */
import { reject } from '@infrafabric/protocol';
import type { PlanSpec } from '@infrafabric/protocol';
import { accept, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { cascade } from './cascade.ts';
import { cell, PHASE } from './columns.ts';
import { mootBlockers } from './consequences.ts';
import type { BlockerResolved } from './events.ts';
import { eachTaskOf, isWork, phasesFrom } from './fold-plan.ts';
import { faultInPhases, faultInTasks, isRejection, livePlan } from './plan-faults.ts';
import { findPlan, idOf } from './state.ts';
import type { CoordinatorState, PhaseState } from './state.ts';

export const decideSubmitPlan = (
  state: CoordinatorState,
  command: Command<ArgsOf<'plans.submit'>>,
): Decision => {
  const { plan, digest } = command.args;
  const known = findPlan(state, plan.id);
  if (known !== undefined) {
    if (known.digest === digest) return UNCHANGED;
    return reject(
      'plan.exists',
      `Plan ${plan.id} exists with other content (${known.digest}). Submit it under another id, or change it with plans.edit.`,
      { planId: plan.id, digest: known.digest },
    );
  }
  const phases = plan.phases ?? [];
  const faultOfPhases = faultInPhases(phases);
  if (faultOfPhases !== undefined) return faultOfPhases;
  const begun = begin(plan);
  const fault = faultInTasks(state, { planId: plan.id, phases: begun, tasks: plan.tasks });
  if (fault !== undefined) return fault;
  return accept(
    {
      digest,
      phases: phases.length,
      planId: plan.id,
      tasks: plan.tasks.length,
      type: 'plan.submitted',
    },
    ...cascade({ planId: plan.id, phases: begun }, new Map(begun.map((_, i) => [i, {}]))),
  );
};

/** The phases of a plan with the work that each begins with. */
const begin = (plan: PlanSpec): readonly PhaseState[] => {
  const begun = phasesFrom(plan.phases ?? []);
  const byKey = new Map(begun.map((phase) => [phase.key, phase]));
  for (const task of plan.tasks) {
    const phase = task.phase === undefined ? undefined : byKey.get(task.phase);
    if (phase !== undefined && isWork(task)) phase.tasksLeft += 1;
  }
  return begun;
};

export const decidePausePlan = (
  state: CoordinatorState,
  command: Command<ArgsOf<'plans.pause'>>,
): Decision => {
  const { planId, reason } = command.args;
  const plan = livePlan(state, planId);
  if (isRejection(plan)) return plan;
  if (plan.status === 'paused') return UNCHANGED;
  return accept({ planId, ...(reason === undefined ? {} : { reason }), type: 'plan.paused' });
};

export const decideResumePlan = (
  state: CoordinatorState,
  command: Command<ArgsOf<'plans.resume'>>,
): Decision => {
  const { planId } = command.args;
  const plan = livePlan(state, planId);
  if (isRejection(plan)) return plan;
  return plan.status === 'active' ? UNCHANGED : accept({ planId, type: 'plan.resumed' });
};

export const decideCancelPlan = (
  state: CoordinatorState,
  command: Command<ArgsOf<'plans.cancel'>>,
): Decision => {
  const { planId, reason } = command.args;
  const plan = livePlan(state, planId);
  if (isRejection(plan)) return plan;
  const ended: string[] = [];
  const moot: BlockerResolved[] = [];
  let cancelled = 0;
  eachTaskOf(plan, (task) => {
    const phase = cell(state.tasks.phase, task);
    if (phase === PHASE.done || phase === PHASE.cancelled) return;
    cancelled += 1;
    if (phase === PHASE.leased) ended.push(idOf(state, task));
    moot.push(...mootBlockers(state, task, 'cancelled'));
  });
  return accept({ cancelled, ended, planId, reason, type: 'plan.cancelled' }, ...moot);
};
