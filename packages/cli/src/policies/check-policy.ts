/** Checks a policy that was read: each condition, each rule's tests, and whether the tests would notice a mistake. */
import { celConditions, checkCondition, testRule } from '@infrafabric/fabric';
import { actionOfTest, POLICY_ACTIONS } from '@infrafabric/protocol';
import type { PolicyAction, PolicyRule, PolicySpec, RuleSays } from '@infrafabric/protocol';
import type { MutationReport } from './mutate-policy.ts';
import type { Places } from './read-policy.ts';

export interface PolicyReport {
  readonly file: string;
  readonly ok: boolean;
  readonly governs: readonly PolicyAction[];
  readonly rules: readonly RuleReport[];
  readonly tests: { readonly total: number; readonly passed: number };
  /** Governed actions that no rule permits: nobody can do them, which may be meant. */
  readonly closed: readonly PolicyAction[];
  readonly mutation?: MutationReport;
}

export interface RuleReport {
  readonly id: string;
  readonly effect: PolicyRule['effect'];
  readonly on: readonly PolicyAction[];
  readonly line: number | undefined;
  readonly ok: boolean;
  /** Why its condition is none, and where. */
  readonly issue?: ConditionPlace;
  readonly tests: readonly TestReport[];
}

export interface ConditionPlace {
  readonly what: string;
  /** Line of the file. */
  readonly line: number | undefined;
  /** The line of the condition, and the columns of it that are wrong: from `column` to before `end`, counted from 0. */
  readonly text: string;
  readonly column: number;
  readonly end: number;
}

export interface TestReport {
  readonly line: number | undefined;
  readonly action: PolicyAction | undefined;
  readonly expect: RuleSays;
  readonly said: RuleSays | 'error';
  readonly detail?: string;
  readonly passed: boolean;
}

const NO_PLACES: Places = { lineOf: () => undefined, lineInText: () => undefined };

/** Runs everything that a policy must pass before a fabric takes it. */
export const checkPolicy = (
  policy: PolicySpec,
  { file, places = NO_PLACES }: { readonly file: string; readonly places?: Places },
): PolicyReport => {
  const conditions = celConditions();
  const rules = policy.rules.map((rule, at): RuleReport => {
    const found = checkCondition(rule.when);
    const { id, effect, on } = rule;
    const named = { id, effect, on, line: places.lineOf(['rules', at]) };
    if (found !== undefined) {
      const line = places.lineInText(['rules', at, 'when'], found.at);
      return { ...named, ok: false, issue: { ...placeIn(rule.when, found), line }, tests: [] };
    }
    const tests = testRule(rule, rule, conditions).map(
      ({ test, expect, said, detail, passed }) => ({
        line: places.lineOf(['rules', at, 'tests', test]),
        action: actionOf(rule, test),
        expect,
        said,
        passed,
        ...(detail === undefined ? {} : { detail }),
      }),
    );
    return { ...named, ok: tests.every(({ passed }) => passed), tests };
  });
  const tests = rules.flatMap((rule) => rule.tests);
  return {
    file,
    ok: rules.every(({ ok }) => ok),
    governs: policy.governs,
    rules,
    tests: { total: tests.length, passed: tests.filter(({ passed }) => passed).length },
    closed: POLICY_ACTIONS.filter(
      (action) => policy.governs.includes(action) && !policy.rules.some(permits(action)),
    ),
  };
};

const permits =
  (action: PolicyAction) =>
  ({ effect, on }: PolicyRule): boolean =>
    effect === 'permit' && on.includes(action);

const actionOf = (rule: PolicyRule, test: number): PolicyAction | undefined => {
  const one = rule.tests[test];
  return one === undefined ? undefined : actionOfTest(rule, one);
};

const placeIn = (
  source: string,
  { at, end, what }: { readonly at: number; readonly end: number; readonly what: string },
): Omit<ConditionPlace, 'line'> => {
  const start = source.lastIndexOf('\n', at - 1) + 1;
  const stop = source.indexOf('\n', at);
  const text = source.slice(start, stop < 0 ? undefined : stop);
  return {
    what,
    text,
    column: at - start,
    end: Math.min(Math.max(end, at + 1) - start, text.length),
  };
};
