import { expect, test } from 'vitest';
import {
  Facts,
  factsFrom,
  GivenFacts,
  NO_FACTS,
  POLICY_ACTIONS,
  POLICY_FACTS,
} from './policy-facts.ts';
import {
  actionOfTest,
  CONDITION_CHARS_MAX,
  POLICY_RULES_MAX,
  POLICY_TESTS_MAX,
  PolicySpec,
  RESOURCE_POLICY_DEFAULT,
  ResourcePolicy,
  resourcesOf,
  RULE_TESTS_MAX,
} from './policy.ts';

const rule = (id: string, more: object = {}) => ({
  id,
  effect: 'forbid',
  on: ['task.claim'],
  when: 'task.priority > 3',
  reason: 'because',
  tests: [
    { given: { task: { priority: 4 } }, expect: 'forbids' },
    { given: { task: { priority: 3 } }, expect: 'none' },
  ],
  ...more,
});
const policy = (...rules: readonly object[]) => ({ format: 'ifab-policy/1', resource: {}, rules });
const issuesOf = (value: unknown): readonly string[] => {
  const parsed = PolicySpec.safeParse(value);
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

test('the resource policy of the seeds is the default, and it is whole', () => {
  expect(ResourcePolicy.parse(RESOURCE_POLICY_DEFAULT)).toEqual(RESOURCE_POLICY_DEFAULT);
  expect(RESOURCE_POLICY_DEFAULT).toMatchObject({
    maxSwarmsPerTask: 3,
    maxCostPerTaskMicroUsd: 10_000_000,
    minMatchPermille: 700,
    failureThreshold: 3,
  });
  const spec = PolicySpec.parse({ ...policy(), resource: { maxSwarmsPerTask: 5 } });
  expect(resourcesOf(spec)).toEqual({ ...RESOURCE_POLICY_DEFAULT, maxSwarmsPerTask: 5 });
  expect(spec.governs).toEqual([]);
});

test.each([
  [{ maxSwarmsPerTask: 0 }],
  [{ maxSwarmsPerTask: 2.5 }],
  [{ maxCostPerTaskMicroUsd: -1 }],
  [{ minMatchPermille: 1_001 }],
  [{ failureRatePermille: 0 }],
  [{ onTrip: 'kill' }],
  [{ unknownPrice: 'free' }],
  [{ priceCeilingMicroUsdPerMTok: 0 }],
  [{ realmLimitMicroUsd: Number.MAX_SAFE_INTEGER + 1 }],
  [{ nobody: 1 }],
])('a figure out of its range is refused: %j', (resource) => {
  expect(issuesOf({ ...policy(), resource }).length).toBeGreaterThan(0);
});

test('a rule must bring tests of each action that it is on, and one in which it is silent', () => {
  expect(issuesOf(policy(rule('a')))).toEqual([]);
  const on = ['task.claim', 'help.lease'];
  expect(issuesOf(policy(rule('a', { on })))).toEqual([
    'rules.0.tests: no test shows that the rule forbids help.lease',
  ]);
  const silent = { given: {}, expect: 'none' };
  expect(issuesOf(policy(rule('a', { tests: [silent, silent] })))).toEqual([
    'rules.0.tests: no test shows that the rule forbids task.claim',
  ]);
  const said = { given: {}, expect: 'permits' };
  expect(issuesOf(policy(rule('a', { effect: 'permit', tests: [said, said] })))).toEqual([
    'rules.0.tests: no test shows when the rule says nothing',
  ]);
});

test('the action of a test is what it says, or the rule’s first', () => {
  const { rules } = PolicySpec.parse(policy(rule('a')));
  const [first] = rules;
  expect(first && actionOfTest(first, { given: {}, expect: 'none' })).toBe('task.claim');
  expect(first && actionOfTest(first, { given: { action: 'plan.submit' }, expect: 'none' })).toBe(
    'plan.submit',
  );
});

test('nothing is named twice', () => {
  expect(issuesOf(policy(rule('a'), rule('b'), rule('a')))).toEqual([
    'rules.2.id: rule a is there already',
  ]);
  expect(issuesOf({ ...policy(), governs: ['budget.set', 'budget.set'] })).toEqual([
    'governs.1: budget.set is named twice',
  ]);
  expect(issuesOf(policy(rule('a', { on: ['task.claim', 'task.claim'] })))).toEqual([
    'rules.0.on.1: task.claim is named twice',
  ]);
});

test.each([
  ['an id in capitals', rule('Big')],
  ['an id that ends with a dash', rule('a-')],
  ['an id of 65 characters', rule('a'.repeat(65))],
  ['no action', rule('a', { on: [] })],
  ['an action that is none', rule('a', { on: ['task.eat'] })],
  ['no condition', rule('a', { when: '' })],
  ['a condition too long', rule('a', { when: 'x'.repeat(CONDITION_CHARS_MAX + 1) })],
  ['no reason', rule('a', { reason: '' })],
  ['one test', rule('a', { tests: [{ given: {}, expect: 'none' }] })],
  ['a fact that is none', rule('a', { tests: [{ given: { weather: 'fair' }, expect: 'none' }] })],
  ['an effect that is none', rule('a', { effect: 'ask' })],
])('a rule is refused: %s', (_, wrong) => {
  expect(issuesOf(policy(wrong)).length).toBeGreaterThan(0);
});

test('the limits hold', () => {
  const many = Array.from({ length: POLICY_RULES_MAX + 1 }, (_, i) => rule(`r${i}`));
  expect(issuesOf(policy(...many.slice(1)))).toEqual([]);
  expect(issuesOf(policy(...many))).toHaveLength(1);
  const tests = Array.from({ length: RULE_TESTS_MAX + 1 }, (_, i) => ({
    given: { task: { priority: i % 5 } },
    expect: i % 5 === 4 ? 'forbids' : 'none',
  }));
  expect(issuesOf(policy(rule('a', { tests: tests.slice(1) })))).toEqual([]);
  expect(issuesOf(policy(rule('a', { tests })))).toHaveLength(1);
  const tested = Array.from({ length: POLICY_TESTS_MAX / RULE_TESTS_MAX }, (_, i) =>
    rule(`t${i}`, { tests: tests.slice(1) }),
  );
  expect(issuesOf(policy(...tested))).toEqual([]);
  expect(issuesOf(policy(...tested, rule('more')))).toEqual([
    'rules: it has 2502 tests; 2500 are allowed',
  ]);
  const given = { task: { labels: Array.from({ length: 401 }, () => 'a') } };
  expect(GivenFacts.safeParse(given).success).toBe(false);
});

test('every fact has a type of CEL, an empty value, and a place in what a test may give', () => {
  const names = (value: object): readonly string[] => Object.keys(value).toSorted();
  expect(names(NO_FACTS)).toEqual(names(POLICY_FACTS));
  expect(names(GivenFacts.shape)).toEqual(names(POLICY_FACTS));
  for (const group of ['session', 'swarm', 'task', 'plan'] as const)
    expect(names(NO_FACTS[group])).toEqual(names(POLICY_FACTS[group]));
  expect(Facts.parse(NO_FACTS)).toEqual(NO_FACTS);
  expect(factsFrom({})).toEqual(NO_FACTS);
});

test('given facts stand over the empty ones', () => {
  const facts = factsFrom({
    action: 'help.lease',
    amountMicroUsd: 5,
    task: { labels: ['a'] },
    swarm: { registered: true },
  });
  expect(facts).toEqual({
    ...NO_FACTS,
    action: 'help.lease',
    amountMicroUsd: 5,
    task: { ...NO_FACTS.task, labels: ['a'] },
    swarm: { ...NO_FACTS.swarm, registered: true },
  });
  expect(factsFrom({ task: { phase: undefined, key: 'k' } }).task).toEqual({
    ...NO_FACTS.task,
    key: 'k',
  });
  expect(GivenFacts.safeParse({ task: { priority: 1.5 } }).success).toBe(false);
  expect(GivenFacts.safeParse({ action: 'eat' }).success).toBe(false);
  expect(POLICY_ACTIONS).toHaveLength(6);
});
