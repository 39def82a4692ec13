/** A rule brings its own tests, and they run wherever the rule is read: on a laptop, and before a fabric takes it. */
import { actionOfTest, factsFrom } from '@infrafabric/protocol';
import type { Facts, PolicyRule, PolicySpec, RuleSays, RuleTest } from '@infrafabric/protocol';
import type { Conditions } from '../kernel/conditions.ts';
import { hearRule } from './policy.ts';

export interface RuleTestResult {
  readonly rule: string;
  /** Its place among the rule's tests. */
  readonly test: number;
  readonly expect: RuleSays;
  /** What the rule said; `error` where its condition has no answer. */
  readonly said: RuleSays | 'error';
  /** Why there is no answer. */
  readonly detail?: string;
  readonly passed: boolean;
}

/**
 * Runs the tests of every rule, in order. A rule is tested alone: what other rules say about the same act does not
 * matter, so a test means the same in every policy that the rule is moved to.
 */
export const runRuleTests = (
  { rules }: Pick<PolicySpec, 'rules'>,
  conditions: Conditions,
): readonly RuleTestResult[] => rules.flatMap((rule) => testRule(rule, rule, conditions));

/**
 * Runs the tests of `written` against `rule`: the same one, or a changed one of which it is asked whether the tests would
 * notice.
 */
export const testRule = (
  rule: PolicyRule,
  written: PolicyRule,
  conditions: Conditions,
): readonly RuleTestResult[] => {
  const hear = hearRule(rule, conditions);
  return written.tests.map((one, test) => {
    const heard = hear(factsOfTest(written, one));
    const { expect } = one;
    return { rule: written.id, test, expect, ...heard, passed: heard.said === expect };
  });
};

/** The whole facts of a test. */
export const factsOfTest = (rule: Pick<PolicyRule, 'on'>, one: RuleTest): Facts =>
  factsFrom({ ...one.given, action: actionOfTest(rule, one) });
