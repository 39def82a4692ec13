/** The governor's door. */
export { dollars, whyTrip } from './breaker.ts';
export type { Trip } from './breaker.ts';
export { alertsOf, decideLimit, limited, overBudget } from './budget.ts';
export {
  decideDefine,
  decideRegister,
  decideReset,
  decideSetPolicy,
  isKnownCapability,
  unknownCapability,
} from './decide.ts';
export { acknowledgedBy, decideAcknowledge, escalationIdOf, raised } from './escalation.ts';
export {
  DENIAL_WINDOW_MS,
  DENIALS_PER_WINDOW_MAX,
  evolveGovernor,
  observeEvent,
} from './evolve.ts';
export type { BudgetReserved, UsageRecorded } from './events.ts';
export { governorFaults } from './invariants.ts';
export {
  accountsOf,
  balanceOf,
  draftCharge,
  draftOf,
  draftReserve,
  draftSettle,
  limitOf,
  emptyOf,
  parentOf,
  shortOf,
} from './ledger.ts';
export type { Draft, Payers } from './ledger.ts';
export { addCandidate, bestMatches, createMatchIndex } from './match-index.ts';
export type { Candidate, Match, MatchIndex } from './match-index.ts';
export { compilePolicy, explainAction, judgeAction } from './policy.ts';
export type { CompiledPolicy, Verdict } from './policy.ts';
export { governorSections, restoreGovernor } from './sections.ts';
export { createGovernor, reputationOf, swarmOfSession } from './state.ts';
export type { GovernorState, Reservation, SwarmState } from './state.ts';
export { expectedCostOf, meritOf, noSwarm, taskLimitOf, worstCaseOf } from './swarm.ts';
export { factsOfTest, runRuleTests, testRule } from './rule-tests.ts';
export type { RuleTestResult } from './rule-tests.ts';
export { accountRow, breakerRow, escalationRow, swarmRow } from './views.ts';
