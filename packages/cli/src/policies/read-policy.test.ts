import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkPolicy } from './check-policy.ts';
import { readPolicyText } from './policy-text.ts';
import { readPolicy } from './read-policy.ts';
import { policyJsonSchemaText } from './schema.ts';

const read = (...lines: readonly string[]) => readPolicy(lines.join('\n'), 'p.yaml');
const issues = (...lines: readonly string[]): readonly string[] => {
  const found = read(...lines);
  return found.kind === 'policy'
    ? []
    : found.issues.map(({ line, path, what, mend }) => `${line} ${path}: ${what}; ${mend}`);
};

test('figures of people become integers', () => {
  const found = read(
    'resource_policy:',
    '  max_cost_per_task: 10.0',
    '  min_capability_match: 0.7',
    '  circuit_breaker_failure_threshold: 3',
    '  circuit_breaker_on_trip: release',
    '  escalate_after: 90s',
    'swarm_profiles: {}',
  );
  expect(found).toMatchObject({
    kind: 'policy',
    policy: {
      format: 'ifab-policy/1',
      resource: {
        maxCostPerTaskMicroUsd: 10_000_000,
        minMatchPermille: 700,
        failureThreshold: 3,
        onTrip: 'release',
        escalateAfterMs: 90_000,
      },
      governs: [],
      rules: [],
    },
  });
});

test('how well modules have to be isolated: for all, with secrets, and by publisher', () => {
  const found = read(
    'resource_policy:',
    '  min_isolation_level: 2',
    '  min_isolation_level_with_secrets: 3',
    'isolation:',
    '  - { provider: session-4-sip, minLevel: 1 }',
  );
  expect(found).toMatchObject({
    kind: 'policy',
    policy: {
      resource: { minLevel: 2, secretsMinLevel: 3 },
      isolation: [{ provider: 'session-4-sip', minLevel: 1 }],
    },
  });
  const none = read('governs: []');
  expect(none.kind === 'policy' && 'isolation' in none.policy).toBe(false);
});

test('what is wrong with it is named with its place', () => {
  expect(
    issues(
      'resource_policy: { min_isolation_level: 4 }',
      'isolation:',
      '  - { provider: a, minLevel: 1 }',
      '  - { provider: a, minLevel: 2 }',
    ),
  ).toEqual([
    '1 resource_policy.min_isolation_level: it is larger than it may be; at most 3',
    '4 isolation[1]: a is named twice; name it once',
  ]);
  expect(
    issues('isolation:', '  - { provider: "a b", minLevel: 1 }', '  - { provider: b, level: 1 }'),
  ).toEqual([
    '2 isolation[0].provider: it is not a provider; write it as the contract does: session-4-sip',
    '3 isolation[1].minLevel: it is missing; add it: number',
    expect.stringMatching(/^3 isolation\[1\]\.level: .*fields here: provider, minLevel$/u),
  ]);
});

test('the journaled form is read as it is', () => {
  const policy = { format: 'ifab-policy/1', resource: { minMatchPermille: 700 }, rules: [] };
  expect(readPolicy(JSON.stringify(policy), 'p.json')).toMatchObject({
    kind: 'policy',
    policy: { ...policy, governs: [] },
  });
  const wrong = { ...policy, resource: { minMatchPermille: 0.7 } };
  expect(readPolicy(JSON.stringify(wrong, undefined, 1), 'p.json')).toMatchObject({
    kind: 'refused',
    issues: [{ file: 'p.json', path: 'resource.minMatchPermille', line: 4 }],
  });
});

