import { digestFrom, PlanId, timestamp } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { COUNTS } from '../../test/wire.ts';
import { createTerminal } from '../output/terminal.ts';
import type { RunSummary } from './run-plan.ts';
import { exitOfRun, summaryJson, summaryText } from './summary.ts';

const plain = createTerminal(false, 80);

type Counts = Readonly<Record<keyof typeof COUNTS, number>>;
const summary = (
  status: RunSummary['plan']['status'],
  counts: Partial<Counts>,
  more: Partial<RunSummary> = {},
): RunSummary => ({
  plan: {
    planId: PlanId.parse('p'),
    title: 'P',
    digest: digestFrom('0'.repeat(64)),
    status,
    counts: { ...COUNTS, total: 9, ...counts },
    submittedAt: timestamp(1),
    phases: [],
    dependencies: 0,
    longestChain: 1,
    unfinishedChain: 1,
  },
  completed: 2,
  failed: 0,
  lost: 0,
  released: 0,
  doneBefore: 0,
  unsuited: [],
  left: [],
  isInterrupted: false,
  seconds: 1.5,
  ...more,
});

test.each([
  ['a plan that is done exits 0, even when somebody pressed Ctrl-C late', 'done', {}, true, 0],
  ['an interrupted one exits 130, whatever is parked', 'active', { parked: 1 }, true, 130],
  ['parked tasks exit 1', 'active', { parked: 1 }, false, 1],
  ['all else is a matter of time: 75', 'paused', { blocked: 1 }, false, 75],
] as const)('%s', (_name, status, counts, isInterrupted, code) => {
  const said = summary(status, counts, { isInterrupted });
  expect(exitOfRun(said)).toBe(code);
  expect(summaryJson(said)).toMatchObject({ type: 'summary', planId: 'p', status, exitCode: code });
});

test('a plan that is done says so in one line', () => {
  expect(summaryText(plain, summary('done', { done: 9 }))).toBe(
    'done  p  9/9 tasks in 1.5 s: 2 completed\n',
  );
});

test('what went otherwise is counted, and what is left says why and how to go on', () => {
  const text = summaryText(
    plain,
    summary(
      'active',
      { done: 3 },
      {
        failed: 1,
        lost: 2,
        released: 3,
        doneBefore: 1,
        unsuited: ['a', 'b', 'c', 'd', 'e', 'f\u001b[2J', 'g'],
        left: ['blocked: 1\u0007'],
      },
    ),
  );
  expect(text).toBe(
    [
      'not done  p  3/9 tasks in 1.5 s: 2 completed, 1 attempts failed, 2 leases lost, 3 given back, 1 done before',
      '      not for this runner, left alone: a, b, c, d, e and 2 more',
      '      blocked: 1\\u{7}',
      '      The same command goes on where this one ended.',
      '',
    ].join('\n'),
  );
  expect(summaryText(plain, summary('active', {}, { unsuited: ['f\u001b[2J'] }))).toContain(
    'left alone: f\\u{1b}[2J\n',
  );
});
