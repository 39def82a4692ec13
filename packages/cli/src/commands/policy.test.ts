import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';
import { runOne, type OneOptions, type RanOne } from '../../test/command.ts';
import { json } from '../../test/io.ts';
import { problem, serveAnswers, STATUS } from '../../test/wire.ts';
import type { Answers, Wire } from '../../test/wire.ts';
import { readPolicy } from '../policies/read-policy.ts';
import type { CommandRun } from '../tree/command.ts';
import { checkPolicyFile } from './policy-check.ts';
import { diffPolicyFiles } from './policy-diff.ts';
import { explainPolicy } from './policy-explain.ts';
import { setPolicy } from './policy-set.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'ifab-policy-'));
afterAll(() => rmSync(FOLDER, { recursive: true }));

interface Given extends OneOptions {
  readonly options?: Readonly<Record<string, string>>;
}

const run = (command: CommandRun, { options = {}, ...given }: Given): Promise<RanOne> =>
  runOne(command, options, { cwd: FOLDER, ...given });

const rule = (id: string, when: string, more = 'priority: 4'): string => `
  - id: ${id}
    effect: forbid
    on: [task.claim]
    when: ${when}
    reason: Reason of ${id}.
    tests:
      - given: { task: { ${more} } }
        expect: forbids
      - given: {}
        expect: none
`;
const FILES = {
  'good.yaml': `resource_policy: { max_cost_per_task: 10.0 }\nrules:${rule('no-late-work', 'task.priority > 3')}`,
  'wrong.yaml': `rules:${rule('typo', 'task.priorty > 3')}${rule('fails', 'task.priority > 9')}`,
  'weak.yaml': `rules:${rule('weak', 'task.priority > 3 || task.attempt > 7')}`,
  'other.yaml': `resource_policy: { max_cost_per_task: 2.5 }\ngoverns: [plan.submit]\nrules:${rule('no-late-work', 'task.priority > 2')}${rule('no-prod', `'"prod" in task.labels'`, 'labels: [prod]')}`,
  'broken.yaml': 'rules: [{ id: a }]\nwhat: 1\n',
};
beforeAll(() => {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(FOLDER, name), text);
});

