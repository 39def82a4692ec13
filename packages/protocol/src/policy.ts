/**
 * The policy format `ifab-policy/1`: what the governor may spend and lease at all (`resource`), and rules that permit or
 * forbid single acts by what is known of them (`rules`). This is the form that is journaled: integers in named units.
 * People write it as YAML (docs/guides/policy.md).
 */
import { z } from 'zod';
import { DurationMs, MicroUsd } from './ids.ts';
import { IsolationLevel, Provider } from './contract.ts';
import { GivenFacts, POLICY_ACTIONS, PolicyAction } from './policy-facts.ts';

export { PolicyAction } from './policy-facts.ts';

/** Rules of a policy. Each rule of an action is evaluated at every such act: 500 cost about 0.2 ms. */
export const POLICY_RULES_MAX = 500;
/** Characters of a condition: twenty lines. Longer ones are two rules. */
export const CONDITION_CHARS_MAX = 2_000;
/** Characters of a rule's reason: it is shown to whoever is refused. */
export const RULE_REASON_CHARS_MAX = 500;
/** Tests of one rule. */
export const RULE_TESTS_MAX = 50;
/**
 * Tests of all rules: five a rule. The leader runs them when the policy is set, and decides nothing else meanwhile: of
 * tests as people write them that takes milliseconds, of the costliest ones (3 ms each) eight seconds.
 */
export const POLICY_TESTS_MAX = 2_500;
/** Publishers that a policy names: what a person still reads through. */
export const POLICY_PUBLISHERS_MAX = 200;
/** Results of a swarm that its failure rate is counted from; more take memory and say no more. */
export const FAILURE_SAMPLES_MAX = 1_000;
const DAY_MS = 86_400_000;
const PERMILLE = z.int().min(0).max(1_000);

/** Limits that hold without a rule. Every one is finite: uncapped is never silent (G5). */
export const ResourcePolicy = z.strictObject({
  /** Helpers of one task at a time, each of another swarm. */
  maxSwarmsPerTask: z.int().min(1).max(100),
  /** Worst case of one task whose plan names no limit. 0 means 0: only what is free is leased. */
  maxCostPerTaskMicroUsd: MicroUsd,
  /** Least share of the needed capabilities that a swarm must have: |S∩R| ÷ |R|. */
  minMatchPermille: PERMILLE,
  /** Consecutive failures after which a swarm's breaker opens. */
  failureThreshold: z.int().min(1).max(1_000),
  /** Length of the window in which failures are counted against successes. */
  failureWindowMs: DurationMs.min(1_000).max(DAY_MS),
  /** Results that the window must hold before its rate means anything. */
  failureSamplesMin: z.int().min(1).max(FAILURE_SAMPLES_MAX),
  /** Share of failures in that window at which the breaker opens. */
  failureRatePermille: PERMILLE.min(1),
  /** Spend without any finished work at which the breaker opens. */
  noProgressMicroUsd: MicroUsd,
  /** What becomes of an opened swarm's leases: they end by themselves, or at once. */
  onTrip: z.enum(['drain', 'release']),
  /** All that the realm may spend. */
  realmLimitMicroUsd: MicroUsd,
  /** Worst case of a plan above which a person confirms it before its first claim. */
  confirmAboveMicroUsd: MicroUsd,
  /** A model without a price is refused, or charged at the ceiling; never taken as free. */
  unknownPrice: z.enum(['refuse', 'ceiling']),
  priceCeilingMicroUsdPerMTok: MicroUsd.min(1),
  /** How long a blocker may wait for help before a person is called. */
  escalateAfterMs: DurationMs.min(1_000).max(7 * DAY_MS),
  /** Least isolation of every module; a contract or a task may ask for more. */
  minLevel: IsolationLevel,
  /** Least isolation of a run that is given secrets. */
  secretsMinLevel: IsolationLevel,
});
export type ResourcePolicy = Readonly<z.infer<typeof ResourcePolicy>>;

/** What holds where a policy names no figure. */
export const RESOURCE_POLICY_DEFAULT: ResourcePolicy = {
  maxSwarmsPerTask: 3,
  maxCostPerTaskMicroUsd: 10_000_000,
  minMatchPermille: 700,
  failureThreshold: 3,
  failureWindowMs: 600_000,
  failureSamplesMin: 10,
  failureRatePermille: 500,
  noProgressMicroUsd: 20_000_000,
  onTrip: 'drain',
  realmLimitMicroUsd: 100_000_000,
  confirmAboveMicroUsd: 50_000_000,
  unknownPrice: 'refuse',
  priceCeilingMicroUsdPerMTok: 75_000_000,
  escalateAfterMs: 900_000,
  minLevel: 3,
  secretsMinLevel: 2,
};

export const RuleEffect = z.enum(['permit', 'forbid']);
export type RuleEffect = z.infer<typeof RuleEffect>;

