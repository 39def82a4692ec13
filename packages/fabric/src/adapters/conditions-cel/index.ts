/** The door of the conditions in CEL. */
export { celConditions, checkCondition } from './conditions.ts';
export { conditionMutants } from './mutants.ts';
export type { ConditionMutant } from './mutants.ts';
export type { ConditionIssue } from './read-condition.ts';
