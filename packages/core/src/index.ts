export type { ArgsOf, WriteName } from './kernel/args.ts';
export { assert, Defect } from './kernel/decision.ts';
export type {
  Accepted,
  Command,
  Credential,
  Decision,
  Entry,
  Fence,
  Refused,
  Section,
  Unchanged,
} from './kernel/decision.ts';
export type { DomainEvent } from './kernel/events.ts';
export { NO_CONDITIONS } from './kernel/conditions.ts';
export type { Condition, Conditions } from './kernel/conditions.ts';
export { explainMatch } from './commands/explain-match.ts';
export {
  blockersToEscalate,
  findAccount,
  findBlocker,
  explainPolicy,
  helpCandidates,
  helpsWith,
  moneyOfTask,
  ownPrices,
  previewPlan,
  remainingCost,
  viewAccount,
  viewAccounts,
  viewBreakers,
  viewCapabilities,
  viewEscalations,
  viewPolicy,
  viewSwarm,
  viewSwarms,
} from './queries-governor.ts';
export {
  findRun,
  orphanRuns,
  orphansBy,
  viewContract,
  viewContracts,
  viewModules,
  viewReputation,
  viewRun,
  viewRuns,
  viewSlo,
  viewSlos,
} from './queries-chassis.ts';
export type { Orphan } from './queries-chassis.ts';
export type { RunState } from './chassis/index.ts';
export { mintsOf } from './kernel/mints.ts';
export { worldFaults } from './commands/faults.ts';
export { coordinatorFaults, isCurrent, judge } from './coordinator/index.ts';
export {
  explainTask,
  hasReadyFor,
  offerFor,
  idempotent,
  leaseOf,
  leasesOfSession,
  liveLeases,
  openSessions,
  readyVersion,
  sessionOf,
  taskPhase,
  taskSpec,
  viewBlockers,
  viewPlan,
  viewPlans,
  viewSessions,
  viewStatus,
  viewTask,
  viewTasks,
  whyStale,
} from './queries.ts';
export type { LiveLease, Soft, WaitingOffer } from './queries.ts';
export {
  createWorld,
  decide,
  DECIDER_VERSION,
  evolve,
  restoreWorld,
  worldSections,
} from './world.ts';
export type { World } from './world.ts';
export {
  addCandidate,
  bestMatches,
  compilePolicy,
  createMatchIndex,
  explainAction,
  factsOfTest,
  judgeAction,
  runRuleTests,
  testRule,
} from './governor/index.ts';
export type {
  Candidate,
  CompiledPolicy,
  Match,
  MatchIndex,
  RuleTestResult,
  Verdict,
} from './governor/index.ts';
export { pricesAt, routeModel, tierOf, unableBecause, withTier } from './optimise/index.ts';
