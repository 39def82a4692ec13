/**
 * Mutation testing of rules: each small mistake that somebody could make in a rule is made, one at a time, and the
 * rule's own tests are run. A mistake that they do not notice survives, and says which test is missing.
 */
import { celConditions, conditionMutants, testRule } from '@infrafabric/fabric';
import type { PolicyRule, PolicySpec } from '@infrafabric/protocol';
import type { Places } from './read-policy.ts';

export interface MutationReport {
  readonly total: number;
  readonly caught: number;
  /** Of a thousand mutants, how many were caught; 1000 where there are none. */
  readonly caughtPermille: number;
  readonly survivors: readonly Survivor[];
}

export interface Survivor {
  readonly rule: string;
  readonly line: number | undefined;
  readonly what: string;
  /** The condition as it was changed to, where that is what was changed. */
  readonly when?: string;
}

interface Mutant {
  readonly what: string;
  readonly rule: PolicyRule;
  /** Place in the condition, in characters. */
  readonly at?: number;
}

export const mutatePolicy = (
  { rules }: Pick<PolicySpec, 'rules'>,
  places?: Places,
): MutationReport => {
  const conditions = celConditions();
  const survivors: Survivor[] = [];
  let total = 0;
  for (const [index, rule] of rules.entries()) {
    for (const mutant of mutantsOf(rule)) {
      total += 1;
      if (testRule(mutant.rule, rule, conditions).some(({ passed }) => !passed)) continue;
      survivors.push({
        rule: rule.id,
        line: places?.lineInText(['rules', index, 'when'], mutant.at ?? 0),
        what: mutant.what,
        ...(mutant.at === undefined ? {} : { when: mutant.rule.when }),
      });
    }
  }
  const caught = total - survivors.length;
  const caughtPermille = total === 0 ? 1_000 : Math.floor((caught * 1_000) / total);
  return { total, caught, caughtPermille, survivors };
};

const mutantsOf = (rule: PolicyRule): readonly Mutant[] => [
  {
    what: 'effect flipped',
    rule: { ...rule, effect: rule.effect === 'permit' ? 'forbid' : 'permit' },
  },
  { what: 'rule dropped', rule: { ...rule, on: [] } },
  // With one action, dropping it drops the rule.
  ...(rule.on.length < 2 ? [] : rule.on).map((action) => ({
    what: `${action} dropped`,
    rule: { ...rule, on: rule.on.filter((one) => one !== action) },
  })),
  ...conditionMutants(rule.when).map(({ what, at, source }) => ({
    what,
    at,
    rule: { ...rule, when: source },
  })),
];
