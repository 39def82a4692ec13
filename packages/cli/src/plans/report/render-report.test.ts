import { expect, test } from 'vitest';
import { readPlan } from '../read-plan.ts';
import { renderIssues, renderReport } from './render-report.ts';

const read = (plan: object) => {
  const result = readPlan({ kind: 'text', name: 'p', text: JSON.stringify(plan) });
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.issues));
  return result;
};
/** A chain of tasks, each of which waits for the one before it. */
const chain = (length: number, more: object = {}) =>
  Array.from({ length }, (_, at) => ({
    key: `t${at}`,
    title: `T${at}`,
    ...(at === 0 ? {} : { dependsOn: [`t${at - 1}`] }),
    ...more,
  }));
const rendered = (plan: object): string =>
  renderReport(read(plan).report, { width: 100 }).replaceAll(/\s+/g, ' ');

test('a long chain is cut behind twelve tasks, a short one is whole', () => {
  const long = rendered({ id: 'p', tasks: chain(13, { estimateMinutes: 30 }) });
  expect(long).toContain('chain 13: t0 → t1 → t2');
  expect(long).toContain('t11 → …');
  expect(long).not.toContain('t11 → t12');
  expect(long).toContain('critical path 390 min: t0 →');
  const short = rendered({ id: 'p', tasks: chain(2, { estimateMinutes: 30 }) });
  expect(short).toContain('chain 2: t0 → t1 critical path 1 h: t0 → t1 ready 1');
});

test('many ready tasks are cut behind twelve names, and equal waves are counted', () => {
  const lone = Array.from({ length: 14 }, (_, at) => ({ key: `t${at}`, title: 'T' }));
  const text = rendered({ id: 'p', tasks: lone });
  expect(text).toContain('t11 · …');
  expect(text).not.toContain('t12');
  expect(rendered({ id: 'p', tasks: chain(3) })).toContain('3 if all were open: 1 × 3');
});

test('fillers and phases are counted where there are any', () => {
  const text = rendered({
    id: 'p',
    phases: [{ id: 'one' }, { id: 'two', autonomous: true }],
    tasks: [
      { key: 'a', title: 'A', phase: 'one', acceptance: ['it works'] },
      { key: 'b', title: 'B', filler: true },
    ],
  });
  expect(text).toContain('tasks 2, 1 of them filler · 2 phases, 1 of them autonomous');
  expect(text).toContain('1 acceptance criteria, 0 ticked');
  expect(rendered({ id: 'p', tasks: chain(1) })).toContain('tasks 1 ');
});

test('more than ten skipped rows are counted', () => {
  const rows = ['{"id":"x-1","title":"t"}', ...Array.from({ length: 12 }, () => '[]')].join('\n');
  const result = readPlan({ kind: 'text', name: 'x.jsonl', text: rows });
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.issues));
  const lines = renderReport(result.report, { width: 100 }).split('\n');
  expect(lines.filter((line) => line.startsWith('skipped'))).toHaveLength(11);
  expect(lines.find((line) => line.includes('… and'))).toContain('… and 2 more');
});

test('an issue without a place is the plan’s, and no issues are no text', () => {
  const issue = { path: '', line: undefined, what: 'it is empty', mend: 'write one' };
  expect(renderIssues([issue], { width: 80 })).toBe('the plan\n  it is empty\n→ write one\n');
  expect(renderIssues([{ ...issue, path: 'tasks', line: 3 }], { width: 80 })).toMatch(
    /^line 3, tasks\n/,
  );
  expect(renderIssues([], { width: 80 })).toBe('');
});