describe('what is wrong is named with its place', () => {
  test('figures', () => {
    expect(
      issues(
        'resource_policy:',
        '  max_swarm_per_task: 3',
        '  max_cost_per_task: 10.1234567',
        '  min_capability_match: "0.7"',
        '  circuit_breaker_failure_threshold: many',
        '  circuit_breaker_on_trip: explode',
        '  realm_budget: [1]',
        '  max_swarms_per_task: 0',
        '  escalate_after: 15',
      ),
    ).toEqual([
      expect.stringMatching(
        /^2 resource_policy.max_swarm_per_task: “max_swarm_per_task” is no field here; did you mean “max_swarms_per_task”/,
      ),
      '3 resource_policy.max_cost_per_task: it is not an amount in dollars; write it as 12.50, with six decimals at most',
      '4 resource_policy.min_capability_match: it is not a share from 0 to 1; write it as 0.7, with three decimals at most',
      '5 resource_policy.circuit_breaker_failure_threshold: it is not a whole number; write digits only, such as 3',
      '7 resource_policy.realm_budget: it is not an amount in dollars; write it as 12.50, with six decimals at most',
      '9 resource_policy.escalate_after: it is not a length of time; write a number with its unit: 500ms, 30s, 10m, 2h, 1d',
      '8 resource_policy.max_swarms_per_task: it is smaller than it may be; at least 1',
      '6 resource_policy.circuit_breaker_on_trip: it is none of the allowed values; one of: drain, release',
    ]);
  });

  test('rules', () => {
    expect(
      issues(
        'governs: [task.clam]',
        'rules:',
        '  - id: Bad Id',
        '    effect: forbid',
        '    on: [task.claim]',
        '    when: true',
        '    reason: x',
        '    tests:',
        '      - given: { task: { labls: [a] } }',
        '        expect: forbids',
        '      - given: { task: { priority: 1.5 } }',
        '        expects: none',
      ),
    ).toEqual([
      expect.stringMatching(
        /^1 governs\[0\]: it is none of the allowed values; one of: task.claim/,
      ),
      '3 rules[0].id: it is not a rule id such as no-night-deploys; use small letters, digits and dashes',
      '6 rules[0].when: it is not of the right type; write it as string',
      expect.stringMatching(
        /^9 rules\[0\].tests\[0\].given.task.labls: “labls” is no field here; did you mean “labels”/,
      ),
      '11 rules[0].tests[1].given.task.priority: it is not of the right type; write it as int',
      '11 rules[0].tests[1].expect: it is none of the allowed values; one of: permits, forbids, none',
      expect.stringMatching(
        /^12 rules\[0\].tests\[1\].expects: “expects” is no field here; did you mean “expect”/,
      ),
    ]);
  });

  test('what rules leave out', () => {
    const rule = (id: string) => [
      `  - id: ${id}`,
      '    effect: permit',
      '    on: [task.claim, help.lease]',
      '    when: "true"',
      '    reason: x',
      '    tests: [{ given: {}, expect: permits }, { given: {}, expect: permits }]',
    ];
    expect(issues('rules:', ...rule('a'), ...rule('a'))).toEqual([
      '7 rules[0].tests: no test shows that the rule permits help.lease; add a test: {given: {…facts…}, expect: permits, forbids or none}',
      '7 rules[0].tests: no test shows when the rule says nothing; add a test: {given: {…facts…}, expect: permits, forbids or none}',
      '8 rules[1].id: rule a is there already; give each rule an id of its own',
      '13 rules[1].tests: no test shows that the rule permits help.lease; add a test: {given: {…facts…}, expect: permits, forbids or none}',
      '13 rules[1].tests: no test shows when the rule says nothing; add a test: {given: {…facts…}, expect: permits, forbids or none}',
    ]);
    expect(issues('governs: [task.claim, task.claim]')).toEqual([
      '1 governs[1]: task.claim is named twice; name it once',
    ]);
    expect(issues('rules: [{ id: a }]').length).toBeGreaterThan(4);
    expect(issues('rules: [{ id: a }]')[0]).toMatch(/rules\[0\].effect/);
  });

  test.each([
    ['an empty file', '', 'the file is empty'],
    ['a list', '- a', 'it is no map of fields'],
    ['YAML that is none', 'a: [', expect.stringContaining('Flow')],
    ['two documents', 'rules: []\n---\nrules: []', 'it holds 2 YAML documents'],
    ['an alias of nothing', 'a: *b', expect.stringContaining('b')],
    ['a file without end', `rules: ${'['.repeat(200_000)}`, 'it nests deeper than 64 levels'],
    ['a key twice', 'rules: []\nrules: []', expect.stringContaining('unique')],
  ])('%s', (_, text, what) => {
    expect(readPolicy(text, 'p.yaml')).toMatchObject({ kind: 'refused', issues: [{ what }] });
  });

  test('a text that is too long, and aliases that unfold', () => {
    expect(readPolicyText('x'.repeat(4 * 1024 * 1024 + 1))).toMatchObject({ kind: 'refused' });
    const bomb = Array.from({ length: 9 }, (_, i) =>
      i === 0
        ? 'a0: &a0 [x, x, x, x]'
        : `a${i}: &a${i} [${Array(9)
            .fill(`*a${i - 1}`)
            .join()}]`,
    );
    expect(readPolicyText(bomb.join('\n'))).toMatchObject({ kind: 'refused' });
  });

  test('a block that is no map', () => {
    expect(issues('resource_policy: 3')).toEqual([
      '1 resource_policy: it is no map of figures; write name: value lines',
    ]);
    expect(issues('resource_policy:')).toEqual([]);
    expect(issues('resource: {}')).toEqual([
      expect.stringMatching(/^1 resource: “resource” is no field here/),
    ]);
  });
});

test('facts and figures may be shared by anchors', () => {
  const found = read('resource_policy: { realm_budget: &much 20.5, confirm_plan_above: *much }');
  expect(found).toMatchObject({
    policy: { resource: { realmLimitMicroUsd: 20_500_000, confirmAboveMicroUsd: 20_500_000 } },
  });
});

test.each([
  ['a plain text', ['    when: task.priorty > 1'], 5],
  ['a quoted text', ['    when: "task.priorty > 1"'], 5],
  ['a | block', ['    when: |', '      swarm.registered', '        && task.priorty > 1'], 7],
  ['a > block', ['    when: >-', '      swarm.registered', '      && task.priorty > 1'], 6],
])('the line of a wrong field in %s', (_, when, line) => {
  const found = read(
    'rules:',
    '  - id: a',
    '    effect: forbid',
    '    on: [task.claim]',
    ...when,
    '    reason: x',
    '    tests: [{ given: {}, expect: forbids }, { given: {}, expect: none }]',
  );
  if (found.kind === 'refused') throw new Error(JSON.stringify(found.issues));
  const { rules, ok } = checkPolicy(found.policy, { file: 'p.yaml', places: found.places });
  expect(ok).toBe(false);
  const issue = rules[0]?.issue;
  expect(issue).toMatchObject({ what: 'No such key: priorty', line });
  expect(issue?.text.slice(issue.column, issue.end)).toBe('priorty');
});

test('docs/reference/policy.schema.json is the schema', () => {
  const path = new URL('../../../../docs/reference/policy.schema.json', import.meta.url);
  expect(readFileSync(path, 'utf8')).toBe(policyJsonSchemaText());
});
