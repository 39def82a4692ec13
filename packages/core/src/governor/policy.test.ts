import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { factsFrom, NO_FACTS, POLICY_ACTIONS } from '@infrafabric/protocol';
import type { Facts, PolicyAction, PolicyRule } from '@infrafabric/protocol';
import { NO_CONDITIONS } from '../kernel/conditions.ts';
import type { Conditions } from '../kernel/conditions.ts';
import { compilePolicy, explainAction, hearRule, judgeAction } from './policy.ts';
import { factsOfTest, runRuleTests, testRule } from './rule-tests.ts';

/** A language of five words, and of `account=x`. */
const WORDS: Conditions = {
  compile: (source) => {
    if (source === 'unreadable') throw new Error('it cannot be read');
    return (facts) => {
      if (source === 'yes') return true;
      if (source === 'no') return false;
      if (source === 'maybe') return 1 as unknown as boolean;
      // Whatever a language throws, the rule has no answer.
      // eslint-disable-next-line typescript/only-throw-error
      if (source === 'thrown') throw 'no error at all';
      if (source.startsWith('account=')) return facts.account === source.slice('account='.length);
      throw new Error('no such fact');
    };
  },
};

const rule = (
  id: string,
  effect: PolicyRule['effect'],
  when: string,
  more: Partial<PolicyRule> = {},
): PolicyRule => ({
  id,
  effect,
  on: ['task.claim'],
  when,
  reason: `reason of ${id}`,
  tests: [],
  ...more,
});
const judge = (
  rules: readonly PolicyRule[],
  governs: readonly PolicyAction[] = [],
  facts: Facts = NO_FACTS,
) =>
  judgeAction(
    compilePolicy({ rules: [...rules], governs: [...governs] }, WORDS),
    'task.claim',
    facts,
  );

