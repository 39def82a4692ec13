/** The chassis's door. */
export { decideAccept, decideRecordModule, findContract } from './contract.ts';
export { evolveChassis, observeLeases } from './evolve.ts';
export { chassisFaults } from './invariants.ts';
export type { IsolationPolicy } from './isolation.ts';
export {
  decideEnd,
  decideExpireRun,
  decideNote,
  decideStart,
  orphanDue,
  orphanEvents,
} from './run.ts';
export { chassisSections, restoreChassis } from './sections.ts';
export { createChassis } from './state.ts';
export type { ChassisState, RunState } from './state.ts';
export {
  contractRow,
  moduleRow,
  reputationFigures,
  runCounts,
  runDetail,
  runRow,
  sloDetail,
  sloFigures,
} from './views.ts';
