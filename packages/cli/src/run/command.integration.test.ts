/** `ifab run` as people see it: on a terminal, in a pipe, with questions. What it does is tested end to end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { json, run } from '../../test/io.ts';
import type { RunOptions } from '../../test/io.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-run-command-'));
afterAll(() => rmSync(root, { recursive: true }));

const PLAN = {
  id: 'shop',
  phases: [{ id: 'build' }, { id: 'ship', title: 'Ship it', autonomous: true }],
  tasks: [
    { key: 'api', title: 'The API', phase: 'build' },
    { key: 'send', title: 'Send', phase: 'ship' },
  ],
};
const planPath = join(root, 'shop.json');
writeFileSync(planPath, JSON.stringify(PLAN));

/** A run on a data folder of its own, where tasks take no time. */
const play = (words: readonly string[], options: RunOptions = {}) => {
  const dataDir = mkdtempSync(join(root, 'data-'));
  const all = ['run', ...words, '--simulate', '--work-ms', '0', '--data-dir', dataDir];
  return run(all, { cwd: root, ...options, env: { HOME: root, ...options.env } });
};

test('a person at the terminal sees the table and is asked before an autonomous phase opens', async () => {
  const { code, stdout, stderr } = await play([planPath], { terminal: true, answers: ['Yes'] });
  expect(stderr).toContain('Phase ship (Ship it) waits for an operator. Approve it? [y/N] ');
  expect(stderr).toMatch(/[█░]/u);
  expect(stdout).toContain('2/2 tasks');
  expect(code).toBe(0);
});

test.each([
  ['an answer that is no yes is a no', [], { terminal: true, answers: ['perhaps'] }, true],
  ['nobody is asked with --no-input', ['--no-input'], { terminal: true }, false],
  ['nobody is asked in a pipe', [], {}, false],
] as const)(
  '%s: the phase stays closed, and its command is named',
  async (_law, words, options, asked) => {
    const { code, stdout, stderr } = await play([planPath, ...words], options);
    expect(stderr.includes('Approve it?')).toBe(asked);
    expect(stdout).toContain('phase ship waits for an operator: ifab phase approve shop ship');
    expect(code).toBe(75);
  },
);

test.each([
  ['a pipe', {}],
  ['CI', { terminal: true, env: { CI: 'true', NO_COLOR: '1' } }],
  ['a dumb terminal', { terminal: true, env: { TERM: 'dumb' } }],
])('%s gets a line a change', async (_where, options) => {
  const { code, stderr } = await play([planPath, '--yes'], options);
  expect(code).toBe(0);
  expect(stderr).toContain('✓ done      shop/send  2/2');
  expect(stderr).not.toContain('░');
});

test('--quiet says the summary and nothing else', async () => {
  const { code, stdout, stderr } = await play([planPath, '--yes', '--quiet']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^done {2}shop {2}2\/2 tasks in [\d.]+ s: 2 completed\n$/);
});

test('a dry run says what it would do, of a file and of a plan that is there', async () => {
  const dataDir = mkdtempSync(join(root, 'data-'));
  const words = ['run', planPath, '--dry-run', '--id', 'other', '--sessions', '3'];
  const options = { cwd: root, env: { HOME: root } };
  const file = await run([...words, '--data-dir', dataDir], options);
  expect(file).toEqual({
    code: 0,
    stdout: 'would run 2 tasks of other with 3 sessions\n',
    stderr: '',
  });
  const first = ['run', planPath, '--simulate', '--work-ms', '0', '--yes', '--data-dir', dataDir];
  expect((await run(first, options)).code).toBe(0);
  const again = await run(['run', 'shop', '--dry-run', '--json', '--data-dir', dataDir], options);
  expect(json(again.stdout)).toEqual({ planId: 'shop', tasks: 2, sessions: 4 });
});

test.each([
  [['--in', 'nowhere'], 'cli.usage', 'nowhere is no folder'],
  [['--in', 'shop.json'], 'cli.usage', 'shop.json is no folder'],
  [['--sessions', '0'], 'cli.usage', 'from 1 to 1000'],
  [['--seed', '-1'], 'cli.usage', 'from 0 to'],
])('%j is refused before anything runs', async (words, code, part) => {
  const ran = await play([planPath, ...words]);
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toContain(`(${code})`);
  expect(ran.stderr).toContain(part);
});

test('a file that is no plan is refused with the place of each mistake', async () => {
  writeFileSync(join(root, 'bad.json'), '{"id":"bad","tasks":[{"key":"a"}]}');
  const { code, stderr } = await play(['bad.json']);
  expect(code).toBe(2);
  expect(stderr).toContain('bad.json is no plan that can be run (cli.input)');
  expect(stderr).toContain('tasks[0]');
});

describe('a plan that costs much', () => {
  /** Three tasks that may cost so much each, where the realm may spend $100. */
  const dear = (usd: number): string => {
    const path = join(root, `dear-${usd}.json`);
    const budget = { limitMicroUsd: usd * 1_000_000 };
    const tasks = ['a', 'b', 'c'].map((key) => ({ key, title: key, budget }));
    writeFileSync(path, JSON.stringify({ id: `dear-${usd}`, tasks }));
    return path;
  };

  test('is run with as many sessions as the money reaches for: the others wait, nobody fails', async () => {
    const { code, stdout } = await play([dear(60), '--yes', '--sessions', '3', '--json']);
    expect(code).toBe(0);
    expect(json(stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      completed: 3,
      failed: 0,
      lost: 0,
    });
  });

  test('ends with the refusal where nothing that it does could change it', async () => {
    const { code, stderr } = await play([dear(150), '--yes', '--sessions', '2']);
    expect(code).toBe(3);
    expect(stderr).toContain('dear-150/a may cost $150.00, and realm has $100.00 left');
    // Over HTTP, which a busy machine falls back to, a trace stands behind the code.
    expect(stderr).toContain('(budget.exceeded');
  });

  test('is run where --budget lets the realm spend so much, and wants its word all the same', async () => {
    const path = dear(150);
    const asked = await play([path, '--budget', '450']);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain('(budget.unconfirmed)');
    const { code, stdout } = await play([path, '--budget', '450', '--confirm', '450']);
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('3/3 tasks'),
    });
  });

  test.each(['--budget', '--confirm'])('%s that is no amount starts nothing', async (flag) => {
    const { code, stdout, stderr } = await play([dear(60), flag, 'much']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('“much” is no amount');
  });
});
