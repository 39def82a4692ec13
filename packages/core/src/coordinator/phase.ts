/** Decisions about phases: approvals by people, and checks that the fabric ran. */
import { reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import { accept, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { cascade } from './cascade.ts';
import type { PhaseApproved } from './events.ts';
import { findPlan } from './state.ts';
import type { CoordinatorState, PhaseState, PlanState } from './state.ts';

interface Found {
  readonly kind: 'found';
  readonly plan: PlanState;
  readonly phase: PhaseState;
  readonly at: number;
}

const findPhase = (state: CoordinatorState, planId: string, key: string): Found | Rejection => {
  const plan = findPlan(state, planId);
  if (plan === undefined)
    return reject('plan.not_found', `There is no plan ${planId}.`, { planId });
  if (plan.status === 'cancelled')
    return reject('plan.ended', `Plan ${planId} was cancelled.`, { planId });
  const at = plan.phases.findIndex((phase) => phase.key === key);
  const phase = plan.phases[at];
  if (phase === undefined)
    return reject('phase.not_found', `Plan ${planId} has no phase ${key}.`, { planId, phase: key });
  return { kind: 'found', plan, phase, at };
};

export const decideApprovePhase = (
  state: CoordinatorState,
  command: Command<ArgsOf<'phases.approve'>>,
): Decision => {
  const { planId, phase: key, reason } = command.args;
  const found = findPhase(state, planId, key);
  if (found.kind !== 'found') return found;
  const { plan, phase, at } = found;
  // An autonomous phase that nobody has approved is closed.
  const opening = phase.autonomous && phase.openedBy.length === 0;
  // A gate is approved while its phase is open: nobody vouches for work that has not begun.
  const gate = phase.status === 'open' && phase.approvals.length < phase.approvalsNeeded;
  if (!opening && !gate) {
    return reject(
      'phase.not_waiting',
      `Phase ${key} is ${phase.status} and waits for no approval.`,
      { planId, phase: key, status: phase.status },
    );
  }
  // Approvals are by distinct people: one name counts once.
  if (!opening && phase.approvals.includes(command.principal)) return UNCHANGED;
  const approved: PhaseApproved = {
    by: command.principal,
    for: opening ? 'opening' : 'gate',
    phase: key,
    planId,
    ...(reason === undefined ? {} : { reason }),
    type: 'phase.approved',
  };
  const change = opening ? { openingApproved: true } : { approvedBy: command.principal };
  return accept(approved, ...cascade({ planId, phases: plan.phases }, new Map([[at, change]])));
};

export const decideCheckPhase = (
  state: CoordinatorState,
  command: Command<ArgsOf<'phases.check'>>,
): Decision => {
  const { planId, phase: key, result } = command.args;
  const found = findPhase(state, planId, key);
  if (found.kind !== 'found') return found;
  const { plan, phase, at } = found;
  const check = phase.checks.find(({ name }) => name === result.name);
  if (check === undefined || phase.status !== 'open') {
    const why = check === undefined ? `has no check "${result.name}"` : `is ${phase.status}`;
    return reject('phase.not_waiting', `Phase ${key} ${why}.`, {
      planId,
      phase: key,
      check: result.name,
    });
  }
  return accept(
    { name: result.name, ok: result.ok, phase: key, planId, type: 'phase.checked' },
    ...cascade(
      { planId, phases: plan.phases },
      new Map([[at, { check: { name: result.name, ok: result.ok } }]]),
    ),
  );
};
