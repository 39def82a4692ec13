import { compilePolicy, explainAction, judgeAction } from '@infrafabric/core';
import { factsFrom, NO_FACTS } from '@infrafabric/protocol';
import type { Facts, GivenFacts, PolicyRule } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { celConditions } from './conditions.ts';

// Whatever goes wrong while an act is judged, the answer is a deny that names the rule. The cases follow the classes of
// the runtime errors in the fixtures of microsoft/agent-governance-toolkit (policy-engine/tests/conformance,
// fail_closed_error_parity.json): what is missing, of another type, unknown, out of limits, no decision, no policy.

interface Case {
  readonly id: string;
  readonly rules: readonly PolicyRule[];
  readonly facts: Facts;
  readonly expected: { readonly decision: 'permit' | 'deny'; readonly rule?: string };
  /** What `explain` says of the rule. */
  readonly detail?: string | RegExp;
}

const rule = (id: string, effect: PolicyRule['effect'], when: string): PolicyRule => ({
  id,
  effect,
  on: ['task.claim'],
  when,
  reason: `Reason of ${id}.`,
  tests: [],
});
const PERMIT = rule('everybody', 'permit', 'true');
const failing = (
  id: string,
  when: string,
  detail: string | RegExp,
  given: GivenFacts = {},
): Case => ({
  id,
  rules: [PERMIT, rule('checked', 'permit', when)],
  facts: factsFrom(given),
  expected: { decision: 'deny', rule: 'checked' },
  detail,
});
/** Facts that cannot be converted at all: no rule has an answer, so the first one denies. */
const ALL = /undefined|BigInt/;
/** Facts that break their type: what a mistake of ours, or an older entry of a log, would hold. */
const broken = (id: string, when: string, facts: object, detail: string | RegExp): Case => ({
  ...failing(id, when, detail),
  facts: { ...NO_FACTS, ...facts },
  ...(detail === ALL ? { expected: { decision: 'deny', rule: 'everybody' } } : {}),
});

const CASES: readonly Case[] = [
  failing('path_missing: a field that no fact has', 'task.colour == "red"', /^No such key: colour/),
  failing(
    'path_missing: a member past the end of a list',
    'task.labels[3] == "a"',
    /out of bounds/,
  ),
  failing('path_type_mismatch: a text as a number', 'task.priority > "high"', /^no such overload/),
  failing('tool_unknown: a function that there is not', 'now() > 0', /^“now” with 0 arguments/),
  failing(
    'policy_invocation_failed: a division by zero',
    '1 / task.attempt > 0',
    'division by zero',
  ),
  failing(
    'policy_invocation_failed: an overflow',
    'amountMicroUsd * amountMicroUsd > 0',
    /overflow/,
    {
      amountMicroUsd: Number.MAX_SAFE_INTEGER,
    },
  ),
  failing('policy_output_invalid: a number', 'task.priority + 1', /^it answers with int/),
  failing('policy_output_invalid: a text', '"permit"', /^it answers with string/),
  failing(
    'resource_limit_exceeded: too many steps',
    'task.needs.exists(n, task.needs.exists(m, n == m && n != "x"))',
    /steps/,
  ),
  failing(
    'resource_limit_exceeded: a text of another size',
    `task.id == "${'x'.repeat(3_000)}"`,
    /characters/,
  ),
  failing('manifest_invalid: a condition that is none', 'task.priority >', /^Unexpected token/),
  failing('manifest_invalid: nothing', '   ', /./),
  broken('path_missing: facts without a task', 'task.priority > 1', { task: undefined }, ALL),
  broken(
    'path_missing: facts without a field',
    'task.type == "a"',
    { task: { ...NO_FACTS.task, type: undefined } },
    /task_type/,
  ),
  broken(
    'path_type_mismatch: a text where a number was declared',
    'task.priority > 1',
    { task: { ...NO_FACTS.task, priority: 'high' } },
    ALL,
  ),
  broken(
    'path_type_mismatch: a number where a text was declared',
    'principal == "a"',
    { principal: 7 },
    /principal/,
  ),
  {
    id: 'deny_overrides: an allow and a deny of one act',
    rules: [PERMIT, rule('not-here', 'forbid', 'task.labels.exists(l, l == "prod")')],
    facts: factsFrom({ task: { labels: ['prod'] } }),
    expected: { decision: 'deny', rule: 'not-here' },
  },
  {
    id: 'deny_overrides: the deny comes first',
    rules: [rule('not-here', 'forbid', 'true'), PERMIT],
    facts: NO_FACTS,
    expected: { decision: 'deny', rule: 'not-here' },
  },
  {
    id: 'a forbid that fails does not open what another rule permits',
    rules: [PERMIT, rule('checked', 'forbid', 'task.labels[0] == "prod"')],
    facts: NO_FACTS,
    expected: { decision: 'deny', rule: 'checked' },
  },
  {
    id: 'no rule applies to what is governed',
    rules: [rule('only-ada', 'permit', 'principal == "ada"')],
    facts: factsFrom({ principal: 'bob' }),
    expected: { decision: 'deny' },
  },
  {
    id: 'all is well',
    rules: [PERMIT, rule('not-here', 'forbid', '"prod" in task.labels')],
    facts: NO_FACTS,
    expected: { decision: 'permit', rule: 'everybody' },
  },
];

test.each(CASES)('U1, $id', ({ rules, facts, expected, detail }) => {
  const policy = compilePolicy({ rules: [...rules], governs: ['task.claim'] }, celConditions());
  const verdict = judgeAction(policy, 'task.claim', facts);
  expect({ decision: verdict.kind, rule: verdict.rule }).toEqual({ rule: undefined, ...expected });
  if (detail === undefined) return;
  const said = explainAction(policy, 'task.claim', facts).rules.find(
    ({ id }) => id === expected.rule,
  );
  expect(said?.outcome.kind).toBe('error');
  const outcome = said?.outcome;
  expect(outcome?.kind === 'error' ? outcome.detail : '').toMatch(detail);
});

test('one act that fails does not spoil the next', () => {
  const policy = compilePolicy(
    { rules: [rule('checked', 'permit', '1 / task.attempt > 0')], governs: ['task.claim'] },
    celConditions(),
  );
  const acts = [0, 1, 0, 1].map((attempt) => factsFrom({ task: { attempt } }));
  expect(acts.map((facts) => judgeAction(policy, 'task.claim', facts).kind)).toEqual([
    'deny',
    'permit',
    'deny',
    'permit',
  ]);
});
