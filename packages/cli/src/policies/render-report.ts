/** A check of a policy as text: each rule with its tests, places as `file:line`, the wrong part of a condition marked. */
import { cell, table } from '../output/terminal.ts';
import type { Terminal } from '../output/terminal.ts';
import { printable } from '../plans/report/printable.ts';
import type { ConditionPlace, PolicyReport, RuleReport, TestReport } from './check-policy.ts';
import type { MutationReport } from './mutate-policy.ts';
import type { PolicyIssue } from './read-policy.ts';

const INDENT = '    ';
const PERMILLE_PER_PERCENT = 10;

export const reportText = (report: PolicyReport, terminal: Terminal): string => {
  const place = placeOf(report.file);
  const rules = report.rules.map((rule) => ruleText(rule, place, terminal));
  return [...rules, totals(report, terminal), ...closedText(report)].join('');
};

/** Every reason why a file is no policy. */
export const issuesText = (issues: readonly PolicyIssue[], terminal: Terminal): string =>
  issues
    .map(({ file, path, line, what, mend }) => {
      const where = [placeOf(file)(line), path].filter((part) => part !== '').join('  ');
      return `${terminal.paint('bold', printable(where))}\n  ${terminal.paint('red', printable(what))}\n  → ${printable(mend)}\n`;
    })
    .join('');

export const mutationText = (
  { total, caught, caughtPermille, survivors }: MutationReport,
  file: string,
  terminal: Terminal,
): string => {
  const share = (caughtPermille / PERMILLE_PER_PERCENT).toFixed(1);
  const paint = survivors.length === 0 ? 'green' : 'yellow';
  const head = `${terminal.paint(paint, `${caught} of ${total} mistakes caught (${share} %)`)}\n`;
  if (survivors.length === 0) return head;
  const place = placeOf(file);
  return `${head}Not noticed by the rule’s own tests:\n${table(
    terminal,
    ['place', 'rule', 'mistake', 'condition'],
    survivors.map(({ rule, line, what, when }) => [
      cell(place(line)),
      cell(rule),
      cell(what),
      cell(when ?? ''),
    ]),
  )}`;
};

/** `1 rule`, `2 rules`. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

type Place = (line: number | undefined) => string;
const placeOf =
  (file: string): Place =>
  (line) =>
    line === undefined ? file : `${file}:${line}`;

const mark = (ok: boolean, terminal: Terminal): string =>
  ok ? terminal.paint('green', 'ok  ') : terminal.paint('red', 'FAIL');

const ruleText = (rule: RuleReport, place: Place, terminal: Terminal): string => {
  const { id, effect, on, line, ok, issue, tests } = rule;
  const where = terminal.paint('dim', printable(place(line)));
  const head = `${mark(ok, terminal)} ${terminal.paint('bold', id)}  ${effect} ${on.join(', ')}  ${where}\n`;
  const inside = issue === undefined ? [] : [issueText(issue, place, terminal)];
  return [head, ...inside, ...tests.map((one) => testText(one, place, terminal))].join('');
};

const issueText = (
  { what, line, text, column, end }: ConditionPlace,
  place: Place,
  terminal: Terminal,
): string => {
  // Escapes would shift the marks, so they stand below a line that is printable as it is, or not at all.
  const marks =
    printable(text) === text
      ? `${INDENT}  ${' '.repeat(column)}${terminal.paint('red', '^'.repeat(Math.max(1, end - column)))}\n`
      : '';
  return `${INDENT}${printable(place(line))}  ${terminal.paint('red', printable(what))}\n${INDENT}  ${printable(text)}\n${marks}`;
};

const testText = (one: TestReport, place: Place, terminal: Terminal): string => {
  const { line, action, expect, said, detail, passed } = one;
  const answer = passed
    ? expect
    : terminal.paint('red', `expected ${expect}, the rule says ${said}`);
  const why = detail === undefined ? '' : `: ${printable(detail)}`;
  const where = terminal.paint('dim', printable(place(line)));
  return `${INDENT}${mark(passed, terminal)} ${action ?? ''} → ${answer}${why}  ${where}\n`;
};

const totals = ({ rules, tests, ok }: PolicyReport, terminal: Terminal): string => {
  const failed = rules.filter((rule) => !rule.ok).length;
  const text = `${counted(rules.length, 'rule')}, ${tests.passed} of ${counted(tests.total, 'test')} pass`;
  return ok
    ? `${terminal.paint('green', text)}\n`
    : `${terminal.paint('red', `${text}; ${counted(failed, 'rule')} failed`)}\n`;
};

const closedText = ({ closed }: PolicyReport): readonly string[] =>
  closed.length === 0 ? [] : [`Governed, and no rule permits it: ${closed.join(', ')}\n`];
