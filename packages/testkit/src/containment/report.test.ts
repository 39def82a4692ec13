import { expect, test } from 'vitest';
import {
  judgeLine,
  lineOf,
  matrixOf,
  PARENT_GROWTH_BYTES_MAX,
  SOAK_GROWTH_BYTES_MAX,
  tableOf,
} from './report.ts';
import type { Attempted, CaseResult, LineReport } from './words.ts';

const result = (changed: Partial<CaseResult> = {}): CaseResult => ({
  case: 1,
  group: 'cpu',
  name: 'a loop without end',
  node: '24.1.0',
  level: 3,
  verdict: 'contained',
  by: 'kill',
  how: 'cpu after 300 ms',
  ms: 350,
  ...changed,
});

const report = (changed: Partial<LineReport> = {}): LineReport => ({
  node: '24.1.0',
  v8: '13.6',
  platform: 'linux x64, 2 cores',
  level: 3,
  layers: ['process'],
  results: [result()],
  matrix: [],
  parent: {
    rssBytesBefore: 0,
    rssBytesAfter: 0,
    soakRounds: 16,
    soakBytes: 0,
    neighbourRuns: 1,
    orphans: 0,
  },
  seconds: 1,
  ...changed,
});

const wanted = { cases: [1], level: 3 };

test('a line on which every case was contained holds', () => {
  expect(judgeLine(report(), wanted)).toEqual({ ok: true, faults: [] });
});

test.each(['surprise', 'escaped', 'threw', 'not run'] as const)(
  'a case that %s is a fault',
  (verdict) => {
    const { ok, faults } = judgeLine(report({ results: [result({ verdict })] }), wanted);
    expect(ok).toBe(false);
    expect(faults[0]).toMatch(/case 1 /);
  },
);

test('a case that nobody played is a fault, and so is a level below the one that is wanted', () => {
  expect(judgeLine(report({ results: [] }), wanted).faults).toEqual([
    'node 24.1.0: case 1 was not run',
  ]);
  expect(judgeLine(report({ level: 2 }), wanted).faults).toEqual([
    'node 24.1.0: level 2 was attained, 3 is needed',
  ]);
});

const attempted = (changed: Partial<Attempted> = {}): Attempted => ({
  case: 90,
  attempt: 'raw: mount',
  without: 'none',
  verdict: 'denied',
  detail: 'EPERM',
  ...changed,
});

test('an attempt that came through is a fault even where no case says so', () => {
  const matrix = [attempted(), attempted({ without: 'seccomp', verdict: 'allowed', detail: '0' })];
  expect(judgeLine(report({ matrix }), wanted).faults).toEqual([
    'node 24.1.0: case 90: raw: mount without seccomp: allowed: 0',
  ]);
});

test('a parent that grew, in all or in equal rounds, and processes that stayed are faults', () => {
  const { parent } = report();
  for (const changed of [
    { rssBytesAfter: PARENT_GROWTH_BYTES_MAX + 1 },
    { soakBytes: SOAK_GROWTH_BYTES_MAX + 1 },
    { orphans: 1 },
  ])
    expect(judgeLine(report({ parent: { ...parent, ...changed } }), wanted).ok).toBe(false);
});

test('what a guest said moves no cursor in a line', () => {
  const line = lineOf(result({ how: 'trapped: \u001b[2J\u0007\u202eover' }));
  expect(line).not.toMatch(/[\u0000-\u001f\u007f]/);
  expect(line).toContain('ok');
});

test('the table has a row for each case and a column for each Node line', () => {
  const other = report({
    node: '22.1.0',
    results: [result({ node: '22.1.0', verdict: 'escaped' })],
  });
  const [head, row] = tableOf([report(), other]);
  expect(head).toMatch(/node 24\.1\.0 +node 22\.1\.0/);
  expect(row).toMatch(/^1 +cpu +a loop without end +kill +ESCAPED$/);
});

test('the matrix shows the worst of several tries, and says why what it lets through does no harm', () => {
  const lines = matrixOf([
    attempted({ without: 'rlimits' }),
    attempted({ without: 'rlimits', verdict: 'harmless', detail: 'its own jail (it answered 3)' }),
  ]);
  expect(lines[1]).toMatch(/90 raw: mount +harmless/);
  expect(lines.at(-1)).toBe('  raw: mount (−rlimits): its own jail');
});