describe('policy check', () => {
  test('prints each rule and each test with its place', async () => {
    const { code, stdout } = await run(checkPolicyFile, { args: ['good.yaml'] });
    expect(stdout).toBe(
      [
        'ok   no-late-work  forbid task.claim  good.yaml:3',
        '    ok   task.claim → forbids  good.yaml:9',
        '    ok   task.claim → none  good.yaml:11',
        '1 rule, 2 of 2 tests pass',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
  });

  test('says what fails, marks it, and exits 1', async () => {
    const { code, stdout } = await run(checkPolicyFile, { args: ['wrong.yaml'] });
    expect(stdout).toBe(
      [
        'FAIL typo  forbid task.claim  wrong.yaml:2',
        '    wrong.yaml:5  No such key: priorty',
        '      task.priorty > 3',
        '           ^^^^^^^',
        'FAIL fails  forbid task.claim  wrong.yaml:13',
        '    FAIL task.claim → expected forbids, the rule says none  wrong.yaml:19',
        '    ok   task.claim → none  wrong.yaml:21',
        '2 rules, 1 of 2 tests pass; 2 rules failed',
        '',
      ].join('\n'),
    );
    expect(code).toBe(1);
    const asJson = await run(checkPolicyFile, { args: ['wrong.yaml'], flags: { json: true } });
    expect(json(asJson.stdout)).toMatchObject({
      file: 'wrong.yaml',
      ok: false,
      rules: [{ id: 'typo', issue: { line: 5, column: 5, end: 12 } }, { id: 'fails' }],
    });
  });

  test('a file that is no policy is an answer too: every issue, exit 1', async () => {
    const { code, stdout } = await run(checkPolicyFile, { args: ['broken.yaml'] });
    expect(code).toBe(1);
    expect(stdout).toContain('broken.yaml:2  what\n  “what” is no field here\n');
    expect(stdout).toContain('broken.yaml:1  rules[0].when\n');
    const asJson = await run(checkPolicyFile, { args: ['broken.yaml'], flags: { json: true } });
    expect(json(asJson.stdout)).toMatchObject({ file: 'broken.yaml', ok: false });
  });

  test('--mutate says which mistakes the tests would miss, and exits 1 where they are many', async () => {
    const good = await run(checkPolicyFile, { args: ['good.yaml'], options: { mutate: '' } });
    // No test has priority 3.
    expect(good.stdout).toContain('5 of 7 mistakes caught (71.4 %)');
    expect(good.stdout).toMatch(/good.yaml:6\s+no-late-work\s+3 to 2\s+\(task.priority > 2\)/);
    expect(good.code).toBe(1);
    const weak = await run(checkPolicyFile, {
      args: ['weak.yaml'],
      options: { mutate: '' },
      flags: { json: true },
    });
    expect(weak.code).toBe(1);
    expect(json(weak.stdout)).toMatchObject({
      ok: false,
      tests: { total: 2, passed: 2 },
      mutation: {
        survivors: expect.arrayContaining([
          expect.objectContaining({ what: 'disjunct dropped: (task.attempt > 7)' }),
        ]),
      },
    });
    const wrong = await run(checkPolicyFile, { args: ['wrong.yaml'], options: { mutate: '' } });
    expect(wrong.stdout).not.toContain('mistakes');
  });

  test('standard input, a file that is not there, and a folder', async () => {
    const piped = await run(checkPolicyFile, { args: ['-'], stdin: FILES['good.yaml'] });
    expect(piped.stdout).toContain('stdin:3');
    const gone = await run(checkPolicyFile, { args: ['gone.yaml'] });
    expect(gone.problem).toMatchObject({
      code: 'cli.input',
      detail: `${join(FOLDER, 'gone.yaml')} cannot be read`,
    });
    const folder = await run(checkPolicyFile, { args: ['.'] });
    expect(folder.problem).toMatchObject({ code: 'cli.input' });
  });

  test('a governed action that no rule permits is named', async () => {
    const { stdout } = await run(checkPolicyFile, { args: ['other.yaml'] });
    expect(stdout).toContain('Governed, and no rule permits it: plan.submit\n');
  });
});

describe('policy diff', () => {
  test('figures in dollars, rules, and the verdicts that change', async () => {
    const { code, stdout } = await run(diffPolicyFiles, { args: ['good.yaml', 'other.yaml'] });
    expect(stdout).toBe(
      [
        'good.yaml → other.yaml',
        '',
        'Figures',
        'figure             before  after',
        'max_cost_per_task  $10.00  $2.50',
        '',
        'Governed',
        '+ plan.submit (denied unless permitted)',
        '',
        'Rules',
        '+ no-prod: forbid task.claim when "prod" in task.labels',
        '~ no-late-work',
        '    when   task.priority > 3',
        '         → task.priority > 2',
        '',
        'Verdicts (of 3 acts in the rules’ tests)',
        'task.claim {"task":{"labels":["prod"]}} (a test of no-prod)',
        '    was permit: No rule forbids task.claim.',
        '    now deny by no-prod: Reason of no-prod.',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
    const back = await run(diffPolicyFiles, { args: ['other.yaml', 'good.yaml'] });
    expect(back.stdout).toContain('- plan.submit (allowed unless forbidden)\n');
    expect(back.stdout).toContain('- no-prod: forbid task.claim\n');
    expect(back.stdout).toContain('    now permit: No rule forbids task.claim.\n');
  });

  test('as JSON, with the figures in the units of the journal', async () => {
    const { stdout } = await run(diffPolicyFiles, {
      args: ['good.yaml', 'other.yaml'],
      flags: { json: true },
    });
    expect(json(stdout)).toMatchObject({
      figures: [{ name: 'max_cost_per_task', values: [10_000_000, 2_500_000] }],
      governs: { added: ['plan.submit'], removed: [] },
      rules: { added: [{ id: 'no-prod' }], removed: [], changed: [{ id: 'no-late-work' }] },
      verdicts: [{ action: 'task.claim', from: 'no-prod', after: { rule: 'no-prod' } }],
      acts: 3,
    });
  });

  test('tests that differ are a difference, and the same policy is none', async () => {
    const same = await run(diffPolicyFiles, { args: ['good.yaml', 'good.yaml'] });
    expect(same.stdout).toBe('good.yaml → good.yaml\nNo difference.\n');
    writeFileSync(
      join(FOLDER, 'tested.yaml'),
      `${FILES['good.yaml']}      - given: { task: { priority: 3 } }\n        expect: none\n`,
    );
    const tested = await run(diffPolicyFiles, { args: ['good.yaml', 'tested.yaml'] });
    expect(tested.stdout).toContain('    tests  2 tests\n         → 3 tests\n');
    expect(tested.stdout).toContain('No verdict changes.');
  });

  test('a terminal shows twenty verdicts, JSON all', async () => {
    const tests = Array.from(
      { length: 30 },
      (_, i) =>
        `      - given: { task: { priority: 4, attempt: ${i} } }\n        expect: forbids\n`,
    );
    const text = `rules:${rule('many', 'task.priority > 3')}${tests.join('')}`;
    writeFileSync(join(FOLDER, 'many.yaml'), text);
    writeFileSync(join(FOLDER, 'none.yaml'), 'rules: []\n');
    const args = ['none.yaml', 'many.yaml'];
    const { stdout } = await run(diffPolicyFiles, { args });
    expect(stdout).toContain('… and 10 more; --json has all of them\n');
    const all = json((await run(diffPolicyFiles, { args, flags: { json: true } })).stdout);
    expect(all).toMatchObject({ verdicts: { length: 30 }, acts: 31 });
  });

  test('another order is a difference', async () => {
    const rules = [rule('a', 'task.priority > 3'), rule('b', 'task.priority > 3')];
    writeFileSync(join(FOLDER, 'ab.yaml'), `rules:${rules.join('')}`);
    writeFileSync(join(FOLDER, 'ba.yaml'), `rules:${rules.toReversed().join('')}`);
    const { stdout } = await run(diffPolicyFiles, { args: ['ab.yaml', 'ba.yaml'] });
    expect(stdout).toContain('~ another order: where several apply, another one may speak\n');
    expect(stdout).toContain('No verdict changes.\n');
  });

  test('a file that is no policy is refused in two lines, with every issue for programs', async () => {
    const { problem: refused } = await run(diffPolicyFiles, { args: ['good.yaml', 'broken.yaml'] });
    expect(refused).toMatchObject({
      code: 'cli.input',
      remedy: 'fix-request',
      next: 'See all of it: ifab policy check broken.yaml',
    });
    expect(refused?.detail).toMatch(
      /^broken.yaml:2 is no policy that can be taken: what: .*, and \d more$/,
    );
  });
});

describe('policy explain, of a file', () => {
  test('the verdict, and what each rule came to', async () => {
    const { code, stdout } = await run(explainPolicy, {
      args: ['task.claim'],
      options: { policy: 'other.yaml', facts: '{"task": {"priority": 4}}' },
    });
    expect(stdout).toBe(
      [
        'task.claim: deny by no-late-work',
        'Reason of no-late-work.',
        '',
        'rule          effect  said      why',
        'no-late-work  forbid  applies   Reason of no-late-work.',
        'no-prod       forbid  does-not  Reason of no-prod.',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
  });

  test('the default, facts from a file, and a rule without an answer', async () => {
    const governed = await run(explainPolicy, {
      args: ['plan.submit'],
      options: { policy: 'other.yaml' },
    });
    expect(governed.stdout).toBe(
      'plan.submit: deny\nNo rule permits plan.submit.\nNo rule is on this action.\n',
    );
    writeFileSync(join(FOLDER, 'facts.yaml'), 'action: task.claim\ntask: { attempt: 0 }\n');
    writeFileSync(
      join(FOLDER, 'divides.yaml'),
      `rules:${rule('divides', 'task.priority / task.attempt > 3', 'priority: 4, attempt: 1')}`,
    );
    const failing = await run(explainPolicy, {
      args: ['task.claim'],
      options: { policy: 'divides.yaml', facts: 'facts.yaml' },
      flags: { json: true },
    });
    expect(json(failing.stdout)).toEqual({
      action: 'task.claim',
      verdict: 'deny',
      rule: 'divides',
      reason: 'Rule divides has no answer, so it denies.',
      rules: [
        {
          id: 'divides',
          effect: 'forbid',
          said: 'error',
          reason: 'Reason of divides.',
          detail: 'division by zero',
        },
      ],
    });
    const { stdout } = await run(explainPolicy, {
      args: ['task.claim'],
      options: { policy: 'divides.yaml', facts: 'facts.yaml' },
    });
    expect(stdout).toMatch(/divides\s+forbid\s+error\s+division by zero/);
  });

  test.each([
    ['task.clam', '{}', 'cli.usage', '“task.clam” is no action of a policy'],
    [
      'task.claim',
      '{"task": {"labls": []}}',
      'cli.input',
      '--facts: task.labls: “labls” is no field here',
    ],
    ['task.claim', '{"task":', 'cli.input', expect.stringMatching(/^--facts holds no facts: /)],
    [
      'task.claim',
      '{"action": "plan.submit"}',
      'cli.usage',
      expect.stringContaining('plan.submit'),
    ],
  ])('%s with %s is refused', async (action, facts, code, detail) => {
    const { problem: refused } = await run(explainPolicy, { args: [action], options: { facts } });
    expect(refused).toMatchObject({ code, detail });
  });
});

describe('with a fabric', () => {
  let wire: Wire | undefined;
  afterEach(async () => {
    await wire?.close();
    wire = undefined;
  });
  const serve = (answers: Answers): Promise<Wire> =>
    serveAnswers({ 'realm.status': () => STATUS, ...answers });
  const called = (): readonly unknown[] =>
    wire?.calls.filter(([operation]) => operation !== 'realm.status') ?? [];
  const policyOf = (name: keyof typeof FILES) => {
    const read = readPolicy(FILES[name], name);
    if (read.kind === 'refused') throw new Error(name);
    return read.policy;
  };

  test('diff compares a file with the policy in force', async () => {
    wire = await serve({
      'policies.show': () => ({
        policy: policyOf('other.yaml'),
        resource: RESOURCE_POLICY_DEFAULT,
      }),
    });
    const { stdout } = await run(diffPolicyFiles, { args: ['good.yaml'], env: wire.env });
    expect(stdout).toContain('the policy in force → good.yaml\n');
    expect(stdout).toContain('max_cost_per_task  $2.50   $10.00\n');
  });

  test('explain asks the policy in force', async () => {
    const answer = {
      verdict: 'deny',
      rule: 'a',
      reason: 'Because.',
      rules: [{ id: 'a', effect: 'forbid', said: 'error', reason: 'Because.' }],
    };
    wire = await serve({ 'policies.explain': () => answer });
    const { stdout } = await run(explainPolicy, {
      args: ['task.claim'],
      options: { facts: '{"amountMicroUsd": 5}' },
      env: wire.env,
    });
    expect(called()).toEqual([
      [
        'policies.explain',
        { action: 'task.claim', facts: { action: 'task.claim', amountMicroUsd: 5 } },
      ],
    ]);
    expect(stdout).toMatch(/a\s+forbid\s+error\s+it has no answer, so it denies/);
  });

  test('set sends what passed its tests, with the reason', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    let changed = true;
    wire = await serve({ 'policies.set': () => ({ digest, rules: 1, changed }) });
    const given = { args: ['good.yaml'], options: { reason: 'why not' }, env: wire.env };
    const { code, stdout } = await run(setPolicy, given);
    expect([code, stdout]).toEqual([
      0,
      `policy ${digest} governs from the next decision on: 1 rule\n`,
    ]);
    expect(called()).toEqual([
      ['policies.set', { policy: policyOf('good.yaml'), reason: 'why not' }],
    ]);
    changed = false;
    const again = await run(setPolicy, { args: ['good.yaml'], env: wire.env });
    expect(again.stdout).toContain('governs already; nothing changed');
  });

  test('set sends nothing where a test fails, and nothing on a dry run', async () => {
    wire = await serve({});
    const failed = await run(setPolicy, { args: ['wrong.yaml'], env: wire.env });
    expect(failed.problem).toMatchObject({
      code: 'cli.input',
      detail: 'wrong.yaml does not hold its own tests, so it was not set; rules: typo, fails',
    });
    expect(failed.stderr).toContain('FAIL typo');
    const broken = await run(setPolicy, { args: ['broken.yaml'], env: wire.env });
    expect(broken.problem).toMatchObject({ code: 'cli.input' });
    const dry = await run(setPolicy, {
      args: ['good.yaml'],
      flags: { dryRun: true },
      env: wire.env,
    });
    expect(dry.stdout).toBe('dry run: nothing was sent; 1 rule, 2 tests, all of which pass\n');
    expect(called()).toEqual([]);
  });

  test('a refusal of the fabric is passed on', async () => {
    wire = await serve({
      'policies.set': () => problem('policy.invalid', 'fix-request', 422),
    });
    const { problem: refused } = await run(setPolicy, { args: ['good.yaml'], env: wire.env });
    expect(refused).toMatchObject({ code: 'policy.invalid', remedy: 'fix-request' });
  });
});
