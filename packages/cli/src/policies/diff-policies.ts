/** What changes when one policy takes another's place: its figures, its rules, and the verdicts on acts that are known. */
import { celConditions, compilePolicy, factsOfTest, judgeAction } from '@infrafabric/fabric';
import type { Verdict } from '@infrafabric/fabric';
import { actionOfTest, resourcesOf } from '@infrafabric/protocol';
import type { Facts, PolicyAction, PolicyRule, PolicySpec } from '@infrafabric/protocol';
import { FIGURES, figureText } from './figures.ts';

export interface PolicyDiff {
  readonly before: string;
  readonly after: string;
  readonly figures: readonly FigureChange[];
  readonly governs: { readonly added: readonly string[]; readonly removed: readonly string[] };
  readonly rules: {
    readonly added: readonly PolicyRule[];
    readonly removed: readonly PolicyRule[];
    readonly changed: readonly RuleChange[];
    /** Rules of both stand in another order: where several apply, another one may speak. */
    readonly reordered: boolean;
  };
  /** Acts of the rules' tests, of both policies, that are judged otherwise than before. */
  readonly verdicts: readonly VerdictChange[];
  /** How many acts were judged. */
  readonly acts: number;
}

export interface FigureChange {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  /** In the units of the journal. */
  readonly values: readonly [before: number | string, after: number | string];
}

export interface RuleChange {
  readonly id: string;
  readonly fields: readonly {
    readonly name: string;
    readonly before: string;
    readonly after: string;
  }[];
}

export interface VerdictChange {
  readonly action: PolicyAction;
  /** What the test gives; the rest of the facts is empty. */
  readonly given: PolicyRule['tests'][number]['given'];
  /** The rule that brings the test. */
  readonly from: string;
  readonly before: Verdict;
  readonly after: Verdict;
}

interface Named {
  readonly name: string;
  readonly policy: PolicySpec;
}

export const diffPolicies = (before: Named, after: Named): PolicyDiff => {
  const acts = actsOf(before.policy, after.policy);
  return {
    before: before.name,
    after: after.name,
    figures: [
      ...figuresChanged(before.policy, after.policy),
      ...isolationChanged(before.policy, after.policy),
    ],
    governs: {
      added: missing(after.policy.governs, before.policy.governs),
      removed: missing(before.policy.governs, after.policy.governs),
    },
    rules: rulesChanged(before.policy.rules, after.policy.rules),
    verdicts: verdictsChanged(before.policy, after.policy, acts),
    acts: acts.length,
  };
};

/** Whether anything is different at all. */
export const isSame = ({ figures, governs, rules }: PolicyDiff): boolean =>
  !rules.reordered &&
  [figures, governs.added, governs.removed, rules.added, rules.removed, rules.changed].every(
    (changes) => changes.length === 0,
  );

const missing = (some: readonly string[], others: readonly string[]): readonly string[] =>
  some.filter((one) => !others.includes(one));

const figuresChanged = (before: PolicySpec, after: PolicySpec): readonly FigureChange[] => {
  const [was, is] = [resourcesOf(before), resourcesOf(after)];
  return FIGURES.filter(({ field }) => was[field] !== is[field]).map(({ name, field, kind }) => ({
    name,
    before: figureText(kind, was[field]),
    after: figureText(kind, is[field]),
    values: [was[field], is[field]],
  }));
};

/** What the modules of each publisher need: with an entry of its own, or as all others. */
const isolationChanged = (before: PolicySpec, after: PolicySpec): readonly FigureChange[] => {
  const [was, is] = [levelsOf(before), levelsOf(after)];
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((provider) => {
    const values = [was.get(provider), is.get(provider)].map((level) =>
      level === undefined ? 'as all' : String(level),
    );
    const [old = '', now = ''] = values;
    return old === now
      ? []
      : [
          {
            name: `isolation of ${provider}`,
            before: old,
            after: now,
            values: [old, now] as const,
          },
        ];
  });
};

const levelsOf = ({ isolation = [] }: PolicySpec): ReadonlyMap<string, number> =>
  new Map(isolation.map(({ provider, minLevel }) => [provider, minLevel]));

const rulesChanged = (
  before: readonly PolicyRule[],
  after: readonly PolicyRule[],
): PolicyDiff['rules'] => {
  const [was, is] = [byId(before), byId(after)];
  return {
    added: after.filter(({ id }) => !was.has(id)),
    removed: before.filter(({ id }) => !is.has(id)),
    changed: before.flatMap((rule) => {
      const other = is.get(rule.id);
      const fields = other === undefined ? [] : fieldsChanged(rule, other);
      return fields.length === 0 ? [] : [{ id: rule.id, fields }];
    }),
    reordered: idsIn(before, is).join() !== idsIn(after, was).join(),
  };
};

const idsIn = (
  rules: readonly PolicyRule[],
  others: ReadonlyMap<string, PolicyRule>,
): readonly string[] => rules.map(({ id }) => id).filter((id) => others.has(id));

const byId = (rules: readonly PolicyRule[]): ReadonlyMap<string, PolicyRule> =>
  new Map(rules.map((rule) => [rule.id, rule]));

const fieldsChanged = (before: PolicyRule, after: PolicyRule): RuleChange['fields'] => {
  const texts = ({ effect, on, when, reason, tests }: PolicyRule) => ({
    effect,
    on: on.join(', '),
    when: when.trim(),
    reason,
    tests: `${tests.length} tests`,
    same: JSON.stringify(tests),
  });
  const [was, is] = [texts(before), texts(after)];
  const fields = (['effect', 'on', 'when', 'reason'] as const)
    .filter((name) => was[name] !== is[name])
    .map((name): RuleChange['fields'][number] => ({ name, before: was[name], after: is[name] }));
  return was.same === is.same
    ? fields
    : [...fields, { name: 'tests', before: was.tests, after: is.tests }];
};

interface Act {
  readonly action: PolicyAction;
  readonly given: VerdictChange['given'];
  readonly from: string;
  readonly facts: Facts;
}

/** The acts that the tests of both policies describe, each once. */
const actsOf = (...policies: readonly PolicySpec[]): readonly Act[] => {
  const acts = new Map<string, Act>();
  for (const rule of policies.flatMap(({ rules }) => rules)) {
    for (const one of rule.tests) {
      const action = actionOfTest(rule, one);
      const facts = factsOfTest(rule, one);
      const key = JSON.stringify(facts);
      if (action === undefined || acts.has(key)) continue;
      acts.set(key, { action, given: one.given, from: rule.id, facts });
    }
  }
  return [...acts.values()];
};

const verdictsChanged = (
  before: PolicySpec,
  after: PolicySpec,
  acts: readonly Act[],
): readonly VerdictChange[] => {
  const conditions = celConditions();
  const [was, is] = [compilePolicy(before, conditions), compilePolicy(after, conditions)];
  return acts
    .map(({ action, given, from, facts }) => ({
      action,
      given,
      from,
      before: judgeAction(was, action, facts),
      after: judgeAction(is, action, facts),
    }))
    .filter((act) => act.before.kind !== act.after.kind);
};
