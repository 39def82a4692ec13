import { describe, expect, test } from 'vitest';
import { problemOfCause } from './cause.ts';
import { problemText, withNext } from './problem.ts';
import { cell, createTerminal, pairs, table, wantsColour } from './terminal.ts';
import { viewOf } from './views.ts';

const tty = { isTerminal: true };
const pipe = { isTerminal: false };

describe('colour', () => {
  test.each([
    ['a terminal has it', tty, {}, undefined, true],
    ['a pipe has none', pipe, {}, undefined, false],
    ['NO_COLOR takes it', tty, { NO_COLOR: '1' }, undefined, false],
    ['an empty NO_COLOR says nothing', tty, { NO_COLOR: '' }, undefined, true],
    ['FORCE_COLOR gives it to a pipe', pipe, { FORCE_COLOR: '1' }, undefined, true],
    ['FORCE_COLOR=0 takes it', tty, { FORCE_COLOR: '0' }, undefined, false],
    ['NO_COLOR is stronger', tty, { NO_COLOR: '1', FORCE_COLOR: '1' }, undefined, false],
    ['a dumb terminal has none', tty, { TERM: 'dumb' }, undefined, false],
    ['--color is stronger than all', pipe, { NO_COLOR: '1' }, true, true],
    ['--no-color too', tty, { FORCE_COLOR: '1' }, false, false],
  ] as const)('%s', (_name, sink, env, flag, wanted) => {
    expect(wantsColour(sink, env, flag)).toBe(wanted);
  });
});

const plain = createTerminal(false, 40);

test('a table fits the terminal by its widest column and keeps its columns', () => {
  const text = table(plain, ['A', 'B'], [[cell('x'.repeat(60)), cell(7)]]);
  for (const line of text.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(40);
  expect(text).toContain('…');
  expect(text).toMatch(/7$/m);
});

test('a pipe gets the whole text', () => {
  const text = table(createTerminal(false, 10_000), ['A'], [[cell('x'.repeat(500))]]);
  expect(text).toContain('x'.repeat(500));
});

test('what came from outside cannot act on the terminal', () => {
  const text = pairs(plain, [['title', 'a\u001b[31m\u202eb\n']]);
  expect(text).toBe('title  a\\u{1b}[31m\\u{202e}b\\u{a}\n');
  expect(cell('\u0007').text).toBe('\\u{7}');
});

test('paint surrounds a text with codes only where there is colour', () => {
  expect(createTerminal(true, 80).paint('red', 'no')).toBe('\u001b[31mno\u001b[39m');
  expect(plain.paint('red', 'no')).toBe('no');
});

test('an output without a view shows its fields', () => {
  expect(viewOf('plans.pause', { planId: 'p', status: 'paused', n: [1] }, plain, 0)).toBe(
    'planId  p\nstatus  paused\nn       [1]\n',
  );
  expect(viewOf('plans.pause', 'text', plain, 0)).toBe('"text"\n');
});

const PROBLEM = {
  type: 'urn:infrafabric:error:task.leased',
  title: 'Another session holds the lease.',
  status: 409,
  code: 'task.leased',
  remedy: 'retry-later',
  detail: 'Held by ada.',
  retryAfterMs: 1_500,
} as const;

test('the second line says when, or what to do', () => {
  expect(problemText(withNext(PROBLEM))).toBe(
    'ifab: Held by ada. (task.leased)\n      The same command may work in 2 s.\n',
  );
  expect(problemText({ code: 'x', remedy: 'give-up', detail: 'no', trace: 't' })).toContain(
    '(x, trace t)',
  );
  expect(withNext({ ...PROBLEM, code: 'lease.stale', remedy: 'give-up' }).next).toContain(
    'ifab task next',
  );
});

describe('what is thrown becomes a problem', () => {
  const named = (name: string, fields: object): Error =>
    Object.assign(new Error('what happened'), { name }, fields);
  test.each([
    [named('FabricError', { problem: PROBLEM }), 'task.leased', 'retry-later'],
    [named('UnreachableError', {}), 'cli.unreachable', 'retry-later'],
    [named('PlanFileFault', {}), 'cli.input', 'fix-request'],
    [named('Fault', { code: 'log.locked', detail: 'held by process 1' }), 'log.locked', 'give-up'],
    [named('Fault', { code: 'no.such', detail: 'x' }), 'no.such', 'report-bug'],
    [named('Error', { syscall: 'listen', code: 'EADDRINUSE' }), 'cli.input', 'fix-request'],
    [new TypeError('x is not a function'), 'internal', 'report-bug'],
    ['text', 'internal', 'report-bug'],
  ])('%s', async (cause, code, remedy) => {
    expect(await problemOfCause(cause)).toMatchObject({ code, remedy });
  });
});
