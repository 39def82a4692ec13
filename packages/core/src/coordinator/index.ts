/** The coordinator's door. */
export type { Raised } from './blocker.ts';
export { blockerDue, decideJoinBlocker, decideResolveBlocker, raiseBlocker } from './blocker.ts';
export { holdersOf } from './capabilities.ts';
export { bestReady, decideClaim, decideNext } from './claim.ts';
export { evolveCoordinator } from './evolve.ts';
export { helpEvents, helpIds, helpSpec, urgencyOf } from './help.ts';
export type { Share } from './help.ts';
export { coordinatorFaults } from './invariants.ts';
export { heldBy, isCurrent, isSession, openSession, staleRejection } from './lease.ts';
export { mayRecordRefusal } from './fold-task.ts';
export { judge } from './liveness.ts';
export { decideApprovePhase, decideCheckPhase } from './phase.ts';
export { decideEditPlan } from './plan-edit.ts';
export { decideCancelPlan, decidePausePlan, decideResumePlan, decideSubmitPlan } from './plan.ts';
export { countsOf, page, PAGE_ROWS_DEFAULT, planDetail, planRow } from './plan.view.ts';
export { coordinatorSections, restoreCoordinator } from './sections.ts';
export {
  decideCloseSession,
  decideExpireSession,
  decideOpenSession,
  decideRevokeSession,
} from './session.ts';
export {
  createCoordinator,
  findPlan,
  havesOf,
  holderOf,
  idOf,
  needsOf,
  planOf,
  setMinMatch,
  specOf,
} from './state.ts';
export type { CoordinatorState, PlanState, SessionState } from './state.ts';
export { findTask } from './lease.ts';
export { blockerRow, sessionRow, taskDetail, taskRow, tasksWhere } from './task.view.ts';
export type { RenewedAt, Seen } from './task.view.ts';
export { explain } from './why.ts';
export { decideCancelTask, decideJudge, decidePark, decideUnpark } from './verdict.ts';
export {
  decideComplete,
  decideExpireLease,
  decideFail,
  decideProgress,
  decideRelease,
} from './work.ts';
export { cell, NONE, phaseName } from './columns.ts';
