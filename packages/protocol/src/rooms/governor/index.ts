/** The governor's operations: swarms, capabilities, matching, money, breakers, policy, escalations. */
export { BreakerRow, breakerOperations } from './breakers.ts';
export { AccountRow, budgetOperations } from './budgets.ts';
export { EscalationKind, escalationOperations, EscalationRow } from './escalations.ts';
export { policyOperations } from './policies.ts';
export { BreakerState, CandidateRow, swarmOperations, SwarmRow } from './swarms.ts';