/** What one rule says about an act: it permits it, forbids it, or says nothing. */
export const RuleSays = z.enum(['permits', 'forbids', 'none']);
export type RuleSays = z.infer<typeof RuleSays>;

/** What a rule says where it applies. */
export const SAID_BY: Readonly<Record<RuleEffect, RuleSays>> = {
  permit: 'permits',
  forbid: 'forbids',
};

/** Absent `given.action`: the first action that the rule is on. */
export const RuleTest = z.strictObject({ given: GivenFacts, expect: RuleSays });
export type RuleTest = Readonly<z.infer<typeof RuleTest>>;

export const PolicyRule = z.strictObject({
  id: z
    .string()
    .max(64)
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, { error: 'is not a rule id such as no-night-deploys' }),
  effect: RuleEffect,
  on: z.array(PolicyAction).min(1).max(POLICY_ACTIONS.length),
  /** A condition in CEL over POLICY_FACTS. */
  when: z.string().min(1).max(CONDITION_CHARS_MAX),
  /** Why the rule stands, for whoever it refuses. */
  reason: z.string().min(1).max(RULE_REASON_CHARS_MAX),
  tests: z.array(RuleTest).min(2).max(RULE_TESTS_MAX),
});
export type PolicyRule = Readonly<z.infer<typeof PolicyRule>>;

/** Least isolation of one publisher's modules, in the place of `minLevel`. */
export const PublisherIsolation = z.strictObject({ provider: Provider, minLevel: IsolationLevel });
export type PublisherIsolation = Readonly<z.infer<typeof PublisherIsolation>>;

const PolicyFields = z.strictObject({
  format: z.literal('ifab-policy/1'),
  resource: ResourcePolicy.partial(),
  /** Publishers whose modules are trusted more, or less, than others. */
  isolation: z.array(PublisherIsolation).max(POLICY_PUBLISHERS_MAX).optional(),
  /** Actions that are denied unless a rule permits them (U1). */
  governs: z.array(PolicyAction).max(POLICY_ACTIONS.length).default([]),
  rules: z.array(PolicyRule).max(POLICY_RULES_MAX),
});

/** Every figure of the resource policy: those that the policy names, and the defaults. */
export const resourcesOf = ({ resource }: Pick<PolicySpec, 'resource'>): ResourcePolicy =>
  ResourcePolicy.parse({ ...RESOURCE_POLICY_DEFAULT, ...resource });

type Flaws = z.core.ParsePayload<z.infer<typeof PolicyFields>>['issues'];

/**
 * A policy. Beyond its shape: no two rules of one id, no action named twice, and the tests of each rule show every action
 * at which it speaks and one at which it is silent. A rule that nothing shows is a rule that nobody has checked.
 */
export const PolicySpec = PolicyFields.check(({ value, issues }) => {
  flawTwice(value.governs, ['governs'], issues);
  flawTwice(
    (value.isolation ?? []).map(({ provider }) => provider),
    ['isolation'],
    issues,
  );
  const ids = new Set<string>();
  for (const [at, rule] of value.rules.entries()) {
    if (ids.has(rule.id))
      flaw(`rule ${rule.id} is there already`, ['rules', at, 'id'], rule.id, issues);
    ids.add(rule.id);
    flawTwice(rule.on, ['rules', at, 'on'], issues);
    flawTests(rule, ['rules', at, 'tests'], issues);
  }
  const tests = value.rules.reduce((sum, rule) => sum + rule.tests.length, 0);
  if (tests > POLICY_TESTS_MAX)
    flaw(`it has ${tests} tests; ${POLICY_TESTS_MAX} are allowed`, ['rules'], tests, issues);
});
export type PolicySpec = Readonly<z.infer<typeof PolicySpec>>;

/** The action that a test is about. */
export const actionOfTest = (
  { on }: Pick<PolicyRule, 'on'>,
  { given }: RuleTest,
): PolicyAction | undefined => given.action ?? on[0];

function flawTests(rule: PolicyRule, path: readonly PropertyKey[], issues: Flaws): void {
  const said = SAID_BY[rule.effect];
  const shown = new Set(
    rule.tests.filter((one) => one.expect === said).map((one) => actionOfTest(rule, one)),
  );
  for (const action of rule.on) {
    if (shown.has(action)) continue;
    flaw(`no test shows that the rule ${said} ${action}`, path, rule.id, issues);
  }
  if (!rule.tests.some((one) => one.expect === 'none'))
    flaw('no test shows when the rule says nothing', path, rule.id, issues);
}

function flawTwice(values: readonly string[], path: readonly PropertyKey[], issues: Flaws): void {
  for (const [at, value] of values.entries()) {
    if (values.indexOf(value) < at) flaw(`${value} is named twice`, [...path, at], value, issues);
  }
}

function flaw(message: string, path: readonly PropertyKey[], input: unknown, issues: Flaws): void {
  issues.push({ code: 'custom', message, path: [...path], input });
}
