/** The door of the conditions in CEL. */
export { celConditions, checkCondition, ConditionError } from './conditions.ts';
export { conditionMutants } from './mutants.ts';
export type { ConditionMutant } from './mutants.ts';
export { CONDITION_STEPS_MAX } from './read-condition.ts';
export type { ConditionIssue } from './read-condition.ts';
