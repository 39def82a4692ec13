/**
 * U1  What policy governs is denied by default; forbid beats permit, whatever the order; a rule that fails denies.
 *
 * An act is judged by the rules on its action alone. All of them are asked, so that the verdict names every rule that
 * applied; among equals the first in the policy's order speaks. The verdict depends on the policy and the facts, and on
 * nothing else.
 */
import { SAID_BY } from '@infrafabric/protocol';
import type {
  Facts,
  PolicyAction,
  PolicyRule,
  PolicySpec,
  RuleEffect,
  RuleSays,
} from '@infrafabric/protocol';
import type { Condition, Conditions } from '../kernel/conditions.ts';

interface CompiledRule {
  readonly id: string;
  readonly effect: RuleEffect;
  readonly reason: string;
  readonly condition: Condition;
}

export interface CompiledPolicy {
  readonly governs: ReadonlySet<PolicyAction>;
  /** The rules on each action, in the policy's order. */
  readonly rules: Readonly<Record<PolicyAction, readonly CompiledRule[]>>;
}

export interface Verdict {
  readonly kind: 'permit' | 'deny';
  /** The rule that decided; absent where the default did. */
  readonly rule?: string;
  readonly reason: string;
  /** Every rule whose condition held, in the policy's order. */
  readonly applied: readonly string[];
}

/** What became of one rule: `detail` says why it has no answer. */
export type RuleOutcome =
  | { readonly kind: 'applies' | 'does-not' }
  | { readonly kind: 'error'; readonly detail: string };

export interface ExplainedRule {
  readonly id: string;
  readonly effect: RuleEffect;
  readonly reason: string;
  readonly outcome: RuleOutcome;
}

interface Unanswered {
  readonly detail: string;
}

/** What a rule says about the facts; `error` where its condition has no answer. */
export type Hearing = (
  facts: Facts,
) => { readonly said: RuleSays } | { readonly said: 'error'; readonly detail: string };

export interface Explanation {
  readonly verdict: Verdict;
  readonly governed: boolean;
  readonly rules: readonly ExplainedRule[];
}

/**
 * Compiles each rule once, under the actions that it is on. A condition that does not compile becomes one that fails:
 * a policy that an older version took must still deny, not vanish.
 */
export const compilePolicy = (
  { governs, rules }: Pick<PolicySpec, 'governs' | 'rules'>,
  conditions: Conditions,
): CompiledPolicy => {
  const compiled = rules.map((rule) => ({ on: rule.on, rule: compileRule(rule, conditions) }));
  const on = (action: PolicyAction): readonly CompiledRule[] =>
    compiled.filter((one) => one.on.includes(action)).map(({ rule }) => rule);
  return {
    governs: new Set(governs),
    rules: {
      'task.claim': on('task.claim'),
      'help.lease': on('help.lease'),
      'plan.submit': on('plan.submit'),
      'swarm.register': on('swarm.register'),
      'budget.set': on('budget.set'),
      'breaker.reset': on('breaker.reset'),
    },
  };
};

/** Whether the act is allowed, and by which rule. Never throws. */
export const judgeAction = (
  policy: CompiledPolicy,
  action: PolicyAction,
  facts: Facts,
): Verdict => {
  const applied: string[] = [];
  let denial: Pick<CompiledRule, 'id' | 'reason'> | undefined;
  let permitter: CompiledRule | undefined;
  for (const rule of policy.rules[action]) {
    const answer = ask(rule.condition, facts);
    if (answer === false) continue;
    if (answer === true) applied.push(rule.id);
    if (answer === true && rule.effect === 'permit') permitter ??= rule;
    else denial ??= answer === true ? rule : unanswered(rule);
  }
  if (denial !== undefined)
    return { kind: 'deny', rule: denial.id, reason: denial.reason, applied };
  if (permitter !== undefined)
    return { kind: 'permit', rule: permitter.id, reason: permitter.reason, applied };
  return policy.governs.has(action)
    ? { kind: 'deny', reason: `No rule permits ${action}.`, applied }
    : { kind: 'permit', reason: `No rule forbids ${action}.`, applied };
};

const unanswered = ({ id }: CompiledRule): Pick<CompiledRule, 'id' | 'reason'> => ({
  id,
  reason: `Rule ${id} has no answer, so it denies.`,
});

/** The verdict, and what each rule on the action made of the facts. */
export const explainAction = (
  policy: CompiledPolicy,
  action: PolicyAction,
  facts: Facts,
): Explanation => ({
  verdict: judgeAction(policy, action, facts),
  governed: policy.governs.has(action),
  rules: policy.rules[action].map(({ id, effect, reason, condition }) => ({
    id,
    effect,
    reason,
    outcome: outcomeOf(ask(condition, facts)),
  })),
});

/** Yes, no, or why there is no answer. */
const ask = (condition: Condition, facts: Facts): boolean | Unanswered => {
  try {
    const answer: unknown = condition(facts);
    return answer === true || answer === false
      ? answer
      : { detail: `it answers with a ${typeof answer}, not with true or false` };
  } catch (cause) {
    return { detail: cause instanceof Error ? cause.message : 'it failed' };
  }
};

const outcomeOf = (answer: boolean | Unanswered): RuleOutcome =>
  typeof answer === 'object'
    ? { kind: 'error', ...answer }
    : { kind: answer ? 'applies' : 'does-not' };

const compileRule = (
  { id, effect, reason, when }: PolicyRule,
  conditions: Conditions,
): CompiledRule => ({ id, effect, reason, condition: compileOrFail(when, conditions) });

const compileOrFail = (source: string, conditions: Conditions): Condition => {
  try {
    return conditions.compile(source);
  } catch (cause) {
    return () => {
      throw cause;
    };
  }
};

/** What one rule, alone, says about an act. */
export const hearRule = (rule: PolicyRule, conditions: Conditions): Hearing => {
  const { condition } = compileRule(rule, conditions);
  const actions: ReadonlySet<string> = new Set(rule.on);
  return (facts) => {
    if (!actions.has(facts.action)) return { said: 'none' };
    const answer = ask(condition, facts);
    if (typeof answer === 'object') return { said: 'error', ...answer };
    return { said: answer ? SAID_BY[rule.effect] : 'none' };
  };
};
