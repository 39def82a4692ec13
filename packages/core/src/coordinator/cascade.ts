/**
 * What follows from less work in a phase: it passes when its tasks are done, its checks green and its approvals
 * given; a phase opens when all before it have passed and, if it is autonomous, a person approved it.
 * Computed on top of the state, without touching it, for the decision that causes it.
 */
import { must } from '../kernel/decision.ts';
import type { CoordinatorEvent } from './events.ts';
import type { PhaseState } from './state.ts';

/** What the decision at hand changes about a phase before the cascade looks at it. */
export interface PhaseChange {
  readonly tasksDone?: number;
  /** Who approved the gate. Not among those who did before. */
  readonly approvedBy?: string;
  readonly openingApproved?: boolean;
  readonly check?: { readonly name: string; readonly ok: boolean };
}

export interface PhaseSource {
  readonly planId: string;
  readonly phases: readonly PhaseState[];
}

const NO_CHANGE: PhaseChange = {};

/** Events of phases that pass and open, in order; `changes` by index of the phase. */
export const cascade = (
  source: PhaseSource,
  changes: ReadonlyMap<number, PhaseChange>,
): CoordinatorEvent[] => {
  const { planId, phases } = source;
  const events: CoordinatorEvent[] = [];
  const passed = new Set<number>();
  const opened = new Set<number>();
  const mayOpen = (phase: PhaseState, change: PhaseChange): boolean =>
    phase.after.filter((before) => passed.has(before)).length === phase.afterLeft &&
    (!phase.autonomous || phase.openedBy.length > 0 || change.openingApproved === true);
  const queue = [...changes.keys()];
  for (const at of queue) {
    const phase = must(phases[at], 'a change of no phase');
    const change = changes.get(at) ?? NO_CHANGE;
    if (phase.status === 'closed' && !opened.has(at) && mayOpen(phase, change)) {
      opened.add(at);
      events.push({ phase: phase.key, planId, type: 'phase.opened' });
    }
    const isOpen = phase.status === 'open' || opened.has(at);
    if (!isOpen || passed.has(at) || !isPassing(phase, change)) continue;
    passed.add(at);
    events.push({ phase: phase.key, planId, type: 'phase.passed' });
    // Grows what is iterated: each phase that passes is looked behind once.
    queue.push(...phase.next);
  }
  return events;
};

const isPassing = (phase: PhaseState, change: PhaseChange): boolean => {
  const approvals = phase.approvals.length + (change.approvedBy === undefined ? 0 : 1);
  const green = phase.checks.every(({ name, ok }) =>
    change.check?.name === name ? change.check.ok : ok === true,
  );
  return phase.tasksLeft === (change.tasksDone ?? 0) && green && approvals >= phase.approvalsNeeded;
};
