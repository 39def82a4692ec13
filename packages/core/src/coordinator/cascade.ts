/**
 * What follows from less work in a phase: it passes when its tasks are done, its checks green and its approvals
 * given; a phase opens when all before it have passed and, if it is autonomous, a person approved it (HB-06, HB-07).
 * Computed on top of the state, without touching it, for the decision that causes it.
 */
import type { CoordinatorEvent } from './events.ts';
import type { PhaseState } from './state.ts';

/** What the decision at hand changes about a phase before the cascade looks at it. */
export interface PhaseChange {
  readonly tasksDone?: number;
  readonly approvedBy?: string;
  readonly openingApproved?: boolean;
  readonly check?: { readonly name: string; readonly ok: boolean };
}

export interface PhaseSource {
  readonly planId: string;
  readonly phases: readonly PhaseState[];
}

/** Events of phases that pass and open, in order; `changes` by index of the phase. */
export const cascade = (
  source: PhaseSource,
  changes: ReadonlyMap<number, PhaseChange>,
): CoordinatorEvent[] => {
  const { planId, phases } = source;
  const events: CoordinatorEvent[] = [];
  const passed = new Set<number>();
  const opened = new Set<number>();
  const afterLeft = (at: number): number =>
    (phases[at]?.afterLeft ?? 0) -
    (phases[at]?.after ?? []).filter((before) => passed.has(before)).length;
  const isOpen = (at: number): boolean => phases[at]?.status === 'open' || opened.has(at);
  const queue = [...changes.keys()];
  const look = (at: number): void => {
    const phase = phases[at];
    if (phase === undefined) return;
    if (
      phase.status === 'closed' &&
      !opened.has(at) &&
      afterLeft(at) === 0 &&
      mayOpen(phase, changes.get(at))
    ) {
      opened.add(at);
      events.push({ phase: phase.key, planId, type: 'phase.opened' });
    }
    if (!isOpen(at) || passed.has(at) || !isPassing(phase, changes.get(at))) return;
    passed.add(at);
    events.push({ phase: phase.key, planId, type: 'phase.passed' });
    queue.push(...phase.next);
  };
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) look(at);
  return events;
};

const mayOpen = (phase: PhaseState, change: PhaseChange | undefined): boolean =>
  !phase.autonomous || phase.openedBy.length > 0 || change?.openingApproved === true;

const isPassing = (phase: PhaseState, change: PhaseChange | undefined): boolean => {
  const approvals = new Set(phase.approvals);
  if (change?.approvedBy !== undefined) approvals.add(change.approvedBy);
  const green = phase.checks.every(({ name, ok }) =>
    change?.check?.name === name ? change.check.ok : ok === true,
  );
  return (
    phase.tasksLeft - (change?.tasksDone ?? 0) <= 0 &&
    green &&
    approvals.size >= phase.approvalsNeeded
  );
};
