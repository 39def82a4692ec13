/** Conditions in CEL (cel.dev), behind core's port. */
import type { Condition, Conditions } from '@infrafabric/core';
import type { Facts } from '@infrafabric/protocol';
import { flatFacts, flatten } from './environment.ts';
import type { FlatFacts } from './environment.ts';
import { printCondition } from './print.ts';
import { readCondition } from './read-condition.ts';
import type { ConditionIssue } from './read-condition.ts';

/** A condition that cannot be compiled, or has no answer for some facts. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}

/**
 * The language. What it makes of the last facts is kept, so that a decision over a hundred rules converts them once.
 *
 * @example
 * const holds = celConditions().compile('task.priority > 1 && "prod" in task.labels');
 * holds(factsFrom({ task: { priority: 2, labels: ['prod'] } })); // true
 */
export const celConditions = (): Conditions => {
  const environment = flatFacts();
  const contextOf = lastOf(flatten);
  return {
    compile: (source) => {
      const read = readCondition(source);
      if (read.kind === 'issue') throw new ConditionError(issueText(read.issue));
      const evaluate = environment.parse(printCondition(read.tree, { flat: true }));
      const { valid, error } = evaluate.check();
      if (!valid) throw new ConditionError('the flat form does not hold', { cause: error });
      return (facts) => answerOf(evaluate, contextOf(facts));
    },
  };
};

/** Why a text is no condition, and where; undefined where it is one. */
export const checkCondition = (source: string): ConditionIssue | undefined => {
  const read = readCondition(source);
  return read.kind === 'issue' ? read.issue : undefined;
};

const answerOf = (
  evaluate: (context: FlatFacts) => unknown,
  context: FlatFacts,
): ReturnType<Condition> => {
  let answer: unknown;
  try {
    answer = evaluate(context);
  } catch (cause) {
    // The library draws the place in the flat text, which nobody wrote.
    const summary = cause instanceof Error && 'summary' in cause ? cause.summary : cause;
    throw new ConditionError(String(summary), { cause });
  }
  if (typeof answer === 'boolean') return answer;
  throw new ConditionError(`it answers with a ${typeof answer}`);
};

const issueText = ({ at, what }: ConditionIssue): string => `${what} (at character ${at + 1})`;

/** Remembers one answer: facts of one decision come one after the other. */
const lastOf = (make: (facts: Facts) => FlatFacts): ((facts: Facts) => FlatFacts) => {
  let last: { readonly facts: Facts; readonly flat: FlatFacts } | undefined;
  return (facts) => {
    if (last?.facts !== facts) last = { facts, flat: make(facts) };
    return last.flat;
  };
};
