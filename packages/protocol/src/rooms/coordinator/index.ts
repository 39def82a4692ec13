/** The coordinator's operations: plans, phases, tasks, leases, sessions, blockers. */
export { BlockerKind, blockerOperations, BlockerRow, HelpRow } from './blockers.ts';
export { PhaseRow, planOperations, PlanRow } from './plans.ts';
export { sessionOperations, SessionRow } from './sessions.ts';
export { TaskRow, WhyNot } from './task-rows.ts';
export { taskOperations } from './tasks.ts';
export {
  Evidence,
  EvidenceKind,
  GateResult,
  Grant,
  LeaseScope,
  Liveness,
  TaskPhase,
} from './words.ts';