describe('U1', () => {
  test('what no rule speaks of is permitted where it is not governed, and denied where it is', () => {
    expect(judge([])).toEqual({
      kind: 'permit',
      reason: 'No rule forbids task.claim.',
      applied: [],
    });
    expect(judge([rule('a', 'permit', 'no')], ['task.claim'])).toEqual({
      kind: 'deny',
      reason: 'No rule permits task.claim.',
      applied: [],
    });
    expect(judge([], ['budget.set']).kind).toBe('permit');
  });

  test('a permit opens what is governed', () => {
    expect(judge([rule('a', 'permit', 'yes'), rule('b', 'permit', 'yes')], ['task.claim'])).toEqual(
      {
        kind: 'permit',
        rule: 'a',
        reason: 'reason of a',
        applied: ['a', 'b'],
      },
    );
  });

  test('forbid beats permit, whatever the order, and the first that denies speaks', () => {
    const permit = rule('p', 'permit', 'yes');
    const forbids = [rule('f', 'forbid', 'yes'), rule('g', 'forbid', 'yes')];
    expect(judge([permit, ...forbids], ['task.claim'])).toEqual({
      kind: 'deny',
      rule: 'f',
      reason: 'reason of f',
      applied: ['p', 'f', 'g'],
    });
    expect(judge([...forbids, permit])).toMatchObject({ kind: 'deny', rule: 'f' });
  });

  test.each(['fails', 'maybe', 'unreadable', 'thrown'])(
    'a rule without an answer denies, be it a permit or a forbid: %s',
    (when) => {
      for (const effect of ['permit', 'forbid'] as const) {
        expect(judge([rule('p', 'permit', 'yes'), rule('x', effect, when)])).toEqual({
          kind: 'deny',
          rule: 'x',
          reason: 'Rule x has no answer, so it denies.',
          applied: ['p'],
        });
      }
    },
  );

  test('a failing rule and a forbid: the first in order is named', () => {
    const [broken, forbid] = [rule('x', 'permit', 'fails'), rule('f', 'forbid', 'yes')];
    expect(judge([broken, forbid])).toMatchObject({ rule: 'x', applied: ['f'] });
    expect(judge([forbid, broken])).toMatchObject({ rule: 'f', reason: 'reason of f' });
  });

  test('without a language every rule denies', () => {
    const policy = compilePolicy(
      { rules: [rule('a', 'permit', 'yes')], governs: [] },
      NO_CONDITIONS,
    );
    expect(judgeAction(policy, 'task.claim', NO_FACTS)).toMatchObject({ kind: 'deny', rule: 'a' });
    expect(judgeAction(policy, 'plan.submit', NO_FACTS).kind).toBe('permit');
    expect(explainAction(policy, 'task.claim', NO_FACTS).rules[0]?.outcome).toEqual({
      kind: 'error',
      detail: 'no language of conditions is there',
    });
  });

  // Property: against an oracle that sorts the rules by what they came to, over random rules in random order.
  test('the verdict is the one of the definition, for any rules in any order', () => {
    const drawn = fc.array(
      fc.record({
        effect: fc.constantFrom<PolicyRule['effect']>('permit', 'forbid'),
        when: fc.constantFrom('yes', 'no', 'fails', 'maybe', 'unreadable'),
        on: fc.uniqueArray(fc.constantFrom(...POLICY_ACTIONS), { minLength: 1 }),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(drawn, fc.subarray([...POLICY_ACTIONS]), (parts, governs) => {
        const rules = parts.map(({ effect, when, on }, i) => rule(`r${i}`, effect, when, { on }));
        const policy = compilePolicy({ rules, governs }, WORDS);
        for (const action of POLICY_ACTIONS) {
          const mine = rules.filter(({ on }) => on.includes(action));
          const errs = ({ when }: PolicyRule) => when !== 'yes' && when !== 'no';
          const denies = (one: PolicyRule) =>
            errs(one) || (one.when === 'yes' && one.effect === 'forbid');
          const permits = mine.filter((one) => one.when === 'yes' && one.effect === 'permit');
          const verdict = judgeAction(policy, action, NO_FACTS);
          const allowed = !mine.some(denies) && (permits.length > 0 || !governs.includes(action));
          expect(verdict.kind).toBe(allowed ? 'permit' : 'deny');
          expect(verdict.rule).toBe((mine.find(denies) ?? permits[0])?.id);
          expect(verdict.applied).toEqual(
            mine.filter(({ when }) => when === 'yes').map(({ id }) => id),
          );
          expect(judgeAction(policy, action, NO_FACTS)).toEqual(verdict);
        }
      }),
    );
  });
});

test('a rule is compiled once and judges the actions that it is on', () => {
  const compiled: string[] = [];
  const counting: Conditions = {
    compile: (source) => {
      compiled.push(source);
      return WORDS.compile(source);
    },
  };
  const on: PolicyAction[] = ['budget.set', 'breaker.reset'];
  const rules = [rule('a', 'forbid', 'account=realm', { on })];
  const policy = compilePolicy({ rules, governs: [] }, counting);
  const facts = factsFrom({ account: 'realm' });
  expect(judgeAction(policy, 'budget.set', facts).kind).toBe('deny');
  expect(judgeAction(policy, 'breaker.reset', facts).kind).toBe('deny');
  expect(judgeAction(policy, 'budget.set', NO_FACTS).kind).toBe('permit');
  expect(judgeAction(policy, 'task.claim', facts).kind).toBe('permit');
  expect(compiled).toEqual(['account=realm']);
});

test('an explanation says what each rule on the action came to', () => {
  const rules = [
    rule('a', 'permit', 'yes'),
    rule('b', 'forbid', 'no'),
    rule('c', 'forbid', 'fails'),
    rule('d', 'forbid', 'maybe'),
    rule('e', 'forbid', 'thrown'),
    rule('f', 'forbid', 'unreadable'),
    rule('g', 'forbid', 'yes', { on: ['plan.submit'] }),
  ];
  const policy = compilePolicy({ rules, governs: ['task.claim'] }, WORDS);
  const { verdict, governed, rules: said } = explainAction(policy, 'task.claim', NO_FACTS);
  expect(verdict).toMatchObject({ kind: 'deny', rule: 'c' });
  expect(governed).toBe(true);
  expect(said.map(({ id, outcome }) => [id, outcome])).toEqual([
    ['a', { kind: 'applies' }],
    ['b', { kind: 'does-not' }],
    ['c', { kind: 'error', detail: 'no such fact' }],
    ['d', { kind: 'error', detail: 'it answers with a number, not with true or false' }],
    ['e', { kind: 'error', detail: 'it failed' }],
    ['f', { kind: 'error', detail: 'it cannot be read' }],
  ]);
  expect(said[0]).toMatchObject({ effect: 'permit', reason: 'reason of a' });
  expect(explainAction(policy, 'plan.submit', NO_FACTS).governed).toBe(false);
});

describe('the tests of a rule', () => {
  const tested = rule('a', 'forbid', 'account=realm', {
    on: ['budget.set', 'breaker.reset'],
    tests: [
      { given: { account: 'realm' }, expect: 'forbids' },
      { given: { account: 'realm', action: 'breaker.reset' }, expect: 'forbids' },
      { given: { account: 'plan:x' }, expect: 'none' },
      { given: { account: 'realm', action: 'task.claim' }, expect: 'none' },
    ],
  });

  test('pass where the rule says what they expect', () => {
    const results = runRuleTests({ rules: [tested] }, WORDS);
    expect(results.map(({ passed }) => passed)).toEqual([true, true, true, true]);
    expect(results[1]).toEqual({
      rule: 'a',
      test: 1,
      expect: 'forbids',
      said: 'forbids',
      passed: true,
    });
  });

  test('fail where it does not, or has no answer', () => {
    const other = { ...tested, when: 'account=plan:x' };
    expect(runRuleTests({ rules: [other] }, WORDS).map(({ said }) => said)).toEqual([
      'none',
      'none',
      'forbids',
      'none',
    ]);
    expect(testRule({ ...tested, when: 'fails' }, tested, WORDS)[0]).toEqual({
      rule: 'a',
      test: 0,
      expect: 'forbids',
      said: 'error',
      detail: 'no such fact',
      passed: false,
    });
  });

  test('notice another effect, and an action that is gone', () => {
    const said = (changed: PolicyRule) =>
      testRule(changed, tested, WORDS).map((result) => result.said);
    expect(said({ ...tested, effect: 'permit' })).toEqual(['permits', 'permits', 'none', 'none']);
    expect(said({ ...tested, on: ['breaker.reset'] })).toEqual(['none', 'forbids', 'none', 'none']);
  });

  test('see the facts that they give, and the rule’s first action', () => {
    expect(factsOfTest(tested, { given: { account: 'x' }, expect: 'none' })).toEqual({
      ...NO_FACTS,
      action: 'budget.set',
      account: 'x',
    });
    expect(hearRule(tested, WORDS)(NO_FACTS)).toEqual({ said: 'none' });
  });
});
